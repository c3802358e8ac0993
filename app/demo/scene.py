"""What all parties share: the service's address, the keys, the seed, and a voice to tell the story."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.clock import Clock
from app.demo.mail import phrase, roll
from app.demo.wire import Wire
from app.directory.city import City

CATEGORIES = {
    "provincial": "省直",
    "municipal_district": "市区直属",
    "multi_department": "多部门",
    "unclear": "待研判",
}


@dataclass(slots=True)
class Scene:
    """One demonstration. All parties speak to the service over HTTP, as they would in life.

    Attributes:
        keys: API keys by holder: a point's code, `office`, `administrator`.
        tempo: stretches every wait; 1 is a few seconds for what takes days.
        say: prints one line.
        counts: what happened, for the summary.
    """

    city: City
    clock: Clock
    wire: Wire
    keys: Mapping[str, str]
    seed: int
    tempo: float
    say: Callable[[str], None]
    counts: Counter[str] = field(default_factory=Counter)

    def tell(self, stage: str, words: str) -> None:
        """Print a line: local time, the stage of the stream, what happened."""
        moment = self.clock.now().astimezone(self.city.calendar.zone)
        self.say(f"{moment:%H:%M:%S} {stage} {words}")

    def name(self, department: str) -> str:
        return self.city.names.get(department, department)

    def phrase(self, kind: str, *about: object) -> str:
        return phrase(self.seed, kind, *about)

    def happens(self, share: float, *about: object) -> bool:
        """Whether something happens that happens in that share of cases."""
        return roll(self.seed, *about).random() < share

    async def wait(self, least: float, most: float, *about: object) -> None:
        """Wait that many seconds, times the tempo."""
        await asyncio.sleep(roll(self.seed, "wait", *about).uniform(least, most) * self.tempo)

    async def call(self, method: str, path: str, holder: str, body: Any = None) -> Any:
        """One request to the service; None where it was refused (counted: a refusal is part of life here)."""
        headers = {"Authorization": f"Bearer {self.keys[holder]}"}
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        answer = await self.wire.send(method, path, headers, content)
        if answer.is_success:
            return answer.json()
        self.counts[f"refused {answer.status}"] += 1
        if answer.status != 409:  # a conflict only says that somebody else was faster
            self.tell("！", f"{method} {path} 得到 {answer.status}:{answer.json().get('detail', '')}")
        return None


def shorten(text: str, length: int = 36) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
