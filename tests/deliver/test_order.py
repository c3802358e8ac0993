"""Whatever happens, in whatever order: deliveries of a case to an address end in order, and none is left behind.

On both databases, each life on a database of its own.
"""

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.clock import FixedClock
from app.database import Database
from app.deliver.claim import claim_due
from app.deliver.claimed import Claimed
from app.deliver.send import Fault, Outcome
from app.deliver.settle import settle
from app.models import Delivery, DeliveryStatus, Endpoint
from tests import postgres
from tests.apart import run_apart
from tests.conftest import sqlite_template
from tests.deliver.factories import Scene, add_event, load_deliveries, set_scene

START = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
OUTCOMES = {
    "deliver": Outcome(http_status=200),
    "fail": Outcome(http_status=500, fault=Fault.STATUS),
    "erase": Outcome(fault=Fault.ERASED),
}
STEPS = st.one_of(
    st.tuples(st.just("claim"), st.integers(1, 6)),
    st.tuples(st.sampled_from(["deliver", "fail", "erase", "crash"]), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.sampled_from([1, 6, 46, 700])),
    st.tuples(st.just("add"), st.integers(0, 1)),
)


class Story:
    """One random life of two cases at two addresses."""

    def __init__(self, database: Database, scene: Scene, clock: FixedClock) -> None:
        self.database, self.scene, self.clock = database, scene, clock
        self.in_hand: list[Claimed] = []
        self.ended: dict[tuple[str, str | None], list[int]] = {}

    async def claim(self, limit: int) -> None:
        async with self.database.write() as session:
            claim = await claim_due(session, self.clock.now(), limit=limit, cap=2)
        self.in_hand += claim.taken
        for row in await load_deliveries(self.database):
            if row.id in claim.quarantined:
                self.note_end(row)
        live = [c for c in self.in_hand if c.lease_until > self.clock.now()]
        places = [(c.endpoint_id, c.case_id) for c in live]
        assert len(places) == len(set(places)), "two of one case in hand at once"
        assert all(sum(c.endpoint_id == e for c in live) <= 2 for e in self.scene.endpoint_ids)

    async def end(self, index: int, outcome: Outcome) -> None:
        if not self.in_hand:
            return
        claimed = self.in_hand.pop(index % len(self.in_hand))
        async with self.database.write() as session:
            held = await settle(session, claimed, outcome, self.clock.now(), 0.0)
        for row in await load_deliveries(self.database):
            if held and row.id == claimed.delivery_id and row.due_at is None:
                self.note_end(row)

    def note_end(self, row: Delivery) -> None:
        before = self.ended.setdefault((row.endpoint_id, row.case_id), [])
        assert not before or before[-1] < row.seq, "ended out of order"
        before.append(row.seq)

    async def tell(self, step: str, number: int) -> None:
        match step:
            case "claim":
                await self.claim(number)
            case "crash":
                del self.in_hand[number : number + 1]
            case "wait":
                self.clock.advance(seconds=number)
            case "add":
                await add_event(self.database, self.scene.cases[number], self.clock.now())
            case _:
                await self.end(number, OUTCOMES[step])

    async def finish(self) -> None:
        """From here on all goes well: every row must come to its end, without the clock being turned far."""
        for _ in range(400):
            await self.claim(16)
            while self.in_hand:
                await self.end(0, OUTCOMES["deliver"])
            async with self.database.read() as session:
                # A row of an address that rests is tried when both are due.
                waits = await session.execute(
                    select(Delivery.due_at, Endpoint.rests_until)
                    .join(Endpoint, Endpoint.id == Delivery.endpoint_id)
                    .where(Delivery.due_at.is_not(None))
                )
                moments = [max(moment for moment in row if moment is not None) for row in waits]
            if not moments:
                break
            self.clock.set(max(min(moments), self.clock.now()))
        rows = await load_deliveries(self.database)
        assert all(row.status is not DeliveryStatus.PENDING for row in rows)
        for place, seqs in self.ended.items():
            queued = {r.seq for r in rows if (r.endpoint_id, r.case_id) == place}
            assert set(seqs) == queued


async def live_through(url: str, steps: list[tuple[str, int]]) -> None:
    database, clock = Database(url), FixedClock(START)
    try:
        urls = ["http://127.0.0.1/a", "http://127.0.0.1/b"]
        scene = await set_scene(database, clock.now(), urls, cases=2, events_each=3)
        story = Story(database, scene, clock)
        for step, number in steps:
            await story.tell(step, number)
        await story.finish()
    finally:
        await database.dispose()


LIVES = st.lists(STEPS, min_size=5, max_size=30)
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@settings(PATIENT, max_examples=25)
@given(LIVES)
def test_deliveries_of_a_case_end_in_order_and_none_is_left_behind(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "yilong.db"
        shutil.copyfile(sqlite_template(), path)
        run_apart(live_through(f"sqlite:///{path}", steps))


@settings(PATIENT, max_examples=12)
@given(LIVES)
def test_they_do_so_on_postgresql_too(steps: list[tuple[str, int]]) -> None:
    with postgres.new_database() as url:
        run_apart(live_through(url, steps))
