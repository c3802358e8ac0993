"""What people are told over a channel: number, stage, deadline and link of each event. Pure.

It picks these out of the body that systems are sent, each read for what it is: a day, a level, a known word. Whatever
else the body holds, a report's text above all, has no way into a line.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from app.disclosure import STAGES, say_day

# What has happened, in the word of the field; a type that has none here is told of all the same.
TOLD: Final[Mapping[str, str]] = {
    "assignment.created": "交办",
    "assignment.returned_to_department": "退回重办",
    "feedback.approved": "审核通过",
    "assignment.extension_decided": "延期审批结果",
    "assignment.reminded": "临期提醒",
    "assignment.urged": "催办",
    "assignment.overdue": "逾期",
    "assignment.supervised": "督办",
    "assignment.closed": "交办结束",
    "assignment.paused": "暂停计时",
    "assignment.resumed": "恢复计时",
    "assignment.deadline_changed": "期限重算",
    "escalation.created": "上报件",
    "consultation.invited": "会商邀请",
    "consultation.rescheduled": "会商时间地点",
    "consultation.cancelled": "会商取消",
    "consultation.concluded": "会商结论",
    "case.closed": "办结",
    "case.reopened": "重新挂账",
}
ANYTHING_ELSE: Final = "有新进展"
# What ends something has no deadline any more.
ENDS: Final = frozenset(
    {"assignment.closed", "feedback.approved", "consultation.cancelled", "consultation.concluded", "case.closed"}
)
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Notice:
    """One event to tell of: its case's number, its type, and the body that systems are sent; None once erased."""

    case_number: str
    event_type: str
    body: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """What is told of one event; `due` and `link` may be empty."""

    number: str
    stage: str
    due: str = ""
    link: str = ""

    @property
    def text(self) -> str:
        return " ".join(part for part in (self.number, self.stage, self.due, self.link) if part)


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to the people of a department.

    Attributes:
        id: the same on every attempt.
        department: its name.
        written_at: the day on which the first thing that it tells of was queued; the same on every attempt.
        title: what kind of letter it is; empty where it tells of events.
        more, whole: how much it only counts, and a link to all of it.
        closing: a last line.
    """

    id: str
    department: str
    written_at: datetime
    lines: tuple[Line, ...]
    title: str = ""
    more: int = 0
    whole: str = ""
    closing: str = ""

    @property
    def count(self) -> int:
        return len(self.lines) + self.more

    @property
    def link(self) -> str:
        """The one link of the letter, for whatever has room for no more."""
        return self.whole or self.lines[0].link

    @property
    def heading(self) -> str:
        told = f"{self.count}项" if self.count > 1 else ""
        return " ".join(part for part in (f"【一龙】{self.department}", self.title, told) if part)

    def text(self, most_bytes: int | None = None) -> str:
        """The whole message in plain lines, cut to so many bytes of UTF-8 where there is a bound."""
        kept = len(self.lines)
        told = self._first(kept)
        while most_bytes is not None and kept and len(told.encode()) > most_bytes:
            kept -= 1
            told = self._first(kept)
        return told

    def _first(self, kept: int) -> str:
        """The message with so many of its lines, and a count of the others."""
        others = self.count - kept
        counted = f"……另有{others}项 {self.whole}".rstrip() if others else ""
        parts = (self.heading, *(line.text for line in self.lines[:kept]), counted, self.closing)
        return "\n".join(part for part in parts if part)


def write_letter(
    letter_id: str, department: str, written_at: datetime, notices: Sequence[Notice], address: str
) -> Letter:
    """The letter that tells of these events; links begin with `address`, which has no slash at its end."""
    return Letter(letter_id, department, written_at, tuple(read_line(notice, address) for notice in notices))


def read_line(notice: Notice, address: str) -> Line:
    """Number, stage, deadline and link of one event."""
    data = _members(_members(_read(notice.body)).get("data"))
    sitting = _members(data.get("consultation"))
    sitting_id = sitting.get("id")
    if isinstance(sitting_id, str) and _ID.fullmatch(sitting_id):
        link = f"{address}/v1/consultations/{sitting_id}"
    else:
        link = f"{address}/v1/cases/{notice.case_number}"
    clock = _members(data.get("deadline"))
    due = "" if notice.event_type in ENDS else _say_due(data, clock, sitting)
    return Line(notice.case_number, _say_stage(notice.event_type, clock), due, link)


def _read(body: str | None) -> Any:
    try:
        return json.loads(body or "{}")
    except ValueError:
        return {}


def _members(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _say_stage(event_type: str, clock: Mapping[str, Any]) -> str:
    level, kind = clock.get("level"), clock.get("kind")
    said = TOLD.get(event_type, ANYTHING_ELSE)
    if isinstance(level, int) and 1 <= level <= 3:
        said += f"{'一二三'[level - 1]}级"
    stage = STAGES.get(kind) if isinstance(kind, str) else None
    return f"{said} {stage}" if stage else said


def _say_due(data: Mapping[str, Any], clock: Mapping[str, Any], sitting: Mapping[str, Any]) -> str:
    duty, pause = _members(data.get("assignment")), _members(data.get("pause"))
    if meets := _day(sitting.get("meeting_at")):
        return f"{say_day(meets)}开会"
    if until := _day(pause.get("until")):
        return f"最迟至{say_day(until)}"
    due = _day(clock.get("due_at")) or _day(duty.get("due_at")) or _day(sitting.get("due_at"))
    told = f"{say_day(due)}到期" if due else ""
    reply_by = _day(clock.get("reply_by"))
    return f"{told} {say_day(reply_by)}前答复".strip() if reply_by else told


def _day(value: Any) -> date | None:
    """The day of a local moment, as bodies write it."""
    try:
        return datetime.fromisoformat(value).date() if isinstance(value, str) else None
    except ValueError:
        return None
