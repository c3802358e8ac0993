"""How cases read, as the interface is described: the office's record whole, a department's own part. Shapes only."""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from app.api.case_line import CaseOut
from app.api.clocks import ClockOut
from app.api.door import Out
from app.api.messages import DisclosedAssignment, DisclosedCase, DisclosedReport, Represented
from app.api.precedents import PrecedentOut
from app.api.reports import ClassificationOut
from app.ledger.supervision import PromiseState
from app.models import (
    ActKind,
    ConsultationStatus,
    Decided,
    LookBackAnswer,
    OpinionFault,
    OpinionState,
    VerificationStatus,
)


class CasePage(Out):
    """A page of the ledger; a department's lines are the bare facts that it is told."""

    cases: list[CaseOut] | list[DisclosedCase]
    next_cursor: str | None


class PromiseOut(Out):
    assignment: str
    level: int
    promised_on: date
    explanation: str
    made_at: datetime
    state: PromiseState


class ReachOut(Out):
    """How far the burden reaches, as the reports tell."""

    reports: int
    points: int
    districts: list[str]
    hours_per_month: float | None
    first_day: date | None
    latest_day: date | None


class ReportRecordOut(Out):
    """A report as it was sent, and as departments read it; not how to reach who sent it."""

    number: str
    text: str
    title: str | None
    decision: ClassificationOut
    verification: VerificationStatus
    received_at: datetime
    came_from: str | None = Field(description="the case that it was merged or split from")
    disclosed: DisclosedReport
    has_contact: bool


class ActOut(Out):
    assignment: str
    kind: ActKind
    content: dict[str, Any] = Field(description="what the department said, by the kind of act")
    applied: bool
    done_at: datetime


class RulingOut(Out):
    category: str
    receivers: list[dict[str, str]]
    reason: str
    overrules: bool
    ruled_by: str
    ruled_at: datetime


class DecidedOut(Out):
    """What a leader decided."""

    decision: Decided
    note: str
    look_again_on: date
    decided_by: str
    decided_at: datetime


class SessionBrief(Out):
    id: str
    number: str
    status: ConsultationStatus


class CasePrecedents(Out):
    cited: list[PrecedentOut]
    made: list[PrecedentOut]


class LookBackRecordOut(Out):
    """回头看: what a point was or will be asked after the case was struck off, and what it said."""

    report: str | None
    days: int
    due_at: datetime
    asked_at: datetime | None
    answer_by: datetime | None
    answer: LookBackAnswer | None
    ended_at: datetime | None
    comment: str | None


class SecondOpinionOut(Out):
    """What a model inside the deployment supposes: a suggestion, never part of the decision."""

    state: OpinionState
    reason: OpinionFault | None
    model: str
    attempts: int
    asked_at: datetime
    ended_at: datetime | None
    report: str | None
    departments: list[Represented]
    category: str | None
    receivers: list[Represented]
    quotes: list[Any]


class CaseRecordOut(Out):
    """A case as the office reads it."""

    case: CaseOut
    reach: ReachOut
    merged_into: str | None
    merged: list[str]
    assignments: list[DisclosedAssignment]
    reports: list[ReportRecordOut]
    acts: list[ActOut]
    rulings: list[RulingOut]
    deadlines: list[ClockOut]
    promises: list[PromiseOut]
    instructions: list[DecidedOut]
    consultations: list[SessionBrief]
    precedents: CasePrecedents
    relapse_of: str | None
    relapsed_as: list[str]
    look_backs: list[LookBackRecordOut]
    second_opinion: SecondOpinionOut | None


class PointsOut(Out):
    points: int | None = Field(description="how many points report it; null where so few would point at somebody")


class CaseForDepartmentOut(Out):
    """A case as a department with a duty on it reads it."""

    case: DisclosedCase
    assignments: list[DisclosedAssignment]
    deadlines: list[ClockOut]
    promises: list[PromiseOut]
    reach: PointsOut
