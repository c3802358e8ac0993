"""The conclusion of a session: for each case who leads, who supports, what each must do and by when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.casefile import CaseFile
from app.consult.convene import disclose_consultation
from app.lifecycle import advance
from app.models import AgendaItem, Consultation, ConsultationStatus, Invitation
from app.problems import InvalidInput


class IncompleteConclusion(InvalidInput):
    code = "incomplete_conclusion"
    title_zh, title_en = "会商结论不完整", "The conclusion is not complete"


@dataclass(frozen=True, slots=True)
class Part:
    """One department's part in what was concluded on one case; `term` in working days."""

    department: str
    leads: bool
    obligation: str | None
    term: int | None


def check_conclusions(
    agenda: Sequence[AgendaItem], case_numbers: Mapping[str, str], conclusions: Mapping[str, Sequence[Part]]
) -> None:
    """Each case on the agenda needs a conclusion with exactly one lead and no department twice.

    `conclusions` by case number; `case_numbers` from id to number. Raises IncompleteConclusion naming the cases.
    """
    expected = {case_numbers[item.case_id] for item in agenda}
    if set(conclusions) != expected:
        wrong = "、".join(sorted(expected ^ set(conclusions)))
        raise IncompleteConclusion(
            f"结论须与议题一一对应,请核对:{wrong}。", f"Conclusions must match the agenda; check: {wrong}."
        )
    for number, parts in conclusions.items():
        departments = [p.department for p in parts]
        if sum(p.leads for p in parts) != 1 or len(set(departments)) != len(departments):
            raise IncompleteConclusion(
                f"{number}:须有且只有一个牵头单位,每个部门只能出现一次。",
                f"{number}: name exactly one lead, and each department once.",
            )


def conclude(
    consultation: Consultation,
    agenda: Sequence[AgendaItem],
    invitations: Sequence[Invitation],
    files: Mapping[str, CaseFile],
    conclusions: Mapping[str, Sequence[Part]],
    minutes: str,
) -> None:
    """Close the session, keep the conclusion on each agenda item, and tell every department that was invited."""
    now = next(iter(files.values())).now
    advance(consultation, ConsultationStatus.CONCLUDED)
    consultation.minutes, consultation.concluded_at = minutes, now
    for item in agenda:
        file = files[item.case_id]
        parts = conclusions[file.case.number]
        item.conclusion = {
            "lead": next(p.department for p in parts if p.leads),
            "supporting": sorted(p.department for p in parts if not p.leads),
        }
        for department in sorted({i.department_code for i in invitations}):
            file.record(
                "consultation.concluded",
                {"consultation": consultation.number, "department": department, **item.conclusion},
                department_code=department,
                message={
                    **file.describe(),
                    "consultation": disclose_consultation(consultation, file.calendar.zone)
                    | {"conclusion": item.conclusion},
                },
            )
