"""The webhooks we send, for OpenAPI 3.1's `webhooks` and docs/schemas: what a department's developer reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel, Field, create_model

from app.api import messages


class WebhookBody(BaseModel):
    """At most 20 kB; the same bytes on every attempt. Nothing in it tells who reported."""

    type: str
    timestamp: messages.Moment
    id: str = Field(description="equals the `webhook-id` header; answer a repeated one with 2xx and do nothing")
    seq: int = Field(description="the event's place in its case's history; there are gaps")
    schema_version: Literal[1]
    data: BaseModel


@dataclass(frozen=True, slots=True)
class Sent:
    """A type of event: what it means, and the shape of its `data`."""

    meaning: str
    data: type[BaseModel]


SENT: Mapping[str, Sent] = {
    "assignment.created": Sent("交办: a new assignment", messages.CreatedData),
    "assignment.returned_to_department": Sent("退回重办: what you sent is not enough yet", messages.CommentedData),
    "feedback.approved": Sent(
        "审核通过: your answer is accepted, with a remark of the office; without one nothing is sent",
        messages.ApprovedData,
    ),
    "assignment.extension_decided": Sent(
        "延期审批: whether you get more time (`granted`), with the deadline as it is now", messages.ExtensionDecidedData
    ),
    "assignment.reminded": Sent(
        "提醒: your clock ends in two working days; or, while the province is silent, ask it again",
        messages.RemindedData,
    ),
    "assignment.urged": Sent(
        "催办: the office asks you, by hand, to get on with what is open; your nearest clock", messages.RemindedData
    ),
    "assignment.overdue": Sent("逾期: your clock has run out; sent once", messages.OverdueData),
    "assignment.supervised": Sent(
        "督办: still unanswered; the level, and the day by which to answer", messages.SupervisedData
    ),
    "assignment.closed": Sent(
        "交办结束: `because` another decision replaced it (`superseded`), your account that the burden cannot be "
        "lifted was accepted (`unresolved_accepted`), or the case was left so (`case_unresolved`)",
        messages.DutyClosedData,
    ),
    "assignment.paused": Sent(
        "暂停计时: your clock stands still for a named blocker; you may answer all the same", messages.PausedData
    ),
    "assignment.resumed": Sent(
        "恢复计时: your clock goes on with the working days that were left", messages.ResumedData
    ),
    "assignment.deadline_changed": Sent(
        "期限重算: a year's holidays were announced, and your deadline moved with them", messages.DeadlineChangedData
    ),
    "escalation.created": Sent(
        "上报件: carry this matter to your provincial counterpart and bring its answer home", messages.CreatedData
    ),
    "consultation.invited": Sent("会商邀请: state your position and take part", messages.InvitedData),
    "consultation.rescheduled": Sent(
        "会商时间地点: date and place are fixed or moved, or the case is on another session", messages.RescheduledData
    ),
    "consultation.cancelled": Sent(
        "会商取消: this case is no longer to be consulted with you, and `because` of what", messages.CancelledData
    ),
    "consultation.concluded": Sent(
        "会商结论: who leads and who supports, and your part; told to absent departments too", messages.ConcludedData
    ),
    "endpoint.challenge": Sent(
        "验证地址: does this address answer for itself? It tells of no case; echo it", messages.ChallengeData
    ),
    "endpoint.test": Sent(
        "测试: somebody of the office wants to see whether you answer; it tells of no case", messages.TrialData
    ),
    "case.closed": Sent("销号: the case was struck off, or merged into another (并案)", messages.CaseClosedData),
    "case.reopened": Sent(
        "重新挂账: the case is back on the ledger; a relapse (回潮) comes with a new assignment", messages.ReopenedData
    ),
}


@cache
def body_of(event_type: str) -> type[WebhookBody]:
    """The shape of the whole body of one type."""
    sent = SENT[event_type]
    name = "".join(word.capitalize() for word in event_type.replace(".", "_").split("_")) + "Event"
    members: Any = {"type": (Literal[event_type], ...), "data": (sent.data, ...)}
    return create_model(name, __base__=WebhookBody, __doc__=WebhookBody.__doc__, **members)


def add_webhooks(application: FastAPI) -> None:
    """Document the outbound events."""
    for event_type, sent in SENT.items():

        def document(body: WebhookBody) -> None:
            """Answer with any 2xx within 15 seconds. Verify the signature first (Standard Webhooks, `v1`)."""

        document.__name__ = event_type.replace(".", "_")
        document.__annotations__ = {"body": body_of(event_type), "return": None}
        route: Any = application.webhooks.post(event_type, summary=sent.meaning, name=event_type)
        route(document)
