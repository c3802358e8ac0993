"""Random callbacks against a small model: late, repeated or out of order, none moves anything back, none acts abroad.

The model knows three things of a duty: where it stands, its version, and what each id was answered.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from app.clock import FixedClock
from app.models import Act, Assignment, Callback
from tests.api.scenes import FEEDBACK
from tests.api.test_callbacks import register_systems, send
from tests.city import CityUnderTest, open_city

# What moves a duty, and from where; progress only adds to the record. The office's part stands at the end.
MOVES = {
    "acceptance": ({"dispatched"}, "accepted"),
    "feedback": ({"dispatched", "accepted", "reworking"}, "responded"),
    "progress": ({"dispatched", "accepted", "reworking", "responded", "approved"}, None),
}
BODIES: dict[str, dict[str, Any]] = {"acceptance": {}, "feedback": FEEDBACK, "progress": {"note": "正在办理。"}}
KINDS = st.sampled_from(sorted(MOVES))
# The version a system names: none, the one it last saw, or one it saw long ago.
SEEN = st.sampled_from(["none", "current", "stale"])
PAPERS = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉"


@dataclass
class Stage:
    """The running city that all examples share: each has a case of its own on it."""

    city: CityUnderTest
    runner: asyncio.Runner
    serial: int = 0
    reports: int = 0


@dataclass(frozen=True)
class Sent:
    """A callback that went out, and what it was answered."""

    webhook_id: str
    code: str
    body: bytes
    status: int
    content: bytes


@dataclass
class Duty:
    """The model."""

    state: str = "dispatched"
    version: int = 1
    acts: int = 0
    sent: list[Sent] = field(default_factory=list)


class Callbacks(RuleBasedStateMachine):
    stage: Stage

    @initialize()
    def report(self) -> None:
        self.model, self.stage.reports = Duty(), self.stage.reports + 1
        self.run(self._report())

    def run(self, work: Any) -> Any:
        return self.stage.runner.run(work)

    async def _report(self) -> None:
        city = self.stage.city
        reporter, self.office = await city.reporter("FR-01"), await city.office()
        tens, ones = divmod(self.stage.reports, len(PAPERS))
        text = f"区民政局要求每周报一次{PAPERS[tens % len(PAPERS)]}{PAPERS[ones]}台账。"
        receipt = (await reporter.post("/v1/reports", json={"text": text})).json()
        case = (await self.office.get(f"/v1/cases/{receipt['case']}")).json()
        [duty] = case["assignments"]
        self.duty, self.version_then = duty["id"], duty["version"]
        self.model.version = duty["version"]

    async def _send(self, webhook_id: str, code: str, body: bytes) -> Sent:
        answer = await send(self.stage.city, body, webhook_id=webhook_id, code=code)
        assert answer.status_code < 500, answer.text
        return Sent(webhook_id, code, body, answer.status_code, answer.content)

    def new_id(self) -> str:
        self.stage.serial += 1
        return f"m{self.stage.serial}"

    def body_of(self, kind: str, seen: str) -> bytes:
        versions = {"none": {}, "current": {"version": self.model.version}, "stale": {"version": self.version_then - 1}}
        data = {"assignment": self.duty, **BODIES[kind], **versions[seen]}
        return json.dumps({"type": f"assignment.{kind}", "data": data}, ensure_ascii=False).encode()

    # ── what a department's system does ──

    @rule(kind=KINDS, seen=SEEN)
    def call(self, kind: str, seen: str) -> None:
        sent = self.run(self._send(self.new_id(), "FR-MZ", self.body_of(kind, seen)))
        self.model.sent.append(sent)
        sources, target = MOVES[kind]
        if seen == "stale" or self.model.state not in sources:
            assert sent.status == 409, sent
            return
        assert sent.status == 200, sent
        self.model.acts += 1
        if target:
            self.model.state, self.model.version = target, self.model.version + 1
        assert json.loads(sent.content)["status"] == self.model.state

    @precondition(lambda self: self.model.sent)
    @rule(data=st.data())
    def call_again(self, data: st.DataObject) -> None:
        """A retry, however late: the first answer, whatever has happened since."""
        before = data.draw(st.sampled_from(self.model.sent))
        again = self.run(self._send(before.webhook_id, before.code, before.body))
        assert (again.status, again.content) == (before.status, before.content)

    @precondition(lambda self: self.model.sent)
    @rule(data=st.data(), kind=KINDS)
    def call_again_with_another_body(self, data: st.DataObject, kind: str) -> None:
        before = data.draw(st.sampled_from(self.model.sent))
        other = self.run(self._send(before.webhook_id, before.code, self.body_of(kind, "none") + b" "))
        assert (other.status, json.loads(other.content)["code"]) == (409, "webhook_id_reused")

    @rule(kind=KINDS, seen=SEEN)
    def call_from_abroad(self, kind: str, seen: str) -> None:
        """Another department's system, with a good signature of its own."""
        sent = self.run(self._send(self.new_id(), "CS-MZ", self.body_of(kind, seen)))
        assert sent.status == 404, sent
        self.model.sent.append(sent)

    @rule(body=st.sampled_from([b"", b"[]", b'{"type":"assignment.acceptance","data":{}}', b'{"type":"x","data":{}}']))
    def call_malformed(self, body: bytes) -> None:
        sent = self.run(self._send(self.new_id(), "FR-MZ", body))
        assert sent.status == 422, sent
        self.model.sent.append(sent)

    # ── what the office does ──

    @precondition(lambda self: self.model.state == "responded")
    @rule()
    def send_back(self) -> None:
        path, body = f"/v1/assignments/{self.duty}/review", {"accepted": False, "comment": "请补充文号。"}
        assert self.run(self.office.post(path, json=body)).status_code == 200
        self.model.state, self.model.version = "reworking", self.model.version + 1

    @precondition(lambda self: self.model.state == "responded")
    @rule()
    def approve(self) -> None:
        path = f"/v1/assignments/{self.duty}/review"
        assert self.run(self.office.post(path, json={"accepted": True, "comment": ""})).status_code == 200
        self.model.state, self.model.version = "approved", self.model.version + 1

    # ── what holds after each step ──

    @invariant()
    def the_duty_stands_where_the_model_says(self) -> None:
        self.run(self._compare())

    async def _compare(self) -> None:
        async with self.stage.city.runtime.database.read() as session:
            row = (
                await session.execute(select(Assignment.status, Assignment.version).where(Assignment.id == self.duty))
            ).one()
            acts = await session.scalar(select(func.count()).where(Act.assignment_id == self.duty))
            ids = [sent.webhook_id for sent in self.model.sent]
            stored = await session.scalar(select(func.count()).where(Callback.webhook_id.in_(ids)))
        assert (row.status, row.version) == (self.model.state, self.model.version)
        assert acts == self.model.acts
        # Each is recorded, refused ones too.
        assert stored == len(ids)


@pytest.fixture
def stage(city_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Stage]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def open_stage() -> CityUnderTest:
            city = await stack.enter_async_context(open_city(city_url, tmp_path, clock, join_from_likeness=2.0))
            await register_systems(city)
            return city

        yield Stage(runner.run(open_stage()), runner)
        runner.run(stack.aclose())


def test_callbacks_are_commands_that_never_move_a_duty_back(stage: Stage) -> None:
    machine = type("Callbacks", (Callbacks,), {"stage": stage})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert stage.reports >= 8
