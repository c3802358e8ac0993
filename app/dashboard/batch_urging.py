"""批量催办: departments with open duties on the ticked cases are urged, after a look at who would be; case by case."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import Response

from app.access.principal import Permission
from app.dashboard.answering import flash_of, make_pages, page, words_for
from app.dashboard.batch_ruling import MOST_AT_ONCE, Numbers, version_seen
from app.dashboard.forms import BadFields
from app.dashboard.labels import Labels
from app.dashboard.language import N_
from app.dashboard.ledger import PATH as LEDGER
from app.dashboard.refusals import explain
from app.dashboard.rendering import Flash
from app.dashboard.session import Office, Reviewer
from app.flow.urging import urge_departments
from app.ledger.urging import Urgeable, read_urgeable
from app.models import Case
from app.problems import AppError
from app.supervise.urge import TELLS_OF_A_CLOCK, NothingToUrge, Outcome, Standing, day_begun, standings

router = make_pages()
SPARED: Final[Labels] = {
    "paused": N_("已暂停计时"),
    "told_today": N_("今天已通知过"),
    "started_today": N_("今天刚开始计时"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A case, and how its departments with something to do stand."""

    case: Case
    standings: Sequence[Standing]

    @property
    def urges(self) -> bool:
        return any(standing.spared is None for standing in self.standings)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one case: who was urged and who was not, or why nothing could be done."""

    number: str
    outcomes: Sequence[Outcome] = ()
    refused: Flash | None = None

    @property
    def urged(self) -> bool:
        return any(outcome.spared is None for outcome in self.outcomes)


@router.get("/ledger/urging")
async def show_urging(at: Reviewer, numbers: Numbers = None) -> Response:
    """Whom it would urge: nothing is done yet."""
    return await _urging_page(at, numbers or [])


async def _urging_page(
    at: Office, numbers: Sequence[str], messages: tuple[Flash, ...] = (), status: int = 200
) -> Response:
    asked = list(dict.fromkeys(number.replace("\x00", "") for number in numbers))[:MOST_AT_ONCE]
    since = day_begun(at.now, at.city.calendar.zone)
    async with at.read() as session:
        found = await read_urgeable(session, asked, TELLS_OF_A_CLOCK, since)
    facts = {"rows": [_row(at, known) for known in found], "words": words_for(at), "spared": SPARED, "back": LEDGER}
    return await page(at, "batch_urging.html", "ledger", facts, messages=messages, status=status)


def _row(at: Office, known: Urgeable) -> Row:
    zone = at.city.calendar.zone
    return Row(known.case, standings(known.duties, known.clocks, known.told, at.now.astimezone(zone).date(), zone))


@router.post("/ledger/urging")
async def urge_batch(at: Reviewer) -> Response:
    """Urge on each case that is ticked, in a transaction of its own; what one is refused keeps no other back."""
    numbers = list(dict.fromkeys(at.form.all("case")))[:MOST_AT_ONCE]
    if not numbers:
        missing = flash_of(BadFields([N_("请勾选要催办的事项。")]), at.request)
        return await _urging_page(at, at.form.all("shown"), (missing,), 422)
    done = [await _urge(at, number) for number in numbers]
    facts = {"done": done, "words": words_for(at), "spared": SPARED, "back": LEDGER}
    return await page(at, "batch_urged.html", "ledger", facts)


async def _urge(at: Office, number: str) -> Done:
    try:
        async with at.desk(Permission.REVIEW) as desk:
            _, found = await urge_departments(desk, number, version_seen(at, number))
        return Done(number, found)
    except NothingToUrge as error:
        return Done(number, error.outcomes, flash_of(error, at.request))
    except AppError as error:
        return Done(number, refused=explain(error, words_for(at)) or flash_of(error, at.request))
