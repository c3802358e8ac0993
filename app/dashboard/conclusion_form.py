"""The form in which the office writes down what a session concluded. Reads, checks and shows input again; nothing else.

Who has a part in a case stands in a row: the invited departments by their codes, then departments added at the
meeting, `+0`, `+1` and so on. Each row has as many obligations as were asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from itertools import zip_longest
from typing import Final

from app.consult.conclude import EXPECTED, CaseConclusion, Part, Task
from app.consult.schedule import Meeting
from app.dashboard.forms import BadFields, Form
from app.dashboard.language import N_
from app.dashboard.meetings import read_meeting
from app.dashboard.ruling_form import find_department, read_term, read_text
from app.directory.city import City
from app.ledger.sessions import SessionRecord
from app.models import Attendance, Case, Manner, Position

LONGEST_MINUTES: Final = 20_000
LONGEST_WORDS: Final = 2000
MOST_TASKS: Final = 10
MOST_ADDED: Final = 5
ADDED: Final = "+"
# The button that asks for one more line: `case:row` for an obligation, `case:+` for a department.
MORE: Final = "more"
ADJOURNED: Final = "adjourned_"


@dataclass(frozen=True)
class Conclusions:
    """What the form says, checked as far as its shape goes; `adjourned` where the rest gets a new date."""

    cases: Mapping[str, CaseConclusion]
    minutes: str
    attendance: Mapping[str, Attendance]
    adjourned: Meeting | None


# ── showing ──


@dataclass(frozen=True)
class Row:
    """One department's part in one case, as typed; `code` is empty for a department added at the meeting."""

    key: str
    code: str
    typed: str
    leads: bool
    supports: bool
    tasks: list[tuple[str, str]]
    dissent: str
    grown: bool

    @property
    def may_grow(self) -> bool:
        return len(self.tasks) < MOST_TASKS


@dataclass(frozen=True)
class CaseForm:
    """One case on the agenda, as typed."""

    case: Case
    adjourned: bool
    rows: list[Row]
    ruled: bool
    reason: str
    may_add: bool


def proposed_form(record: SessionRecord) -> Form:
    """The form as the positions suggest it: who offered to lead leads, who offered to help supports."""
    values: dict[str, list[str]] = {}
    for _, case in record.waiting():
        stated = [p for p in record.positions if p.case_id == case.id]
        leads = [p.department_code for p in stated if p.position is Position.LEAD]
        supports = [p.department_code for p in stated if p.position is Position.SUPPORTING]
        values[f"lead:{case.number}"] = leads[:1]
        values[f"supporting:{case.number}"] = leads[1:] + supports
    for seat in record.invitations:
        values[f"attendance:{seat.department_code}"] = [EXPECTED[seat.answer]] if seat.answer else []
    return Form(values)


def show_cases(form: Form, record: SessionRecord) -> list[CaseForm]:
    """What still waits for its conclusion, with what was typed of it."""
    return [_show_case(form, record, case) for _, case in record.waiting()]


def _show_case(form: Form, record: SessionRecord, case: Case) -> CaseForm:
    added = _added_shown(form, case.number)
    seats = [_show_row(form, case.number, seat.department_code) for seat in record.invitations]
    rows = seats + [_show_row(form, case.number, f"{ADDED}{index}", typed) for index, typed in enumerate(added)]
    ruled = form.get(f"manner:{case.number}") == Manner.RULED
    reason = form.get(f"reason:{case.number}")
    return CaseForm(case, is_adjourned(form, case.number), rows, ruled, reason, len(added) < MOST_ADDED)


def _show_row(form: Form, number: str, key: str, typed: str = "") -> Row:
    tasks = [*_typed_tasks(form, number, key)][:MOST_TASKS]
    grown = form.get(MORE) == f"{number}:{key}" and len(tasks) < MOST_TASKS
    return Row(
        key=key,
        code="" if key.startswith(ADDED) else key,
        typed=typed,
        leads=form.get(f"lead:{number}") == key,
        supports=key in form.all(f"supporting:{number}"),
        tasks=[*tasks, ("", "")] if grown or not tasks else tasks,
        dissent=form.get(f"dissent:{number}:{key}"),
        grown=grown,
    )


def _added_shown(form: Form, number: str) -> list[str]:
    """The departments added at the meeting as typed, and a blank one where there is none or one is asked for."""
    added = form.all(f"added:{number}")[:MOST_ADDED]
    wanted = form.get(MORE) == f"{number}:{ADDED}" and len(added) < MOST_ADDED
    return [*added, ""] if wanted or not added else added


def _typed_tasks(form: Form, number: str, key: str) -> list[tuple[str, str]]:
    """Wording and working days of each line of a row, as typed."""
    words, days = form.all(f"obligation:{number}:{key}"), form.all(f"days:{number}:{key}")
    return list(zip_longest(words, days, fillvalue=""))


def is_adjourned(form: Form, number: str) -> bool:
    return form.get(f"now:{number}") == "adjourn"


# ── reading ──


def read_conclusions(form: Form, record: SessionRecord, city: City) -> Conclusions:
    """Raises BadFields with one sentence for each thing that is wrong."""
    faults: list[str] = []
    numbers = [case.number for _, case in record.waiting()]
    now = [number for number in numbers if not is_adjourned(form, number)]
    if not now:
        faults.append(N_("请至少对一个议题作出结论；都不作结论的，请改定会议时间。"))
    seats = [seat.department_code for seat in record.invitations]
    cases = {number: _conclusion(form, number, seats, city, faults) for number in now}
    minutes = read_text(form, "minutes", N_("请写明会商纪要（2 至 20000 字）。"), faults, LONGEST_MINUTES)
    adjourned = _adjournment(form, city.calendar.zone, faults) if len(now) < len(numbers) else None
    if faults:
        raise BadFields(list(dict.fromkeys(faults)))
    return Conclusions(cases, minutes, _attendance(form, seats), adjourned)


def _adjournment(form: Form, zone: tzinfo, faults: list[str]) -> Meeting | None:
    if not form.get(f"{ADJOURNED}meeting_at"):
        faults.append(N_("有议题延期再议，请填写再议的会议时间。"))
        return None
    return read_meeting(form, zone, faults, ADJOURNED)


def _attendance(form: Form, seats: list[str]) -> dict[str, Attendance]:
    """Who sat in each seat; a field left open says nothing."""
    typed = {code: form.get(f"attendance:{code}") for code in seats}
    return {code: Attendance(value) for code, value in typed.items() if value in set(Attendance)}


def _conclusion(form: Form, number: str, seats: list[str], city: City, faults: list[str]) -> CaseConclusion:
    manner = Manner.RULED if form.get(f"manner:{number}") == Manner.RULED else Manner.AGREED
    reason = form.get(f"reason:{number}")
    if manner is Manner.RULED:
        read_text(form, f"reason:{number}", N_("由统筹部门裁定的，请写明理由（2 至 2000 字）。"), faults)
    elif len(reason) > LONGEST_WORDS:
        faults.append(N_("裁定理由不得超过 2000 字。"))
    dissent = {code: words for code in seats if (words := form.get(f"dissent:{number}:{code}"))}
    if not all(2 <= len(words) <= LONGEST_WORDS for words in dissent.values()):
        faults.append(N_("保留意见须为 2 至 2000 字。"))
    return CaseConclusion(_parts(form, number, seats, city, faults), manner, reason or None, dissent)


def _parts(form: Form, number: str, seats: list[str], city: City, faults: list[str]) -> list[Part]:
    """What the form says of one case; a department added at the meeting supports unless it leads."""
    lead, supporting = form.get(f"lead:{number}"), set(form.all(f"supporting:{number}"))
    rows = {code: code for code in seats} | _added(form, number, seats, city, faults)
    if lead not in rows:
        faults.append(N_("请为每个议题选定一个牵头单位。"))
    parts = []
    for key, code in rows.items():
        tasks = _tasks(form, number, key, faults)
        if key == lead or key in supporting or key.startswith(ADDED):
            parts.append(Part(code, key == lead, tasks or (Task(),)))
        elif tasks:
            faults.append(N_("写了办理要求的部门，请同时选定牵头或协办。"))
    return parts


def _added(form: Form, number: str, seats: list[str], city: City, faults: list[str]) -> dict[str, str]:
    """The rows of departments added at the meeting, with their codes."""
    added: dict[str, str] = {}
    for index, typed in enumerate(form.all(f"added:{number}")[:MOST_ADDED]):
        key = f"{ADDED}{index}"
        code = find_department(typed, city) if typed else None
        if code in seats or code in added.values():
            faults.append(N_("另加的部门已在本议题之列，请直接在其一行填写。"))
        elif code is not None:
            added[key] = code
        elif typed:
            faults.append(N_("有承办单位不在部门目录中，请从列表中选择。"))
        elif any(any(line) for line in _typed_tasks(form, number, key)):
            faults.append(N_("另加部门的一行写了办理要求，请填写部门。"))
    return added


def _tasks(form: Form, number: str, key: str, faults: list[str]) -> tuple[Task, ...]:
    """The lines of a row that say something."""
    lines = [line for line in _typed_tasks(form, number, key) if any(line)]
    if len(lines) > MOST_TASKS:
        faults.append(N_("每个部门最多 10 项办理要求。"))
    if any(len(words) > LONGEST_WORDS for words, _ in lines):
        faults.append(N_("办理要求不得超过 2000 字。"))
    return tuple(Task(words or None, read_term(days, faults)) for words, days in lines)
