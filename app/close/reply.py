"""The words a reporter gets back. Pure text: official dates, plain sentences, one page."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

OUTCOMES = {
    "relieved": "经核实,所反映的负担已经减下来,该事项现予销号。",
    "unresolved": "经办理,所反映的问题目前未能解决,原因已如实说明,统筹部门将继续关注。",
    "not_a_burden": "经研判,所反映的情况不属于基层不合理负担的受理范围。",
    "answered": "所反映的事项已作答复,现予办结。",
    "merged": "所反映的事项与另一事项内容相同,已并入办理。",
}


# What a reporter may read of a pause: what is waited for, never the office's own words on it.
BLOCKERS = {
    "awaiting_information": "正在补充核实有关情况",
    "awaiting_province": "正在等待省级部门答复",
    "awaiting_other": "因客观原因需要等待",
}


def describe_pause(blocker: str, until: datetime, zone: ZoneInfo) -> str:
    """What a reporter is told of a paused clock."""
    return f"{BLOCKERS[blocker]},办理时间暂停计算,最迟于{official_date(until, zone)}恢复。"


def official_date(moment: datetime, zone: ZoneInfo) -> str:
    """Such as 2026年11月23日."""
    day = moment.astimezone(zone)
    return f"{day.year}年{day.month}月{day.day}日"


def compose_reply(
    report_number: str,
    *,
    outcome: str,
    answers: Sequence[tuple[str, str]],
    statement: str | None,
    now: datetime,
    zone: ZoneInfo,
) -> str:
    """The final reply to one report.

    Args:
        answers: pairs of a department's name and the reply it wrote for the reporters.
        statement: what the office adds.
    """  # fmt: skip
    lines = [f"您反映的线索({report_number})办理情况如下。"]
    lines += [f"{name}答复:{text}" for name, text in answers]
    if statement:
        lines.append(f"统筹部门说明:{statement}")
    lines += [OUTCOMES[outcome], official_date(now, zone)]
    return "\n".join(lines)
