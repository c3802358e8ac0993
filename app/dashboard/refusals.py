"""What a stage refuses, in the words of the pages: without the names of the API's fields, with what a reader can do."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.consult.answer import ResponseUnclear
from app.consult.booking import MeetingClash, OutsideOfficeHours
from app.consult.precedent import UntilPassed
from app.consult.schedule import ReasonMissing
from app.dashboard.language import N_
from app.dashboard.rendering import Flash
from app.dashboard.words import Words
from app.feedback.evidence import NoEvidenceNow, UnknownEvidence
from app.feedback.extension import NothingToExtend, WishUnclear
from app.feedback.rectification import CompletedInFuture, DocumentMissing, ReasonUnclear
from app.feedback.respond import StaleVersion
from app.lifecycle import IllegalMove
from app.problems import AppError

Explain = Callable[[AppError, Words], Flash]


def explain(error: AppError, words: Words) -> Flash | None:
    """The message of the page; None where the error's own words will do."""
    if type(error) in _SAID:
        return Flash(words.say(_SAID[type(error)]), "danger")
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


def _short(moment: str) -> str:
    """`2026-03-04 09:00` of a local RFC 3339 moment."""
    return moment[:16].replace("T", " ")


_SAID: Final[Mapping[type[AppError], str]] = {
    UntilPassed: N_("截止日期不得早于今天；不设截止日期的，请留空。"),
    StaleVersion: N_("打开本页之后，该件已有变动（可能是本单位其他人员或贵单位的系统办理的）。请核对现状后再提交。"),
    IllegalMove: N_("该件的状态已经变化，现在不能这样办理。请核对现状后再办。"),
    NoEvidenceNow: N_("该件现在不需要本单位反馈，不能上传材料。"),
    UnknownEvidence: N_("所选的佐证材料已过期清理，请重新上传。"),
    CompletedInFuture: N_("完成日期不能晚于今天。尚未完成的，请先登记办理进展或申请延期。"),
    DocumentMissing: N_("整改举措为废止或修改文件的，请在“涉及文件”中写明文号和处理方式。"),
    ReasonUnclear: N_("未能解决的，请选择原因并写明情况说明。"),
    WishUnclear: N_("“希望延至”和“需要增加的工作日”请只填一项。"),
    NothingToExtend: N_("该件没有正在计时的期限，不能申请延期。"),
    ResponseUnclear: N_("委托代表参会的，请写明代表；不参会的，请写明理由。"),
}
_EXPLAINED: Final[Mapping[type[AppError], Explain]] = {
    MeetingClash: _explain_clash,
    OutsideOfficeHours: _explain_hours,
    ReasonMissing: _explain_late,
}
