"""What a department says it did about a burden: measures, documents, scope, and now and then a file. Pure."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Protocol

from app.demo.chance import roll, weighted
from app.demo.letters import read_phrases
from app.demo.profiles import BECAUSE, HAS_FILE, RECKONS_HOURS, SAYS_DOCUMENT, SCOPES, STRUCTURED

# The measures that a document has to be named for, and what happened to it.
DOCUMENT_ACTIONS = {"document_withdrawn": "withdrawn", "document_changed": "changed"}
Content = Callable[[date], dict[str, Any]]


class Words(Protocol):
    """Whose answer it is: its dice and its phrases."""

    @property
    def seed(self) -> int: ...

    @property
    def about(self) -> tuple[object, ...]: ...

    def happens(self, share: float, what: str) -> bool: ...

    def phrase(self, kind: str) -> str: ...


def lifted(who: Words) -> tuple[str, Content]:
    """The words for the reader, and the feedback: in members, or in words alone as older systems send it."""
    measures = who.phrase("measures")
    said: dict[str, Any] = {"measures": measures, "public_reply": who.phrase("public_replies")}
    if not who.happens(STRUCTURED, "structured"):
        if who.happens(SAYS_DOCUMENT, "document"):
            said["document_changed"] = who.phrase("documents")
        return measures, lambda today: said | {"completed_on": (today - timedelta(days=1)).isoformat()}
    kind = dict(zip(read_phrases()["measures"], read_phrases()["measure_kinds"], strict=True))[measures]
    said |= {"measure_kinds": [kind], "internal_account": who.phrase("progress")}
    scope = weighted(SCOPES, who.seed, "scope", *who.about)
    if scope:
        said |= {"scope": scope, "scope_note": who.phrase("scope_notes")}
    if who.happens(RECKONS_HOURS, "hours"):
        said["hours_saved_per_month"] = float(roll(who.seed, "saved", *who.about).randint(1, 30))

    def content(today: date) -> dict[str, Any]:
        return said | _documents(who, kind, today) | {"completed_on": (today - timedelta(days=1)).isoformat()}

    return measures, content


def _documents(who: Words, kind: str, today: date) -> dict[str, Any]:
    action = DOCUMENT_ACTIONS.get(kind)
    if action is None and not who.happens(SAYS_DOCUMENT, "document"):
        return {}
    number = f"长减负办函〔{today.year}〕{roll(who.seed, 'number', *who.about).randint(1, 99)}号"
    return {"documents": [{"number": number, "action": action or "issued"}]}


def not_lifted(who: Words) -> tuple[str, Content]:
    """The burden cannot be lifted for now, and because of what."""
    explanation = who.phrase("unresolved_explanations")
    content = {
        "measures": explanation,
        "public_reply": who.phrase("unresolved_replies"),
        "resolved": False,
        "because": weighted(BECAUSE, who.seed, "because", *who.about),
        "explanation": explanation,
    }
    return explanation, lambda _: content


def file_name(who: Words) -> str | None:
    """The file that goes with it; None as a rule."""
    return f"{who.phrase('files')}.pdf" if who.happens(HAS_FILE, "file") else None


def make_file(words: str) -> bytes:
    """A small PDF of one page; the words in plain ASCII."""
    text = b"BT /F1 12 Tf 72 720 Td (" + words.encode("ascii", "replace") + b") Tj ET"
    parts = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
    )
    document, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(parts) + 1
    return document + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (size, table, size, len(document))
    )
