"""The forms of a point's page: a report, of which one field is enough, and its answer to a question. No rules here."""

from datetime import date, datetime
from typing import Final

from app.dashboard.forms import BadFields, Form
from app.dashboard.language import N_
from app.dashboard.ruling_form import find_department
from app.directory.city import City
from app.intake.accept import LONGEST_TEXT, Submission

ROWS: Final = 3
LONGEST_TITLE, LONGEST_CONTACT, LONGEST_COMMENT = 200, 200, 2000
MOST_HOURS: Final = 10_000
RELIEVED, HOLDS = "relieved", "holds"


def read_report(form: Form, city: City, now: datetime) -> Submission:
    """What a form says of a burden, within the limits of the interface. Raises BadFields."""
    faults: list[str] = []
    text, title, contact = form.get("text"), form.get("title"), form.get("contact")
    if not text:
        faults.append(N_("请写明反映的情况，一两句话即可。"))
    if len(text) > LONGEST_TEXT:
        faults.append(N_("内容不能超过 20000 字，请精简后再提交。"))
    if len(title) > LONGEST_TITLE:
        faults.append(N_("标题不能超过 200 字。"))
    if len(contact) > LONGEST_CONTACT:
        faults.append(N_("联系方式不能超过 200 字。"))
    submission = Submission(
        text=text,
        title=title or None,
        occurred_on=_day(form.get("occurred_on"), city, now, faults),
        hours_per_month=_hours(form.get("hours_per_month"), faults),
        declared_departments=_departments(form, city, faults),
        contact=contact or None,
    )
    if faults:
        raise BadFields(faults)
    return submission


def _day(typed: str, city: City, now: datetime, faults: list[str]) -> date | None:
    if not typed:
        return None
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        day = None
    if day is None or day > now.astimezone(city.calendar.zone).date():
        faults.append(N_("发生日期不正确：请选择今天或以前的日期，或留空。"))
    return day


def _hours(typed: str, faults: list[str]) -> float | None:
    if not typed:
        return None
    try:
        hours = float(typed)
    except ValueError:
        hours = -1.0
    if not 0 <= hours <= MOST_HOURS:
        faults.append(N_("每月多花的小时数请填 0 至 10000 的数字，或留空。"))
    return hours


def _departments(form: Form, city: City, faults: list[str]) -> tuple[str, ...]:
    """The codes of the departments that were named, each once."""
    codes = [find_department(typed, city) for typed in form.all("department")[:ROWS] if typed]
    if None in codes:
        faults.append(N_("有部门不在部门目录中，请从列表中选择，或留空由系统判断。"))
    return tuple(dict.fromkeys(code for code in codes if code))


def read_answer(form: Form, field: str) -> tuple[bool, str | None]:
    """Yes or no, and what a point adds to it. Raises BadFields."""
    faults: list[str] = []
    said = {"yes": True, "no": False}.get(form.get(field))
    if said is None:
        faults.append(N_("请先选择“是”或“否”。"))
    comment = form.get("comment")
    if len(comment) > LONGEST_COMMENT:
        faults.append(N_("补充说明不能超过 2000 字。"))
    if faults or said is None:
        raise BadFields(faults)
    return said, comment or None
