"""What is wrong in a row of a spreadsheet, in words; the template, and the sheet of rows with faults. No rules."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from app.dashboard.language import N_
from app.directory.city import City
from app.intake.sheet import COLUMNS, FAULTS, ROW, Values
from app.models import RowState
from app.workbook import Table

ROW_STATE: Final[Mapping[str, str]] = {
    RowState.FAULTY: N_("有问题"),
    RowState.WAITING: N_("可导入"),
    RowState.KNOWN: N_("已有相同线索"),
    RowState.DONE: N_("已导入"),
}
ROW_TONES: Final = {
    RowState.FAULTY: "danger",
    RowState.WAITING: "info",
    RowState.KNOWN: "neutral",
    RowState.DONE: "success",
}
# By kind, or by field and kind where that says more.
ROW_FAULT: Final[Mapping[str, str]] = {
    "observation_point unknown": N_("没有这个观测点，请填模板“观测点”工作表中的代码或全称"),
    "observation_point empty": N_("没有填写，请填观测点代码或全称"),
    "declared_departments unknown": N_("有部门不在目录中，请填代码或全称，多个用顿号分开；不确定的可以不填"),
    "too_many": N_("最多 20 个部门"),
    "empty": N_("没有填写，请写明反映的情况，一两句话即可"),
    "not_a_day": N_("不是有效日期，请写成 2026-03-02"),
    "in_future": N_("日期晚于今天，请核对"),
    "not_hours": N_("请填 0 至 10000 的数字，单位为小时"),
    "too_long": N_("文字过长：内容最多 20000 字，标题和联系方式最多 200 字"),
    "formula": N_("是公式，请复制后“粘贴为值”"),
    "error": N_("单元格内容无效，请改为文字后重新填写"),
    "control": N_("含有看不见的控制字符，请删去后重新填写"),
    "defect": N_("未能导入，出错情况已记录，请联系管理员"),
}
WIDE: Final = frozenset({COLUMNS["text"], FAULTS})
GUIDE: Final = (
    ("观测点", "必填", "观测点代码或全称，见“观测点”工作表", "FR-01"),
    (
        "反映内容",
        "必填",
        "用大白话写一两句，是谁要的、要什么、多久一次；最多 20000 字",
        "区民政局要求每周报一次独居老人走访台账",
    ),
    ("标题", "可不填", "最多 200 字", "独居老人走访台账"),
    ("发生日期", "可不填", "听到或发生的日期，不晚于今天", "2026-03-02"),
    ("涉及部门", "可不填", "部门代码或全称，多个用顿号分开；不确定就不填", "芙蓉区民政局"),
    ("每月耗时（小时）", "可不填", "0 至 10000 的数字", "12"),
    ("联系方式", "可不填", "最多 200 字；加密保存，不向部门公开", ""),
)


# A row by its number, with what it says and what is wrong with it.
FaultyRow = tuple[int, Values, Sequence[Sequence[str]]]


def say_fault(fault: Sequence[str], say: Callable[[str], str]) -> str:
    """What is wrong, without the column's name; a kind that has no words yet is shown as it is."""
    field, kind = fault
    said = ROW_FAULT.get(f"{field} {kind}", ROW_FAULT.get(kind))
    return say(said) if said else kind


def say_faults(faults: Iterable[Sequence[str]], say: Callable[[str], str]) -> str:
    """Everything that is wrong with a row in one line."""
    return "；".join(f"{COLUMNS[fault[0]]}：{say_fault(fault, say)}" for fault in faults)


def template(city: City) -> list[Table]:
    """What a point fills in: the sheet itself, how to fill it in, and the points there are."""
    districts = {district.code: district.name for district in city.pack.districts}
    points = [
        (point.code, point.name, point.township, districts.get(point.district, point.district))
        for point in sorted(city.points.values(), key=lambda point: point.code)
    ]
    return [
        Table("线索", tuple(COLUMNS.values()), wide=WIDE),
        Table("填写说明", ("列", "是否必填", "怎么填", "例子"), GUIDE, frozenset({"怎么填", "例子"})),
        Table("观测点", ("代码", "名称", "乡镇街道", "区县"), points),
    ]


def faulty_rows(rows: Iterable[FaultyRow], say: Callable[[str], str]) -> Table:
    """Rows as they were sent, with what is wrong: to be put right and sent again."""
    return Table(
        "线索",
        (*COLUMNS.values(), ROW, FAULTS),
        (
            (*(values[name].text if name in values else "" for name in COLUMNS), str(number), say_faults(faults, say))
            for number, values, faults in rows
        ),
        WIDE,
    )
