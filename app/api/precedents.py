"""先例: what consultations settled, for the office: read, withdraw, make a standing ruling, try one out, end it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Permission
from app.api.door import Door, In, Out, door, make_router
from app.flow import precedents
from app.flow.desk import Desk
from app.flow.trying_out import try_standing
from app.ledger.precedents import PrecedentRecord, find_precedents, get_precedent
from app.ledger.search import LARGEST_PAGE
from app.models import Manner, PrecedentState
from app.problems import InvalidInput

router = make_router("precedents 先例")
Number = Annotated[str, Path(max_length=24)]
Reason = Annotated[str, Field(min_length=2, max_length=2000)]


class ReasonIn(In):
    reason: Reason


class StandingIn(In):
    """A standing ruling from now on; `reason` may be left out of a dry run only."""

    reason: Reason | None = None
    until: date | None = Field(None, description="the last day on which it applies; none if absent")


class ObligationOut(Out):
    department: str
    obligation: str | None = Field(description="null: the usual wording")
    working_days: int | None = Field(description="null: the usual term")


class PrecedentBrief(Out):
    """What a session settled; nothing of who reported."""

    number: str
    settled_at: datetime
    manner: Manner
    summary: str = Field(description="one line of the report, self-identifying spans masked")
    document_numbers: list[str]
    systems: list[str]
    lead: str
    supporting: list[str]
    obligations: list[ObligationOut]


class StandingOut(Out):
    """常规裁定: in force until `ended_at`, or to the end of the day `until`."""

    reason: str
    until: date | None
    made_by: str
    made_at: datetime
    ended_by: str | None
    ended_at: datetime | None
    ended_because: str | None


class PrecedentOut(PrecedentBrief):
    """A precedent as the office reads it."""

    consultation: str
    case: str
    sources: list[str]
    burden_types: list[str]
    state: PrecedentState
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawn_because: str | None
    rule: StandingOut | None = Field(description="the standing ruling in force")
    rules: list[StandingOut] = Field(description="all there were, the newest first")
    uses: int = Field(description="how many cases were dispatched by its standing rulings")


class PrecedentPage(Out):
    precedents: list[PrecedentOut]
    next_cursor: str | None


class OtherwiseOut(Out):
    """A report that would have been routed otherwise, and how the machine routed it."""

    report: str
    case: str
    category: str
    route: str
    receivers: list[str]


class DryRunOut(Out):
    months: int
    reports: int = Field(description="how many were looked at")
    matching: int = Field(description="how many fall under the precedent")
    conflicting: int = Field(description="how many of these under a conflicting one too: no rule applies to them")
    applies: int = Field(description="to how many the rule would have applied")
    otherwise: int = Field(description="how many of these were routed otherwise")
    examples: list[OtherwiseOut] = Field(description="the newest of them, at most 50")


def _brief(record: PrecedentRecord) -> dict[str, Any]:
    kept = record.precedent
    return {name: getattr(kept, name) for name in PrecedentBrief.model_fields if name != "systems"} | {
        "systems": kept.likeness["systems"]
    }


def to_briefs(records: Sequence[PrecedentRecord]) -> list[PrecedentBrief]:
    """As everybody at the table may read them."""
    return [PrecedentBrief.model_validate(_brief(record)) for record in records]


def to_precedent_out(record: PrecedentRecord) -> PrecedentOut:
    kept, standing = record.precedent, record.standing
    return PrecedentOut.model_validate(
        _brief(record)
        | {
            "consultation": record.consultation,
            "case": record.case,
            "sources": kept.likeness["sources"],
            "burden_types": kept.likeness["burdens"],
            "state": PrecedentState.WITHDRAWN if kept.withdrawn_at else PrecedentState.IN_FORCE,
            "withdrawn_at": kept.withdrawn_at,
            "withdrawn_by": kept.withdrawn_by,
            "withdrawn_because": kept.withdrawn_because,
            "rule": StandingOut.model_validate(standing) if standing else None,
            "rules": [StandingOut.model_validate(ruling) for ruling in record.rulings],
            "uses": record.uses,
        }
    )


async def _shown(session: AsyncSession, number: str) -> PrecedentOut:
    """As it is after a verb, in the verb's own transaction."""
    await session.flush()
    return to_precedent_out(await get_precedent(session, number))


@router.get("/precedents")
async def list_precedents(
    request: Request,
    response: Response,
    at: Annotated[Door, door(Permission.READ_PRECEDENTS)],
    state: PrecedentState | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
) -> PrecedentPage:
    """What was settled, the newest first."""
    in_force = None if state is None else state is PrecedentState.IN_FORCE
    async with at.read() as session:
        records, following = await find_precedents(session, in_force=in_force, cursor=cursor, limit=limit)
    if following:
        url = request.url.include_query_params(cursor=following)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return PrecedentPage(precedents=[to_precedent_out(record) for record in records], next_cursor=following)


@router.get("/precedents/{number}")
async def read_precedent(number: Number, at: Annotated[Door, door(Permission.READ_PRECEDENTS)]) -> PrecedentOut:
    """One precedent with its standing rulings."""
    async with at.read() as session:
        return to_precedent_out(await get_precedent(session, number))


@router.post("/precedents/{number}/withdrawal", response_model=PrecedentOut)
async def post_withdrawal(number: Number, body: ReasonIn, at: Annotated[Door, door(Permission.RULE)]) -> Response:
    """撤销: it is cited no more, and its standing ruling ends with it."""

    async def act(desk: Desk) -> BaseModel:
        await precedents.withdraw(desk, number, body.reason)
        return await _shown(desk.session, number)

    answer = await at.write(act)
    await at.runtime.cities.refresh()
    return answer


@router.post(
    "/precedents/{number}/rule",
    status_code=201,
    response_model=PrecedentOut,
    responses={200: {"description": "a dry run", "model": DryRunOut}},
)
async def post_rule(
    number: Number,
    body: StandingIn,
    at: Annotated[Door, door(Permission.MAKE_STANDING)],
    dry_run: Annotated[bool, Query(description="say which past reports it would have routed otherwise")] = False,
    months: Annotated[int, Query(ge=1, le=36, description="how far a dry run looks back")] = 12,
) -> Response:
    """常规裁定: dispatch at intake, as settled, what matches from the same sources; a dry run answers 200."""
    if dry_run:
        return await _try(at, number, months)
    reason = body.reason
    if reason is None:
        raise InvalidInput("请写明理由(reason)。", "Give a `reason`.")

    async def act(desk: Desk) -> BaseModel:
        await precedents.make_standing(desk, number, reason, body.until)
        return await _shown(desk.session, number)

    answer = await at.write(act, status=201)
    await at.runtime.cities.refresh()
    return answer


async def _try(at: Door, number: str, months: int) -> Response:
    async with at.read() as session:
        await get_precedent(session, number)
    runtime = at.runtime
    await runtime.cities.refresh()
    result = await try_standing(
        runtime.database, runtime.cities.current, number, months=months, now=runtime.clock.now()
    )
    shown = DryRunOut.model_validate({"months": months, **asdict(result)})
    return Response(shown.model_dump_json(), media_type="application/json")


@router.post("/precedents/{number}/rule/end", response_model=PrecedentOut)
async def post_rule_end(
    number: Number, body: ReasonIn, at: Annotated[Door, door(Permission.MAKE_STANDING)]
) -> Response:
    """End the standing ruling; what it dispatched stays as it is."""

    async def act(desk: Desk) -> BaseModel:
        await precedents.end_standing(desk, number, body.reason)
        return await _shown(desk.session, number)

    answer = await at.write(act)
    await at.runtime.cities.refresh()
    return answer
