"""A department's acts on its assignment: sign for it, report, feed back, forward upward, bring the answer.

Returning it and asking for more time have rules of their own, in `returning` and `extension`. Each act is stored
whole; the status moves by the lifecycle. What follows for the case is `flow`'s.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from app.casefile import CaseFile
from app.feedback.evidence import attach, commit_to, describe_evidence
from app.feedback.rectification import Feedback, document_line
from app.lifecycle import LIVE, IllegalMove
from app.models import Act, ActKind, Assignment, AssignmentKind, AssignmentStatus, CaseStatus, Evidence, new_id
from app.problems import Conflict

# Why a matter stays as it is after the province has refused; beside a department's own reasons (`Because`).
PROVINCE_REFUSED: Final = "province_refused"


class NotAnEscalation(Conflict):
    code = "not_an_escalation"
    title_zh, title_en = "这不是上报件", "This is not an escalation"

    def __init__(self) -> None:
        super().__init__(
            "只有上报件才登记上报和上级答复；一般交办件请提交整改反馈。",
            "Only an escalation records forwarding and the upstream reply; give feedback on an ordinary assignment.",
        )


class AnswerExpectedFromAbove(Conflict):
    code = "upstream_reply_expected"
    title_zh, title_en = "上报件应登记上级答复", "An escalation is answered by the upstream reply"

    def __init__(self) -> None:
        super().__init__(
            "上报件请先登记上报(forwarding)，再登记上级答复(upstream-reply)。",
            "For an escalation record the forwarding, then the upstream reply.",
        )


class StaleVersion(Conflict):
    code = "stale_version"
    title_zh, title_en = "版本已变化", "The version has changed"

    def __init__(self, current: int) -> None:
        super().__init__(
            f"当前版本为 {current}。请重新读取后再办理。",
            f"The current version is {current}. Read it again, then act.",
            version=current,
        )


def check_version(assignment: Assignment, expected: int | None) -> None:
    """Raise StaleVersion where the caller acts on an older reading."""
    if expected is not None and expected != assignment.version:
        raise StaleVersion(assignment.version)


def accept_assignment(file: CaseFile, assignment: Assignment) -> None:
    """签收: the department takes the assignment. The clock has been running since dispatch."""
    file.advance_assignment(assignment, AssignmentStatus.ACCEPTED)
    keep_act(file, assignment, ActKind.ACCEPTANCE, {}, "assignment.accepted")


def report_progress(file: CaseFile, assignment: Assignment, note: str) -> None:
    """办理进展: changes nothing but the record. Raises IllegalMove on a duty that was returned or is over."""
    if assignment.status not in LIVE:
        raise IllegalMove(assignment.status, "progress")
    keep_act(file, assignment, ActKind.PROGRESS, {"note": note}, "assignment.progressed")


def give_feedback(
    file: CaseFile, assignment: Assignment, feedback: Feedback, attached: Sequence[Evidence] = ()
) -> None:
    """反馈: the department says what it did, or why the burden cannot be lifted.

    Raises AnswerExpectedFromAbove on an escalation, or what `Feedback.check` raises.
    """
    if assignment.kind is AssignmentKind.ESCALATION:
        raise AnswerExpectedFromAbove
    feedback.check(today_of(file))
    file.advance_assignment(assignment, AssignmentStatus.RESPONDED)
    assignment.resolved = feedback.resolved
    content = feedback.content() | {"evidence": [describe_evidence(e) for e in attached]}
    facts = {
        "document_changed": document_line(feedback),
        "completed_on": content["completed_on"],
        "resolved": feedback.resolved,
        "because": feedback.because,
        "evidence": commit_to(attached),
    }
    attach(keep_act(file, assignment, ActKind.FEEDBACK, content, "assignment.responded", facts), attached)


def forward_upward(
    file: CaseFile, assignment: Assignment, *, reference: str, forwarded_on: date, forwarded_to: str
) -> None:
    """上报: the counterpart has carried the matter to the province. Raises NotAnEscalation."""
    if assignment.kind is not AssignmentKind.ESCALATION:
        raise NotAnEscalation
    file.advance_assignment(assignment, AssignmentStatus.FORWARDED)
    content = {"reference": reference, "forwarded_on": forwarded_on.isoformat(), "forwarded_to": forwarded_to}
    keep_act(file, assignment, ActKind.FORWARDING, content, "escalation.forwarded", content)


def bring_answer(
    file: CaseFile,
    assignment: Assignment,
    *,
    answer: str,
    public_reply: str,
    agreed: bool,
    reference: str | None,
    attached: Sequence[Evidence] = (),
) -> None:
    """上级答复: the province has answered; its refusal is an answer that leaves the burden unresolved.

    Raises NotAnEscalation.
    """
    if assignment.kind is not AssignmentKind.ESCALATION:
        raise NotAnEscalation
    file.advance_assignment(assignment, AssignmentStatus.RESPONDED)
    assignment.resolved = agreed
    said: dict[str, Any] = {"agreed": agreed, "reference": reference, "because": None if agreed else PROVINCE_REFUSED}
    content = {"answer": answer, "public_reply": public_reply, **said}
    content["evidence"] = [describe_evidence(e) for e in attached]
    facts = said | {"evidence": commit_to(attached)}
    attach(keep_act(file, assignment, ActKind.UPSTREAM_REPLY, content, "escalation.answered", facts), attached)


def review(file: CaseFile, assignment: Assignment, *, accepted: bool, comment: str) -> None:
    """审核: the office accepts what came back, or sends it back to the department; its comment goes with either.

    What was accepted before may still be sent back while the office reviews the case, as after the points have said
    no or nothing. Raises IllegalMove where nothing has come back.
    """
    reconsidered = assignment.status is AssignmentStatus.APPROVED and file.case.status is CaseStatus.IN_REVIEW
    if assignment.status is not AssignmentStatus.RESPONDED and (accepted or not reconsidered):
        raise IllegalMove(assignment.status, "review")
    if accepted:
        approve(file, assignment, comment)
    else:
        send_back(file, assignment, comment)


def approve(file: CaseFile, assignment: Assignment, comment: str) -> None:
    """审核通过: the answer stands. The department is told what the office remarks on it, if anything."""
    file.advance_assignment(assignment, AssignmentStatus.APPROVED)
    facts = {"assignment": assignment.id, "department": assignment.department_code}
    remarked = bool(comment.strip())
    file.record(
        "feedback.approved",
        facts | {"resolved": assignment.resolved is not False},
        department_code=assignment.department_code if remarked else None,
        message=file.describe(assignment) | {"comment": comment} if remarked else None,
    )


def send_back(file: CaseFile, assignment: Assignment, comment: str) -> None:
    """退回重办: the department has to go on; a new answer clock starts."""
    file.advance_assignment(assignment, AssignmentStatus.REWORKING)
    assignment.resolved = None
    file.record(
        "assignment.returned_to_department",
        {"assignment": assignment.id, "department": assignment.department_code},
        department_code=assignment.department_code,
        message=file.describe(assignment) | {"comment": comment},
    )


def keep_act(
    file: CaseFile,
    assignment: Assignment,
    kind: ActKind,
    content: dict[str, Any],
    event_type: str,
    facts: dict[str, Any] | None = None,
    *,
    applied: bool = True,
) -> Act:
    """Store an act whole, and the event that says so; `applied` is False for what was said but not done."""
    act = Act(id=new_id(), assignment_id=assignment.id, kind=kind, content=content, applied=applied, done_at=file.now)
    file.batch.add(act)
    file.record(event_type, {"assignment": assignment.id, "department": assignment.department_code, **(facts or {})})
    return act


def today_of(file: CaseFile) -> date:
    """The day it is where the departments are."""
    return file.now.astimezone(file.calendar.zone).date()
