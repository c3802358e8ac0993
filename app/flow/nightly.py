"""夜间对账: once a day, after two in the morning, one worker proves the whole ledger, seals it, and says what it found.

Beside the worker's loop and with no transaction open while it reads: each query sees a moment of its own.
"""

from collections.abc import Awaitable, Callable
from typing import Final
from zoneinfo import ZoneInfo

from app.audit import BrokenLink
from app.clock import Clock
from app.database import Database
from app.flow.seals import seal_all
from app.flow.sideline import LOOK_AGAIN, Sideline
from app.ledger.reconcile import Reconciliation, reconcile, walk_chains
from app.ledger.seals import AuditKeyLost, known_keys, verify_seals
from app.ledger.sweeps import name_chains
from app.log import get_logger
from app.sealing import SealBroken, Sealer
from app.supervise import sweep

# Of each fault, and of broken chains, so many are named; all are counted.
MOST_NAMED: Final = 20


class Reconciler(Sideline):
    """Reconciles and seals the ledger every night; one for each worker process.

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
        super().__init__(clock, "nightly_reconcile_failed")
        self._database, self._zone = database, zone
        self._sealer, self._before = sealer, before

    async def take(self) -> bool:
        """Take the day's sweep in hand, where nobody has done so; whether this one did. It goes on beside the loop.

        Database failures are raised as problems; then nothing was claimed.
        """
        now = self._clock.now()
        if not self._is_free(now):
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
        self._begin(self._carry(token))
        return True

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
