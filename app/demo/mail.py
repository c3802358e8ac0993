"""What the points report: plain Chinese from templates. Pure: the same seed gives the same letters."""

import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app.directory.pack import District, ObservationPoint

FILE = Path(__file__).with_name("burdens.toml")
TERMS = ("每周", "每半个月", "每个月", "每个季度", "隔三差五")
TIMES_A_DAY = ("每天两次", "每天三次", "早中晚各一次", "每天")


@dataclass(frozen=True, slots=True)
class Template:
    """A burden with blanks; `kind` is the category its author expects."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One report: who sends what, and how many seconds after the one before."""

    point: ObservationPoint
    text: str
    after: float


@cache
def read_file() -> tuple[tuple[Template, ...], Mapping[str, Sequence[str]]]:
    """The templates, and what the other parties say."""
    content: dict[str, Any] = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return tuple(Template(**entry) for entry in content["burden"]), content["words"]


def roll(seed: int, *about: object) -> random.Random:
    """Chance for one matter: it depends on the seed and the matter only, never on what else happens meanwhile."""
    return random.Random("/".join(map(str, (seed, *about))))  # noqa: S311 — play, not secrecy


def phrase(seed: int, kind: str, *about: object) -> str:
    """One of the file's sentences of that kind."""
    return roll(seed, kind, *about).choice(read_file()[1][kind])


def fill(template: Template, point: ObservationPoint, district: District, chance: random.Random) -> str:
    """The template as one point would write it."""
    return template.text.format(
        区=district.name,
        级=district.kind,
        村="村里" if point.kind == "村" else "社区",
        周=chance.choice(TERMS),
        天=chance.choice(TIMES_A_DAY),
        n=chance.randint(2, 9),
        户=chance.randint(30, 600),
    )


def write_letters(
    points: Sequence[ObservationPoint], districts: Mapping[str, District], *, seed: int, mean_seconds: float
) -> Iterator[Letter]:
    """Letters without end; every template and every point has had its turn before any comes again."""
    chance = roll(seed, "letters")
    templates: list[Template] = []
    senders: list[ObservationPoint] = []
    while True:
        if not templates:
            templates = list(read_file()[0])
            chance.shuffle(templates)
        if not senders:
            senders = list(points)
            chance.shuffle(senders)
        point = senders.pop()
        text = fill(templates.pop(), point, districts[point.district], chance)
        yield Letter(point, text, min(chance.expovariate(1 / mean_seconds), 4 * mean_seconds))
