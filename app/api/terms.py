"""Terms: how long each kind of clock is. Everybody may read what is in force; leaders and administrators set it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import Response
from pydantic import BaseModel, Field

from app.access.principal import Permission
from app.api.door import Door, In, Out, door, make_router
from app.deadlines import DEFAULT_TERMS
from app.directory.term_book import TermWish, read_history
from app.flow.clocks import set_term
from app.flow.desk import Desk
from app.models import DeadlineKind, TermChange, Urgency

router = make_router("clocks 时限")


class TermIn(In):
    """A rule on one kind of clock, for all cases or for a burden type, an urgency, or both; the most specific wins."""

    kind: DeadlineKind
    working_days: int | None = Field(description="1 to 250; null withdraws the rule, and what is more general applies")
    reason: str = Field(min_length=2, max_length=2000)
    burden_type: str | None = Field(None, max_length=40)
    urgency: Urgency | None = None


class TermOut(Out):
    """A change: in force until `ended_at`."""

    id: str
    kind: DeadlineKind
    burden_type: str | None
    urgency: Urgency | None
    working_days: int | None = Field(description="null: the rule was withdrawn")
    reason: str
    set_by: str
    valid_from: datetime
    ended_at: datetime | None


class RuleOut(Out):
    """A rule in force."""

    kind: DeadlineKind
    burden_type: str | None
    urgency: Urgency | None
    working_days: int
    since: datetime


class TermsOut(Out):
    defaults: dict[str, int] = Field(description="working days by kind of clock, where no rule applies")
    in_force: list[RuleOut]
    history: list[TermOut] = Field(description="every change, the newest first; for the office only")


@router.get("/terms")
async def get_terms(at: Annotated[Door, door(Permission.READ_DIRECTORY)]) -> TermsOut:
    """办理时限: the defaults, the rules in force, and for the office who set what, when and why."""
    async with at.read() as session:
        changes = await read_history(session)
    return TermsOut(
        defaults={kind.value: days for kind, days in DEFAULT_TERMS.items()},
        in_force=_in_force(changes),
        history=[TermOut.model_validate(c) for c in changes] if at.principal.is_office else [],
    )


def _in_force(changes: Sequence[TermChange]) -> list[RuleOut]:
    return [
        RuleOut(
            kind=c.kind,
            burden_type=c.burden_type,
            urgency=c.urgency,
            working_days=c.working_days,
            since=c.valid_from,
        )
        for c in sorted(changes, key=lambda c: c.subject)
        if c.ended_at is None and c.working_days is not None
    ]


@router.post("/terms", status_code=201, response_model=TermOut)
async def post_term(body: TermIn, at: Annotated[Door, door(Permission.SET_CLOCKS)]) -> Response:
    """Set a term from now on. Clocks that run keep theirs; the rule before is ended and stays in the history."""

    async def act(desk: Desk) -> BaseModel:
        wish = TermWish(body.kind, body.working_days, body.reason, body.burden_type, body.urgency)
        return TermOut.model_validate(await set_term(desk, wish))

    answer = await at.write(act, status=201)
    await at.runtime.cities.refresh()
    return answer
