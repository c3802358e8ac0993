"""The words a reporter gets back. Pure text: official dates, plain sentences, one page."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

OUTCOMES = {
    "relieved": "经核实，所反映的负担已经减下来，该事项现予销号。",
    "unresolved": "经办理，所反映的问题目前未能解决，原因已如实说明，统筹部门将继续关注。",
    "not_a_burden": "经研判，所反映的情况不属于基层不合理负担的受理范围。",
    "answered": "所反映的事项已作答复，现予办结。",
    "merged": "所反映的事项与另一事项内容相同，已并入办理。",
}

# Why a burden cannot be lifted for now.
BECAUSE = {
    "upstream_rule": "该项要求由上级规定，本级无权取消",
    "law_requires": "该项要求为法律法规所规定",
    "needs_province": "需由省级统一研究解决",
    "needs_funds": "需落实经费后才能解决",
    "province_refused": "已上报省级，省级答复未同意调整",
    "points_disagree": "已多次整改，观测点反映负担仍未减下来",
    "other": "具体情况见答复和说明",
}


# What a reporter may read of a pause: what is waited for, never the office's own words on it.
BLOCKERS = {
    "awaiting_information": "正在补充核实有关情况",
    "awaiting_province": "正在等待省级部门答复",
    "awaiting_other": "因客观原因需要等待",
}


def describe_pause(blocker: str, until: datetime, zone: ZoneInfo) -> str:
    """What a reporter is told of a paused clock."""
    return f"{BLOCKERS[blocker]}，办理时间暂停计算，最迟于{official_date(until, zone)}恢复。"


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
    lines += [f"{name}答复：{text}" for name, text in answers]
    if statement:
        lines.append(f"统筹部门说明：{statement}")
    lines += [OUTCOMES[outcome], official_date(now, zone)]
    return "\n".join(lines)


def compose_unresolved(
    report_number: str,
    *,
    answers: Sequence[tuple[str, str]],
    because: Sequence[str],
    statement: str | None,
    revisit_by: str,
    now: datetime,
    zone: ZoneInfo,
) -> str:
    """The honest reply in between: why the burden stays for now, and what happens next.

    Args:
        answers: pairs of a department's name and the reply it wrote for the reporters.
        because: keys of BECAUSE.
        revisit_by: the official date until which the office comes back to it.
    """  # fmt: skip
    lines = [f"您反映的线索({report_number})办理情况如下。"]
    lines += [f"{name}答复：{text}" for name, text in answers]
    reasons = [BECAUSE[key] for key in dict.fromkeys(because)]
    if reasons:
        lines.append(f"目前未能解决的原因：{'；'.join(reasons)}。")
    if statement:
        lines.append(f"统筹部门说明：{statement}")
    lines += [
        f"该事项不予销号，继续挂账；统筹部门将在{revisit_by}前再次研究，有进展即告知您。",
        official_date(now, zone),
    ]
    return "\n".join(lines)
