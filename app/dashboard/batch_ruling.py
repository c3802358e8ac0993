"""批量分办: several cases are ruled as was proposed for each, after a look at all; each is a ruling of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Query, Response

from app.access.principal import Permission
from app.classify import Category
from app.dashboard import labels
from app.dashboard.answering import flash_of, make_pages, page, words_for
from app.dashboard.forms import BadFields
from app.dashboard.language import N_
from app.dashboard.refusals import explain
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import REASON_LENGTHS, RULED, Candidate, candidates_for
from app.dashboard.session import Office, Ruler
from app.dashboard.triage import PATH as TRIAGE
from app.dashboard.triage import reason_for
from app.flow import office
from app.ledger.proposed import Proposed, read_proposed
from app.models import AssignmentRole, Case
from app.problems import AppError

router = make_pages()
MOST_AT_ONCE: Final = 50
Numbers = Annotated[list[str] | None, Query(alias="case")]


@dataclass(frozen=True, slots=True)
class Row:
    """A case with what is proposed for it, which is ruled if nobody unticks it; None: it needs a ruling by hand."""

    case: Case
    candidate: Candidate | None
    others: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one case; `refused` says why nothing did."""

    number: str
    category: str = ""
    departments: str = ""
    refused: Flash | None = None


@router.get("/triage/batch")
async def show_batch(at: Ruler, numbers: Numbers = None, text: Annotated[str, Query()] = "") -> Response:
    """What would be ruled: nothing is done yet."""
    return await _batch_page(at, numbers or [], text)


async def _batch_page(
    at: Office, numbers: Sequence[str], text: str, messages: tuple[Flash, ...] = (), status: int = 200
) -> Response:
    asked = list(dict.fromkeys(number.replace("\x00", "") for number in numbers))
    async with at.read() as session:
        found = await read_proposed(session, asked[:MOST_AT_ONCE])
    facts = {
        "rows": [_row(at, proposed) for proposed in found],
        "missing": len(asked) - len(found),
        "words": words_for(at),
        "text": text,
        "reason": at.form.get("reason"),
        "back": back_to_triage(text),
    }
    return await page(at, "batch_ruling.html", "triage", facts, messages=messages, status=status)


def _row(at: Office, proposed: Proposed) -> Row:
    """A second opinion is never chosen beforehand: only what the machine decided, or a department proposed, is."""
    found = candidates_for(proposed.decision, proposed.returns, words_for(at))
    candidates = [known for known in found if known.category in RULED]
    return Row(proposed.case, next(iter(candidates), None), len(candidates) - 1)


def back_to_triage(text: str) -> str:
    return f"{TRIAGE}?{urlencode({'text': text})}" if text else TRIAGE


@router.post("/triage/batch")
async def rule_batch(at: Ruler) -> Response:
    """Rule on each case that is ticked, one after another; what one is refused keeps no other back."""
    numbers, text = at.form.all("case")[:MOST_AT_ONCE], at.form.get("text")
    faults = [] if numbers else [N_("请勾选要裁定的事项。")]
    if len(at.form.get("reason")) > REASON_LENGTHS[1]:
        faults.append(N_("理由不能超过 2000 字。"))
    if faults:
        shown = at.form.all("shown")
        return await _batch_page(at, shown, text, (flash_of(BadFields(faults), at.request),), 422)
    done = [await _rule(at, number) for number in dict.fromkeys(numbers)]
    return await page(
        at, "batch_ruled.html", "triage", {"done": done, "back": back_to_triage(text), "words": words_for(at)}
    )


async def _rule(at: Office, number: str) -> Done:
    words = words_for(at)
    category, _, codes = at.form.get(f"choice:{number}").partition("|")
    receivers = [code for code in codes.split(",") if code]
    try:
        if category not in RULED:
            raise BadFields([N_("没有可采纳的建议，请单独裁定。")])
        async with at.desk(Permission.RULE) as desk:
            await office.rule(
                desk,
                number,
                category=Category(category),
                receivers=[
                    (code, AssignmentRole.SUPPORTING if place else AssignmentRole.LEAD)
                    for place, code in enumerate(receivers)
                ],
                reason=at.form.get("reason") or reason_for(words.say, at.form.get(f"why:{number}")[:80]),
                expected_version=version_seen(at, number),
            )
    except AppError as error:
        return Done(number, refused=explain(error, words) or flash_of(error, at.request))
    return Done(number, words.say(labels.CATEGORY[category]), words.departments(receivers))


def version_seen(at: Office, number: str) -> int:
    """The version that was looked at; 0, which nothing has, where the form does not say."""
    try:
        return at.form.number(f"version:{number}", 0, 10**9) or 0
    except ValueError:
        return 0
