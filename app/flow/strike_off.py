"""销号: strikes a case off, and plans the looks back (回头看) where its burden is said to be gone."""

from collections.abc import Sequence

from app.casefile import CaseFile
from app.close import conclude as closing
from app.models import CaseOutcome, Report
from app.supervise import look_back


async def strike_off(
    file: CaseFile, reports: Sequence[Report], *, outcome: CaseOutcome, statement: str | None = None
) -> None:
    """End the case with what its departments answered and what the office adds."""
    answers = await closing.collect_answers(file)
    closing.close_case(file, reports, outcome=outcome, answers=answers, statement=statement)
    if outcome is CaseOutcome.RELIEVED:
        look_back.plan(file, reports)
