"""催办: the office urges the departments with open duties on a case; each is told of its nearest clock."""

from app.casefile import CaseFile
from app.flow.desk import Desk
from app.ledger.urging import told_since
from app.supervise.urge import TELLS_OF_A_CLOCK, Outcome, day_begun, urge


async def urge_departments(
    desk: Desk, case_number: str, expected_version: int | None = None
) -> tuple[CaseFile, list[Outcome]]:
    """Urge all of them but those that are spared, and say who was which.

    Raises NotFound, MergedAway, CaseChanged or NothingToUrge.
    """
    file = await desk.open_numbered(case_number, expected_version)
    since = day_begun(file.now, file.calendar.zone)
    told = await told_since(desk.session, [file.case.id], TELLS_OF_A_CLOCK, since)
    found = urge(file, told.get(file.case.id, frozenset()))
    await desk.finish(file)
    return file, found
