"""夜间对账: once a day, after two in the morning, one worker proves the whole ledger, seals it, and says what it found.

Beside the worker's loop and with no transaction open while it reads: each query sees a moment of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from app.audit import BrokenLink
from app.clock import Clock
from app.database import Database
from app.flow.seals import seal_all
from app.ledger.reconcile import Reconciliation, reconcile, walk_chains
from app.ledger.seals import AuditKeyLost, known_keys, verify_seals
from app.ledger.sweeps import name_chains
from app.log import get_logger
from app.sealing import SealBroken, Sealer
from app.supervise import sweep

# Of each fault, and of broken chains, so many are named; all are counted.
MOST_NAMED: Final = 20
LOOK_AGAIN: Final = timedelta(minutes=10)


class Reconciler:
    """Reconciles and seals the ledger every night; one for each worker process. Close it with `aclose`.

    Args:
        clock: database time.
        zone: the city's, in which a day begins.
        sealer: opens the key that signs the seals.
        before: what is done first every night, so that the proof covers it.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        zone: ZoneInfo,
        sealer: Sealer,
        before: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._database, self._clock, self._zone = database, clock, zone
        self._sealer, self._before = sealer, before
        self._sweeping: asyncio.Task[None] | None = None
        self._rests_until: datetime | None = None

    async def take(self) -> bool:
        """Take the day's sweep in hand, where nobody has done so; whether this one did. It goes on beside the loop.

        Database failures are raised as problems; then nothing was claimed.
        """
        now = self._clock.now()
        if self._sweeping is not None or (self._rests_until is not None and now < self._rests_until):
            return False
        day = sweep.day_of(now, self._zone)
        async with self._database.read() as session:
            due = await sweep.is_due(session, day, now)
        token = None
        if due:
            async with self._database.write() as session:
                token = await sweep.claim(session, self._database, day, now)
        if token is None:
            self._rests_until = now + LOOK_AGAIN
            return False
        self._sweeping = asyncio.create_task(self._carry(token))
        self._sweeping.add_done_callback(self._free)
        return True

    async def drain(self, seconds: float) -> None:
        """Wait for a sweep under way to end, for that many seconds at most."""
        if self._sweeping is not None:
            await asyncio.wait([self._sweeping], timeout=seconds)

    async def aclose(self, seconds: float = 0.0) -> None:
        """Let a sweep under way end, for that many seconds at most; what is left undone, another worker begins anew."""
        if (task := self._sweeping) is not None:
            await asyncio.wait([task], timeout=seconds)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _free(self, task: asyncio.Task[None]) -> None:
        self._sweeping = None
        if not task.cancelled() and (error := task.exception()):
            self._rests_until = self._clock.now() + LOOK_AGAIN
            get_logger().error("nightly_reconcile_failed", exc_info=error)

    async def _carry(self, token: str) -> None:
        try:
            await self._sweep(token)
        except BaseException:
            async with self._database.write() as session:
                await sweep.give_up(session, token, self._clock.now())
            raise

    async def _sweep(self, token: str) -> None:
        broken: list[BrokenLink] = []
        events = chains = 0
        if self._before is not None:
            await self._before()
        async with self._database.read() as session:
            found = await reconcile(session, most=MOST_NAMED)
            async for checked, faults in walk_chains(session):
                events, chains = events + checked, chains + len(faults)
                broken += faults[: MOST_NAMED - len(broken)]
            named = [(o.number, o.fault) for o in found.offenders] + name_chains(broken)
            keys = await known_keys(session, self._sealer)
            broken_seals = (await verify_seals(session, keys)).broken_seals
        named += [(seal.place, seal.fault) for seal in broken_seals[:MOST_NAMED]]
        unsealed = await self._seal()
        named += [("封存 seals", unsealed)] if unsealed else []
        counts = _counts(found) | {"events": events}
        counts["broken_chains"] = chains + len(broken_seals) + bool(unsealed)
        async with self._database.write() as session:
            await sweep.settle(session, token, self._clock.now(), counts=counts, named=named)
        get_logger().info("nightly_reconcile", **counts)

    async def _seal(self) -> str | None:
        """Seal all chains, whatever was found; why that was not possible, None where it was."""
        try:
            await seal_all(self._database, self._sealer, self._clock.now())
        except (SealBroken, AuditKeyLost) as error:
            get_logger().error("audit_not_sealed", reason=error.code)
            return f"{error.title_zh} {error.title_en}"
        return None


def _counts(found: Reconciliation) -> dict[str, int]:
    return {"reports": found.reports, "opened": found.opened, "closed": found.closed, "offenders": found.count}
