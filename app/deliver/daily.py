"""每日提要 over a channel: which lines of a department's digest its people read there, and the letter of them. Pure.

It picks number, stage, deadline and link out of the digest's entries, as `notices` does out of bodies. What a notice of
the same morning has said already is counted and not said twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from app.deliver.notices import TOLD, Letter, Line, Notice, read_line
from app.disclosure import STAGES, say_day

TITLE: Final = "每日提要"
# What a digest lists for a department, in the order in which people read it; one that names its stage has no word more.
KINDS: Final[Mapping[str, str]] = {
    "overdue": TOLD["assignment.overdue"],
    "due": "即将到期",
    "rework": TOLD["assignment.returned_to_department"],
    "invitations": TOLD["consultation.invited"],
    "chases": "",
}
# A notice of a duty that names no clock tells the day of its answer.
ANSWERS: Final = frozenset({"feedback", "forwarding"})
# More lines than any channel's message holds are counted only.
MOST_KEPT: Final = 50


@dataclass(frozen=True, slots=True)
class Daily:
    """What one department's people are told of one day.

    Attributes:
        lines: the first of `count`.
        said: how many entries more were said by notices of that morning.
    """

    day: date
    lines: tuple[Line, ...]
    count: int
    said: int

    def kept(self) -> dict[str, Any]:
        """The same as it is stored with the digest, so that each attempt has the same words."""
        lines = [[line.number, line.stage, line.due, line.link] for line in self.lines]
        return {"lines": lines, "count": self.count, "said": self.said}

    @classmethod
    def of(cls, day: date, kept: Mapping[str, Any]) -> "Daily":
        """From what was stored."""
        return cls(day, tuple(Line(*line) for line in kept["lines"]), kept["count"], kept["said"])


def choose_lines(content: Mapping[str, Any], day: date, notices: Iterable[Notice], address: str) -> Daily | None:
    """What is left to be told of a department's digest once these notices have been read; None where nothing is.

    Args:
        notices: of the events that its people read, or are to read, this morning.
        address: where links begin, in the digest too.
    """
    read = [read_line(notice, address) for notice in notices]
    entries = [(kind, entry) for kind in KINDS for entry in content.get(kind, [])]
    left = [(kind, entry) for kind, entry in entries if not any(_says(line, entry) for line in read)]
    if not left:
        return None
    lines = tuple(_line(kind, entry) for kind, entry in left[:MOST_KEPT])
    return Daily(day, lines, len(left), len(entries) - len(left))


def cases_in(content: Mapping[str, Any]) -> list[str]:
    """The numbers of all cases that a department's digest tells of."""
    entries = [entry for kind in KINDS for entry in content.get(kind, [])]
    return sorted({number for entry in entries for number in (entry.get("cases") or [entry["case"]])})


def write_daily(
    letter_id: str, department: str, written_at: datetime, daily: Daily, *, most: int, address: str
) -> Letter:
    """The letter of a digest, of so many lines at most; the rest is counted, with a link to the whole."""
    lines = daily.lines[:most]
    return Letter(
        letter_id,
        department,
        written_at,
        lines,
        title=TITLE,
        more=daily.count - len(lines),
        whole=f"{address}/v1/digests?after={daily.day - timedelta(days=1)}",
        closing=f"另有{daily.said}项已单独通知" if daily.said else "",
    )


def _says(line: Line, entry: Mapping[str, Any]) -> bool:
    """Whether a notice's line has said what the entry would: the same session, or the same clock with the same day."""
    if "consultation" in entry:
        return bool(line.link == entry["link"])
    stage = line.stage.partition(" ")[2]
    same_clock = stage == STAGES[entry["stage"]] if stage else entry["stage"] in ANSWERS
    return bool(line.number == entry["case"]) and same_clock and _due(entry) in line.due.split(" ")


def _line(kind: str, entry: Mapping[str, Any]) -> Line:
    if "consultation" in entry:
        return Line(entry["consultation"], KINDS[kind], _meets(entry) or _due(entry), entry["link"])
    level = entry.get("level")
    word = f"{TOLD['assignment.supervised']}{'一二三'[level - 1]}级" if level else KINDS[kind]
    due = _due(entry)
    if promised := entry.get("promised_on"):
        due += f" 承诺{say_day(date.fromisoformat(promised))}前反馈"
    return Line(entry["case"], f"{word} {STAGES[entry['stage']]}".strip(), due, entry["link"])


def _due(entry: Mapping[str, Any]) -> str:
    return f"{say_day(date.fromisoformat(entry['due_on']))}到期"


def _meets(entry: Mapping[str, Any]) -> str:
    meets = entry.get("meeting_on")
    return f"{say_day(date.fromisoformat(meets))}开会" if meets else ""
