"""What the case page shows of a department's answer: measures, documents, scope, why not, and its files. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.dashboard import labels
from app.dashboard.language import N_
from app.dashboard.words import Fact, Words

MEASURE: Final[Mapping[str, str]] = {
    "document_withdrawn": N_("废止文件"),
    "document_changed": N_("修改文件"),
    "form_or_report_dropped": N_("取消报表材料"),
    "frequency_reduced": N_("降低频次"),
    "merged_or_data_shared": N_("合并或共享数据"),
    "system_closed_or_simplified": N_("关停或精简系统"),
    "inspection_cancelled": N_("取消检查考核"),
    "signboard_removed": N_("清理牌子制度上墙"),
    "staff_returned": N_("退回借调人员"),
    "duty_taken_back": N_("收回下放事项"),
    "explained_no_change": N_("解释说明，未作改变"),
    "other": N_("其他举措"),
}
ACTION: Final[Mapping[str, str]] = {
    "withdrawn": N_("废止"),
    "changed": N_("修改"),
    "issued": N_("新发"),
}
SCOPE: Final[Mapping[str, str]] = {
    "this_point": N_("仅本观测点"),
    "district": N_("全区县"),
    "city": N_("全市"),
    "province": N_("全省"),
}


@dataclass(frozen=True)
class FileLink:
    """A file of an answer: its id, its name, its size in kB."""

    id: str
    name: str
    kilobytes: int


def account_of(content: Mapping[str, Any], words: Words) -> list[Fact]:
    """The structured part of an answer, in the order of reading; nothing for an act that has none."""
    found: list[tuple[str, str]] = []
    if content.get("resolved") is False:
        found.append((N_("办理结果"), words.say(N_("未能解决"))))
    if content.get("because"):
        found.append((N_("原因"), words.label(labels.BECAUSE, content["because"])))
    if content.get("measure_kinds"):
        found.append((N_("整改举措"), "、".join(words.label(MEASURE, kind) for kind in content["measure_kinds"])))
    if content.get("documents"):
        found.append((N_("涉及文件"), "；".join(_document(entry, words) for entry in content["documents"])))
    elif content.get("document_changed"):
        found.append((N_("文件处理"), content["document_changed"]))
    if content.get("scope"):
        found.append((N_("举一反三范围"), words.label(SCOPE, content["scope"])))
    if content.get("scope_note"):
        found.append((N_("举一反三"), content["scope_note"]))
    if content.get("completed_on"):
        found.append((N_("完成日期"), words.day(content["completed_on"])))
    if content.get("hours_saved_per_month") is not None:
        found.append((N_("每月减少工时"), f"{content['hours_saved_per_month']:g}"))
    return [Fact(words.say(label), value) for label, value in found]


def _document(entry: Mapping[str, Any], words: Words) -> str:
    name = f"《{entry['name'].strip('《》')}》" if entry.get("name") else ""
    return f"{name}{entry['number']} {words.label(ACTION, entry['action'])}"


def files_of(content: Mapping[str, Any]) -> Sequence[FileLink]:
    """The files that an answer refers to."""
    return [FileLink(e["id"], e["name"], max(1, e["size"] // 1024)) for e in content.get("evidence", [])]
