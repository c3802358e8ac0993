"""What must always be true of the ledger, each as one query for whatever breaks it. Reads only, decides nothing.

Every query answers the numbers of the offending cases or reports, and looks at one moment of the database.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, case, exists, func, not_, or_, select
from sqlalchemy.orm import aliased

from app.ledger.supervision import QUARANTINED
from app.lifecycle import CASE, DEPARTMENT_STATES, LIVE, OPEN_SESSIONS
from app.models import (
    Act,
    ActKind,
    AgendaItem,
    Assignment,
    AssignmentRole,
    AssignmentStatus,
    Case,
    CaseOutcome,
    CaseStatus,
    Consultation,
    Deadline,
    DeadlineKind,
    Delivery,
    Document,
    DocumentCase,
    Endpoint,
    Event,
    LookBack,
    Reply,
    ReplyKind,
    Report,
    ReportWords,
)

Check = tuple[str, Select[Any]]
_IS_OPEN = Case.status != CaseStatus.CLOSED
_IS_CLOSED = Case.status == CaseStatus.CLOSED
_IS_RELIEVED = and_(_IS_CLOSED, Case.outcome == CaseOutcome.RELIEVED)


def all_checks() -> list[Check]:
    """Every invariant with its fault, in mission order."""
    ours = [*_of_reports(), *_of_owners(), *_of_clocks(), *_of_the_end(), *_of_looks_back(), *_of_events()]
    return [*ours, *_session_checks(), *_unresolved_checks(), *_merge_checks(), *_of_documents()]


def _of_reports() -> Sequence[Check]:
    return (
        (
            "线索没有对应的台账事项 report without a case",
            select(Report.number).where(~exists().where(Case.id == Report.case_id)),
        ),
        (
            "事项没有线索 case without a report",
            select(Case.number).where(~exists().where(Report.case_id == Case.id), Case.merged_into.is_(None)),
        ),
        (
            "线索检索不到 report that a search does not find, or finds under another case",
            select(Report.number).where(
                ~exists().where(
                    ReportWords.report_id == Report.id,
                    ReportWords.case_id == Report.case_id,
                    ReportWords.came_from.is_not_distinct_from(Report.came_from),
                )
            ),
        ),
    )


def _of_owners() -> Sequence[Check]:
    live = and_(Assignment.case_id == Case.id, Assignment.status.in_(LIVE))
    # A lead may have several duties from a session, each an assignment of its own.
    leads = select(func.count(func.distinct(Assignment.department_code))).where(
        live, Assignment.role == AssignmentRole.LEAD
    )
    with_department = Case.status.in_(DEPARTMENT_STATES)
    wrong = [
        and_(Case.status == status, Case.owner.is_distinct_from(state.owner)) for status, state in CASE.states.items()
    ]
    return (
        ("在账事项没有责任方 open case without an owner", select(Case.number).where(_IS_OPEN, Case.owner.is_(None))),
        ("责任方与状态不符 owner does not fit the state", select(Case.number).where(or_(*wrong))),
        (
            "部门办理中却没有责任单位 with a department, but none has a duty",
            select(Case.number).where(with_department, or_(Case.owner_department.is_(None), ~exists().where(live))),
        ),
        (
            "责任单位没有交办 the owning department has no duty",
            select(Case.number).where(
                Case.owner_department.is_not(None),
                ~exists().where(live, Assignment.department_code == Case.owner_department),
            ),
        ),
        (
            "不止一个牵头单位 more than one lead",
            select(Case.number).where(_IS_OPEN, leads.scalar_subquery() > 1),
        ),
    )


def _of_clocks() -> Sequence[Check]:
    running = and_(Deadline.case_id == Case.id, Deadline.ended_at.is_(None))
    fitting = or_(
        *(
            and_(Case.status == status, Deadline.kind.in_(sorted(state.clocks)))
            for status, state in CASE.states.items()
            if state.clocks
        ),
        # A paused clock of a department's: the office's stands in for it.
        and_(Case.status.in_(DEPARTMENT_STATES), Deadline.kind == DeadlineKind.PAUSE),
    )
    return (
        (
            "在账事项没有计时 open case without a running clock",
            select(Case.number).where(_IS_OPEN, ~exists().where(running)),
        ),
        (
            "计时与状态不符 no running clock fits the state",
            select(Case.number).where(_IS_OPEN, exists().where(running), ~exists().where(running, fitting)),
        ),
        (
            "计时无人查看 running clock that nobody will look at",
            select(Case.number)
            .join(Deadline, Deadline.case_id == Case.id)
            .where(_IS_OPEN, Deadline.ended_at.is_(None), Deadline.look_at.is_(None), Deadline.overdue_at.is_(None)),
        ),
        (
            "已销号仍在计时 closed case with a running clock",
            select(Case.number).where(_IS_CLOSED, exists().where(running)),
        ),
    )


def _of_the_end() -> Sequence[Check]:
    final_reply = exists().where(Reply.report_id == Report.id, Reply.kind == ReplyKind.FINAL)
    answered = exists().where(
        Act.assignment_id == Assignment.id, Act.kind.in_([ActKind.FEEDBACK, ActKind.UPSTREAM_REPLY])
    )
    return (
        (
            "已销号却没有办理结果 closed without an outcome",
            select(Case.number).where(_IS_CLOSED, or_(Case.outcome.is_(None), Case.closed_at.is_(None))),
        ),
        (
            "已销号却没有答复 closed without a reply to the reporter",
            select(Report.number).join(Case, Case.id == Report.case_id).where(_IS_CLOSED, ~final_reply),
        ),
        (
            "已减负销号却没有整改反馈 struck off as relieved without feedback",
            select(Case.number)
            .join(Assignment, Assignment.case_id == Case.id)
            .where(_IS_RELIEVED, Assignment.status == AssignmentStatus.CLOSED, ~answered),
        ),
    )


def _of_looks_back() -> Sequence[Check]:
    since_the_end = exists().where(LookBack.case_id == Case.id, LookBack.due_at > Case.closed_at)
    earlier = aliased(Case)
    return (
        (
            "已减负销号却没有安排回头看 relieved without looks back",
            select(Case.number).where(_IS_RELIEVED, ~since_the_end),
        ),
        (
            "在账事项仍有未完回头看 open case with an unfinished look back",
            select(Case.number).where(
                _IS_OPEN, exists().where(LookBack.case_id == Case.id, LookBack.ended_at.is_(None))
            ),
        ),
        (
            "回头看无人查看 look back that nobody will look at",
            select(Report.number)
            .join(LookBack, LookBack.report_id == Report.id)
            .where(LookBack.ended_at.is_(None), LookBack.look_at.is_(None)),
        ),
        (
            "回潮所续事项不存在 relapse of no case",
            select(Case.number).where(Case.relapse_of.is_not(None), ~exists().where(earlier.id == Case.relapse_of)),
        ),
    )


def _of_events() -> Sequence[Check]:
    queued = exists().where(Delivery.event_id == Event.id, Delivery.endpoint_id == Endpoint.id)
    return (
        (
            "事项版本与事件不符 case and its events disagree",
            select(Case.number).where(
                Case.last_seq
                != select(func.coalesce(func.max(Event.seq), 0)).where(Event.case_id == Case.id).scalar_subquery()
            ),
        ),
        (
            "应告知部门的事件没有投递 event for a department was not queued",
            select(Case.number)
            .join(Event, Event.case_id == Case.id)
            .join(Endpoint, and_(Endpoint.department_code == Event.department_code, Endpoint.active))
            .where(Event.body.is_not(None), Event.happened_at > Endpoint.active_since, not_(queued)),
        ),
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


def _unresolved_checks() -> list[Check]:
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


def _merge_checks() -> list[Check]:
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


def _session_checks() -> list[Check]:
    return [
        ("会商事项不在唯一一场会商的议程上 in consultation, but not on one open session's agenda", _sessionless()),
        ("会商没有待议的事项 open session without a case in consultation", _caseless()),
        ("督办已停止 clock quarantined after failed looks", select(Case.number).where(Case.id.in_(QUARANTINED))),
        ("暂停的交办没有计时 paused duty without the office's clock, or the reverse", _half_paused()),
    ]


def _of_documents() -> Sequence[Check]:
    """Every document stands with its digest in the chain of each case that it concerns, and no number is missing."""
    noted = exists().where(
        Event.case_id == DocumentCase.case_id, Event.type == "document.issued", Event.facts.contains(Document.digest)
    )
    return (
        (
            "公文与办理记录不符 a document that the chain does not know",
            select(Document.number)
            .outerjoin(DocumentCase, DocumentCase.document_id == Document.id)
            .where(~noted)
            .distinct(),
        ),
        (
            "发文字号不连续 a gap in the numbers of documents",
            select(func.max(Document.number))
            .group_by(Document.kind, Document.year)
            .having(func.max(Document.serial) != func.count()),
        ),
    )
