"""部门系统模拟器: one department's system on a socket of its own, for whoever connects to Yilong or tries it out.

It verifies what it is sent, answers as its script says, calls back signed, and tells each event in one line.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpcore

from app.clock import Clock
from app.deliver.signing import BadSignature
from app.demo.chance import happens
from app.demo.correspondent import Correspondent, Reception
from app.demo.ending import interrupted
from app.demo.far_end import OnSocket
from app.demo.plans import Event, Step, plan_for
from app.demo.schedule import Act
from app.demo.script import PROFILES, Conditions, Manner, Script
from app.demo.wire import Answer, HttpWire, Wire
from app.demo.work import Work
from app.directory.pack import BUNDLED_PACK, Department, load_pack

Say = Callable[[str], None]
# A callback that got no answer is sent again, the same id and bytes, after so many seconds.
ZONE: Final = ZoneInfo("Asia/Shanghai")
PAUSES: Final = (1.0, 2.0, 5.0)
_NO_ANSWER: Final = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError)


@dataclass
class Simulator:
    """One department's system.

    Attributes:
        counts: what happened: received, repeated, forged, failed, missed; callbacks, refused, unanswered; defects.
    """

    correspondent: Correspondent
    departments: Mapping[str, Department]
    seed: int
    script: Script
    wire: Wire
    clock: Clock
    say: Say
    pauses: tuple[float, ...] = PAUSES
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._started = self.clock.now()
        self._seen: set[str] = set()
        self._attempts: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._work = Work(self._later, self._send)

    @property
    def is_sound(self) -> bool:
        """Whether every webhook was genuine, and every callback answered and taken; a conflict is part of life."""
        return not any(self.counts[name] for name in ("forged", "refused", "unanswered", "defects"))

    # ── what comes in ──

    def take(self, code: str, headers: Mapping[str, str], body: bytes) -> Reception:
        """Receive one webhook, whatever its path."""
        now = self._conditions()
        if now.down:
            self.counts["missed"] += 1
            self._tell("停", "没有应答：正在停机")
            return Reception(None)
        try:
            webhook_id = self.correspondent.open(headers, body, self.clock.now())
        except BadSignature:
            self.counts["forged"] += 1
            self._tell("拒", "签名或时间不对 → 401")
            return Reception(401, delay=now.delay)
        return self._take_genuine(webhook_id, json.loads(body), now)

    def _take_genuine(self, webhook_id: str, event: Event, now: Conditions) -> Reception:
        if event["type"] == "endpoint.challenge":
            self._tell("验", "验证地址 endpoint.challenge → 200")
            return Reception(200, body=json.dumps({"challenge": event["data"].get("challenge")}).encode())
        self._attempts[webhook_id] += 1
        if happens(now.error_rate, self.seed, "error", webhook_id, self._attempts[webhook_id]):
            self.counts["failed"] += 1
            self._tell("错", f"{_summary(event)} → 500")
            return Reception(500, delay=now.delay)
        if webhook_id in self._seen:
            self.counts["repeated"] += 1
            self._tell("重", f"{_summary(event)} → 200，已办过")
            return Reception(200, delay=now.delay)
        self._seen.add(webhook_id)
        self.counts["received"] += 1
        self._tell("收", f"{_summary(event)} → 200")
        self._plan(event, now.answers)
        return Reception(200, delay=now.delay)

    def _plan(self, event: Event, manner: Manner) -> None:
        if manner is Manner.SILENT:
            return
        code = self.correspondent.code
        self._work.go_on(code, event, plan_for(self.seed, self, code, event, PROFILES.get(manner)))

    # ── what goes out ──

    def _later(self, hours: float, act: Act, *_name: object) -> None:
        """Every step comes after the same wait, however long it would take in life."""

        async def after() -> None:
            await asyncio.sleep(self._conditions().wait)
            await act()

        task = asyncio.get_running_loop().create_task(after())
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: "asyncio.Task[None]") -> None:
        """A defect of the simulator's own is told, and the others go on."""
        self._tasks.discard(task)
        if not task.cancelled() and (defect := task.exception()) is not None:
            self.counts["defects"] += 1
            self._tell("错", f"模拟器自身出错：{defect!r}")

    async def _send(self, code: str, event: Event, step: Step) -> bool:
        today = self.clock.now().astimezone(ZONE).date()
        webhook_id, content = f"sim_{event['id']}_{step.action}", step.content(today)
        answer = await self._call_back(webhook_id, step.action, content)
        if answer is None:
            self.counts["unanswered"] += 1
            return False
        self.counts["callbacks"] += 1
        number = event["data"]["case"]["number"]
        self._tell("办", f"{number} {step.action} {step.words} → {_result(answer)}")
        self.counts["refused"] += not answer.is_success and answer.status != 409
        return answer.is_success

    async def _call_back(self, webhook_id: str, action: str, content: Mapping[str, Any]) -> Answer | None:
        """The service's answer; None where it gave none however often it was asked."""
        for pause in (*self.pauses, None):
            try:
                answer = await self.correspondent.call_back(self.wire, self.clock.now(), webhook_id, action, content)
            except _NO_ANSWER:
                self._tell("等", f"{action} 没有应答" + (f",{pause:g} 秒后原样再发" if pause else ",不再发"))
            else:
                if answer.status != 503 or pause is None:
                    return answer
            if pause is not None:
                await asyncio.sleep(pause)
        return None

    async def finish(self) -> None:
        """Until nothing is left to be said."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def close(self) -> None:
        """Leave off what is still to be said."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _conditions(self) -> Conditions:
        return self.script.at((self.clock.now() - self._started).total_seconds())

    def _tell(self, mark: str, words: str) -> None:
        moment = self.clock.now().astimezone(ZONE)
        self.say(f"{moment:%H:%M:%S} {mark} {words}")


def _summary(event: Event) -> str:
    """Type, case and deadline."""
    data = event["data"]
    due = (data.get("deadline") or data.get("assignment") or data.get("consultation") or {}).get("due_at")
    words = [data.get("case", {}).get("number", ""), event["type"], f"期限 {due}" if due else ""]
    return " ".join(word for word in words if word)


def _result(answer: Answer) -> str:
    try:
        said = answer.json()
    except ValueError:
        return f"{answer.status}，应答不是 JSON:--service 是一龙的地址吗？"
    if answer.is_success:
        return f"{answer.status} {said.get('status') or said.get('answer') or ''}".rstrip()
    return f"{answer.status} {said.get('code')}:{said.get('detail')}"


def read_departments() -> dict[str, Department]:
    """The departments of the bundled pack by code."""
    return {department.code: department for department in load_pack(BUNDLED_PACK).departments}


@dataclass(frozen=True, slots=True)
class Place:
    """Where it listens, and whom it calls back; `seconds` None listens until it is interrupted."""

    host: str
    port: int
    service: str
    seconds: float | None = None


async def run(
    place: Place,
    correspondent: Correspondent,
    departments: Mapping[str, Department],
    script: Script,
    seed: int,
    clock: Clock,
    say: Say,
) -> bool:
    """Run until the end; whether all was sound. Raises OSError where the port is taken."""
    ending = interrupted()
    async with HttpWire(place.service) as wire:
        simulator = Simulator(correspondent, departments, seed, script, wire, clock, say)
        async with OnSocket(simulator).listening(place.host, place.port) as far_end:
            say(f"{correspondent.code} 的部门系统（模拟）：{far_end.address}/  回调到 {place.service}  按 Ctrl-C 结束")
            if place.seconds is not None:
                asyncio.get_running_loop().call_later(place.seconds, ending.set)
            await ending.wait()
        await simulator.close()
    say(_account(simulator.counts))
    return simulator.is_sound


def _account(counts: Mapping[str, int]) -> str:
    """What happened, in one line."""
    came = {"收到": "received", "重复": "repeated", "签名不对": "forged", "出错": "failed", "停机错过": "missed"}
    went = {"回调": "callbacks", "被拒": "refused", "没有应答": "unanswered"}
    return "；".join("，".join(f"{word} {counts[name]}" for word, name in part.items()) for part in (came, went))
