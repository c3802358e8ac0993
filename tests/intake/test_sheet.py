"""What a sheet says: headings in any order and by other names, and each fault of a row. No file, no database."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.deadlines import Calendar
from app.directory.city import City, build_city
from app.directory.loading import read_files
from app.directory.pack import BUNDLED_PACK
from app.intake.accept import LONGEST_TEXT
from app.intake.sheet import BadHeadings, Judge, Sheet, digest_of, from_json, to_json
from app.intake.spreadsheet import Cell, Line, SpreadsheetRefused

TODAY = date(2026, 3, 2)


@pytest.fixture(scope="module")
def city() -> City:
    return build_city(read_files(BUNDLED_PACK), Calendar({}, "", ZoneInfo("Asia/Shanghai")))


def line(number: int, *cells: str | Cell) -> Line:
    return Line(number, [cell if isinstance(cell, Cell) else Cell("text", cell) for cell in cells])


def read(*lines: Line) -> Sheet:
    sheet = Sheet()
    for each in lines:
        sheet.take(each)
    sheet.close()
    return sheet


def test_headings_are_known_in_any_order_below_a_title_and_by_other_names() -> None:
    sheet = read(
        line(1, "2026年3月反映汇总表"),
        line(3, "序号", " 反映情况* ", "联系电话", "点位", "每月耗时（小时）", "原行号"),
        line(4, "1", "要报表", "138", "FR-01", "3"),
        line(9, "2", "", " ", "", ""),
        line(12, "", "又要报表"),
    )
    assert sheet.unknown == ["序号"]
    said = [(number, {name: cell.text for name, cell in values.items()}) for number, values in sheet.rows]
    full = {"text": "要报表", "contact": "138", "observation_point": "FR-01", "hours_per_month": "3"}
    assert said == [(4, full), (12, {"text": "又要报表"})]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([line(1, "观测点", "标题")], "没有找到“反映内容”"),
        ([line(n, "别的") for n in range(1, 30)], "没有找到“反映内容”"),
        ([line(1, "反映内容", "标题")], "缺少“观测点”一列"),
        ([line(1, "反映内容", "观测点", "反映情况")], "有两列都是“反映内容”"),
        ([line(1, "反映内容", "观测点")], "表格里没有内容"),
        ([line(1, "反映内容", "观测点"), *(line(n, "x", "y") for n in range(2, 5_003))], "最多 5000 行"),
    ],
)
def test_a_sheet_that_cannot_be_used_says_what_to_do(lines: list[Line], said: str) -> None:
    with pytest.raises((BadHeadings, SpreadsheetRefused), match=said):
        read(*lines)


def values(**said: Any) -> dict[str, Cell]:
    given = {"observation_point": "FR-01", "text": "区民政局要报表"} | said
    return {name: said if isinstance(said, Cell) else Cell("text", said) for name, said in given.items()}


@pytest.mark.parametrize(
    ("said", "faults"),
    [
        ({"observation_point": "XX-99"}, [("observation_point", "unknown")]),
        ({"observation_point": ""}, [("observation_point", "empty")]),
        ({"text": " 。\u200b"}, [("text", "empty")]),
        ({"text": "表" * (LONGEST_TEXT + 1)}, [("text", "too_long")]),
        ({"text": "a\x00b"}, [("text", "control")]),
        ({"text": "a\ud800b"}, [("text", "control")]),
        ({"text": Cell("formula", "")}, [("text", "formula")]),
        ({"contact": Cell("error", "")}, [("contact", "error")]),
        ({"contact": "1" * 201}, [("contact", "too_long")]),
        ({"occurred_on": "明天"}, [("occurred_on", "not_a_day")]),
        ({"occurred_on": "2026-02-30"}, [("occurred_on", "not_a_day")]),
        ({"occurred_on": Cell("date", "1899-12-25")}, [("occurred_on", "not_a_day")]),
        ({"occurred_on": Cell("number", "46083")}, [("occurred_on", "not_a_day")]),
        ({"occurred_on": "2026-03-03"}, [("occurred_on", "in_future")]),
        ({"hours_per_month": "很多"}, [("hours_per_month", "not_hours")]),
        ({"hours_per_month": "-1"}, [("hours_per_month", "not_hours")]),
        ({"hours_per_month": "nan"}, [("hours_per_month", "not_hours")]),
        ({"hours_per_month": "9" * 500}, [("hours_per_month", "not_hours")]),
        ({"declared_departments": "芙蓉区民政局、没有的局"}, [("declared_departments", "unknown")]),
        (
            {"observation_point": "无", "text": "", "occurred_on": "x"},
            [("observation_point", "unknown"), ("text", "empty"), ("occurred_on", "not_a_day")],
        ),
    ],
)
def test_each_fault_of_a_row_is_named_with_its_column(
    city: City, said: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    judged = Judge(city, TODAY).judge(values(**said))
    assert [tuple(fault) for fault in judged.faults] == faults
    assert (judged.submission, digest_of(judged)) == (None, "")


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-01",
        "2026/3/1",
        "2026.3.1",
        "2026年3月1日",
        "20260301",
        Cell("date", "2026-03-01"),
        Cell("number", "20260301"),
    ],
)
def test_a_day_is_read_as_people_write_it(city: City, written: str | Cell) -> None:
    submission = Judge(city, TODAY).judge(values(occurred_on=written)).submission
    assert submission is not None
    assert submission.occurred_on == date(2026, 3, 1)


def test_points_and_departments_are_known_by_code_and_by_full_name(city: City) -> None:
    point = city.points["FR-02"]
    for said in ("FR-02", "fr-02 ", point.name):
        judged = Judge(city, TODAY).judge(values(observation_point=said, declared_departments="FR-MZ,芙蓉区卫生健康局"))
        assert judged.point == "FR-02"
        assert judged.submission is not None
        assert judged.submission.declared_departments == ("FR-MZ", "FR-WJ")


def test_the_same_report_has_the_same_digest_whatever_its_contact(city: City) -> None:
    judge = Judge(city, TODAY)
    first = digest_of(judge.judge(values(contact="138")))
    assert first == digest_of(judge.judge(values(text="区民政局，要报表 ")))
    others = [
        values(observation_point="FR-02"),
        values(text="别的"),
        values(occurred_on="2026-03-01"),
        values(title="题"),
    ]
    assert len({first, *(digest_of(judge.judge(each)) for each in others)}) == 5


def test_a_row_is_sealed_and_opened_as_it_was() -> None:
    row = {"text": Cell("text", "表\n“x”"), "occurred_on": Cell("date", "2026-03-01")}
    assert from_json(to_json(row)) == row
