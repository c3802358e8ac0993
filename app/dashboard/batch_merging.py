"""并案 from the triage list: cases that were ticked become one, after a look at all of them."""

from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Permission
from app.dashboard.answering import attempt, go, make_pages, page, words_for
from app.dashboard.batch_ruling import Numbers, back_to_triage
from app.dashboard.clusters import NO_REASON
from app.dashboard.forms import BadFields
from app.dashboard.language import N_
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import read_text
from app.dashboard.session import Office, Ruler
from app.dashboard.triage import PATH as TRIAGE
from app.flow import clustering
from app.ledger.search import find_numbered
from app.models import Case

router = make_pages()
MOST_AT_ONCE: Final = 20


@router.get("/triage/merging")
async def show_merging(at: Ruler, numbers: Numbers = None, text: Annotated[str, Query()] = "") -> Response:
    """The cases that would become one: nothing is done yet."""
    return await _merging_page(at, numbers or [], text)


async def _merging_page(
    at: Office, numbers: Sequence[str], text: str, messages: tuple[Flash, ...] = (), status: int = 200
) -> Response:
    async with at.read() as session:
        cases = await _read(session, numbers)
    facts: dict[str, Any] = {
        "cases": cases,
        "survivor": at.form.get("survivor") or (cases[0].number if cases else ""),
        "reason": at.form.get("reason"),
        "words": words_for(at),
        "text": text,
        "back": back_to_triage(text),
    }
    return await page(at, "batch_merging.html", "triage", facts, messages=messages, status=status)


async def _read(session: AsyncSession, numbers: Sequence[str]) -> Sequence[Case]:
    """The named cases, the oldest first: it is the one that usually goes on."""
    return await find_numbered(session, [number.replace("\x00", "") for number in numbers][:MOST_AT_ONCE])


@router.post("/triage/merging")
async def merge_ticked(at: Ruler) -> Response:
    """Merge all of them into the one that was chosen, or none."""
    numbers, text = list(dict.fromkeys(at.form.all("case"))), at.form.get("text")

    async def act() -> Response:
        faults: list[str] = []
        survivor = at.form.get("survivor")
        if survivor not in numbers or len(numbers) < 2:
            faults.append(N_("请至少选择两件，并选定并入哪一件。"))
        reason = read_text(at.form, "reason", NO_REASON, faults)
        if faults:
            raise BadFields(faults)
        others = [number for number in numbers if number != survivor]
        async with at.desk(Permission.RULE) as desk:
            await clustering.merge(desk, survivor, others, reason=reason, seen=_seen(at, numbers))
        done = words_for(at).say(
            N_("已将 %(other)s 并入 %(survivor)s，并已告知反映人。"), other="、".join(others), survivor=survivor
        )
        onward = {"text": text, "case": survivor}
        url = f"{TRIAGE}?{urlencode({name: value for name, value in onward.items() if value})}"
        return go(at.request, url, Flash(done, "success"))

    async def show_again(message: Flash, status: int) -> Response:
        return await _merging_page(at, numbers, text, (message,), status)

    return await attempt(at, act, show_again)


def _seen(at: Office, numbers: Sequence[str]) -> dict[str, int]:
    """The versions that were looked at; 0, which nothing has, where the form does not say."""
    seen = {}
    for number in numbers:
        said = at.form.get(f"version:{number}")
        seen[number] = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0
    return seen
