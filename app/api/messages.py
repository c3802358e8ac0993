"""What stands in the `data` of the webhooks we send: one shape for each kind of event. Shapes only, for documentation.

Within a version of the bodies these only grow (docs/decisions/0061): receivers ignore what they do not know.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.classify.decision import Category, Route
from app.vocabulary import (
    AssignmentKind,
    AssignmentRole,
    AssignmentStatus,
    Attendance,
    Blocker,
    CaseOutcome,
    CaseStatus,
    ConsultationStatus,
    DeadlineKind,
    ExtensionState,
    Manner,
    Position,
    Urgency,
)


def known(values: Iterable[str], description: str | None = None) -> Any:
    """A string with the values of today. Others may come within the same version, so it is no `enum`."""
    return Field(description=description, json_schema_extra={"x-extensible-enum": [str(value) for value in values]})


PAUSABLE = (DeadlineKind.FEEDBACK, DeadlineKind.FORWARDING)
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Day = Annotated[str, Field(json_schema_extra={"format": "date"})]


class DisclosedCase(BaseModel):
    number: str
    status: Annotated[str, known(CaseStatus)]
    category: Annotated[str, known(Category)]
    route: Annotated[str, known(Route)]
    burden_types: list[str]
    urgency: Annotated[str, known(Urgency, "as the office says")]
    opened_on: Day = Field(description="the day, never the time")


class Represented(BaseModel):
    code: str
    name: str


class DisclosedAssignment(BaseModel):
    id: str = Field(description="used in `/v1/assignments/{id}/…` and in callbacks")
    kind: Annotated[str, known(AssignmentKind, "`escalation` where the matter is to be carried to the province")]
    role: Annotated[str, known(AssignmentRole)]
    status: Annotated[str, known(AssignmentStatus)]
    department: str
    on_behalf_of: list[Represented]
    obligation: str = Field(description="what is asked of the department")
    due_at: Moment
    due_provisional: bool = Field(description="a day up to `due_at` is only assumed: its year is not announced yet")
    paused_until: Moment | None = Field(description="your clock stands still until then at the latest")
    extension: Annotated[str | None, known(ExtensionState, "where your request for more time stands")]
    version: int = Field(description="send it back with an act; a stale one answers 409")


class DisclosedReport(BaseModel):
    title: str | None
    text: str = Field(description="with self-identifying spans masked")


class CaseData(BaseModel):
    case: DisclosedCase


class DutyData(CaseData):
    assignment: DisclosedAssignment


class CreatedData(DutyData):
    reports: list[DisclosedReport]


class CommentedData(DutyData):
    comment: str = Field(description="what the office says is still missing")


class ApprovedData(DutyData):
    comment: str = Field(description="what the office remarks on it")


class ExtensionDecidedData(DutyData):
    granted: bool
    comment: str


class ChallengeData(BaseModel):
    challenge: str = Field(description='answer 2xx with `{"challenge": "…"}`, this very text')
    department: str


class TrialData(BaseModel):
    department: str


# ── clocks ──


class Clock(BaseModel):
    kind: Annotated[str, known([DeadlineKind.ACCEPTANCE, *PAUSABLE, DeadlineKind.CHASE], "`chase`: ask again")]
    due_at: Moment


class OverdueClock(Clock):
    reply_by: Moment | None = Field(default=None, description="answer by then, or level 1 follows; absent: no levels")


class SupervisedClock(Clock):
    level: int = Field(description="the level of supervision, 1 to 3", ge=1, le=3)
    reply_by: Moment = Field(description="answer by then, or the next level follows")


class MovedClock(Clock):
    was: Moment = Field(description="what `due_at` was before it was worked out anew")
    because: Annotated[str, known(["calendar_announced"], "the year's holidays are known now")]


class RemindedData(DutyData):
    deadline: Clock


class OverdueData(DutyData):
    deadline: OverdueClock


class SupervisedData(DutyData):
    deadline: SupervisedClock


class DeadlineChangedData(DutyData):
    deadline: MovedClock


class Pause(BaseModel):
    kind: Annotated[str, known(PAUSABLE, "the clock")]
    blocker: Annotated[str, known(Blocker)]
    who: str | None = Field(description="who is waited for")
    why: str | None
    until: Moment = Field(description="at the latest; the clock then goes on by itself")
    remaining_days: int = Field(description="working days that are kept for you")


class Resumption(BaseModel):
    kind: Annotated[str, known(PAUSABLE, "the clock")]
    due_at: Moment = Field(description="the new deadline")


class PausedData(DutyData):
    pause: Pause


class ResumedData(DutyData):
    pause: Resumption


# ── ends and returns ──


class DutyClosedData(DutyData):
    because: Annotated[str, known(["superseded", "unresolved_accepted", "case_unresolved"])]


class CaseClosedData(DutyData):
    outcome: Annotated[str, known(CaseOutcome)]
    merged_into: str | None = Field(default=None, description="with outcome `merged`: the case where it goes on")


class ReopenedData(CaseData):
    because: Annotated[str, known(["put_back", "relapsed"], "`relapsed`: a new assignment follows")]


# ── consultations ──


class DisclosedConsultation(BaseModel):
    id: str = Field(description="used in callbacks")
    number: str
    status: Annotated[str, known(ConsultationStatus)]
    due_at: Moment
    meeting_at: Moment | None
    minutes_long: int | None
    place: str | None


class InvitedConsultation(DisclosedConsultation):
    invited: list[str] = Field(description="the departments that take part, yours among them")
    on_behalf_of: list[str] = Field(description="provincial departments that you speak for")


class RescheduledConsultation(DisclosedConsultation):
    previous_meeting_at: Moment | None = Field(default=None, description="when it was to meet")
    moved_from: str | None = Field(default=None, description="the session the case was on")


class CancelledConsultation(DisclosedConsultation):
    because: Annotated[
        str,
        known(
            ["cancelled", "withdrawn", "uninvited", "settled"],
            "`withdrawn`: this case only; `uninvited`: your seat only; `settled`: the office ruled or closed",
        ),
    ]
    reason: str | None = None


class DisclosedConclusion(BaseModel):
    lead: str
    supporting: list[str]
    manner: Annotated[str, known(Manner, "`ruled`: by the office, where the departments did not agree")]
    part: Annotated[str, known(Position, "yours")]
    attendance: Annotated[str | None, known(Attendance, "yours; who was absent is bound too")]


class ConcludedConsultation(DisclosedConsultation):
    conclusion: DisclosedConclusion


class InvitedData(CaseData):
    consultation: InvitedConsultation
    reports: list[DisclosedReport]


class RescheduledData(CaseData):
    consultation: RescheduledConsultation


class CancelledData(CaseData):
    consultation: CancelledConsultation


class ConcludedData(CaseData):
    consultation: ConcludedConsultation
