"""One line of the ledger, as the office sees it; many answers carry one."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.api.door import Out
from app.models import Case, CaseOutcome, CaseStatus, Urgency

Version = Annotated[int | None, Field(ge=0, description="the version you read; another one answers 409")]


class CaseOut(Out):
    """One line of the ledger, as the office sees it."""

    number: str
    version: int
    summary: str
    status: CaseStatus
    outcome: CaseOutcome | None
    owner: str | None
    owner_department: str | None
    urgency: Urgency
    due_at: datetime | None = Field(description="when the next step is due")
    due_provisional: bool = Field(False, description="a running clock rests on days that are not announced yet")
    answer_due_at: datetime | None = Field(description="by when the reporter was promised an answer")
    category: str
    route: str
    sources: list[str]
    burden_types: list[str]
    districts: list[str]
    opened_at: datetime
    closed_at: datetime | None
    relapses: int = Field(description="how often the burden came back after the case was struck off")


def to_case_out(case: Case, *, provisional: bool) -> CaseOut:
    return CaseOut.model_validate({name: getattr(case, name, None) for name in CaseOut.model_fields} | {
        "version": case.last_seq, "due_provisional": provisional
    })  # fmt: skip
