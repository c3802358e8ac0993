"""Signed events from department systems: verified, stored once, answered the same ever after, never a 5xx."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from standardwebhooks import Webhook

from app.deliver.endpoints import register_endpoint
from app.deliver.guard import Guard
from app.models import Act, Callback
from tests.api.scenes import FEEDBACK, Scene, assigned
from tests.city import CityUnderTest
from tests.receiver import TEST_SECRET


async def register_systems(city: CityUnderTest) -> None:
    """Give two departments a system each, with the tests' secret."""
    async with city.runtime.database.write() as session:
        for code in ("FR-MZ", "CS-MZ"):
            await register_endpoint(
                session, code, "http://127.0.0.1:9/hook", city.runtime.sealer, Guard.of([], allow_loopback=True),
                city.clock.now(), secret=TEST_SECRET,
            )  # fmt: skip


async def connected(city: CityUnderTest) -> Scene:
    """An assigned case whose department, and another one, have systems of their own."""
    await register_systems(city)
    return await assigned(city)


async def send(
    city: CityUnderTest, body: bytes, *, webhook_id: str = "msg_1", code: str = "FR-MZ", late: float = 0
) -> httpx.Response:
    moment = city.clock.now() + timedelta(seconds=late)
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(TEST_SECRET).sign(webhook_id, moment, body.decode("utf-8", "surrogateescape")),
    }
    async with city.anonymous() as system:
        return await system.post(f"/v1/callbacks/{code}", content=body, headers=headers)


def event(kind: str, scene: Scene, **data: Any) -> bytes:
    return json.dumps({"type": kind, "data": {"assignment": scene.assignment, **data}}, ensure_ascii=False).encode()


async def count(city: CityUnderTest, model: type) -> int:
    async with city.runtime.database.read() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


async def test_the_same_event_again_gets_the_first_answer_and_has_one_effect(city: CityUnderTest) -> None:
    scene = await connected(city)
    body = event("assignment.acceptance", scene)
    answers = [await send(city, body) for _ in range(3)]
    assert {a.status_code for a in answers} == {200}
    assert len({a.content for a in answers}) == 1
    assert await count(city, Act) == 1


async def test_twenty_equal_events_at_once_have_one_effect(city: CityUnderTest) -> None:
    scene = await connected(city)
    body = event("assignment.progress", scene, note="正在梳理各村报表。")
    answers = await asyncio.gather(*(send(city, body) for _ in range(20)))
    assert {a.status_code for a in answers} == {200}
    assert await count(city, Act) == 1


async def test_the_same_id_with_another_body_answers_409(city: CityUnderTest) -> None:
    scene = await connected(city)
    await send(city, event("assignment.acceptance", scene))
    other = await send(city, event("assignment.feedback", scene, **FEEDBACK))
    assert other.status_code == 409
    assert other.json()["code"] == "webhook_id_reused"


@pytest.mark.parametrize(("late", "status"), [(-301, 401), (-299, 200), (299, 200), (301, 401)])
async def test_a_timestamp_counts_within_five_minutes(city: CityUnderTest, late: float, status: int) -> None:
    scene = await connected(city)
    assert (await send(city, event("assignment.acceptance", scene), late=late)).status_code == status


async def test_a_late_event_is_recorded_and_moves_nothing_back(city: CityUnderTest) -> None:
    scene = await connected(city)
    await send(city, event("assignment.feedback", scene, **FEEDBACK), webhook_id="a")
    late = await send(city, event("assignment.acceptance", scene), webhook_id="b")
    assert late.status_code == 409
    assert (await scene.shown())["case"]["status"] == "in_review"
    assert await count(city, Callback) == 2
    again = await send(city, event("assignment.acceptance", scene), webhook_id="b")
    assert again.content == late.content


async def test_another_departments_assignment_is_not_found(city: CityUnderTest) -> None:
    scene = await connected(city)
    foreign = await send(city, event("assignment.acceptance", scene), code="CS-MZ")
    assert foreign.status_code == 404
    assert (await scene.shown())["case"]["status"] == "dispatched"


async def test_an_unknown_department_and_a_bad_signature_answer_alike(city: CityUnderTest) -> None:
    scene = await connected(city)
    body = event("assignment.acceptance", scene)
    unknown = await send(city, body, code="XX-XX")
    async with city.anonymous() as system:
        unsigned = await system.post("/v1/callbacks/FR-MZ", content=body)
    assert unknown.status_code == unsigned.status_code == 401
    assert unknown.json() | {"instance": ""} == unsigned.json() | {"instance": ""}
    assert await count(city, Callback) == 0


MALFORMED = [
    b"", b"{", b"[]", b'"x"', b'{"type": 1}', b'{"type": "assignment.acceptance"}', b'{"type":"x","data":{}}',
    b'{"type":"assignment.acceptance","data":{"assignment":7}}', b'{"type":"assignment.","data":{"assignment":"a"}}',
    b'{"type":"assignment.feedback","data":{"assignment":"a","measures":NaN}}',
    b'{"type":"consultation.opinion","data":{"consultation":"a","position":"lead","basis":"xx"}}',
]  # fmt: skip


@pytest.mark.parametrize("body", MALFORMED)
async def test_a_signed_but_malformed_event_is_refused_clearly(city: CityUnderTest, body: bytes) -> None:
    await connected(city)
    answer = await send(city, body)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200), serial=st.integers(0, 10**9))
async def test_no_signed_bytes_give_a_server_error(city: CityUnderTest, body: bytes, serial: int) -> None:
    try:
        body.decode()
    except UnicodeDecodeError:
        return  # the independent package signs text only
    assert (await send(city, body, webhook_id=f"m{serial}")).status_code < 500
