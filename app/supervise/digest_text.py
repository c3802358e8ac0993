"""每日提要 as plain lines of Chinese, for whatever carries it to a person: an e-mail, a group robot. Pure.

Number, stage, deadline and link; nothing else about a case.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from app.disclosure import STAGES, say_day

# So many lines of one kind; the rest is counted, the content has them all.
MOST_LINES: Final = 30
COUNTED: Final = (
    ("came_in", "新收线索 {} 条"),
    ("opened", "新立项 {} 件"),
    ("failed_deliveries", "未送达的投递 {} 条"),
    ("quarantined", "督办因故障停止的时限 {} 个"),
)
LISTED: Final = (
    ("silent_addresses", "部门系统推送中断"),
    ("level_3", "三级督办，待负责人批示"),
    ("overdue", "已逾期"),
    ("due", "即将到期"),
    ("rework", "退回重办"),
    ("extensions", "申请延期，待审批"),
    ("invitations", "会商邀请，待答复意见"),
    ("chases", "请向省级部门催办"),
)


def render(content: Mapping[str, Any], *, to: str, day: date, names: Mapping[str, str]) -> str:
    """The lines of one digest, for the recipient of that name; `names` are departments' names by code."""
    lines = [f"【一龙】{day.year}年{say_day(day)} {to}"]
    lines += [words.format(content[kind]) for kind, words in COUNTED if content.get(kind)]
    for kind, title in LISTED:
        entries = content.get(kind, [])
        if not entries:
            continue
        lines.append(f"{title}({len(entries)}):")
        lines += [_line(entry, names) for entry in entries[:MOST_LINES]]
        if len(entries) > MOST_LINES:
            lines.append(f"……另有 {len(entries) - MOST_LINES} 件")
    return "\n".join(lines)


def _line(entry: Mapping[str, Any], names: Mapping[str, str]) -> str:
    readers: tuple[tuple[str, Callable[[Any], str]], ...] = (
        ("consultation", str),
        ("case", str),
        ("cases", "、".join),
        ("department", lambda code: names.get(code, code)),
        ("hours", lambda hours: f"已超过{hours}小时" if hours else "对方答复地址已停用，推送已暂停"),
        ("stage", lambda stage: STAGES.get(stage, stage)),
        ("due_on", lambda day: f"{say_day(date.fromisoformat(day))}到期"),
        ("working_days", _late),
        ("level", lambda level: f"督办{'一二三'[level - 1]}级"),
        ("promised_on", lambda day: f"承诺{say_day(date.fromisoformat(day))}前反馈"),
        ("wished_until", lambda day: f"希望延至{say_day(date.fromisoformat(day))}"),
        ("meeting_on", lambda day: f"{say_day(date.fromisoformat(day))}开会"),
        ("link", str),
    )
    return " ".join(said for key, read in readers if key in entry and (said := read(entry[key])))


def _late(working_days: int) -> str:
    if working_days < 0:
        return f"逾期{-working_days}个工作日"
    return "今日" if working_days == 0 else ""
