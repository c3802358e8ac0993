"""先例: what a session settled is kept, withdrawn, made a standing ruling (常规裁定); its case's record tells all."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from app.casefile import CaseFile
from app.consult.conclude import CaseConclusion
from app.models import Consultation, Precedent, StandingRuling, new_id
from app.problems import Conflict, InvalidInput

WITHDRAWN, MADE_STANDING, STANDING_ENDED = (
    "precedent.withdrawn",
    "precedent.made_standing",
    "precedent.standing_ended",
)
# What is done to the precedent changes nothing on the case that made it.
ON_PRECEDENTS = frozenset({WITHDRAWN, MADE_STANDING, STANDING_ENDED})


class PrecedentWithdrawn(Conflict):
    code = "precedent_withdrawn"
    title_zh, title_en = "先例已撤销", "The precedent is withdrawn"

    def __init__(self) -> None:
        super().__init__(
            "该先例已撤销，不再被引用；要重新确定分工，请再次会商。",
            "This precedent was withdrawn and is no longer cited; settle the matter in a new session.",
        )


class StandingAlready(Conflict):
    code = "standing_ruling_in_force"
    title_zh, title_en = "常规裁定已在执行", "A standing ruling is in force"

    def __init__(self) -> None:
        super().__init__(
            "该先例已定为常规裁定。要改变期限，请先终止现行的，再重新设定。",
            "This precedent is a standing ruling already. End it first to make another.",
        )


class NotStanding(Conflict):
    code = "no_standing_ruling"
    title_zh, title_en = "没有常规裁定", "No standing ruling"

    def __init__(self) -> None:
        super().__init__(
            "该先例没有正在执行的常规裁定，无需终止。", "No standing ruling is in force on this precedent."
        )


class UntilPassed(InvalidInput):
    code = "until_passed"
    title_zh, title_en = "截止日期已过", "The last day has passed"

    def __init__(self) -> None:
        super().__init__(
            "截止日期(until)不得早于今天；不设截止日期的，请留空。",
            "The last day (`until`) must not be before today; leave it out for none.",
            errors=[{"field": "until", "zh": "不得早于今天", "en": "must not be before today"}],
        )


def keep(
    file: CaseFile,
    conclusion: CaseConclusion,
    consultation: Consultation,
    *,
    number: str,
    summary: str,
    document_numbers: Sequence[str],
    likeness: dict[str, Any],
) -> Precedent:
    """Keep what was settled on a case; `summary` is masked, `likeness` what later reports are compared with."""
    precedent = Precedent(
        id=new_id(),
        number=number,
        consultation_id=consultation.id,
        case_id=file.case.id,
        manner=conclusion.manner,
        summary=summary,
        document_numbers=list(document_numbers),
        likeness=likeness,
        lead=conclusion.lead,
        supporting=conclusion.supporting,
        obligations=[
            {"department": part.department, "obligation": task.obligation, "working_days": task.term}
            for part in conclusion.parts
            for task in part.tasks
        ],
        settled_at=file.now,
    )
    file.batch.add(precedent)
    facts = {"precedent": number, "consultation": consultation.number}
    file.record("precedent.kept", facts | {"lead": conclusion.lead, "supporting": conclusion.supporting})
    return precedent


def withdraw(file: CaseFile, precedent: Precedent, standing: StandingRuling | None, *, by: str, reason: str) -> None:
    """It is cited no more, and its standing ruling ends with it. Raises PrecedentWithdrawn."""
    _require_in_force(precedent)
    if standing is not None:
        end_standing(file, precedent, standing, by=by, reason=reason)
    precedent.withdrawn_at, precedent.withdrawn_by, precedent.withdrawn_because = file.now, by, reason
    file.record(WITHDRAWN, {"precedent": precedent.number, "why": reason})


def make_standing(
    file: CaseFile,
    precedent: Precedent,
    standing: StandingRuling | None,
    *,
    by: str,
    reason: str,
    until: date | None,
) -> StandingRuling:
    """From now on what matches is dispatched as it was settled.

    Raises PrecedentWithdrawn, StandingAlready or UntilPassed.
    """
    _require_in_force(precedent)
    if standing is not None:
        raise StandingAlready
    if until is not None and until < file.now.astimezone(file.calendar.zone).date():
        raise UntilPassed
    made = StandingRuling(
        id=new_id(), precedent_id=precedent.id, reason=reason, until=until, made_by=by, made_at=file.now
    )
    file.batch.add(made)
    last_day = {"last_day": until.isoformat()} if until else {}
    file.record(MADE_STANDING, {"precedent": precedent.number, "why": reason} | last_day)
    return made


def end_standing(
    file: CaseFile, precedent: Precedent, standing: StandingRuling | None, *, by: str, reason: str
) -> None:
    """Reports that match are convened or assigned as the machine decides again. Raises NotStanding."""
    if standing is None:
        raise NotStanding
    standing.ended_at, standing.ended_by, standing.ended_because = file.now, by, reason
    file.record(STANDING_ENDED, {"precedent": precedent.number, "why": reason})


def _require_in_force(precedent: Precedent) -> None:
    if precedent.withdrawn_at is not None:
        raise PrecedentWithdrawn
