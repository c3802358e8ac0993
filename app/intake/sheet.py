"""What a point's spreadsheet says: columns by their headings in any order, rows as submissions or as faults. Pure.

It knows neither the file nor the database; the city is an argument.
"""

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from app.directory.city import City
from app.intake.accept import LONGEST_TEXT, Submission, fold
from app.intake.spreadsheet import TEXT, Cell, Line, SpreadsheetRefused
from app.problems import InvalidInput

MOST_ROWS: Final = 5_000
HEADING_WITHIN: Final = 10
EARLIEST_YEAR: Final = 2000
MOST_HOURS: Final = 10_000
LONGEST: Final = {"text": LONGEST_TEXT, "title": 200, "contact": 200}
MOST_DEPARTMENTS: Final = 20
LONGEST_HEADING: Final = 40

# Field and heading, in the order of the template; what else people call them.
COLUMNS: Final[Mapping[str, str]] = {
    "observation_point": "观测点",
    "text": "反映内容",
    "title": "标题",
    "occurred_on": "发生日期",
    "declared_departments": "涉及部门",
    "hours_per_month": "每月耗时（小时）",
    "contact": "联系方式",
}
REQUIRED: Final = ("observation_point", "text")
ALSO: Final[Mapping[str, str]] = {
    "observation_point": "观测点代码 观测点编码 观测点编号 观测点名称 点位 反映单位 反映人 observationpoint",
    "text": "内容 反映情况 情况 情况描述 问题 问题描述 负担情况 线索内容 text",
    "title": "题目 主题 title",
    "occurred_on": "日期 发生时间 反映日期 反映时间 听到日期 occurredon",
    "declared_departments": "部门 涉及单位 来源部门 布置部门 declareddepartments",
    "hours_per_month": "每月耗时 每月小时 每月小时数 耗时 耗时小时 hourspermonth",
    "contact": "联系电话 联系人 电话 contact",
}
_HEADINGS: Final = {fold(heading): name for name, heading in COLUMNS.items()} | {
    fold(other): name for name, others in ALSO.items() for other in others.split()
}
# What the download of rows with faults adds.
ROW, FAULTS = "原行号", "错误说明"
_ADDED: Final = {fold(ROW), fold(FAULTS)}
_DAY: Final = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?|(\d{4})(\d{2})(\d{2})")
_BETWEEN: Final = re.compile(r"[、,，;；/\n]+")


class BadHeadings(InvalidInput):
    code = "bad_headings"
    title_zh, title_en = "表头不对", "The headings are not right"


class Fault(NamedTuple):
    """What is wrong in a row: the field, and the kind of fault, for which doors have the words."""

    field: str
    kind: str


Values = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Judged:
    """A row as it was understood: which point reports what, or what is wrong with it."""

    point: str = ""
    submission: Submission | None = None
    faults: tuple[Fault, ...] = ()


@dataclass(slots=True)
class Sheet:
    """Takes the lines of a file one after another and keeps what stands under known headings.

    `rows` are the numbers and values of the rows below; `unknown` the headings that mean nothing here.
    """

    required: tuple[str, ...] = REQUIRED
    rows: list[tuple[int, dict[str, Cell]]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    _places: dict[int, str] | None = None
    _seen: int = 0

    def take(self, line: Line) -> None:
        """One more line. Raises BadHeadings, or SpreadsheetRefused for too many rows."""
        if self._places is None:
            self._seen += 1
            if any(heading_of(cell) == "text" for cell in line.cells):
                self._places = self._read_headings(line.cells)
            elif self._seen >= HEADING_WITHIN:
                self.close()
            return
        values = {
            name: line.cells[place]
            for place, name in self._places.items()
            if place < len(line.cells) and (line.cells[place].kind != TEXT or line.cells[place].text.strip())
        }
        if values:
            if len(self.rows) >= MOST_ROWS:
                raise SpreadsheetRefused("too_many_rows")
            self.rows.append((line.number, values))

    def close(self) -> None:
        """There are no more lines. Raises BadHeadings, or SpreadsheetRefused where there was no row."""
        if self._places is None:
            raise BadHeadings(
                f"前 {HEADING_WITHIN} 行里没有找到“反映内容”这一列。请使用模板，保留表头。",
                f"There is no heading “反映内容” in the first {HEADING_WITHIN} rows. Use the template.",
            )
        if not self.rows:
            raise SpreadsheetRefused("no_rows")

    def _read_headings(self, cells: Iterable[Cell]) -> dict[int, str]:
        places: dict[int, str] = {}
        for place, cell in enumerate(cells):
            name = heading_of(cell)
            if name in places.values():
                raise BadHeadings(
                    f"有两列都是“{COLUMNS[name or '']}”。请只保留一列。", "Two columns have the same meaning: keep one."
                )
            if name:
                places[place] = name
            elif cell.text.strip() and fold(cell.text) not in _ADDED:
                self.unknown.append(cell.text.strip()[:LONGEST_HEADING])
        missing = [COLUMNS[name] for name in self.required if name not in places.values()]
        if missing:
            raise BadHeadings(f"缺少“{'”“'.join(missing)}”一列。请使用模板。", f"A column is missing: {missing}.")
        return places


def heading_of(cell: Cell) -> str | None:
    """The field that a heading stands for; None for none."""
    return _HEADINGS.get(fold(cell.text)) if cell.kind == TEXT and len(cell.text) <= LONGEST_HEADING else None


def digest_of(judged: Judged) -> str:
    """What makes two rows the same report, in whatever file; the contact is no part of it. SHA-256, 64 hex digits."""
    said = judged.submission
    if said is None:
        return ""
    parts = [judged.point, fold(said.text), fold(said.title or ""), str(said.occurred_on or "")]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Judge:
    """Reads rows for one city on one day.

    Args:
        today: the city's day; nothing happened after it.
    """

    def __init__(self, city: City, today: date) -> None:
        self._today = today
        self._points = _by_name((code, p.name) for code, p in city.points.items())
        self._departments = _by_name(city.names.items())

    def judge(self, values: Values) -> Judged:
        """The row as a submission, or everything that is wrong with it."""
        faults: list[Fault] = []
        said = {name: self._plain(name, cell, faults) for name, cell in values.items()}
        bad = {fault.field for fault in faults}
        point = self._read_point(said.get("observation_point", ""), faults, unless=bad)
        text = said.get("text", "")
        if "text" not in bad and not fold(text):
            faults.append(Fault("text", "empty"))
        submission = Submission(
            text=text,
            title=said.get("title") or None,
            occurred_on=self._read_day(values.get("occurred_on"), said.get("occurred_on", ""), faults),
            hours_per_month=_read_hours(said.get("hours_per_month", ""), faults),
            declared_departments=self._read_departments(said.get("declared_departments", ""), faults),
            contact=said.get("contact") or None,
        )
        return Judged(faults=tuple(faults)) if faults else Judged(point, submission)

    def _plain(self, name: str, cell: Cell, faults: list[Fault]) -> str:
        """What a cell says; empty where it says nothing that counts."""
        wrong = {"formula": "formula", "error": "error"}.get(cell.kind)
        if cell.kind == "date" and name in {"hours_per_month", "observation_point"}:
            wrong = "error"
        elif any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\t\n\r" for c in cell.text):
            wrong = "control"
        elif len(cell.text) > LONGEST.get(name, LONGEST_TEXT):
            wrong = "too_long"
        if wrong:
            faults.append(Fault(name, wrong))
            return ""
        return cell.text if name == "text" else cell.text.strip()

    def _read_point(self, said: str, faults: list[Fault], *, unless: set[str]) -> str:
        if "observation_point" in unless:
            return ""
        code = self._points.get(fold(said), "")
        if not code:
            faults.append(Fault("observation_point", "unknown" if said else "empty"))
        return code

    def _read_day(self, cell: Cell | None, said: str, faults: list[Fault]) -> date | None:
        if not said:
            return None
        found = _DAY.fullmatch(said) if cell and cell.kind in {TEXT, "date", "number"} else None
        try:
            day = date(*(int(part) for part in found.groups() if part)) if found else None
        except ValueError:
            day = None
        if day is None or day.year < EARLIEST_YEAR:
            faults.append(Fault("occurred_on", "not_a_day"))
        elif day > self._today:
            faults.append(Fault("occurred_on", "in_future"))
        return day

    def _read_departments(self, said: str, faults: list[Fault]) -> tuple[str, ...]:
        named = [part.strip() for part in _BETWEEN.split(said) if part.strip()]
        codes = [self._departments.get(fold(name), "") for name in named]
        if not all(codes):
            faults.append(Fault("declared_departments", "unknown"))
        elif len(codes) > MOST_DEPARTMENTS:
            faults.append(Fault("declared_departments", "too_many"))
        return tuple(dict.fromkeys(codes))


def _by_name(known: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Codes by code and by name, folded; a name that several have is no way to any."""
    pairs = list(known)
    names: dict[str, set[str]] = {}
    for code, name in pairs:
        names.setdefault(fold(name), set()).add(code)
    unique = {name: next(iter(codes)) for name, codes in names.items() if len(codes) == 1}
    return unique | {fold(code): code for code, _ in pairs}


def _read_hours(said: str, faults: list[Fault]) -> float | None:
    if not said:
        return None
    try:
        hours = float(said.removesuffix("小时").removesuffix("h"))
    except ValueError:
        hours = math.nan
    if not 0 <= hours <= MOST_HOURS:
        faults.append(Fault("hours_per_month", "not_hours"))
        return None
    return hours


def to_json(values: Values) -> bytes:
    """A row as it is sealed."""
    return json.dumps({name: list(cell) for name, cell in values.items()}, ensure_ascii=False).encode()


def from_json(data: bytes) -> dict[str, Cell]:
    """A row as it was sealed."""
    return {name: Cell(*cell) for name, cell in json.loads(data).items()}
