"""回头看: some weeks after a case was struck off as relieved, each point on it is asked once more whether that holds.

Plans, asks, takes the answer, notes silence. No reminder follows: silence is no answer. It reopens nothing itself.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ScalarSelect, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.casefile import CaseFile
from app.deadlines import Calendar, due_by, office_moment, start_of
from app.models import Case, LookBack, LookBackAnswer, Report, new_id
from app.problems import Conflict

ASKED: Final = "look_back.asked"
ANSWERED: Final = "look_back.answered"
LAPSED: Final = "look_back.lapsed"
# What nobody has acted in: a question that was put, and one that was left without an answer.
QUIET: Final = frozenset({ASKED, LAPSED})
AFTER_DAYS: Final = (30, 90)
ANSWER_WORKING_DAYS: Final = 10


class LookBackNotAsked(Conflict):
    code = "look_back_not_asked"
    title_zh, title_en = "目前没有回头看的问题", "No look back is open"

    def __init__(self) -> None:
        super().__init__(
            "该线索目前没有待答的回头看问题：尚未到期、已经答复、已过答复期限，或事项已重新挂账。负担反弹的，请直接再次反映。",
            "No look back waits for an answer here: it is not due yet, was answered, has run out, or the case is open "
            "again. If the burden came back, send a new report.",
        )


def look_back_at(struck_off: datetime, days: int, calendar: Calendar) -> datetime:
    """When to ask: office start on that many calendar days later, or on the next working day."""
    day = struck_off.astimezone(calendar.zone).date() + timedelta(days=days)
    return office_moment(start_of(day, calendar), calendar)


def plan(file: CaseFile, reports: Sequence[Report]) -> None:
    """Plan the questions: one for each point and date, on the point's newest report."""
    newest = {report.observation_point_code: report for report in reports}
    for report in newest.values():
        for days in AFTER_DAYS:
            due = look_back_at(file.now, days, file.calendar)
            file.batch.add(
                LookBack(id=new_id(), case_id=file.case.id, report_id=report.id, days=days, due_at=due, look_at=due)
            )


async def unfinished(session: AsyncSession, case_id: str) -> list[LookBack]:
    """The questions of a case that are planned or open, by due time."""
    rows = await session.scalars(
        select(LookBack)
        .where(LookBack.case_id == case_id, LookBack.ended_at.is_(None))
        .order_by(LookBack.due_at, LookBack.id)
    )
    # What this transaction has just ended is not written yet.
    return [question for question in rows if question.ended_at is None]


async def withdraw(file: CaseFile) -> None:
    """End what is planned or open: the case is back on the ledger, and its next end plans anew."""
    for question in await unfinished(file.session, file.case.id):
        _end(question, LookBackAnswer.WITHDRAWN, file.now)


def _end(question: LookBack, answer: LookBackAnswer, now: datetime) -> None:
    question.answer, question.ended_at, question.look_at = answer, now, None


# ── the worker's part ──


async def has_due(session: AsyncSession, now: datetime) -> bool:
    """Whether a question is to be asked, or has been open for long enough; takes no lock."""
    return await session.scalar(select(LookBack.id).where(LookBack.look_at <= now).limit(1)) is not None


def next_question() -> ScalarSelect[datetime | None]:
    """The earliest moment at which a question is to be acted on; null where none is."""
    return select(func.min(LookBack.look_at)).where(LookBack.look_at.is_not(None)).scalar_subquery()


async def lock_due_case(session: AsyncSession, now: datetime) -> str | None:
    """Lock the case whose look back has waited longest, passing over those that somebody is acting on; None: none."""
    found: str | None = await session.scalar(
        select(Case.id)
        .join(LookBack, LookBack.case_id == Case.id)
        .where(LookBack.look_at <= now)
        .order_by(LookBack.look_at, LookBack.id)
        .limit(1)
        .with_for_update(of=Case, skip_locked=True)
    )
    return found


async def put_off(session: AsyncSession, case_id: str, now: datetime, until: datetime) -> None:
    """Look at a case's due questions again later, so that one which fails keeps no other from its turn."""
    await session.execute(
        update(LookBack).where(LookBack.case_id == case_id, LookBack.look_at <= now).values(look_at=until)
    )


def lapse(file: CaseFile, questions: Iterable[LookBack], numbers: dict[str, str]) -> None:
    """Silence: those that were not answered in time end without an answer."""
    silent = [q for q in questions if q.asked_at is not None and q.look_at is not None and q.look_at <= file.now]
    for question in silent:
        _end(question, LookBackAnswer.NO_ANSWER, file.now)
    if silent:
        file.record(LAPSED, {"reports": sorted(numbers[q.report_id] for q in silent)})


def ask(file: CaseFile, questions: Sequence[LookBack], numbers: dict[str, str]) -> None:
    """Ask what is due, one question at a time: the latest where several are, and none beside one that is still open."""
    asking: list[LookBack] = []
    waiting = {q.report_id: q for q in questions if q.asked_at is not None and q.ended_at is None}
    for question in sorted(questions, key=lambda q: q.due_at, reverse=True):
        if question.asked_at is not None or question.look_at is None or question.look_at > file.now:
            continue
        if question.report_id not in waiting:
            waiting[question.report_id] = question
            asking.append(question)
        elif waiting[question.report_id] in asking:
            _end(question, LookBackAnswer.WITHDRAWN, file.now)
        else:
            question.look_at = waiting[question.report_id].look_at
    for question in asking:
        question.asked_at = file.now
        question.answer_by = due_by(file.now, ANSWER_WORKING_DAYS, file.calendar).at
        question.look_at = office_moment(question.answer_by, file.calendar)
    for days in sorted({q.days for q in asking}):
        asked = sorted(numbers[q.report_id] for q in asking if q.days == days)
        file.record(ASKED, {"reports": asked, "days": days})


# ── the point's part ──


async def answer(file: CaseFile, report: Report, *, holds: bool, comment: str | None) -> None:
    """Take a point's answer to its open question on this case, by any of its reports. Raises LookBackNotAsked."""
    question = await file.session.scalar(
        select(LookBack)
        .join(Report, Report.id == LookBack.report_id)
        .where(
            LookBack.case_id == file.case.id,
            Report.observation_point_code == report.observation_point_code,
            LookBack.asked_at.is_not(None),
            LookBack.ended_at.is_(None),
        )
        .order_by(LookBack.asked_at, LookBack.id)
        .limit(1)
    )
    if question is None:
        raise LookBackNotAsked
    _end(question, LookBackAnswer.HOLDS if holds else LookBackAnswer.RELAPSED, file.now)
    question.comment = comment
    file.record(ANSWERED, {"report": report.number, "days": question.days, "holds": holds})
