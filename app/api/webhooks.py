"""The webhooks we send, for OpenAPI 3.1's `webhooks`: what a department's developer reads beside the paths."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field


class DisclosedCase(BaseModel):
    number: str
    status: str
    category: str
    route: str
    burden_types: list[str]
    urgency: str = Field(description="`normal` or `urgent`, as the office says")
    opened_on: str = Field(description="the day, never the time")


class Represented(BaseModel):
    code: str
    name: str


class DisclosedAssignment(BaseModel):
    id: str = Field(description="used in `/v1/assignments/{id}/…` and in callbacks")
    kind: str = Field(description="`assignment`, or `escalation` where the matter is to be carried to the province")
    role: str = Field(description="`lead` or `supporting`")
    status: str
    department: str
    on_behalf_of: list[Represented]
    obligation: str = Field(description="what is asked of the department")
    due_at: str
    due_provisional: bool = Field(description="a day up to `due_at` is only assumed: its year is not announced yet")
    paused_until: str | None = Field(description="your clock stands still until then at the latest")
    extension: str | None = Field(description="more time was `requested`, `granted`, `refused`, or it `lapsed`")
    version: int = Field(description="send it back with an act; a stale one answers 409")


class DisclosedConclusion(BaseModel):
    lead: str
    supporting: list[str]
    manner: str = Field(description="`agreed`, or `ruled` by the office where the departments did not agree")
    part: str = Field(description="yours: `lead`, `supporting` or `not_concerned`")
    attendance: str | None = Field(description="yours: `present`, `deputy` or `absent`; who was absent is bound too")


class DisclosedConsultation(BaseModel):
    id: str
    number: str
    status: str
    due_at: str
    meeting_at: str | None
    minutes_long: int | None = None
    place: str | None
    previous_meeting_at: str | None = Field(default=None, description="`consultation.rescheduled`: when it was to meet")
    moved_from: str | None = Field(default=None, description="`consultation.rescheduled`: the session the case was on")
    because: str | None = Field(
        default=None,
        description="`consultation.cancelled`: `cancelled`, `withdrawn` (this case only), `uninvited` (your seat only) "
        "or `settled` (the office ruled or closed)",
    )
    reason: str | None = None
    conclusion: DisclosedConclusion | None = None


class DisclosedReport(BaseModel):
    title: str | None
    text: str = Field(description="with self-identifying spans masked")


class DisclosedDeadline(BaseModel):
    kind: str = Field(description="`acceptance`, `feedback`, `forwarding` or `chase` (ask the province again)")
    due_at: str
    level: int | None = Field(default=None, description="the level of supervision, 1 to 3")
    reply_by: str | None = Field(default=None, description="answer by then, or the next level follows")
    was: str | None = Field(default=None, description="what `due_at` was before it was worked out anew")
    because: str | None = Field(default=None, description="`calendar_announced`: the year's holidays are known now")


class DisclosedPause(BaseModel):
    kind: str = Field(description="the clock: `feedback` or `forwarding`")
    blocker: str | None = Field(
        default=None, description="`awaiting_information`, `awaiting_province` or `awaiting_other`"
    )
    who: str | None = Field(default=None, description="who is waited for")
    why: str | None = None
    until: str | None = Field(default=None, description="at the latest; the clock then goes on by itself")
    remaining_days: int | None = Field(default=None, description="working days that are kept for you")
    due_at: str | None = Field(default=None, description="the new deadline, once the clock goes on")


class WebhookData(BaseModel):
    case: DisclosedCase
    assignment: DisclosedAssignment | None = None
    consultation: DisclosedConsultation | None = None
    reports: list[DisclosedReport] | None = None
    because: str | None = Field(default=None, description="why an assignment was closed, or a case is back")
    merged_into: str | None = Field(default=None, description="`case.closed` with outcome `merged`: where it goes on")
    deadline: DisclosedDeadline | None = Field(default=None, description="the clock that a reminder or notice is about")
    pause: DisclosedPause | None = Field(default=None, description="what your clock waits for, or that it goes on")


class WebhookBody(BaseModel):
    """At most 20 kB; the same bytes on every attempt. Nothing in it tells who reported."""

    type: str
    timestamp: str
    id: str = Field(description="equals the `webhook-id` header; answer a repeated one with 2xx and do nothing")
    seq: int = Field(description="the event's place in its case's history")
    schema_version: int
    data: WebhookData


SENT = {
    "assignment.created": "交办: a new assignment",
    "assignment.returned_to_department": "退回重办: what you sent is not enough yet",
    "assignment.extension_decided": "延期审批: whether you get more time (`granted`), with the deadline as it is now",
    "assignment.reminded": "提醒: your clock ends in two working days; or, while the province is silent, ask it again",
    "assignment.overdue": "逾期: your clock has run out; sent once",
    "assignment.supervised": "督办: still unanswered; the level, and the day by which to answer",
    "assignment.closed": "交办结束: `because` another decision replaced it (`superseded`), your account that the "
    "burden cannot be lifted was accepted (`unresolved_accepted`), or the case was left so (`case_unresolved`)",
    "assignment.paused": "暂停计时: your clock stands still for a named blocker; you may answer all the same",
    "assignment.resumed": "恢复计时: your clock goes on with the working days that were left",
    "assignment.deadline_changed": "期限重算: a year's holidays were announced, and your deadline moved with them",
    "escalation.created": "上报件: carry this matter to your provincial counterpart and bring its answer home",
    "consultation.invited": "会商邀请: state your position and take part",
    "consultation.rescheduled": "会商时间地点: date and place are fixed or moved, or the case is on another session",
    "consultation.cancelled": "会商取消: this case is no longer to be consulted with you, and `because` of what",
    "consultation.concluded": "会商结论: who leads and who supports, and your part; told to absent departments too",
    "case.closed": "销号: the case was struck off, or merged into another (并案)",
    "case.reopened": "重新挂账: the case is back on the ledger; a relapse (回潮) comes with a new assignment",
}


class CheckData(BaseModel):
    department: str
    challenge: str | None = Field(default=None, description="`endpoint.challenge`: answer 2xx with it")


class CheckBody(BaseModel):
    """Sent to an address itself, signed like an event. It belongs to no case and does not stand in the feed."""

    type: str
    timestamp: str
    id: str = Field(description="equals the `webhook-id` header")
    seq: int = Field(description="0")
    schema_version: int
    data: CheckData


CHECKS = {
    "endpoint.challenge": '验证: answer `{"challenge": "…"}`, then events follow; asked when the address is registered',
    "endpoint.test": "测试: somebody of the office wants to see whether you answer",
}


def add_webhooks(application: FastAPI) -> None:
    """Document the outbound events."""
    for event_type, meaning in SENT.items():

        def document(body: WebhookBody) -> None:
            """Answer with any 2xx within 15 seconds. Verify the signature first (Standard Webhooks, `v1`)."""

        document.__name__ = event_type.replace(".", "_")
        route: Any = application.webhooks.post(event_type, summary=meaning, name=event_type)
        route(document)
    for check_type, meaning in CHECKS.items():

        def document_check(body: CheckBody) -> None:
            """Answer with 2xx within 15 seconds; to a challenge with what it holds."""

        document_check.__name__ = check_type.replace(".", "_")
        check_route: Any = application.webhooks.post(check_type, summary=meaning, name=check_type)
        check_route(document_check)
