"""The office's terms as data: the rules in force, their history, and the one way to change them. Nothing is erased."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.directory.turn import lock_directory
from app.models import DeadlineKind, TermChange, Urgency
from app.problems import InvalidInput
from app.terms import LONGEST_TERM, TermRule, Terms, subject_of


class BadTerm(InvalidInput):
    code = "bad_term"
    title_zh, title_en = "时限设置有误", "The term does not fit"

    def __init__(self, field: str, zh: str, en: str) -> None:
        super().__init__(zh, en, errors=[{"field": field, "zh": zh, "en": en}])


@dataclass(frozen=True, slots=True)
class TermWish:
    """What the office wants a term to be; without `working_days` what is more general applies again."""

    kind: DeadlineKind
    working_days: int | None
    reason: str
    burden_type: str | None = None
    urgency: Urgency | None = None

    @property
    def subject(self) -> str:
        return subject_of(self.kind, self.burden_type, self.urgency)


async def read_terms(session: AsyncSession) -> Terms:
    """The rules in force."""
    rows = await session.scalars(
        select(TermChange)
        .where(TermChange.ended_at.is_(None), TermChange.working_days.is_not(None))
        .order_by(TermChange.subject)
    )
    return Terms(tuple(TermRule(r.id, r.kind, r.burden_type, r.urgency, r.working_days or 0) for r in rows))


async def read_terms_version(session: AsyncSession) -> str:
    """How many changes there have been: every one adds a row, and none is taken away."""
    return str(await session.scalar(select(func.count(TermChange.id))) or 0)


async def read_history(session: AsyncSession) -> Sequence[TermChange]:
    """Every change, the newest first."""
    return (
        await session.scalars(select(TermChange).order_by(TermChange.valid_from.desc(), TermChange.id.desc()))
    ).all()


async def change_term(
    session: AsyncSession, wish: TermWish, *, burden_types: Sequence[str], set_by: str, now: datetime
) -> TermChange:
    """End the rule on that subject and put another in its place. Running clocks keep theirs.

    Args:
        burden_types: the codes that the pack knows.

    Raises BadTerm: an unknown burden type, a kind that has no term, days out of range, nothing that would change.
    """
    _refuse_nonsense(wish, burden_types)
    await lock_directory(session)
    before = await session.scalar(
        select(TermChange).where(TermChange.subject == wish.subject, TermChange.ended_at.is_(None))
    )
    if (before.working_days if before else None) == wish.working_days:
        raise BadTerm(
            "working_days", "时限没有变化：现行规定已是如此。", "Nothing would change: this is in force already."
        )
    if before is not None:
        before.ended_at = now
        # The index allows one row in force: the old one has to go first.
        await session.flush()
    change = TermChange(
        subject=wish.subject,
        kind=wish.kind,
        burden_type=wish.burden_type,
        urgency=wish.urgency,
        working_days=wish.working_days,
        reason=wish.reason,
        set_by=set_by,
        valid_from=now,
    )
    session.add(change)
    await session.flush()
    return change


def _refuse_nonsense(wish: TermWish, burden_types: Sequence[str]) -> None:
    if wish.kind is DeadlineKind.PAUSE:
        zh, en = "暂停没有固定时限，每次暂停时另行写明。", "A pause has no fixed term; it is given each time."
        raise BadTerm("kind", zh, en)
    if wish.burden_type is not None and wish.burden_type not in burden_types:
        known = "、".join(burden_types)
        zh, en = f"没有这个负担类型。可用代码：{known}。", f"There is no such burden type. Known codes: {known}."
        raise BadTerm("burden_type", zh, en)
    if wish.working_days is not None and not 1 <= wish.working_days <= LONGEST_TERM:
        zh, en = f"时限须为 1 至 {LONGEST_TERM} 个工作日。", f"A term is 1 to {LONGEST_TERM} working days."
        raise BadTerm("working_days", zh, en)
    if len(wish.reason.strip()) < 2:
        raise BadTerm("reason", "请写明理由。", "Give the reason.")
