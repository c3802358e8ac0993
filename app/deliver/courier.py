"""Carries deliveries: claims them, sends them side by side, settles what came of each. One for each worker process.

Claiming and settling are short transactions; none is open while an endpoint is being called.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.clock import Clock
from app.database import Database
from app.deliver.bundle import write_message
from app.deliver.channels import open_config
from app.deliver.claim import LEASE, Claim, claim_due, has_due
from app.deliver.claimed import Claimed, ClaimedMessage
from app.deliver.keyring import open_values
from app.deliver.messenger import Messenger
from app.deliver.send import Fault, Message, Outcome, Posting
from app.deliver.settle import Ended, settle_all
from app.log import get_logger
from app.problems import StorageFull, Unavailable
from app.sealing import SealBroken, Sealer

LONGEST_PAUSE_SECONDS = 2.0
_chance = random.SystemRandom()


@dataclass(slots=True)
class _Finished:
    """A call that has ended, and the deliveries it was for."""

    rows: Sequence[Claimed]
    outcome: Outcome
    settled: bool = False


class Courier:
    """The deliveries that one worker has in hand.

    Args:
        clock: database time.
        concurrency: calls under way at once.
        cap: calls under way to one address at once, over all workers.
        sender, messenger: for webhooks, and for what goes to people.
        office_moment: a moment itself in office hours, else when the next begin; people are left in peace outside.
        chance: 0 up to 1, drawn for each attempt's jitter.

    `place_freed` is set whenever a call has ended and been settled.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sealer: Sealer,
        sender: Posting,
        messenger: Messenger,
        *,
        office_moment: Callable[[datetime], datetime],
        concurrency: int,
        cap: int,
        chance: Callable[[], float] = _chance.random,
    ) -> None:
        self._database, self._clock, self._sealer = database, clock, sealer
        self._sender, self._messenger, self._office_moment = sender, messenger, office_moment
        self._concurrency, self._cap, self._draw = concurrency, cap, chance
        self._under_way: dict[asyncio.Task[None], Sequence[Claimed]] = {}
        self._finished: list[_Finished] = []
        self._settling = asyncio.Lock()
        self._idle = False
        self.place_freed = asyncio.Event()

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    @property
    def _room(self) -> int:
        return self._concurrency - len(self._under_way)

    async def take(self) -> bool:
        """Claim as much as there is room for and set it on its way; whether a further look may be worth it.

        Database failures are raised as problems; then nothing was claimed.
        """
        self.place_freed.clear()
        if self._room <= 0 or (self._idle and not await self._looks_due()):
            return False
        claim = await self._claim()
        for delivery_id in claim.quarantined:
            get_logger().error("delivery_quarantined", delivery=delivery_id)
        for claimed in claim.taken:
            self._set_out([claimed], self._send(claimed))
        for message in claim.messages:
            self._set_out(message.rows, self._tell(message))
        self._idle = not claim.found_work
        return claim.found_work

    async def _claim(self) -> Claim:
        async with self._database.write(ahead=True) as session:
            # Some may wait for SQLite's one writer, and calls end meanwhile: room and moment are those of its turn.
            now = self._clock.now()
            opens = self._office_moment(now)
            return await claim_due(
                session,
                now,
                limit=self._room,
                cap=self._cap,
                last_chances=self._last_chances(),
                opens_at=opens if opens > now else None,
            )

    def _set_out(self, rows: Sequence[Claimed], sending: Awaitable[Outcome]) -> None:
        task = asyncio.create_task(self._carry(rows, sending))
        self._under_way[task] = rows
        task.add_done_callback(self._free)

    def _last_chances(self) -> int:
        return 0 if any(claimed.on_last_chance for rows in self._under_way.values() for claimed in rows) else 1

    async def _looks_due(self) -> bool:
        # An idle worker asks a reader, so that its looking never takes the one writing connection of SQLite.
        async with self._database.read() as session:
            return await has_due(session, self._clock.now())

    def _free(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        self._idle = False
        self.place_freed.set()
        if not task.cancelled() and (error := task.exception()):
            get_logger().error("delivery_not_settled", exc_info=error)

    async def drain(self, seconds: float) -> int:
        """Wait for what is under way; what is not done by then is dropped and its lease runs out. How many were."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=seconds)
        left = list(self._under_way)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        return len(left)

    async def _carry(self, rows: Sequence[Claimed], sending: Awaitable[Outcome]) -> None:
        outcome = await sending
        for claimed in rows:
            get_logger().info(
                "delivery_attempted",
                delivery=claimed.delivery_id,
                endpoint=claimed.endpoint_id,
                attempt=claimed.attempts + 1,
                status=outcome.http_status,
                milliseconds=outcome.milliseconds,
                reason=outcome.fault,
            )
        await self._settle(_Finished(rows, outcome))

    async def _send(self, claimed: Claimed) -> Outcome:
        if claimed.body is None:
            return Outcome(fault=Fault.ERASED)
        now = self._clock.now()
        try:
            secrets = open_values(self._sealer, claimed.endpoint_id, claimed.sealed_secret, now)
        except SealBroken:
            return Outcome(fault=Fault.SECRET)
        message = Message(
            webhook_id=claimed.event_id,
            url=claimed.url,
            secrets=secrets,
            body=claimed.body.encode(),
        )
        return await self._sender.post(message, now)

    async def _tell(self, message: ClaimedMessage) -> Outcome:
        first = message.rows[0]
        try:
            config = open_config(self._sealer, first.endpoint_id, message.channel, first.sealed_secret)
        except SealBroken:
            return Outcome(fault=Fault.SECRET)
        letter = write_message(message, self._messenger.address)
        return await self._messenger.send(message.channel, config, letter, self._clock.now())

    async def _settle(self, finished: _Finished) -> None:
        """Settle together with all others that finished meanwhile: one commit for many, and no waiting for it."""
        self._finished.append(finished)
        async with self._settling:
            if finished.settled:
                return
            batch, self._finished = self._finished, []
            for each in batch:
                each.settled = True
            try:
                await self._write_patiently(batch)
            except (Unavailable, StorageFull):
                raise
            except Exception:
                if len(batch) == 1:
                    raise
                await self._write_apart(batch)

    async def _write_apart(self, batch: list[_Finished]) -> None:
        # One of them cannot be written: the others must not suffer. Its own lease runs out and counts as a crash.
        for each in batch:
            try:
                await self._write_patiently([each])
            except Exception as error:
                get_logger().error("delivery_not_settled", delivery=each.rows[0].delivery_id, exc_info=error)

    async def _write_patiently(self, batch: list[_Finished]) -> None:
        """Write, through database failures, for as long as the leases last; raises the last failure after that."""
        until = time.monotonic() + LEASE.total_seconds()
        pause = 0.1
        while True:
            try:
                await self._write(batch)
                return
            except (Unavailable, StorageFull):
                if time.monotonic() + pause > until:
                    raise
            await asyncio.sleep(pause * _chance.uniform(0.8, 1.2))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _write(self, batch: list[_Finished]) -> None:
        ended = []
        for each in batch:
            # What travelled in one message goes on in one.
            chance = self._draw()
            ended += [Ended(claimed, each.outcome, chance) for claimed in each.rows]
        async with self._database.write(ahead=True) as session:
            lost = await settle_all(session, ended, self._clock.now())
        for delivery_id in lost:
            get_logger().warning("delivery_lease_lost", delivery=delivery_id)
