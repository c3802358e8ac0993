"""The pull twin survives garbage, restarts and many writers at once; bodies and order are those of the webhooks."""

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.access.principal import Principal
from app.api.door import make_desk
from app.clock import FixedClock
from app.flow.receive import receive
from app.intake.accept import Submission
from app.models import Role
from tests.api.scenes import FEEDBACK, assigned
from tests.city import CityUnderTest, open_city
from tests.receiver import DepartmentReceiver

TOPICS = (
    "走访台账",
    "高龄津贴年审",
    "困境儿童档案",
    "殡葬改革进度",
    "社区养老床位",
    "慈善募捐名册",
    "地名标牌清单",
    "婚俗改革案例",
)


async def pull(client: httpx.AsyncClient, after: object = 0, limit: int = 100) -> dict[str, Any]:
    answer = await client.get("/v1/events", params={"after": str(after), "limit": limit})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def pull_all(client: httpx.AsyncClient, limit: int) -> list[str]:
    """Every event's id, read page by page as a department's system does."""
    ids, after = [], 0
    while True:
        page = await pull(client, after, limit)
        ids += [event["id"] for event in page["events"]]
        if page["next"] == after:
            return ids
        after = page["next"]


GARBAGE = st.one_of(
    st.integers(max_value=-1).map(str),
    st.integers(min_value=2**63).map(str),
    st.floats().map(str),
    st.text(max_size=30),
    st.sampled_from(["", "0x10", "１２", "1e3", "null", "1,2", "true", " ", "1;2", "-0", "+5", "9" * 400, "٣"]),
)


def is_a_position(text: str) -> bool:
    """What Python and the schema read as a whole number within bounds is a cursor like any other."""
    try:
        return 0 <= int(float(text)) < 2**63
    except (ValueError, OverflowError):
        return False


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(after=GARBAGE)
@example(after="\x00")
async def test_garbage_for_a_cursor_is_refused_in_clear_words_and_never_breaks(city: CityUnderTest, after: str) -> None:
    department = await city.department("FR-MZ")
    for query in ({"after": after}, {"after": "0", "limit": after}):
        answer = await department.get("/v1/events", params=query)
        if answer.status_code == 200:
            assert is_a_position(after), after
            continue
        assert answer.status_code == 422, (answer.status_code, after)
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert [fault["field"].rpartition(".")[2] for fault in problem["errors"]] == [list(query)[-1]]
        assert len(after) < 4 or after not in answer.text.replace("\\", "")


@pytest.mark.parametrize("after", [2**53, 2**63 - 1])
async def test_a_cursor_from_the_future_waits_there(city: CityUnderTest, after: int) -> None:
    """As after a restore of an older backup: nothing is sent twice unasked, and the cursor goes on when events do."""
    await assigned(city)
    assert await pull(await city.department("FR-MZ"), after) == {"events": [], "next": after}


async def test_any_page_size_and_any_restart_give_the_bodies_of_the_webhooks_in_their_order(
    city_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    with DepartmentReceiver(clock=clock) as receiver:
        async with open_city(city_url, tmp_path, clock, with_worker=True, delivery_endpoint_cap=1) as city:
            office = await city.office()
            body = {"department": "FR-MZ", "url": receiver.url}
            receiver.secret = (await office.post("/v1/endpoints", json=body)).json()["secret"]
            scene = await assigned(city)
            assert (await scene.act("feedback", **FEEDBACK)).status_code == 200
            assert (await scene.review(accepted=False, comment="请附文号。")).status_code == 200
            assert (await scene.act("feedback", **FEEDBACK)).status_code == 200
            assert (await scene.review()).status_code == 200
            assert (await scene.verify(relieved=True)).status_code == 200
            ids = await pull_all(scene.department, 100)
            await receiver.arrived(len(ids))
            read, after = [], 0
            page = await pull(scene.department, after, 2)
            read, after = page["events"], page["next"]
        async with open_city(city_url, tmp_path, clock) as again:
            department = await again.department("FR-MZ")
            for size in (1, 2, 3, 200):
                assert await pull_all(department, size) == ids
            while page := (await pull(department, after, 2))["events"]:
                read += page
                after = (await pull(department, after, 2))["next"]
    assert [event["id"] for event in read] == ids
    pushed = [request.event for request in receiver.requests]
    assert sorted(read, key=lambda e: e["seq"]) == sorted(pushed, key=lambda e: e["seq"])
    assert [event["seq"] for event in read] == sorted(event["seq"] for event in pushed)
    assert [json.dumps(event) for event in read] == [
        json.dumps(event) for event in sorted(pushed, key=lambda e: ids.index(e["id"]))
    ]


@pytest.mark.parametrize("seed", [1, 2])
async def test_many_writers_at_once_hide_no_event_from_a_reader_that_never_rests(
    city_url: str, tmp_path: Path, clock: FixedClock, seed: int
) -> None:
    """Transactions that take their positions early commit late, and some never: a cursor that moved past one would
    never come back for it."""
    chance = random.Random(seed)
    async with open_city(city_url, tmp_path, clock, join_from_likeness=2.0) as city:
        department = await city.department("FR-MZ")
        principal = Principal(Role.REPORTER, "key:x", observation_point="FR-01")
        writers = 3 if city.runtime.database.is_sqlite else 6
        committed: list[str] = []
        done = asyncio.Event()

        async def write(number: int) -> None:
            for topic in TOPICS[:4]:
                await asyncio.sleep(chance.random() * 0.02)
                text = f"区民政局要求{number}组每周重复填报{topic},还要逐户拍照。"
                try:
                    async with city.runtime.database.write() as session:
                        receipt = await receive(make_desk(city.runtime, session, principal), Submission(text))
                        await asyncio.sleep(chance.random() * 0.03)
                        if chance.random() < 0.2:
                            raise Abandoned
                except Abandoned:
                    continue
                committed.append(receipt.case.number)

        async def read() -> list[str]:
            found, after = [], 0
            while True:
                over = done.is_set()
                page = await pull(department, after, chance.randrange(1, 5))
                found += [event["data"]["case"]["number"] for event in page["events"]]
                if over and page["next"] == after:
                    return found
                after = page["next"]

        reading = asyncio.create_task(read())
        await asyncio.gather(*(write(number) for number in range(writers)))
        done.set()
        found = await reading
    assert sorted(found) == sorted(committed)
    assert len(committed) > writers


class Abandoned(Exception):
    """A transaction that is rolled back after it has taken its positions."""
