"""佐证材料: a department puts a file on its duty; what no act ever refers to is swept."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select

from app.clock import Clock
from app.database import Database
from app.feedback.evidence import Received, add_evidence, unused_before
from app.feedback.store import BATCH, id_in, key_of
from app.feedback.vault import Vault
from app.flow.desk import Desk
from app.flow.handle import open_duty
from app.flow.sideline import Sideline
from app.log import get_logger
from app.models import Evidence

UNUSED_DAYS: Final = 7
SWEEP_EVERY: Final = timedelta(hours=1)


async def add(desk: Desk, assignment_id: str, received: Received, name: str) -> Evidence:
    """Keep a file that has arrived; it lies in the store since before the row was begun.

    Raises NotFound, NoEvidenceNow or TooManyFiles.
    """
    file, assignment = await open_duty(desk, assignment_id)
    evidence = await add_evidence(file, assignment, received, name)
    await desk.finish(file)
    received.kept = True
    return evidence


class Sweeper(Sideline):
    """Removes what nothing refers to after a week: rows with their files, and files without a row.

    Once an hour in each worker, beside its loop, for a store may be slow; several may sweep at once.
    """

    def __init__(self, database: Database, clock: Clock, vault: Vault) -> None:
        super().__init__(clock, "evidence_not_swept")
        self._database, self._vault = database, vault

    async def take(self) -> bool:
        """Begin to sweep where an hour has passed; whether this did."""
        now = self._clock.now()
        if not self._is_free(now):
            return False
        self._rests_until = now + SWEEP_EVERY
        self._begin(self.sweep())
        return True

    async def sweep(self) -> None:
        """Sweep now. Raises StoreUnavailable; files whose rows are gone by then are swept as files without a row."""
        before = self._clock.now() - timedelta(days=UNUSED_DAYS)
        unused = 0
        while gone := await self._forget_unused(before):
            unused += len(gone)
            for key in gone:
                await self._vault.remove(key)
        strays = await self._remove_strays(before)
        if unused or strays:
            get_logger().info("evidence_swept", unused=unused, strays=strays)

    async def _forget_unused(self, before: datetime) -> list[str]:
        """Delete some rows that no act has named; the keys of their files."""
        async with self._database.write() as session:
            gone = {e.id: key_of(e.sha256, e.id) for e in await unused_before(session, before, BATCH)}
            if gone:
                await session.execute(delete(Evidence).where(Evidence.id.in_(gone)))
        return list(gone.values())

    async def _remove_strays(self, before: datetime) -> int:
        """Files that a lost process, or an act that came to nothing, left without a row."""
        removed = 0
        async for keys in self._vault.old(before):
            owners = {key: id_in(key) for key in keys}
            async with self._database.read() as session:
                known = set(await session.scalars(select(Evidence.id).where(Evidence.id.in_(owners.values()))))
            for key in [key for key, owner in owners.items() if owner not in known]:
                await self._vault.remove(key)
                removed += 1
        return removed
