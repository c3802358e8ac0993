"""Token buckets that all processes draw from, in leases: what it holds and what is out is never more than its size.

So no number of replicas gives anybody more (docs/decisions/0073). Names are opaque; what is limited is not known here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import Clock
from app.database import Database, insert_if_absent
from app.models import RateBucket

LEASE_LASTS: Final = timedelta(minutes=1)
SHORTEST_WAIT: Final = timedelta(seconds=1)
KEPT: Final = timedelta(hours=1)
LEASES_A_MINUTE: Final = 20
ROUNDING: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Budget:
    """So many a minute, steadily, and as many at once after a pause; at least 1.

    `advance` is what each process may give to somebody it has not met lately, without asking the database.
    """

    per_minute: int
    advance: int = 0

    @property
    def per_second(self) -> float:
        return self.per_minute / 60

    @property
    def lease(self) -> int:
        """How many a process draws at once."""
        return max(1, self.per_minute // LEASES_A_MINUTE)


@dataclass(frozen=True, slots=True)
class Ask:
    """What a process wants: who it is, what it holds, what was spent without asking by then, whether somebody waits."""

    process: str
    held: int
    owed: Callable[[], int]
    is_waited_for: bool


@dataclass(frozen=True, slots=True)
class Drawn:
    """What it got, paid, and when; whether what it held is still its own; where it got none, how long that lasts."""

    granted: int
    paid: int
    at: datetime
    keeps: bool
    wait: timedelta


async def draw(database: Database, clock: Clock, name: str, budget: Budget, ask: Ask) -> Drawn:
    """Draw a lease in a transaction of its own; raises AppError where the database cannot.

    The one that somebody waits for is spent at once, and not written down as held.
    """
    async with database.write() as session:
        bucket = await _lock(database, session, name, budget, clock.now())
        # The row may have been waited for: moment and debt are those of now.
        now, owed = clock.now(), ask.owed()
        leases = {who: (held, until) for who, (held, until) in bucket.leases.items() if until > now.timestamp()}
        keeps = leases.pop(ask.process, None) is not None
        held = ask.held if keeps else 0
        room = budget.per_minute - held - sum(out for out, _ in leases.values())
        risen = max(0.0, (now - bucket.counted_at).total_seconds()) * budget.per_second
        # What was spent meanwhile comes off what rose meanwhile: who kept to the budget in an outage owes nothing.
        level = min(room, bucket.level + risen - owed)
        granted = max(0, min(budget.lease, int(level + ROUNDING)))
        wait = _until_one(budget, level, room, sorted(leases.values(), key=lambda lease: lease[1]), now)
        if out := held + granted - (granted > 0 and ask.is_waited_for):
            leases[ask.process] = (out, (now + LEASE_LASTS).timestamp())
        bucket.level, bucket.counted_at = level - granted, max(now, bucket.counted_at)
        bucket.leases = {who: list(lease) for who, lease in leases.items()}
    return Drawn(granted, owed, now, keeps, wait)


async def _lock(database: Database, session: AsyncSession, name: str, budget: Budget, now: datetime) -> RateBucket:
    """The bucket's row, locked; a full one where there was none."""
    looking = select(RateBucket).where(RateBucket.name == name).with_for_update()
    while (bucket := await session.scalar(looking)) is None:
        full = {"name": name, "level": float(budget.per_minute), "counted_at": now, "leases": {}}
        await session.execute(insert_if_absent(database, RateBucket).values(full))
    return bucket


def _until_one(budget: Budget, level: float, room: int, leases: list[tuple[int, float]], now: datetime) -> timedelta:
    """Until there is one to give: the bucket must rise; where others hold all of it, a lease must end before."""
    rising = max(0.0, 1 - level) / budget.per_second
    ended = 0.0
    for out, until in leases:
        if room >= 1:
            break
        room, ended = room + out, until - now.timestamp()
    return max(SHORTEST_WAIT, timedelta(seconds=ended + rising))


async def forget_full(session: AsyncSession, now: datetime, *, most: int) -> int:
    """Drop buckets that nobody has drawn from for an hour: full again, as a new one is. How many there were."""
    names = list(await session.scalars(select(RateBucket.name).where(RateBucket.counted_at < now - KEPT).limit(most)))
    await session.execute(delete(RateBucket).where(RateBucket.name.in_(names)))
    return len(names)
