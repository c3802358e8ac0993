"""What a stage refuses, in the words of the pages: without the names of the API's fields, with what a reader can do."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.consult.booking import MeetingClash, OutsideOfficeHours
from app.consult.precedent import UntilPassed
from app.consult.schedule import ReasonMissing
from app.dashboard.language import N_
from app.dashboard.rendering import Flash
from app.dashboard.words import Words
from app.problems import AppError

Explain = Callable[[AppError, Words], Flash]


def explain(error: AppError, words: Words) -> Flash | None:
    """The message of the page; None where the error's own words will do."""
    known = _EXPLAINED.get(type(error))
    return known(error, words) if known else None


def _explain_clash(error: AppError, words: Words) -> Flash:
    """Which session takes whom, and where, at that time."""
    said = words.say(N_("该时间与其他会商冲突。请改时间或地点，或勾选“有冲突仍安排”后再提交："))
    return Flash(said, "danger", "；".join(_clash(clash, words) for clash in error.extra["clashes"]))


def _clash(clash: Mapping[str, Any], words: Words) -> str:
    taken = [*(words.department(code) for code in clash["departments"]), *([clash["place"]] if clash["place"] else [])]
    until = clash["ends_at"][11:16]
    return f"{clash['consultation']} {_short(clash['meeting_at'])}–{until} {'、'.join(taken)}"


def _explain_hours(error: AppError, words: Words) -> Flash:
    said = N_("会议须安排在将来的工作日上班时间内，最近可以安排在 %(instead)s。")
    return Flash(words.say(said, instead=_short(error.extra["instead"])), "danger")


def _explain_late(_: AppError, words: Words) -> Flash:
    said = N_("会议时间晚于会商时限。请填写“晚于时限的理由”，或先延长时限；时限不因改期而顺延。")
    return Flash(words.say(said), "danger")


def _explain_until(_: AppError, words: Words) -> Flash:
    return Flash(words.say(N_("截止日期不得早于今天；不设截止日期的，请留空。")), "danger")


def _short(moment: str) -> str:
    """`2026-03-04 09:00` of a local RFC 3339 moment."""
    return moment[:16].replace("T", " ")


_EXPLAINED: Final[Mapping[type[AppError], Explain]] = {
    MeetingClash: _explain_clash,
    OutsideOfficeHours: _explain_hours,
    ReasonMissing: _explain_late,
    UntilPassed: _explain_until,
}
