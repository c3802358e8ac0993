"""What the page of a case or a session shows of documents that may still be issued there. Pure."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from app.dashboard import labels
from app.dashboard.language import N_
from app.dashboard.words import Words
from app.documents.occasions import Occasion
from app.models import Document


def drafts_of(
    occasions: Sequence[Occasion], issued: Sequence[Document], words: Words, url: str
) -> list[dict[str, Any]]:
    """What may still be issued, as links to the drafts."""
    known = {document.occasion for document in issued if document.voided_at is None}
    return [
        {
            "url": f"{url}/documents?" + urlencode({"key": occasion.key}),
            "kind": words.label(labels.DOCUMENT_KIND, occasion.kind),
            "to": words.department(occasion.duty.department_code) if occasion.duty else "",
            "note": _note(occasion, words),
        }
        for occasion in occasions
        if occasion.key not in known
    ]


def _note(occasion: Occasion, words: Words) -> str:
    """Why supervision is written: the level, or the leader's instruction."""
    if occasion.instruction is not None:
        return f"{words.say(N_('负责人批示'))} {words.label(labels.DECIDED, occasion.instruction.decision)}"
    return words.label(labels.SUPERVISION_LEVEL, str(occasion.clock.level)) if occasion.clock else ""
