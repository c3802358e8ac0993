"""What the points write: plain Chinese from the files in `words/`. Pure: the same seed gives the same letters."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from app.deadlines import Calendar
from app.demo.chance import happens, roll, weighted
from app.directory.pack import District, ObservationPoint

FOLDER = Path(__file__).with_name("words")
# How often each file's burdens occur.
FILES = (
    ("district", 36.0), ("municipal", 20.0), ("provincial", 13.0), ("several", 8.0), ("hinted", 12.0), ("unclear", 7.0),
    ("outside", 4.0),
)  # fmt: skip
TERMS = ("每周", "每半个月", "每个月", "每个季度", "隔三差五")
TIMES_A_DAY = ("每天两次", "每天三次", "早中晚各一次", "每天")
LIMITS = ("下班前", "今天之内", "明天中午前", "星期五之前", "两天内")
# How many points write about one burden, and how it is spread over hours of the day and kinds of days.
VOICES = ((1, 72.0), (2, 17.0), (3, 8.0), (4, 3.0))
MEAN_VOICES = 1.42
HOURS = (((8.5, 12), 44.0), ((13.5, 18), 38.0), ((19, 23), 14.0), ((0, 6), 4.0))
ON_A_FREE_DAY = 0.2
LATER_VOICES_DAYS = 12
COPIED, TITLED, HOURS_GIVEN, DATED, REACHABLE, TICKED = 0.15, 0.3, 0.55, 0.6, 0.12, 0.05


@dataclass(frozen=True, slots=True)
class Burden:
    """One burden and the ways it is told.

    Attributes:
        kind: the category its author expects; `line` and `tier`: who imposed it, as the point knows.
        type: the burden's type; `answer`: what the office says where it is none of its business.
    """

    kind: str
    say: tuple[str, ...]
    type: str | None = None
    line: str | None = None
    tier: str | None = None
    title: str | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """One report as a point writes it; `copied` where it passes another's words on."""

    point: ObservationPoint
    burden: Burden
    text: str
    title: str | None = None
    hours: float | None = None
    days_ago: int | None = None
    contact: str | None = None
    ticks: bool = False

    def body(self, today: date, ticked: str | None) -> dict[str, Any]:
        """The request's body on that day; what was not said is left out."""
        given = {
            "text": self.text,
            "title": self.title,
            "hours_per_month": self.hours,
            "occurred_on": (today - timedelta(days=self.days_ago)).isoformat() if self.days_ago is not None else None,
            "contact": self.contact,
            "declared_departments": [ticked] if ticked and self.ticks else None,
        }
        return {name: value for name, value in given.items() if value is not None}


@cache
def read_burdens(file: str) -> tuple[Burden, ...]:
    """The burdens of one file; what holds for all of them stands at its top."""
    content: dict[str, Any] = tomllib.loads((FOLDER / f"{file}.toml").read_text(encoding="utf-8"))
    entries = content.pop("burden")
    return tuple(Burden(**content | entry | {"say": tuple(entry["say"])}) for entry in entries)


@cache
def read_phrases() -> Mapping[str, Sequence[str]]:
    """What all the other parties say, by kind."""
    content: dict[str, Sequence[str]] = tomllib.loads((FOLDER / "phrases.toml").read_text(encoding="utf-8"))
    return content


def phrase(seed: int, kind: str, *about: object) -> str:
    """One of the sentences of that kind."""
    return roll(seed, kind, *about).choice(read_phrases()[kind])


def write_letter(
    seed: int, burden: Burden, point: ObservationPoint, district: District, year: int, *about: object
) -> Letter:
    """A burden in one point's own words."""
    dice = roll(seed, "words", point.code, *about)
    text = dice.choice(burden.say).format(
        区=district.name,
        级=district.kind,
        村="村里" if point.kind == "村" else "社区",
        周=dice.choice(TERMS),
        天=dice.choice(TIMES_A_DAY),
        截=dice.choice(LIMITS),
        字=district.number_letters[0] if district.number_letters else district.bare,
        年=year,
        号=dice.randint(3, 88),
        n=dice.randint(2, 9),
        户=dice.randint(30, 600),
    )
    return Letter(
        point,
        burden,
        text,
        title=burden.title if dice.random() < TITLED else None,
        hours=float(dice.randint(2, 60)) if dice.random() < HOURS_GIVEN else None,
        days_ago=dice.randint(0, 20) if dice.random() < DATED else None,
        contact=f"1380000{dice.randint(1000, 9999)}" if dice.random() < REACHABLE else None,
        ticks=dice.random() < TICKED,
    )


class LetterBox:
    """All the letters of a play, day by day or one after the other."""

    def __init__(self, seed: int, points: Sequence[ObservationPoint], districts: Mapping[str, District]) -> None:
        self._seed, self._districts = seed, districts
        self._points = sorted(points, key=lambda p: p.code)

    def day(self, day: date, calendar: Calendar, per_day: float) -> Iterator[tuple[datetime, Letter]]:
        """What happens on one local day: letters with their moments, some of them on later days."""
        mean = per_day / MEAN_VOICES * (1.0 if calendar.is_working(day) else ON_A_FREE_DAY)
        for number in range(_count(mean, self._seed, "burdens", day)):
            for index, letter in enumerate(self.voices(day, number)):
                dice = roll(self._seed, "moment", day, number, index)
                bounds = weighted(HOURS, self._seed, "hours", day, number, index)
                moment = timedelta(
                    days=dice.randint(0, LATER_VOICES_DAYS) if index else 0,
                    seconds=round(dice.uniform(*bounds) * 3600),
                )
                yield datetime.combine(day, time(), calendar.zone) + moment, letter

    def voices(self, day: date, number: int) -> list[Letter]:
        """The letters about one burden: by points that have it, some passing the first one's words on."""
        about = (day, number)
        burden = roll(self._seed, "burden", *about).choice(read_burdens(weighted(FILES, self._seed, "file", *about)))
        letters: list[Letter] = []
        for point in self._concerned(burden, weighted(VOICES, self._seed, "voices", *about), *about):
            letter = self.write(burden, point, day.year, *about)
            if letters and happens(COPIED, self._seed, "copied", point.code, *about):
                letter = replace(letter, text=letters[0].text, title=letters[0].title)
            letters.append(letter)
        return letters

    def write(self, burden: Burden, point: ObservationPoint, year: int, *about: object) -> Letter:
        return write_letter(self._seed, burden, point, self._districts[point.district], year, *about)

    def _concerned(self, burden: Burden, wanted: int, *about: object) -> list[ObservationPoint]:
        dice = roll(self._seed, "points", *about)
        first = dice.choice(self._points)
        local = burden.tier not in {"municipal", "province"}
        others = [p for p in self._points if p is not first and (not local or p.district == first.district)]
        return [first, *dice.sample(others, min(wanted - 1, len(others)))]


def _count(mean: float, seed: int, *about: object) -> int:
    """How many happen where `mean` happen on average: Poisson, by waiting times."""
    dice, passed, count = roll(seed, *about), 0.0, 0
    while (passed := passed + dice.expovariate(1.0)) < mean:
        count += 1
    return count
