"""What a department can say about its assignment: one shape and one verb for each act, shared by API and callbacks."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from app.api.door import In, Out
from app.casefile import CaseFile
from app.feedback import respond
from app.feedback.evidence import find_attached
from app.feedback.extension import Wish, request_extension
from app.feedback.rectification import Because, Document, DocumentAction, Feedback, Measure, Scope
from app.feedback.returning import Return, ReturnReason
from app.feedback.supervision_reply import SupervisionReply, reply_to_supervision
from app.flow.desk import Desk
from app.flow.handle import open_duty, return_duty, settle
from app.models import Assignment, AssignmentStatus, CaseStatus, Consultation, ExtensionState

Words = Annotated[str, Field(min_length=2, max_length=4000)]
# Ids that `POST /v1/assignments/{id}/evidence` answered.
Evidence = list[Annotated[str, Field(min_length=1, max_length=40)]]


class ActIn(In):
    """Every act may name the version of the assignment it was decided on; another one answers 409."""

    version: int | None = Field(None, ge=0)

    def apply(self, file: CaseFile, assignment: Assignment) -> None:
        """Do the act on a locked case file."""
        raise TypeError(type(self).__name__)

    async def perform(self, desk: Desk, file: CaseFile, assignment: Assignment) -> Consultation | None:
        """Do the act and let the case follow; answers the session that it opened, if any."""
        self.apply(file, assignment)
        await settle(desk, file)
        return None


class AcceptanceIn(ActIn):
    """签收. The clock has been running since dispatch, not since this."""

    def apply(self, file: CaseFile, assignment: Assignment) -> None:
        respond.accept_assignment(file, assignment)


class ReturnIn(ActIn):
    """退回: once a case, within two working days of dispatch; `not_our_duty` needs its basis and the owner you propose.

    A case that was returned before is not returned again: a consultation is opened instead, and the answer names it.
    """

    reason: ReturnReason
    explanation: Words
    legal_basis: str | None = Field(None, max_length=1000)
    proposed_department: str | None = Field(None, max_length=20)

    async def perform(self, desk: Desk, file: CaseFile, assignment: Assignment) -> Consultation | None:
        said = Return(self.reason, self.explanation, self.legal_basis, self.proposed_department)
        return await return_duty(desk, file, assignment, said)


class ExtensionIn(ActIn):
    """延期: once an assignment, before its deadline; the date you wish, or the working days you need in addition."""

    reason: Words
    until: date | None = Field(None, description="the last day; give this or `working_days`")
    working_days: int | None = Field(None, ge=1, le=250, description="counted from the present deadline")

    def apply(self, file: CaseFile, assignment: Assignment) -> None:
        request_extension(file, assignment, Wish(self.reason, self.until, self.working_days))


class ProgressIn(ActIn):
    """办理进展."""

    note: Words

    def apply(self, file: CaseFile, assignment: Assignment) -> None:
        respond.report_progress(file, assignment, self.note)


class DocumentIn(In):
    """A document that was withdrawn, changed or issued."""

    number: str = Field(min_length=1, max_length=120, description="发文字号; another form is kept as it is written")
    action: DocumentAction
    name: str | None = Field(None, max_length=200)


class FeedbackIn(ActIn):
    """整改反馈: `public_reply` alone goes to the reporters, all else stays with the office.

    Where the burden cannot be lifted: `resolved: false` with `because` and `explanation`.
    """

    measures: Words = Field(description="what was done, in words")
    public_reply: Words
    measure_kinds: list[Measure] = Field(default_factory=list, max_length=len(Measure))
    documents: list[DocumentIn] = Field(default_factory=list, max_length=20)
    document_changed: str | None = Field(
        None, max_length=200, description="number of the document withdrawn or changed; `documents` says more"
    )
    scope: Scope | None = Field(None, description="how far the measure reaches (举一反三)")
    scope_note: str | None = Field(None, max_length=2000)
    internal_account: str | None = Field(None, max_length=4000)
    completed_on: date | None = Field(None, description="not later than today")
    hours_saved_per_month: float | None = Field(None, ge=0, le=100_000, allow_inf_nan=False)
    resolved: bool = True
    because: Because | None = None
    explanation: str | None = Field(None, max_length=4000, description="why it cannot be lifted; for the office")
    evidence: Evidence = Field(default_factory=list, max_length=20)

    def to_feedback(self) -> Feedback:
        fields = self.model_dump(exclude={"version", "documents", "evidence"})
        documents = [Document(said.number, said.action, said.name) for said in self.documents]
        return Feedback(**fields, documents=documents)

    async def perform(self, desk: Desk, file: CaseFile, assignment: Assignment) -> Consultation | None:
        attached = await find_attached(file, assignment, self.evidence)
        respond.give_feedback(file, assignment, self.to_feedback(), attached)
        await settle(desk, file)
        return None


class ForwardingIn(ActIn):
    """上报: the counterpart has carried the matter to the province."""

    reference: str = Field(min_length=1, max_length=120, description="reference number of the report upward")
    forwarded_on: date
    forwarded_to: str = Field(min_length=1, max_length=120)

    def apply(self, file: CaseFile, assignment: Assignment) -> None:
        respond.forward_upward(
            file,
            assignment,
            reference=self.reference,
            forwarded_on=self.forwarded_on,
            forwarded_to=self.forwarded_to,
        )


class UpstreamReplyIn(ActIn):
    """上级答复: a refusal (`agreed: false`) is an answer too; accepted by the office it leaves the case unresolved."""

    answer: Words
    public_reply: Words
    agreed: bool
    reference: str | None = Field(None, max_length=120)
    evidence: Evidence = Field(default_factory=list, max_length=20)

    async def perform(self, desk: Desk, file: CaseFile, assignment: Assignment) -> Consultation | None:
        respond.bring_answer(
            file,
            assignment,
            answer=self.answer,
            public_reply=self.public_reply,
            agreed=self.agreed,
            reference=self.reference,
            attached=await find_attached(file, assignment, self.evidence),
        )
        await settle(desk, file)
        return None


class SupervisionReplyIn(ActIn):
    """督办答复: to an overdue notice or a level of supervision, once each; it holds the next level only."""

    explanation: Words
    promised_on: date = Field(description="the day by whose end you will have answered, within five working days")

    def apply(self, file: CaseFile, assignment: Assignment) -> None:
        reply_to_supervision(file, assignment, SupervisionReply(self.explanation, self.promised_on))


# The callback's type is `assignment.` and this word; the API's path ends in it, with a hyphen for the underscore.
ACTS: Mapping[str, type[ActIn]] = {
    "acceptance": AcceptanceIn,
    "return": ReturnIn,
    "progress": ProgressIn,
    "feedback": FeedbackIn,
    "extension": ExtensionIn,
    "forwarding": ForwardingIn,
    "upstream_reply": UpstreamReplyIn,
    "supervision_reply": SupervisionReplyIn,
}


class DutyOut(Out):
    """Where an act has brought the assignment and its case."""

    assignment: str
    status: AssignmentStatus
    version: int
    case: str
    case_status: CaseStatus
    due_at: datetime = Field(description="by when the department has to answer")
    resolved: bool | None = Field(None, description="what its newest answer says; false where it cannot be lifted")
    due_provisional: bool = Field(False, description="a day up to `due_at` is only assumed: its year is not announced")
    paused_until: datetime | None = Field(None, description="the clock stands still until then at the latest")
    extension: ExtensionState | None = Field(None, description="where the request for more time stands")
    consultation: str | None = Field(None, description="the session that a second return opened in its place")


def to_duty_out(file: CaseFile, assignment: Assignment, session: Consultation | None = None) -> DutyOut:
    return DutyOut(
        assignment=assignment.id,
        status=assignment.status,
        version=assignment.version,
        case=file.case.number,
        case_status=file.case.status,
        due_at=assignment.due_at,
        resolved=assignment.resolved,
        due_provisional=assignment.due_provisional,
        paused_until=assignment.paused_until,
        extension=assignment.extension,
        consultation=session.number if session else None,
    )


async def act_on(desk: Desk, assignment_id: str, act: ActIn) -> BaseModel:
    """Open the duty, do the act, let the case follow."""
    file, assignment = await open_duty(desk, assignment_id, act.version)
    session = await act.perform(desk, file, assignment)
    return to_duty_out(file, assignment, session)
