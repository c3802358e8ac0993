"""Keeps who is asked what: finds cases that have no opinion yet, leases them, writes what came. It asks nobody.

A lease is the row's next due moment, as with deliveries: one that ran out is found by the same query. Attempts are
counted when they begin, so that a question which kills its worker comes to an end as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, Select, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.advise.question import ASKED_REASONS
from app.database import Database, insert_if_absent
from app.models import Case, CaseStatus, ObservationPoint, OpinionFault, OpinionState, Report, SecondOpinion, new_id

# Recorded in the case's chain; it tells the office something and changes nothing of the case.
OBTAINED: Final = "second_opinion.obtained"
MOST_ATTEMPTS: Final = 3
WAITS: Final = (timedelta(minutes=1), timedelta(minutes=10))
# The endpoint gave no answer; everything else is an answer that was dropped, and would be given again.
TRIED_AGAIN: Final = frozenset(
    {
        OpinionFault.TIMEOUT,
        OpinionFault.UNREACHABLE,
        OpinionFault.ADDRESS_REFUSED,
        OpinionFault.ERROR_STATUS,
        OpinionFault.WORKER_LOST,
        OpinionFault.DEFECT,
    }
)


@dataclass(frozen=True, slots=True)
class Matter:
    """A case in hand, with the report to ask about and what must be masked in it; `attempt` counts from 1."""

    case_id: str
    case_number: str
    title: str | None
    text: str
    decision: Mapping[str, Any]
    unit_names: tuple[str | None, ...]
    district: str
    attempt: int
    lease_token: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What one claim did; `closed` where a row was ended in place of being taken."""

    taken: Matter | None = None
    closed: bool = False


async def has_due(session: AsyncSession, now: datetime) -> bool:
    """Whether a claim could find anything: a look that takes no lock."""
    due = select(SecondOpinion.case_id).where(SecondOpinion.due_at <= now).limit(1)
    return await session.scalar(due) is not None or (await session.execute(_unasked())).first() is not None


async def claim_next(
    session: AsyncSession, database: Database, now: datetime, *, model: str, lease: timedelta
) -> Claim:
    """Take one case in hand: first what is due again, then the oldest that nobody asked about.

    Args:
        now: database time.
    """
    again = select(SecondOpinion).where(SecondOpinion.due_at <= now).order_by(SecondOpinion.due_at).limit(1)
    row = await session.scalar(again.with_for_update(skip_locked=True))
    if row is not None:
        return await _take_again(session, row, now, model=model, lease=lease)
    return await _take_new(session, database, now, model=model, lease=lease)


def _unasked() -> Select[str, str]:
    """The oldest report that leaves its source open, of a case in triage that has no row yet."""
    return (
        select(Report.case_id, Report.id)
        .join(Case, Case.id == Report.case_id)
        .where(
            Case.status == CaseStatus.TRIAGE,
            Report.decision["reason"].as_string().in_(ASKED_REASONS),
            ~exists().where(SecondOpinion.case_id == Case.id),
        )
        .order_by(Case.opened_at, Case.id, Report.received_at, Report.id)
        .limit(1)
    )


async def _take_again(
    session: AsyncSession, row: SecondOpinion, now: datetime, *, model: str, lease: timedelta
) -> Claim:
    status = await session.scalar(select(Case.status).where(Case.id == row.case_id))
    if status is not CaseStatus.TRIAGE:
        end(row, now, OpinionFault.LEFT_TRIAGE)
        return Claim(closed=True)
    if row.attempts >= MOST_ATTEMPTS:
        end(row, now, OpinionFault.WORKER_LOST)
        return Claim(closed=True)
    row.attempts += 1
    row.fault = None
    row.model, row.due_at, row.lease_token = model, now + lease, new_id()
    return Claim(await _load(session, row.report_id, row.attempts, row.lease_token))


async def _take_new(session: AsyncSession, database: Database, now: datetime, *, model: str, lease: timedelta) -> Claim:
    found = (await session.execute(_unasked())).first()
    if found is None:
        return Claim()
    case_id, report_id = found
    token = new_id()
    added = insert_if_absent(database, SecondOpinion).values(
        case_id=case_id,
        report_id=report_id,
        state=OpinionState.ASKED,
        attempts=1,
        due_at=now + lease,
        lease_token=token,
        model=model,
        asked_at=now,
    )
    if await session.scalar(added.returning(SecondOpinion.case_id)) is None:
        return Claim()  # another worker was quicker
    return Claim(await _load(session, report_id, 1, token))


async def _load(session: AsyncSession, report_id: str, attempt: int, token: str) -> Matter:
    statement = (
        select(Report, Case.number, ObservationPoint.name, ObservationPoint.township, ObservationPoint.district)
        .join(Case, Case.id == Report.case_id)
        .join(ObservationPoint, ObservationPoint.code == Report.observation_point_code)
        .where(Report.id == report_id)
    )
    found: Row[Report, str, str, str | None, str] = (await session.execute(statement)).one()
    report, number, name, township, district = found
    return Matter(
        case_id=report.case_id,
        case_number=number,
        title=report.title,
        text=report.text,
        decision=report.decision,
        unit_names=(name, township),
        district=district,
        attempt=attempt,
        lease_token=token,
    )


async def hold(session: AsyncSession, matter: Matter) -> SecondOpinion | None:
    """The matter's row, locked; None where its lease ran out and somebody else has it."""
    held = select(SecondOpinion).where(
        SecondOpinion.case_id == matter.case_id, SecondOpinion.lease_token == matter.lease_token
    )
    row: SecondOpinion | None = await session.scalar(held.with_for_update())
    return row


def answer(row: SecondOpinion, now: datetime, payload: dict[str, Any]) -> None:
    """Keep an opinion."""
    row.state, row.payload, row.fault = OpinionState.ANSWERED, payload, None
    row.due_at, row.lease_token, row.ended_at = None, None, now


def end(row: SecondOpinion, now: datetime, fault: OpinionFault) -> None:
    """Give up on an opinion."""
    row.state = OpinionState.FAILED if fault in TRIED_AGAIN else OpinionState.DROPPED
    row.fault, row.due_at, row.lease_token, row.ended_at = fault, None, None, now


def put_off(row: SecondOpinion, now: datetime, fault: OpinionFault) -> None:
    """After a question that got no opinion: ask again later where that may help, a few times; else give up."""
    if fault in TRIED_AGAIN and row.attempts < MOST_ATTEMPTS:
        row.fault, row.due_at, row.lease_token = fault, now + WAITS[row.attempts - 1], None
    else:
        end(row, now, fault)
