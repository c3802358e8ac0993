"""佐证材料: a department puts a file on its duty; what no act ever refers to is swept."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select

from app.clock import Clock
from app.database import Database
from app.feedback.evidence import Received, add_evidence, unused_before
from app.feedback.vault import Vault
from app.flow.desk import Desk
from app.flow.handle import open_duty
from app.log import get_logger
from app.models import Evidence

UNUSED_DAYS: Final = 7
SWEEP_EVERY: Final = timedelta(hours=1)
BATCH: Final = 200


async def add(desk: Desk, vault: Vault, assignment_id: str, received: Received, name: str) -> Evidence:
    """Keep a file that has arrived; its bytes are on disk before the row is committed.

    Raises NotFound, NoEvidenceNow or TooManyFiles.
    """
    file, assignment = await open_duty(desk, assignment_id)
    evidence = await add_evidence(file, assignment, received, name)
    await desk.finish(file)
    await asyncio.to_thread(vault.keep, received, evidence)
    return evidence


class Sweeper:
    """Removes what nothing refers to after a week: rows with their files, and files without a row.

    Once an hour in each worker; several may sweep at once.
    """

    def __init__(self, database: Database, clock: Clock, vault: Vault) -> None:
        self._database, self._clock, self._vault = database, clock, vault
        self._swept: datetime | None = None

    async def sweep(self) -> bool:
        """Sweep where an hour has passed; whether there is more to do at once."""
        now = self._clock.now()
        if self._swept is not None and now - self._swept < SWEEP_EVERY:
            return False
        before = now - timedelta(days=UNUSED_DAYS)
        async with self._database.write() as session:
            gone = [(e.sha256, e.id) for e in await unused_before(session, before, BATCH)]
            if gone:
                await session.execute(delete(Evidence).where(Evidence.id.in_([key for _, key in gone])))
        for sha256, evidence_id in gone:
            await asyncio.to_thread(self._vault.remove, sha256, evidence_id)
        if len(gone) == BATCH:
            return True
        strays = await self._remove_strays(before.timestamp())
        self._swept = now
        if gone or strays:
            get_logger().info("evidence_swept", unused=len(gone), strays=strays)
        return False

    async def _remove_strays(self, before: float) -> int:
        """Files that a lost process left without a row."""
        lying = await asyncio.to_thread(lambda: list(self._vault.old_files(before)))
        removed = 0
        for start in range(0, len(lying), BATCH):
            part = lying[start : start + BATCH]
            async with self._database.read() as session:
                known = set(await session.scalars(select(Evidence.id).where(Evidence.id.in_([k for _, k in part]))))
            for path, evidence_id in part:
                if evidence_id not in known:
                    await asyncio.to_thread(path.unlink, missing_ok=True)
                    removed += 1
        return removed
