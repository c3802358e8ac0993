"""What a department may read: the report's words with self-identifying spans masked, and the case's bare facts. Pure.

Nothing here carries the reporter, the point, a contact or an exact time of reporting (day grain only).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from app.masking import mask

if TYPE_CHECKING:
    from app.models import Assignment, Case, Report

LONGEST_TEXT = 4000  # keeps a webhook's body under 20 kB, three bytes a character
# 阶段: what a clock is called where people are told of it.
STAGES: Final[Mapping[str, str]] = {
    "acceptance": "签收",
    "feedback": "反馈",
    "forwarding": "上报",
    "chase": "催办省级答复",
    "triage": "分办",
    "review": "审核",
    "verification": "核实",
    "consultation": "会商",
    "revisit": "重新研究挂账待解事项",
    "pause": "暂停到期",
}


def disclose_case(case: "Case", zone: ZoneInfo) -> dict[str, Any]:
    """The `case` member of what a department is sent or reads."""
    return {
        "number": case.number,
        "status": case.status,
        "category": case.category,
        "route": case.route,
        "burden_types": case.burden_types,
        "urgency": case.urgency,
        "opened_on": case.opened_at.astimezone(zone).date().isoformat(),
    }


def disclose_assignment(assignment: "Assignment", names: Mapping[str, str], zone: ZoneInfo) -> dict[str, Any]:
    """The `assignment` member of what a department is sent or reads."""
    return {
        "id": assignment.id,
        "kind": assignment.kind,
        "role": assignment.role,
        "status": assignment.status,
        "department": assignment.department_code,
        "on_behalf_of": [{"code": code, "name": names.get(code, code)} for code in assignment.on_behalf_of],
        "obligation": assignment.obligation,
        "due_at": to_local(assignment.due_at, zone),
        "due_provisional": assignment.due_provisional,
        "paused_until": to_local(assignment.paused_until, zone) if assignment.paused_until else None,
        "extension": assignment.extension,
        "version": assignment.version,
    }


def disclose_text(texts: Iterable[tuple[str | None, str, Sequence[str]]]) -> list[dict[str, str | None]]:
    """What the reports say, masked: of each its title and text, given with the terms to mask."""
    return [
        {"title": mask(title, terms) if title else None, "text": mask(text, terms)[:LONGEST_TEXT]}
        for title, text, terms in texts
    ]


def disclose_report(report: "Report", terms: Sequence[str]) -> dict[str, str | None]:
    """What departments are told of one report: as the office has put it, else masked by the rules."""
    if report.disclosed_text is not None:
        return {"title": report.disclosed_title, "text": report.disclosed_text}
    (shown,) = disclose_text([(report.title, report.text, terms)])
    return shown


def day_of(moment: datetime, zone: ZoneInfo) -> datetime:
    """The beginning of the local day: what a department learns of a moment at which a point may have acted."""
    return moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def to_local(moment: datetime, zone: ZoneInfo) -> str:
    """RFC 3339 to the second, with the offset of the city's time zone."""
    return moment.astimezone(zone).isoformat(timespec="seconds")


def say_day(day: date) -> str:
    """A day as people write it within a year."""
    return f"{day.month}月{day.day}日"
