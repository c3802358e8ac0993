"""What the door for callbacks answers to spoilt headers, and to replays over any time: one answer, one effect."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select
from standardwebhooks import Webhook

from app.clock import FixedClock
from app.models import Act, Callback
from tests.api.test_callbacks import connected, count, event, send
from tests.city import CityUnderTest
from tests.deliver.mutations import ID, SIGNATURE, TIMESTAMP, mutations
from tests.receiver import TEST_SECRET

MUTATIONS = 250


def spelled(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Header values as bytes on the wire: a server refuses line breaks and NUL before the application sees them."""
    return [
        (name.encode(), value.encode("utf-8", "surrogatepass").translate(None, b"\r\n\x00"))
        for name, value in headers.items()
    ]


def without_place(answer: httpx.Response) -> tuple[int, dict[str, object]]:
    return answer.status_code, answer.json() | {"instance": ""}


async def test_every_spoilt_header_unknown_department_and_strange_key_gets_the_same_answer(
    city: CityUnderTest,
) -> None:
    scene = await connected(city)
    body = event("assignment.acceptance", scene)
    now = city.clock.now()
    good = Webhook(TEST_SECRET).sign("msg_1", now, body.decode())
    strange = Webhook("whsec_" + "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").sign("msg_1", now, body.decode())
    valid = {ID: "msg_1", TIMESTAMP: str(int(now.timestamp())), SIGNATURE: good}
    answers = []
    async with city.anonymous() as system:
        for mutation in mutations(valid, MUTATIONS, seed=20):
            headers = spelled(mutation.headers)
            if good.encode() in dict(headers).get(SIGNATURE.encode(), b"").split(b" "):
                continue  # spoilt elsewhere, or not at all where it counts: judged in tests/deliver
            answers.append(await system.post("/v1/callbacks/FR-MZ", content=body, headers=headers))
        for code in ("XX-XX", "FR-JY", "编号"):  # unknown; known and without an address; no code at all
            answers.append(await system.post(f"/v1/callbacks/{code}", content=body, headers=valid))
        for sent in (b"", b"{", b"\xff\xfe", body + b" "):
            answers.append(await system.post("/v1/callbacks/FR-MZ", content=sent, headers=valid))
        answers.append(await system.post("/v1/callbacks/FR-MZ", content=body, headers=valid | {SIGNATURE: strange}))
        answers.append(await system.post("/v1/callbacks/FR-MZ", content=body))
    assert len(answers) > 150
    first = without_place(answers[0])
    assert first[0] == 401
    assert first[1]["code"] == "bad_signature"
    for answer in answers:
        assert without_place(answer) == first, answer.request.headers
    assert await count(city, Callback) == 0
    assert (await scene.shown())["case"]["status"] == "dispatched"


async def test_an_event_that_comes_again_has_one_effect_whenever_it_comes(
    city: CityUnderTest, clock: FixedClock
) -> None:
    """The very bytes count for five minutes; signed anew, the same id is answered as it was the first time."""
    scene = await connected(city)
    body = event("assignment.progress", scene, note="正在梳理各村报表。")
    began = clock.now()
    first = await send(city, body)
    assert first.status_code == 200
    for seconds, status in ((1, 200), (299, 200), (301, 401), (30 * 86_400, 401)):
        clock.set(began + timedelta(seconds=seconds))
        replayed = await send(city, body, late=-seconds)
        assert replayed.status_code == status, seconds
        again = await send(city, body)
        assert (again.status_code, again.content) == (200, first.content), seconds
        other = await send(city, event("assignment.progress", scene, note="另一件事。"))
        assert other.json()["code"] == "webhook_id_reused", seconds
    assert await count(city, Act) == await count(city, Callback) == 1


@pytest.mark.parametrize("kind", ["acceptance", "feedback"])
async def test_twenty_at_once_and_twenty_later_have_one_effect(
    city: CityUnderTest, clock: FixedClock, kind: str
) -> None:
    scene = await connected(city)
    said = {"measures": "已取消。", "public_reply": "已取消。"} if kind == "feedback" else {}
    body = event(f"assignment.{kind}", scene, **said)
    answers = list(await asyncio.gather(*(send(city, body) for _ in range(20))))
    clock.advance(days=30)
    answers += await asyncio.gather(*(send(city, body) for _ in range(20)))
    assert {(a.status_code, a.content) for a in answers} == {(200, answers[0].content)}
    async with city.runtime.database.read() as session:
        kinds = list(await session.execute(select(Act.kind, func.count()).group_by(Act.kind)))
    assert [tuple(row) for row in kinds] == [(kind, 1)]
