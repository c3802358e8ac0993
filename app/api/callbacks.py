"""Where department systems send their signed events (Standard Webhooks). Stored once, then applied; never a 5xx."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

from fastapi import Path, Request, Response
from pydantic import BaseModel, Field, ValidationError, create_model
from sqlalchemy.exc import IntegrityError

from app.access.principal import Principal
from app.api.acts import ACTS, DutyOut, act_on
from app.api.consultations import ConsultationOut, OpinionIn, state_opinion
from app.api.door import JSON_TYPE, In, get_runtime, make_desk, make_router, note_failure
from app.api.errors import from_validation, language_of
from app.api.json_schema import schema_of
from app.api.sessions import ResponseIn, answer_invitation
from app.api.strict_json import StrictRequest, parse_strictly
from app.deliver.endpoints import secrets_of
from app.deliver.signing import BadSignature, verify
from app.feedback.callback import Outcome, digest_of, find_outcome, store_outcome
from app.flow.desk import Desk
from app.flow.handle import prepare_return
from app.models import Role
from app.problems import MEDIA_TYPE, AppError, InvalidInput
from app.runtime import Runtime

router = make_router("callbacks 回调")
OPINION, RESPONSE = "consultation.opinion", "consultation.response"
# What a department's system may send: by type, the member of `data` that names what it is about, and the act's shape.
TAKEN: Mapping[str, tuple[str, type[In]]] = {
    **{f"assignment.{word}": ("assignment", shape) for word, shape in ACTS.items()},
    OPINION: ("consultation", OpinionIn),
    RESPONSE: ("consultation", ResponseIn),
}


class CallbackIn(In):
    """A department system's event. `data` is the act's body with the `assignment` (or `consultation`) it is about."""

    type: str = Field(max_length=60, examples=["assignment.acceptance", "assignment.feedback", OPINION, RESPONSE])
    timestamp: str = Field("", max_length=40)
    data: dict[str, Any]


class UnknownType(InvalidInput):
    code = "unknown_event_type"
    title_zh, title_en = "不认识的事件类型", "Unknown event type"

    def __init__(self) -> None:
        known = "、".join(TAKEN)
        super().__init__(f"type 只能是：{known}。", f"`type` must be one of: {known}.")


@cache
def body_of(event_type: str) -> type[CallbackIn]:
    """The shape of the whole body of one type, for documentation."""
    subject, act = TAKEN[event_type]
    name = "".join(word.capitalize() for word in event_type.replace(".", "_").split("_"))
    about: Any = (Annotated[str, Field(max_length=40, description=f"`{subject}.id` of the webhook")], ...)
    data: Any = create_model(f"{name}Data", __base__=act, __doc__=act.__doc__, **{subject: about})
    members: Any = {"type": (Literal[event_type], ...), "data": (data, ...)}
    return create_model(f"{name}Callback", __base__=CallbackIn, __doc__=act.__doc__, **members)


async def _apply(desk: Desk, event: CallbackIn) -> BaseModel:
    """Do what the event says; raises the same problems as the API's acts."""
    data = dict(event.data)
    if event.type == OPINION:
        return await state_opinion(desk, _subject(data, "consultation"), OpinionIn.model_validate(data))
    if event.type == RESPONSE:
        return await answer_invitation(desk, _subject(data, "consultation"), ResponseIn.model_validate(data))
    family, _, word = event.type.partition(".")
    shape = ACTS.get(word) if family == "assignment" else None
    if shape is None:
        raise UnknownType
    assignment_id = _subject(data, "assignment")
    return await act_on(desk, assignment_id, shape.model_validate(data))


def _subject(data: dict[str, Any], name: str) -> str:
    value = data.pop(name, None)
    if not isinstance(value, str) or len(value) > 40:
        raise InvalidInput(
            f"data.{name} 应为编号。",
            f"`data.{name}` must be its id.",
            errors=[{"field": f"data.{name}", "zh": "缺少或格式不正确", "en": "is missing or not valid"}],
        )
    return value


async def _take_in(runtime: Runtime, department: str, webhook_id: str, body: bytes, language: str) -> Outcome:
    """One transaction: the answer given before, or the effect together with its answer."""
    digest = digest_of(body)
    principal = Principal(role=Role.DEPARTMENT, holder=f"system:{department}", department=department)
    await prepare_return(runtime.numbers, runtime.clock.now())
    async with runtime.database.write() as session:
        known = await find_outcome(session, department, webhook_id, digest)
        if known is not None:
            return known
        desk = make_desk(runtime, session, principal)
        event_type = "malformed"
        try:
            event = CallbackIn.model_validate(parse_strictly(body))
            event_type = event.type
            async with session.begin_nested():
                outcome = Outcome(200, (await _apply(desk, event)).model_dump_json())
        except ValidationError as error:
            outcome = _refused(from_validation(error), language)
        except AppError as error:
            outcome = _refused(error, language)
        store_outcome(
            session,
            department=department,
            webhook_id=webhook_id,
            digest=digest,
            event_type=event_type[:60],
            outcome=outcome,
            now=desk.now,
        )
        return outcome


def _refused(error: AppError, language: str) -> Outcome:
    if error.status >= 500:
        raise error
    return Outcome(error.status, json.dumps(error.to_problem(language), ensure_ascii=False))


@router.post(
    "/callbacks/{department_code}",
    response_model=DutyOut | ConsultationOut,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"oneOf": [schema_of(body_of(kind)) for kind in TAKEN]}}},
        },
        "parameters": [
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
            for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
        ],
    },
)
async def post_callback(department_code: Annotated[str, Path(max_length=20)], request: Request) -> Response:
    """Take one signed event. The same id and body get the first answer again; another body answers 409."""
    runtime = get_runtime(request)
    body = await StrictRequest.body(request)  # type: ignore[arg-type]
    now = runtime.clock.now()
    async with runtime.database.read() as session:
        secrets = await secrets_of(session, department_code, runtime.sealer, now)
    try:
        webhook_id = verify(secrets, request.headers, body, now)
    except BadSignature:
        await note_failure(request)
        raise
    arguments = (runtime, department_code, webhook_id, body, language_of(request))
    try:
        outcome = await _take_in(*arguments)
    except IntegrityError:
        # The same event at the same moment: the other one has committed by now, and this one finds its answer.
        outcome = await _take_in(*arguments)
    return Response(outcome.body, outcome.status, media_type=JSON_TYPE if outcome.status < 400 else MEDIA_TYPE)
