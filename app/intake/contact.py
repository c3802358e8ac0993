"""How to reach a reporter: opened for a reason, erased when it has served. Every opening and erasing is an event.

The contact itself is in no event, no log and no stored answer.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.casefile import CaseFile
from app.intake.accept import contact_place
from app.models import Case, CaseStatus, Report, ReportContact
from app.problems import Conflict
from app.sealing import Sealer

VIEWED: Final = "report.contact_viewed"
ERASED: Final = "report.contact_erased"


class NoContact(Conflict):
    code = "no_contact"
    title_zh, title_en = "没有联系方式", "There is no contact"

    def __init__(self) -> None:
        super().__init__(
            "这条线索没有留联系方式，或者已按规定删除。",
            "The report came without a contact, or it has been erased.",
        )


async def open_contact(file: CaseFile, report: Report, sealer: Sealer, why: str) -> str:
    """The contact, with the event that says who opened it and why. Raises NoContact or SealBroken."""
    kept = await _lock(file.session, report)
    contact = sealer.open(kept.ciphertext, contact_place(report.id)).decode()
    file.record(VIEWED, {"report": report.number, "why": why})
    return contact


async def erase_contact(file: CaseFile, report: Report, why: str) -> None:
    """Erase one for good. Raises NoContact."""
    await file.session.delete(await _lock(file.session, report))
    file.record(ERASED, {"reports": [report.number], "why": why})


async def _lock(session: AsyncSession, report: Report) -> ReportContact:
    kept: ReportContact | None = await session.get(ReportContact, report.id, with_for_update=True)
    if kept is None:
        raise NoContact
    return kept


async def erase_all(file: CaseFile, reports: Sequence[Report], days: int) -> int:
    """Erase what is left on a case that was struck off that many days ago; how many there were."""
    gone = delete(ReportContact).where(ReportContact.report_id.in_([report.id for report in reports]))
    ids = set(await file.session.scalars(gone.returning(ReportContact.report_id)))
    if ids:
        numbers = [report.number for report in reports if report.id in ids]
        file.record(ERASED, {"reports": numbers, "because": "retention", "days": days})
    return len(ids)


async def cases_to_erase(session: AsyncSession, struck_off_before: datetime, most: int) -> list[str]:
    """Cases struck off before then whose reports still have contacts, oldest first."""
    rows = await session.scalars(
        select(Case.id)
        .where(
            Case.status == CaseStatus.CLOSED,
            Case.closed_at < struck_off_before,
            Case.id.in_(select(Report.case_id).join(ReportContact, ReportContact.report_id == Report.id)),
        )
        .order_by(Case.closed_at, Case.id)
        .limit(most)
    )
    return list(rows)
