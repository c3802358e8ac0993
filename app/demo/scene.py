"""What all parties share: the way to the service, the keys, the seed, what is still to happen, and a voice."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from app.clock import Clock
from app.demo import chance
from app.demo.letters import Letter, phrase
from app.demo.schedule import Act, Course, Schedule
from app.demo.wire import Wire
from app.directory.city import City, CityCache

CATEGORIES = {
    "provincial": "省直",
    "municipal_district": "市区直属",
    "multi_department": "多部门",
    "unclear": "待研判",
}
_SINGLE = re.compile(r"/(?:[A-Z]{2}-\d{4}-\d+|[0-9a-f-]{30,})")


@dataclass
class Scene:
    """One play. All parties speak to the service as they would in life; `now` is whatever its clock says.

    Attributes:
        cities: the service's own, so that the parties' calendar is the one that was last announced.
        keys: API keys by holder: a point's or a department's code, `office`, `leader`, `administrator`.
        course: how working hours become moments.
        aloud: whether each step is told; a year in minutes is only summed up.
        letters: what each point knows about the reports it sent, by their numbers.
        opened: the reports that opened the cases, by the cases' numbers.
        counts: what happened, for the summary.
        refusals: requests that were refused, by route and problem; a conflict is part of life.
        faults: answers that no party should ever get (5xx).
    """

    cities: CityCache
    clock: Clock
    wire: Wire
    keys: Mapping[str, str]
    seed: int
    course: Course
    say: Callable[[str], None]
    aloud: bool = True
    schedule: Schedule = field(default_factory=Schedule)
    letters: dict[str, Letter] = field(default_factory=dict)
    opened: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def later(self, hours: float, act: Act, *name: object) -> None:
        """Let something happen that many working hours from now."""
        self.schedule.add(self.course.after(self.clock.now(), hours), act, *name)

    def tell(self, stage: str, words: str) -> None:
        """Print a line: local time, the stage of the stream, what happened."""
        if self.aloud:
            moment = self.clock.now().astimezone(self.city.calendar.zone)
            self.say(f"{moment:%H:%M:%S} {stage} {words}")

    # ── chance ──

    def phrase(self, kind: str, *about: object) -> str:
        return phrase(self.seed, kind, *about)

    def happens(self, share: float, *about: object) -> bool:
        return chance.happens(share, self.seed, *about)

    def between(self, bounds: tuple[float, float], *about: object) -> float:
        return chance.between(bounds, self.seed, *about)

    # ── the city ──

    @property
    def city(self) -> City:
        return self.cities.current

    @property
    def today(self) -> date:
        return self.clock.now().astimezone(self.city.calendar.zone).date()

    def name(self, department: str) -> str:
        return self.city.names.get(department, department)

    @cached_property
    def _by_line(self) -> dict[tuple[str, str, str], str]:
        return {(d.line, str(d.tier), d.district or ""): d.code for d in self.city.pack.departments}

    def find_department(self, line: str | None, tier: str | None, district: str) -> str | None:
        """The department of that line at that tier; None where there is none."""
        return self._by_line.get((line or "", tier or "", district if tier == "district" else ""))

    # ── the service ──

    async def call(self, method: str, path: str, holder: str, body: Any = None, key: str | None = None) -> Any:
        """One request to the service; None where it was refused. `key` makes it safe to send twice."""
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        return await self._send(method, path, holder, content, {"Idempotency-Key": key} if key else {})

    async def upload(self, path: str, holder: str, content: bytes) -> Any:
        """Send a file as it is; None where it was refused."""
        return await self._send("POST", path, holder, content, {"content-type": "application/octet-stream"})

    async def _send(self, method: str, path: str, holder: str, content: bytes | None, more: Mapping[str, str]) -> Any:
        headers = {"Authorization": f"Bearer {self.keys[holder]}"} | dict(more)
        answer = await self.wire.send(method, path, headers, content)
        if answer.is_success:
            return answer.json()
        self.note_refusal(method, path, answer.status, answer.json())
        return None

    def note_refusal(self, method: str, path: str, status: int, problem: Mapping[str, Any]) -> None:
        """Count a refused request; a 5xx is kept word for word."""
        self.counts[f"refused {status}"] += 1
        self.refusals[f"{method} {_SINGLE.sub('/…', path.partition('?')[0])} {status} {problem.get('code')}"] += 1
        if status >= 500:
            self.faults.append(f"{method} {path} {status} {problem.get('detail', '')}")
        if status != 409:  # a conflict only says that somebody else was faster
            self.tell("！", f"{method} {path} 得到 {status}:{problem.get('detail', '')}")


def shorten(text: str, length: int = 36) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
