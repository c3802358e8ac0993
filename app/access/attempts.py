"""Sign-ins that failed: who tried too often waits, longer each time, and nobody waits for what others did elsewhere.

Counted are an account at one place, an account, and an address, existing or not, under names that tell none of them. An
attempt is counted before its password is looked at, so that many at once get no further than one after another.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Select, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.limiter import Kind, TooManyRequests
from app.access.people import password_fits
from app.clock import Clock
from app.database import Database, insert_if_absent
from app.models import SignInCount
from app.sealing import Sealer

WINDOW: Final = timedelta(minutes=15)
FREE_TRIES: Final = 5
FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(minutes=15)
# An account that fails so often in a window, wherever from: each place has one free try, its owner's as well.
SIEGE: Final = 50
FREE_TRIES_UNDER_SIEGE: Final = 1
# An address may fail so often in a window, whichever accounts it tries; then at that pace.
MOST_FROM_ADDRESS: Final = 100
KEPT: Final = timedelta(hours=1)
# Each takes 64 MB and several cores for some 50 ms.
PASSWORDS_AT_ONCE: Final = 2
_ROUNDING: Final = timedelta(milliseconds=1)


class TooManyAttempts(TooManyRequests):
    code = "too_many_attempts"
    title_zh, title_en = "尝试次数过多", "Too many attempts"

    def __init__(self, wait: timedelta) -> None:
        super().__init__(
            "尝试次数过多。请在{wait}后再试；忘记密码的，请联系本单位系统管理员。",
            "Too many attempts. Try again in {wait}; if you have forgotten the password, ask your administrator.",
            wait,
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was let through: the names it is counted under. A browser that is known has no address."""

    pair: str
    account: str
    address: str | None

    @property
    def names(self) -> list[str]:
        return sorted({self.pair, self.account} | ({self.address} if self.address else set()))


@dataclass(slots=True)
class SignIns:
    """Lets attempts through and looks at their passwords; one for each process. `refused` counts refusals."""

    database: Database
    clock: Clock
    sealer: Sealer
    refused: Counter[Kind]
    _hashing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PASSWORDS_AT_ONCE))

    async def admit(self, username: str, address: str, browser: str | None = None) -> Attempt:
        """Count an attempt as failed, until `clear` says otherwise; raises TooManyAttempts, and counts nothing then.

        `browser` is the mark of one in which this account has signed in before: it is a place of its own, and does not
        wait for what else comes from its address.
        """
        blind = self.sealer.blind
        pair = f"pair:{blind(f'{browser or address} {username}')}"
        attempt = Attempt(pair, f"account:{blind(username)}", None if browser else f"address:{blind(address)}")
        async with self.database.read() as session:
            # A flood costs a look, and takes nobody's turn at the writer.
            self._refuse(attempt, await _read(session, _rows(attempt)))
        async with self.database.write() as session:
            now = self.clock.now()
            fresh = [{"name": name, "failures": 0.0, "counted_at": now, "wait_until": now} for name in attempt.names]
            await session.execute(insert_if_absent(self.database, SignInCount), fresh)
            rows = await _read(session, _rows(attempt).with_for_update())
            self._refuse(attempt, rows)
            _count(attempt, rows, self.clock.now())
        return attempt

    async def fits(self, password_hash: str | None, password: str) -> bool:
        """Check a password, a few of them at once; takes as long where there is no hash."""
        async with self._hashing:
            return await asyncio.to_thread(password_fits, password_hash, password)

    def _refuse(self, attempt: Attempt, rows: Mapping[str, SignInCount]) -> None:
        wait = _wait_for(attempt, rows, self.clock.now())
        if wait >= _ROUNDING:
            self.refused[Kind.SIGN_IN] += 1
            raise TooManyAttempts(wait)


def _wait_for(attempt: Attempt, rows: Mapping[str, SignInCount], now: datetime) -> timedelta:
    """How long until this attempt is let through."""
    pair, address = rows.get(attempt.pair), rows.get(attempt.address or "")
    wait = pair.wait_until - now if pair else timedelta()
    if address:
        over = _faded(address, MOST_FROM_ADDRESS, now) - (MOST_FROM_ADDRESS - 1)
        wait = max(wait, over / MOST_FROM_ADDRESS * WINDOW)
    return wait


def _count(attempt: Attempt, rows: Mapping[str, SignInCount], now: datetime) -> None:
    pair, account, address = rows[attempt.pair], rows[attempt.account], rows.get(attempt.address or "")
    besieged = _faded(account, SIEGE, now) >= SIEGE
    pair.failures = 1 + (pair.failures if now < pair.wait_until + WINDOW else 0)
    over = int(pair.failures) - (FREE_TRIES_UNDER_SIEGE if besieged else FREE_TRIES)
    pair.wait_until = now + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(over, 10)) if over >= 0 else now
    for row, most in ((account, SIEGE), (address, MOST_FROM_ADDRESS)):
        if row:
            row.failures, row.wait_until = 1 + _faded(row, most, now), now
    for row in rows.values():
        row.counted_at = now


def _faded(row: SignInCount, most: int, now: datetime) -> float:
    """What is left of a count that fades by `most` in a window."""
    return max(0.0, row.failures - (now - row.counted_at) / WINDOW * most)


async def clear(session: AsyncSession, attempt: Attempt) -> None:
    """It was the right password: what its account did at its place is forgotten, and the others count one less."""
    for row in (await _read(session, _rows(attempt).with_for_update())).values():
        if row.name == attempt.pair:
            await session.delete(row)
        else:
            row.failures = max(0.0, row.failures - 1)


def _rows(attempt: Attempt) -> Select[SignInCount]:
    return select(SignInCount).where(SignInCount.name.in_(attempt.names)).order_by(SignInCount.name)


async def _read(session: AsyncSession, rows: Select[SignInCount]) -> dict[str, SignInCount]:
    return {row.name: row for row in await session.scalars(rows)}


async def forget_served(session: AsyncSession, now: datetime, *, most: int) -> int:
    """Drop counts that mean nothing any more. How many there were."""
    old = select(SignInCount.name).where(SignInCount.wait_until < now - KEPT).limit(most)
    names = list(await session.scalars(old))
    await session.execute(delete(SignInCount).where(SignInCount.name.in_(names)))
    return len(names)
