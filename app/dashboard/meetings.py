"""When and where a session meets, as forms say it. Reads and checks the form's shape; office hours are the stage's."""

from datetime import UTC, datetime, tzinfo
from typing import Final

from app.consult.schedule import Meeting
from app.dashboard.forms import Form
from app.dashboard.language import N_

TYPED: Final = "%Y-%m-%dT%H:%M"
LENGTHS: Final = (15, 540)
LONGEST_PLACE: Final = 200
LONGEST_REASON: Final = 2000


def read_moment(typed: str, zone: tzinfo, faults: list[str]) -> datetime | None:
    """A local day and time such as `2026-11-23T09:30`; None where nothing was entered."""
    if not typed:
        return None
    try:
        moment = datetime.strptime(typed, TYPED).replace(tzinfo=zone)
    except ValueError:
        faults.append(N_("会议时间格式不正确，请重新选择。"))
        return None
    return moment.astimezone(UTC)


def read_minutes_long(form: Form, faults: list[str], name: str = "minutes_long") -> int | None:
    """How long the meeting takes; None where it is left open."""
    try:
        return form.number(name, *LENGTHS)
    except ValueError:
        faults.append(N_("会议时长须为 15 至 540 分钟。"))
        return None


def read_meeting(form: Form, zone: tzinfo, faults: list[str], prefix: str = "") -> Meeting | None:
    """A meeting with what the form says of it; None, with the faults, where it does not say when.

    Fields are `meeting_at`, `minutes_long`, `place`, `late_reason` and `despite_clash`, each after the prefix.
    """
    moment = read_moment(form.get(f"{prefix}meeting_at"), zone, faults)
    if moment is None and not form.get(f"{prefix}meeting_at"):
        faults.append(N_("请填写会议时间。"))
    minutes = read_minutes_long(form, faults, f"{prefix}minutes_long")
    place, reason = form.get(f"{prefix}place"), form.get(f"{prefix}late_reason")
    if len(place) > LONGEST_PLACE:
        faults.append(N_("会议地点不得超过 200 字。"))
    if len(reason) > LONGEST_REASON:
        faults.append(N_("晚于时限的理由不得超过 2000 字。"))
    if moment is None:
        return None
    despite_clash = form.get(f"{prefix}despite_clash") == "yes"
    return Meeting(moment, place or None, minutes, despite_clash, reason or None)
