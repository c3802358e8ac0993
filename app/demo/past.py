"""Plays simulated time: jumps from one happening to the next, and drives the real worker until it finds no more work.

Nothing waits and nothing is random: what is done at a moment is done before the clock goes on.
"""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.deadlines import end_of, office_moment, start_of
from app.demo.far_end import InProcess
from app.demo.stage import Stage
from app.flow.upcoming import find_next_moment
from app.worker import STEPS, Step, WorkerContext, deliver_next, look_back_next, reconcile_next, supervise_next

# Steps whose due moments are known here.
DUE_STEPS: tuple[Step, ...] = (deliver_next, supervise_next, look_back_next)
# The ledger is proved in one night a week: all the nights of a year would take as long as what happens in it.
NIGHTLY_ON = 0
DRAIN_SECONDS = 60.0
STEADY = 0.5  # in the place of jitter: where one process plays all, there is nobody to keep apart from

Progress = Callable[[datetime], None]


class PlayedWorker:
    """The worker of the service with the steps it has, without its loop: it works when it is told."""

    def __init__(self, stage: Stage) -> None:
        runtime, sender = stage.runtime, InProcess(stage.departments.systems)
        self._context = WorkerContext(
            runtime.database,
            runtime.settings,
            runtime.clock,
            runtime.sealer,
            sender=sender,
            cities=runtime.cities,
            chance=lambda: STEADY,
        )
        self._context.open()
        self._database, self._zone = runtime.database, ZoneInfo(runtime.settings.timezone)

    async def work(self, at_any_rate: bool) -> datetime | None:
        """Do what is due now until there is no more; the moment of the next that is known, None for none.

        `at_any_rate` lets each step look even where nothing is known to be due: some know best themselves.
        """
        known = await self._next_known()
        while at_any_rate or (known and known <= self._context.clock.now()):
            found = False
            for step in self._steps() if at_any_rate else DUE_STEPS:
                found |= await step(self._context)
            await self._context.courier.drain(DRAIN_SECONDS)
            await self._context.sweeper.drain(DRAIN_SECONDS)
            await self._context.reconciler.drain(DRAIN_SECONDS)
            at_any_rate, known = at_any_rate and found, await self._next_known()
        return known

    def _steps(self) -> Sequence[Step]:
        local = self._context.clock.now().astimezone(self._zone)
        return [step for step in STEPS if step is not reconcile_next or local.weekday() == NIGHTLY_ON]

    async def _next_known(self) -> datetime | None:
        async with self._database.read() as session:
            return await find_next_moment(session)

    async def close(self) -> None:
        await self._context.close()


@dataclass
class Past:
    """A stretch of simulated time.

    Attributes:
        per_day: reports on an average working day.
        progress: told the simulated moment at the start of each month, and at the end.
        enough: asked between two moments, with the seconds of real time spent: whether to go straight to the end.
    """

    stage: Stage
    per_day: float
    progress: Progress
    enough: Callable[[float], bool] = lambda _: False
    steps: int = field(default=0, init=False)
    seconds: float = field(default=0.0, init=False)
    over: bool = field(default=False, init=False)

    async def play(self, until: datetime) -> None:
        """Play up to that moment; there the clock stands still."""
        began = time.perf_counter()
        gc.freeze()  # the city in memory is large and stays: it need not be gone through again and again
        self._expect_day(self._local(self.stage.clock.now()))
        self.stage.office.open()
        worker = PlayedWorker(self.stage)
        try:
            await self._play(worker, until, began)
        finally:
            await worker.close()
        self.over = True
        self.stage.clock.set(until)
        self.seconds = time.perf_counter() - began
        self.progress(until)

    async def _play(self, worker: PlayedWorker, until: datetime, began: float) -> None:
        stage, schedule = self.stage, self.stage.scene.schedule
        changes, worker_at, look_at = -1, stage.clock.now(), stage.clock.now()
        while not self.enough(time.perf_counter() - began):
            moment = min(worker_at, schedule.next_at() or until)
            if moment >= until:
                return
            stage.clock.set(max(moment, stage.clock.now()))
            for act in schedule.take_due(stage.clock.now()):
                await act()
            if changes != stage.wire.changes or worker_at <= stage.clock.now():
                known = await worker.work(at_any_rate=look_at <= stage.clock.now())
                changes = stage.wire.changes
                if look_at <= stage.clock.now():
                    look_at = self._next_opening()
                worker_at = min(known or look_at, look_at)
            self.steps += 1

    def _next_opening(self) -> datetime:
        """When every step has its next look, due or not: digests are for the start of a working day."""
        now, calendar = self.stage.clock.now(), self.stage.scene.city.calendar
        today = self._local(now)
        opening = office_moment(start_of(today, calendar), calendar)
        return opening if opening > now else office_moment(end_of(today, calendar), calendar)

    def _expect_day(self, day: date) -> None:
        """Put a day's reports on the schedule, and the next day's dawn."""
        stage, calendar = self.stage, self.stage.scene.city.calendar
        stage.points.expect_day(day, self.per_day)
        dawn = datetime(day.year, day.month, day.day, tzinfo=calendar.zone) + timedelta(days=1)

        async def next_day() -> None:
            if self.over:
                return
            if dawn.day == 1:
                self.progress(stage.clock.now())
            self._expect_day(dawn.date())

        stage.scene.schedule.add(dawn, next_day, "dawn")

    def _local(self, moment: datetime) -> date:
        return moment.astimezone(self.stage.scene.city.calendar.zone).date()
