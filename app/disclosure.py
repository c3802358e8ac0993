"""What a department may read: the report's words with self-identifying spans masked, and the case's bare facts. Pure.

Nothing here carries the reporter, the point, a contact or an exact time of reporting (day grain only).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from app.models import Assignment, Case

MASK = "〔隐去〕"
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
_NUMBERS = re.compile(
    r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)"  # mobile telephone
    r"|(?<!\d)\d{17}[\dXx](?![0-9A-Za-z])"  # identity card
    r"|(?<!\d)0\d{2,3}[- ]\d{7,8}(?!\d)"  # landline
    r"|[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"  # e-mail
)
_UNIT_SUFFIXES = ("村委会", "居委会", "社区", "村", "街道", "镇", "乡")


def identifying_terms(names: Iterable[str | None]) -> list[str]:
    """The names of a point and of its township, whole and without their suffix, longest first."""
    terms = set()
    for name in names:
        if not name:
            continue
        terms.add(name)
        for suffix in _UNIT_SUFFIXES:
            bare = name.removesuffix(suffix)
            if bare != name and len(bare) >= 2:
                terms.add(bare)
                break
    return sorted(terms, key=lambda t: (-len(t), t))


def mask(text: str, terms: Sequence[str]) -> str:
    """The text with each of the terms, and every telephone, identity or e-mail number, replaced by 〔隐去〕."""
    masked = _NUMBERS.sub(MASK, text)
    if terms:
        masked = re.sub("|".join(re.escape(t) for t in terms), MASK, masked)
    return masked


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


def to_local(moment: datetime, zone: ZoneInfo) -> str:
    """RFC 3339 to the second, with the offset of the city's time zone."""
    return moment.astimezone(zone).isoformat(timespec="seconds")


def say_day(day: date) -> str:
    """A day as people write it within a year."""
    return f"{day.month}月{day.day}日"
