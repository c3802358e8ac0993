"""The conclusion of a session: for each case who leads, who supports, what each must do and by when, who dissents."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.casefile import CaseFile
from app.consult.session_file import SessionFile, tell
from app.lifecycle import advance
from app.models import AgendaOutcome, Attendance, ConsultationStatus, Invitation, InvitationAnswer, Manner
from app.problems import InvalidInput

NOT_CONCERNED = "not_concerned"
EXPECTED = {
    InvitationAnswer.ACCEPTED: Attendance.PRESENT,
    InvitationAnswer.DEPUTY: Attendance.DEPUTY,
    InvitationAnswer.DECLINED: Attendance.ABSENT,
}


class IncompleteConclusion(InvalidInput):
    code = "incomplete_conclusion"
    title_zh, title_en = "会商结论不完整", "The conclusion is not complete"


@dataclass(frozen=True, slots=True)
class Task:
    """One obligation with its own term in working days; None for the usual wording or the usual term."""

    obligation: str | None = None
    term: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One department's part in what was concluded on one case; each task becomes an assignment of its own."""

    department: str
    leads: bool
    tasks: tuple[Task, ...] = (Task(),)


@dataclass(frozen=True, slots=True)
class CaseConclusion:
    """What was concluded on one case. `reason` is the office's where it ruled; `dissent` words by department."""

    parts: Sequence[Part]
    manner: Manner = Manner.AGREED
    reason: str | None = None
    dissent: Mapping[str, str] = field(default_factory=dict)

    @property
    def lead(self) -> str:
        return next(p.department for p in self.parts if p.leads)

    @property
    def supporting(self) -> list[str]:
        return sorted(p.department for p in self.parts if not p.leads)

    def role_of(self, department: str) -> str:
        """`lead`, `supporting` or `not_concerned`."""
        if department == self.lead:
            return "lead"
        return "supporting" if department in self.supporting else NOT_CONCERNED


def check_conclusions(
    case_numbers: Collection[str],
    seats: Collection[str],
    conclusions: Mapping[str, CaseConclusion],
    attendance: Collection[str] = (),
    *,
    adjourns: bool = False,
) -> None:
    """Whether what was concluded fits the agenda: each case, or with the rest adjourned some of them; one lead each, no
    department twice; a ruling has its reason; who dissents or attended was invited.

    Raises IncompleteConclusion naming what does not fit.
    """
    expected, given = set(case_numbers), set(conclusions)
    covered = bool(given) and given < expected if adjourns else given == expected
    if not covered:
        _refuse_agenda(expected, given, adjourns)
    strangers = sorted(set(attendance) - set(seats))
    for number, conclusion in conclusions.items():
        departments = [p.department for p in conclusion.parts]
        if sum(p.leads for p in conclusion.parts) != 1 or len(set(departments)) != len(departments):
            raise IncompleteConclusion(
                f"{number}:须有且只有一个牵头单位，每个部门只能出现一次。",
                f"{number}: name exactly one lead, and each department once.",
            )
        if conclusion.manner is Manner.RULED and not conclusion.reason:
            raise IncompleteConclusion(
                f"{number}:未达成一致、由统筹部门裁定的，须写明理由(reason)。",
                f"{number}: where the departments did not agree and the office rules, a `reason` is required.",
            )
        strangers += sorted(set(conclusion.dissent) - set(seats))
    if strangers:
        named = "、".join(dict.fromkeys(strangers))
        raise IncompleteConclusion(
            f"出席情况和保留意见只能写受邀部门，请核对：{named}。",
            f"Attendance and dissent are of invited departments only; check: {named}.",
        )


def _refuse_agenda(expected: set[str], given: set[str], adjourns: bool) -> None:
    wrong = "、".join(sorted(expected ^ given)) or "—"
    if adjourns:
        raise IncompleteConclusion(
            f"延期再议(adjourned)须有未作结论的议题，且结论须属于本场议程，请核对：{wrong}。",
            f"To adjourn, conclude some cases of the agenda and leave others; check: {wrong}.",
        )
    raise IncompleteConclusion(
        f"结论须与议题一一对应，未议定的须写明延期再议的时间(adjourned)，请核对：{wrong}。",
        f"Conclusions must match the agenda, or the rest be `adjourned` to a date; check: {wrong}.",
    )


def attendance_of(seats: Sequence[Invitation], said: Mapping[str, Attendance]) -> dict[str, Attendance | None]:
    """Who sat in each seat: as the minutes say, else as the department had answered, else not known."""
    return {
        seat.department_code: said.get(seat.department_code) or (EXPECTED[seat.answer] if seat.answer else None)
        for seat in seats
    }


def conclude(
    sitting: SessionFile,
    conclusions: Mapping[str, CaseConclusion],
    minutes: str,
    attendance: Mapping[str, Attendance | None],
) -> list[tuple[CaseFile, CaseConclusion]]:
    """Keep each conclusion on its agenda item, and tell every department that was invited, absent or not, of its part.

    The session ends with its last case. Answers the files concluded on, each with its conclusion. Raises IllegalMove.
    """
    session = sitting.consultation
    sitting.require_open(ConsultationStatus.CONCLUDED)
    items = [item for item in sitting.agenda if sitting.files[item.case_id].case.number in conclusions]
    now = next(iter(sitting.files.values())).now
    session.minutes = f"{session.minutes}\n\n{minutes}" if session.minutes else minutes
    session.concluded_at = now
    if len(items) == len(sitting.agenda):
        advance(session, ConsultationStatus.CONCLUDED)
    done = []
    for item in items:
        file = sitting.files[item.case_id]
        conclusion = conclusions[file.case.number]
        item.outcome, item.conclusion = AgendaOutcome.CONCLUDED, _kept(conclusion, sitting, attendance)
        _tell(sitting, file, conclusion, attendance)
        sitting.agenda.remove(item)
        del sitting.files[item.case_id]
        done.append((file, conclusion))
    sitting.settle_due()
    return done


def _kept(
    conclusion: CaseConclusion, sitting: SessionFile, attendance: Mapping[str, Attendance | None]
) -> dict[str, Any]:
    return {
        "lead": conclusion.lead,
        "supporting": conclusion.supporting,
        "not_concerned": [code for code in sitting.departments if conclusion.role_of(code) == NOT_CONCERNED],
        "manner": conclusion.manner,
        "reason": conclusion.reason,
        "obligations": [
            {"department": part.department, "obligation": task.obligation, "working_days": task.term}
            for part in conclusion.parts
            for task in part.tasks
        ],
        "dissent": [{"department": code, "words": words} for code, words in sorted(conclusion.dissent.items())],
        "attendance": dict(attendance),
    }


def _tell(
    sitting: SessionFile, file: CaseFile, conclusion: CaseConclusion, attendance: Mapping[str, Attendance | None]
) -> None:
    """Each department reads who leads and supports, and of the rest its own: its part and how it attended."""
    shared = {"lead": conclusion.lead, "supporting": conclusion.supporting, "manner": conclusion.manner}
    for department in sitting.departments:
        own = {"part": conclusion.role_of(department), "attendance": attendance.get(department)}
        tell(
            file,
            sitting.consultation,
            department,
            "consultation.concluded",
            shared | own | {"dissent": sorted(conclusion.dissent)},
            conclusion=shared | own,
        )
