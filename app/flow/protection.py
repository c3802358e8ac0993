"""保护反映人: what departments will read is put right by the office; a contact is opened for a reason, and erased.

What was sent already is never changed.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from app.casefile import CaseFile, open_case_file
from app.clock import Clock
from app.database import Database
from app.directory.city import CityCache
from app.disclosure import LONGEST_TEXT, disclose_report
from app.flow.desk import SYSTEM_ACTOR, CaseChanged, Desk
from app.intake import contact
from app.log import get_logger
from app.masking import is_cut_of, mask, reveals
from app.models import CaseStatus, Report
from app.problems import InvalidInput, NotFound

BATCH: Final = 100


class NotACut(InvalidInput):
    code = "not_a_cut"
    title_zh, title_en = "只能隐去，不能改写", "Words may be masked, not changed"

    def __init__(self, field: str) -> None:
        super().__init__(
            "给部门看的文字只能在原文上隐去，用“〔隐去〕”代替要隐去的字句，不能改写或添加。",
            "Departments read the reporter's own words: put 〔隐去〕 for what they shall not read and change no word.",
            errors=[{"field": field, "zh": "与原文不符", "en": "differs from what was written"}],
        )


class ReasonNeeded(InvalidInput):
    code = "reason_needed"
    title_zh, title_en = "恢复显示须写明理由", "Showing what was masked needs a reason"

    def __init__(self) -> None:
        super().__init__(
            "这段文字中有系统自动隐去的内容。确需让部门看到的，请写明理由；否则请保留“〔隐去〕”。",
            "The text shows something that was masked by rule. Give the reason, or leave 〔隐去〕 in its place.",
            errors=[{"field": "reason", "zh": "请填写理由", "en": "is missing"}],
        )


async def change_disclosure(
    desk: Desk,
    number: str,
    *,
    text: str,
    title: str | None = None,
    reason: str | None = None,
    expected_version: int | None = None,
) -> Report:
    """Fix what departments will read of a report from now on; `title` None leaves the title as they read it now.

    Raises NotFound, CaseChanged, NotACut, or ReasonNeeded where it shows what the rules mask.
    """
    file, report = await _open(desk, number, expected_version)
    terms = _terms_of(desk, await desk.reports_on(file))
    text = text.replace("\r\n", "\n").strip()
    title = disclose_report(report, terms)["title"] if title is None else title.strip()
    if not is_cut_of(text, report.text) or len(text) > LONGEST_TEXT:
        raise NotACut("text")
    if title and not is_cut_of(title, report.title or ""):
        raise NotACut("title")
    unmasks = reveals(text, terms) or reveals(title or "", terms)
    if unmasks and not (reason or "").strip():
        raise ReasonNeeded
    report.disclosed_text, report.disclosed_title = text, title or None
    file.record(
        "report.disclosure_changed",
        {"report": report.number, "unmasked": unmasks} | ({"why": mask(reason, terms)} if reason else {}),
    )
    await desk.finish(file)
    return report


async def view_contact(desk: Desk, number: str, reason: str) -> str:
    """The contact of one report. Raises NotFound or NoContact."""
    file, report = await _open(desk, number)
    reason = mask(reason, _terms_of(desk, [report]))
    found = await contact.open_contact(file, report, desk.sealer, reason)
    await desk.finish(file)
    return found


async def erase_contact(desk: Desk, number: str, reason: str) -> None:
    """Erase the contact of one report for good. Raises NotFound or NoContact."""
    file, report = await _open(desk, number)
    await contact.erase_contact(file, report, mask(reason, _terms_of(desk, [report])))
    await desk.finish(file)


def _terms_of(desk: Desk, reports: Sequence[Report]) -> list[str]:
    return desk.city.terms_of_points(report.observation_point_code for report in reports)


async def _open(desk: Desk, number: str, expected_version: int | None = None) -> tuple[CaseFile, Report]:
    """The report with the locked file of the case that it is on; what is said of it stands in that case's chain."""
    case_id = await desk.session.scalar(select(Report.case_id).where(Report.number == number))
    if case_id is None:
        raise NotFound
    file = await desk.open_file(case_id)
    if expected_version is not None and await desk.acted_since(file.case, expected_version):
        raise CaseChanged(file.case.last_seq)
    report = next((r for r in await desk.reports_on(file) if r.number == number), None)
    if report is None:
        # It was moved to another case while this waited for the lock.
        raise CaseChanged(file.case.last_seq)
    return file, report


class Forgetter:
    """Erases the contacts of what was struck off long ago; each case with its event, in a transaction of its own.

    Args:
        days: how long after a case was struck off.
    """

    def __init__(self, database: Database, clock: Clock, cities: CityCache, days: int) -> None:
        self._database, self._clock, self._cities, self._days = database, clock, cities, days

    async def forget(self) -> int:
        """Erase all that is due; how many contacts there were. Database failures are raised as problems."""
        before = self._clock.now() - timedelta(days=self._days)
        erased = 0
        while True:
            async with self._database.read() as session:
                due = await contact.cases_to_erase(session, before, BATCH)
            if not due:
                break
            await self._cities.refresh()
            done = sum([await self._erase(case_id) for case_id in due])
            if not done:
                break
            erased += done
        if erased:
            get_logger().info("contacts_erased", count=erased)
        return erased

    async def _erase(self, case_id: str) -> int:
        city, now = self._cities.current, self._clock.now()
        async with self._database.write() as session:
            file = await open_case_file(
                session,
                case_id,
                calendar=city.calendar,
                names=city.names,
                terms=city.terms,
                now=now,
                actor=SYSTEM_ACTOR,
            )
            closed = file.case.closed_at
            if file.case.status is not CaseStatus.CLOSED or closed is None or closed > now - timedelta(days=self._days):
                return 0
            reports = list(await session.scalars(select(Report).where(Report.case_id == case_id)))
            erased = await contact.erase_all(file, sorted(reports, key=lambda r: r.number), self._days)
            await file.batch.write(session)
        return erased
