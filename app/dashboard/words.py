"""Puts what the ledger holds into words a reader understands: actors, departments, evidence, facts of events. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from app.dashboard import dates, labels
from app.dashboard.event_words import EVENT, FACTS
from app.dashboard.language import N_
from app.deadlines import working_days_left
from app.directory.city import City
from app.models import Case, Deadline, Ruling

SYSTEM: Final = "system"


class Clock(NamedTuple):
    """A light's facts: working days that remain (None: no clock), when it is due, whether that is provisional."""

    remaining: int | None
    due: datetime | None
    provisional: bool


class Fact(NamedTuple):
    """One thing an entry of the timeline says: what it is, and the value as text."""

    label: str
    value: str


@dataclass(frozen=True)
class Words:
    """A reader's language and what is needed to name things in it; `people` are display names by user id."""

    say: Callable[..., str]
    city: City
    now: datetime
    people: Mapping[str, str]
    language: str

    def label(self, table: Mapping[str, str], key: str) -> str:
        """A label in the reader's language; a key that has none yet is shown as it is."""
        return self.say(table[key]) if key in table else key

    def department(self, code: str) -> str:
        return self.city.names.get(code, code)

    def departments(self, codes: list[str]) -> str:
        return "、".join(self.department(code) for code in codes)

    def actor(self, actor: str) -> str:
        """Who an event names, such as `office:7f3…` or `department:CS-MZ`."""
        kind, _, name = actor.partition(":")
        if kind == "department":
            return self.department(name)
        if kind == "observation_point":
            return self.say(labels.PARTY["observation_point"])
        if kind == "office" and name in self.people:
            return self.people[name]
        return self.say(N_("系统")) if SYSTEM in actor else self.say(labels.PARTY["office"])

    def ruler(self, ruling: Ruling) -> str:
        """Who ruled: a person, or a standing ruling by the number of its precedent."""
        kind, _, number = ruling.ruled_by.partition(" ")
        if kind == "precedent":
            return self.say(N_("常规裁定 %(number)s"), number=number)
        return self.people.get(ruling.ruled_by.removeprefix("user:"), ruling.ruled_by)

    def clock(self, due: datetime | None, provisional: bool = False) -> Clock:
        if due is None:
            return Clock(None, None, False)
        return Clock(working_days_left(self.now, due, self.city.calendar), due, provisional)

    def clock_of_case(self, case: Case, provisional: bool) -> Clock:
        return self.clock(case.due_at, provisional)

    def clock_of(self, deadline: Deadline) -> Clock:
        return self.clock(deadline.due_at, deadline.provisional)

    def day(self, day: date | str) -> str:
        """A day as it is written in the reader's language, of a date or of a text that begins with one."""
        return dates.say_day(date.fromisoformat(str(day)[:10]), self.language)

    def moment(self, moment: str) -> str:
        """The same with hour and minute, of a city's time in ISO 8601."""
        return f"{self.day(moment)} {moment[11:16]}"

    # ── evidence ──

    def spans(self, decision: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The decision's evidence with readable names, ready to be highlighted and listed."""
        found = []
        for item in decision.get("evidence", []):
            role, _, subject = item["supports"].partition(" ")
            says, about = self.label(labels.SUPPORTS, role), self._subject(subject)
            found.append(
                {
                    "start": item["start"],
                    "end": item["end"] if item.get("field", "text") == "text" else item["start"],
                    "text": item["text"],
                    "rule": self.say(labels.EVIDENCE.get(item["rule"], labels.EVIDENCE_PATTERN)),
                    "supports": f"{says} {about}".strip(),
                    "says": says,
                    "about": about,
                }
            )
        return found

    def _subject(self, subject: str) -> str:
        if subject in labels.SUBJECT:
            return self.say(labels.SUBJECT[subject])
        return self.department(subject)

    # ── events ──

    def event(self, kind: str) -> str:
        """What a type of event is called."""
        return self.label(EVENT, kind)

    def facts(self, facts: str) -> list[Fact]:
        """What an event's facts say that people want to read; opaque ids are left out."""
        known = json.loads(facts)
        return [
            Fact(self.say(label), read(self, known[key]))
            for key, label, read in FACTS
            if known.get(key) not in (None, [], "")
        ]
