"""One thing that somebody tries: who, where, with what, what it leaves in the chain, and what the tables say to it."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.models import Role
from tests.lives.world import Row, World

ZONE = ZoneInfo("Asia/Shanghai")
REASON = "经研判,理由如下。"
# A bureau that never gets a duty or a seat, and a point that never reports.
OUTSIDER, STRANGER = "CS-CG", "YH-05"


class Actor(NamedTuple):
    """`holder` is a point's or department's code; people of the office have names."""

    role: Role
    holder: str


CLERKS = (Actor(Role.CLERK, "clerk one"), Actor(Role.CLERK, "clerk two"))
LEADER = Actor(Role.LEADER, "leader")
AUDITOR = Actor(Role.AUDITOR, "auditor")


class Audience(StrEnum):
    """Whom an act is for; everybody else is an outsider to it."""

    DUTY = "the department that has the duty"
    SEAT = "a department that is invited"
    POINT = "the point that reported"
    OFFICE = "the office"
    LEADER = "a leader"


class Often(StrEnum):
    """How often an accepted act's own event is in the chain: always at least once, and never twice the same."""

    ONCE = "once"
    EACH_CASE = "once on each of its cases"
    EACH_SEAT = "on each of its cases, once for each department that is told"


@dataclass(frozen=True)
class Attempt:
    """Nothing in it depends on chance any more.

    Attributes:
        move: the act's name.
        own: one of these event types is what the act leaves by itself; `subject` is in that event's facts.
        cases: those that it concerns by name.
        target: the state that the act would give the duty; None where it leaves that alone.
        legal: what the tables of moves say: False must be refused, True must get through, None depends on more.
        follows: other event types that may come of it.
        callback: the type of the signed event that says the same, where departments have one.
    """

    move: str
    path: str
    actor: Actor
    audience: Audience
    body: dict[str, Any]
    own: frozenset[str]
    cases: tuple[str, ...] = ()
    often: Often = Often.ONCE
    subject: str | None = None
    duty: str | None = None
    target: str | None = None
    legal: bool | None = None
    follows: frozenset[str] = frozenset()
    callback: str | None = None
    content: bytes | None = field(default=None, repr=False)

    def __str__(self) -> str:
        said = {name: value for name, value in self.body.items() if value not in (None, [], "")}
        return f"{self.actor.holder}: {self.path} {said}"


@dataclass
class Chance:
    """What one step draws from: all of it from one number, so that a step is the same wherever it is taken again."""

    dice: random.Random
    world: World
    now: datetime

    def is_likely(self, share: float) -> bool:
        return self.dice.random() < share

    def pick(self, rows: Sequence[Row], fits: Callable[[Row], object] = lambda _: True) -> Row | None:
        """Mostly one that fits, sometimes any: illegal moves are wanted too."""
        good = [row for row in rows if fits(row)]
        if good and self.is_likely(0.85):
            return self.dice.choice(good)
        return self.dice.choice(list(rows)) if rows else None

    def clerk(self) -> Actor:
        return self.dice.choice((*CLERKS, LEADER))

    def day(self, later: int = 0) -> str:
        return (self.now.astimezone(ZONE) + timedelta(days=later)).date().isoformat()

    def meeting(self) -> str:
        hour, later = self.dice.randint(9, 16), self.dice.randint(1, 5)
        return f"{self.day(later)}T{hour:02}:00:00+08:00"


Make = Callable[[Chance, str], Attempt | None]
