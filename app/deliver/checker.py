"""Carries checks: leases them, sends them side by side, settles each. One for each worker process.

No transaction is open while an address is being called.
"""

import asyncio
from typing import Final

from app.clock import Clock
from app.database import Database
from app.deliver.checks import ClaimedCheck, claim_checks, fault_of_check, has_due_check, settle_check
from app.deliver.keyring import open_values
from app.deliver.send import Fault, Message, Outcome, Posting
from app.log import get_logger
from app.sealing import SealBroken, Sealer

AT_ONCE: Final = 4


class Checker:
    """The checks that one worker has in hand; see `Courier` for the arguments."""

    def __init__(self, database: Database, clock: Clock, sealer: Sealer, sender: Posting) -> None:
        self._database, self._clock, self._sealer, self._sender = database, clock, sealer, sender
        self._under_way: set[asyncio.Task[None]] = set()

    async def take(self) -> bool:
        """Set due checks on their way; whether there were any. Database failures are raised as problems."""
        room = AT_ONCE - len(self._under_way)
        if room <= 0:
            return False
        now = self._clock.now()
        async with self._database.read() as session:
            if not await has_due_check(session, now):
                return False
        async with self._database.write() as session:
            taken = await claim_checks(session, now, room)
        for claimed in taken:
            task = asyncio.create_task(self._carry(claimed))
            self._under_way.add(task)
            task.add_done_callback(self._end)
        return bool(taken)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()):
            get_logger().error("check_not_settled", exc_info=error)

    async def drain(self, seconds: float) -> None:
        """Wait for what is under way; what is not done by then is dropped and its lease runs out."""
        left = set(self._under_way)
        if left:
            _, left = await asyncio.wait(left, timeout=seconds)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _carry(self, claimed: ClaimedCheck) -> None:
        outcome = await self._send(claimed)
        async with self._database.write() as session:
            await settle_check(session, claimed, outcome, self._clock.now())
        get_logger().info(
            "endpoint_checked",
            endpoint=claimed.endpoint_id,
            event_type=claimed.kind,
            attempt=claimed.attempts + 1,
            status=outcome.http_status,
            milliseconds=outcome.milliseconds,
            reason=fault_of_check(claimed, outcome),
        )

    async def _send(self, claimed: ClaimedCheck) -> Outcome:
        now = self._clock.now()
        try:
            secrets = open_values(self._sealer, claimed.endpoint_id, claimed.sealed_secret, now)
        except SealBroken:
            return Outcome(fault=Fault.SECRET)
        return await self._sender.post(Message(claimed.id, claimed.url, secrets, claimed.body.encode()), now)
