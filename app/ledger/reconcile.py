"""件件有回应, proved: every acknowledged report sits in one case, every open case has an owner and a running clock,
every closed one has what closing needs. Reads only; a handful of queries whatever the size.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from sqlalchemy import Select, and_, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.audit import BrokenLink, verify_chain
from app.ledger.supervision import QUARANTINED
from app.lifecycle import CASE, DEPARTMENT_STATES, LIVE, OPEN_SESSIONS
from app.models import (
    Act,
    ActKind,
    AgendaItem,
    Assignment,
    AssignmentStatus,
    Case,
    CaseOutcome,
    CaseStatus,
    Consultation,
    Deadline,
    DeadlineKind,
    Event,
    Reply,
    ReplyKind,
    Report,
)


@dataclass(frozen=True, slots=True)
class Offender:
    """Something that breaks the promise: its number, and what is wrong."""

    number: str
    fault: str


@dataclass(slots=True)
class Reconciliation:
    """挂账 N − 销号 M = 在账 K, and whatever does not fit."""

    reports: int
    opened: int
    closed: int
    offenders: list[Offender] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.offenders

    @property
    def on_ledger(self) -> int:
        return self.opened - self.closed


def _unwatched() -> Select[str]:
    """Open cases with a clock that runs, has not been told of as run out, and has no next look."""
    return (
        select(Case.number)
        .join(Deadline, Deadline.case_id == Case.id)
        .where(
            Case.status != CaseStatus.CLOSED,
            Deadline.ended_at.is_(None),
            Deadline.look_at.is_(None),
            Deadline.overdue_at.is_(None),
        )
    )


def _unexplained() -> Select[str]:
    """Reports on unresolved cases without a reply that says why, since the case was last left so."""
    told = exists().where(
        Reply.report_id == Report.id, Reply.kind == ReplyKind.UNRESOLVED, Reply.sent_at >= Deadline.started_at
    )
    return (
        select(Report.number)
        .join(Case, Case.id == Report.case_id)
        .join(Deadline, Deadline.case_id == Case.id)
        .where(
            Case.status == CaseStatus.UNRESOLVED,
            Deadline.kind == DeadlineKind.REVISIT,
            Deadline.ended_at.is_(None),
            ~told,
        )
    )


def _unresolved_checks() -> list[tuple[str, Select[str]]]:
    """What a case needs that stands unresolved: somebody comes back to it, and its reporters know why."""
    return [
        (
            "挂账待解却没有再议时限 unresolved, and nobody will come back to it",
            select(Case.number).where(
                Case.status == CaseStatus.UNRESOLVED,
                ~exists().where(
                    Deadline.case_id == Case.id, Deadline.kind == DeadlineKind.REVISIT, Deadline.ended_at.is_(None)
                ),
            ),
        ),
        ("挂账待解却没有说明原因 unresolved without a reply that says why", _unexplained()),
    ]


def _sessionless() -> Select[str]:
    """Cases in consultation that are not on just one open session's agenda, and others that are on one."""
    sessions = (
        select(func.count())
        .select_from(AgendaItem)
        .join(Consultation, Consultation.id == AgendaItem.consultation_id)
        .where(
            AgendaItem.case_id == Case.id,
            AgendaItem.outcome.is_(None),
            Consultation.status.in_(OPEN_SESSIONS),
        )
        .scalar_subquery()
    )
    return select(Case.number).where(sessions != case((Case.status == CaseStatus.CONSULTING, 1), else_=0))


def _caseless() -> Select[str]:
    waiting = exists().where(
        AgendaItem.consultation_id == Consultation.id,
        AgendaItem.outcome.is_(None),
        AgendaItem.case_id == Case.id,
        Case.status == CaseStatus.CONSULTING,
    )
    return select(Consultation.number).where(Consultation.status.in_(OPEN_SESSIONS), ~waiting)


def _half_paused() -> Select[str]:
    """Cases with a duty that is marked as paused while no pause runs on it, or the other way round."""
    held = exists().where(
        Deadline.assignment_id == Assignment.id, Deadline.kind == DeadlineKind.PAUSE, Deadline.ended_at.is_(None)
    )
    marked = Assignment.paused_until.is_not(None)
    return (
        select(Case.number)
        .join(Assignment, Assignment.case_id == Case.id)
        .where(or_(and_(marked, ~held), and_(~marked, held)))
    )


def _checks() -> list[tuple[str, Select[str]]]:
    running = exists().where(Deadline.case_id == Case.id, Deadline.ended_at.is_(None))
    is_open = Case.status != CaseStatus.CLOSED
    is_closed = Case.status == CaseStatus.CLOSED
    final_reply = exists().where(Reply.report_id == Report.id, Reply.kind == ReplyKind.FINAL)
    answered = exists().where(
        Act.assignment_id == Assignment.id, Act.kind.in_([ActKind.FEEDBACK, ActKind.UPSTREAM_REPLY])
    )
    return [
        (
            "线索没有对应的台账事项 report without a case",
            select(Report.number).where(~exists().where(Case.id == Report.case_id)),
        ),
        (
            "事项没有线索 case without a report",
            select(Case.number).where(~exists().where(Report.case_id == Case.id), Case.merged_into.is_(None)),
        ),
        ("在账事项没有责任方 open case without an owner", select(Case.number).where(is_open, Case.owner.is_(None))),
        ("在账事项没有计时 open case without a running clock", select(Case.number).where(is_open, ~running)),
        ("计时无人查看 running clock that nobody will look at", _unwatched()),
        ("督办已停止 clock quarantined after failed looks", select(Case.number).where(Case.id.in_(QUARANTINED))),
        ("暂停的交办没有计时 paused duty without the office's clock, or the reverse", _half_paused()),
        (
            "部门办理中却没有责任单位 with a department, but none has a duty",
            select(Case.number).where(
                Case.status.in_(DEPARTMENT_STATES),
                or_(
                    Case.owner_department.is_(None),
                    ~exists().where(Assignment.case_id == Case.id, Assignment.status.in_(LIVE)),
                ),
            ),
        ),
        ("会商事项不在唯一一场会商的议程上 in consultation, but not on one open session's agenda", _sessionless()),
        ("会商没有待议的事项 open session without a case in consultation", _caseless()),
        ("已销号仍在计时 closed case with a running clock", select(Case.number).where(is_closed, running)),
        (
            "已销号却没有办理结果 closed without an outcome",
            select(Case.number).where(is_closed, or_(Case.outcome.is_(None), Case.closed_at.is_(None))),
        ),
        (
            "已销号却没有答复 closed without a reply to the reporter",
            select(Report.number).join(Case, Case.id == Report.case_id).where(is_closed, ~final_reply),
        ),
        (
            "已减负销号却没有整改反馈 struck off as relieved without feedback",
            select(Case.number)
            .join(Assignment, Assignment.case_id == Case.id)
            .where(
                is_closed,
                Case.outcome == CaseOutcome.RELIEVED,
                Assignment.status == AssignmentStatus.CLOSED,
                ~answered,
            ),
        ),
        (
            "事项版本与事件不符 case and its events disagree",
            select(Case.number).where(
                Case.last_seq
                != select(func.coalesce(func.max(Event.seq), 0)).where(Event.case_id == Case.id).scalar_subquery()
            ),
        ),
    ]


def _merge_checks() -> list[tuple[str, Select[str]]]:
    survivor = aliased(Case)
    merged = Case.merged_into.is_not(None)
    told = exists().where(Reply.report_id == Report.id, Reply.case_id == Report.came_from)
    return [
        (
            "并入与办理结果不符 merged, and its state or outcome says otherwise",
            select(Case.number).where(
                or_(
                    and_(merged, or_(Case.status != CaseStatus.CLOSED, Case.outcome != CaseOutcome.MERGED)),
                    and_(~merged, Case.outcome == CaseOutcome.MERGED),
                )
            ),
        ),
        (
            "已并入仍有线索 merged case that still has a report",
            select(Case.number).where(merged, exists().where(Report.case_id == Case.id)),
        ),
        (
            "已并入而线索去向不明 merged case whose reports cannot be found",
            select(Case.number).where(merged, ~exists().where(Report.came_from == Case.id)),
        ),
        (
            "并入的事项本身已并入 merged into a case that is merged itself",
            select(Case.number)
            .join(survivor, survivor.id == Case.merged_into)
            .where(or_(survivor.merged_into.is_not(None), survivor.id == Case.id)),
        ),
        (
            "并入线索未获告知 report moved by a merge that was told nothing",
            select(Report.number).where(Report.came_from.is_not(None), ~told),
        ),
    ]


async def reconcile(session: AsyncSession) -> Reconciliation:
    """Check the whole ledger."""
    result = Reconciliation(
        reports=await session.scalar(select(func.count()).select_from(Report)) or 0,
        opened=await session.scalar(select(func.count()).select_from(Case)) or 0,
        closed=await session.scalar(select(func.count()).select_from(Case).where(Case.status == CaseStatus.CLOSED))
        or 0,
    )
    for fault, statement in [*_checks(), *_unresolved_checks(), *_merge_checks()]:
        result.offenders += [Offender(str(number), fault) for number in await session.scalars(statement.distinct())]
    rows = await session.execute(select(Case.number, Case.status, Case.owner))
    result.offenders += [
        Offender(number, "责任方与状态不符 owner does not fit the state")
        for number, status, owner in rows
        if CASE.states[status].owner is not owner
    ]
    return result


async def verify_chains(session: AsyncSession) -> tuple[int, list[BrokenLink]]:
    """Verify each case's chain of events; answers how many events hold and the first fault of each broken chain."""
    count, broken = 0, []
    heads = (await session.execute(select(Case.id, Case.last_seq, Case.last_hash).order_by(Case.opened_at))).all()
    for head in heads:
        links = [link async for link in _links(session, head.id)]
        count += len(links)
        fault = verify_chain(head.id, links, head.last_seq, head.last_hash)
        if fault is not None:
            broken.append(fault)
    return count, broken


async def _links(session: AsyncSession, case_id: str) -> AsyncIterator[Event]:
    for link in await session.scalars(select(Event).where(Event.case_id == case_id).order_by(Event.seq)):
        yield link
        session.expunge(link)
