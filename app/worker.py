"""The worker: what must wait is done here, step by step in mission order. It decides nothing itself.

Runs inside `serve` or alone, in any number on one PostgreSQL. A database that is away stops nothing for good: the
worker waits and goes on.
"""

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from app.clock import Clock, DatabaseClock
from app.database import Database
from app.deadlines import OfficeHours
from app.deliver.alerts import Watchman
from app.deliver.ask import Asker
from app.deliver.checker import Checker
from app.deliver.courier import Courier
from app.deliver.guard import Guard
from app.deliver.messenger import Messenger
from app.deliver.send import Posting, Sender
from app.directory.city import CityCache
from app.directory.serials import Numbers
from app.feedback.vault import make_vault
from app.flow.channels import guard_of, make_messenger
from app.flow.clocks import Recounter
from app.flow.digest import Digester
from app.flow.evidence import Sweeper
from app.flow.importing import Importer
from app.flow.look_back import LookBacks
from app.flow.nightly import Reconciler
from app.flow.protection import Forgetter
from app.flow.second_opinion import Adviser
from app.flow.supervision import Supervisor
from app.flow.tidying import Tidier
from app.log import get_logger
from app.problems import AppError
from app.sealing import Sealer
from app.settings import Settings

ANCHOR_SECONDS = 30.0
DRAIN_SECONDS = 20.0
SWEEP_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 2.0
_chance = random.SystemRandom()


@dataclass
class WorkerContext:
    """What the steps work with.

    Attributes:
        clock: database time; a DatabaseClock is anchored again every 30 s.
        sender, messenger: made from the settings where absent; closed by the worker either way.
        cities: the process's own where it has one.
        adviser: None where no model is configured, or its address is refused.
        chance: 0 up to 1, drawn for the jitter of retries.
        heartbeat: monotonic moment of the last round; 0 before the first. `/readyz` looks at it.
    """

    database: Database
    settings: Settings
    clock: Clock
    sealer: Sealer
    sender: Posting | None = None
    messenger: Messenger | None = None
    cities: CityCache | None = None
    heartbeat: float = 0.0
    drain_seconds: float = DRAIN_SECONDS
    chance: Callable[[], float] = _chance.random
    importer: Importer = field(init=False)
    courier: Courier = field(init=False)
    checker: Checker = field(init=False)
    watchman: Watchman = field(init=False)
    recounter: Recounter = field(init=False)
    supervisor: Supervisor = field(init=False)
    look_backs: LookBacks = field(init=False)
    reconciler: Reconciler = field(init=False)
    sweeper: Sweeper = field(init=False)
    tidier: Tidier = field(init=False)
    digester: Digester = field(init=False)
    adviser: Adviser | None = field(init=False, default=None)
    _anchored: float | None = field(init=False, default=None)
    _city_read: bool = field(init=False, default=False)

    def open(self) -> None:
        """Make what needs a running event loop."""
        settings = self.settings
        zone = ZoneInfo(settings.timezone)
        hours = OfficeHours(settings.office_opens, settings.office_closes)
        self.cities = self.cities or CityCache(self.database, zone, hours)
        self.sender = self.sender or Sender(guard_of(settings))
        self.messenger = self.messenger or make_messenger(settings)
        numbers = Numbers(self.database, zone)
        self.importer = Importer(self.database, self.clock, self.cities, numbers, self.sealer, settings)
        self.courier = Courier(
            self.database,
            self.clock,
            self.sealer,
            self.sender,
            self.messenger,
            office_moment=self.cities.office_moment,
            concurrency=settings.delivery_concurrency,
            cap=settings.delivery_endpoint_cap,
            chance=self.chance,
        )
        self.checker = Checker(self.database, self.clock, self.sealer, self.sender)
        self.watchman = Watchman(self.database, self.clock)
        self.recounter = Recounter(self.database, self.clock, self.cities)
        self.supervisor = Supervisor(self.database, self.clock, self.cities)
        self.sweeper = Sweeper(self.database, self.clock, make_vault(settings))
        self.tidier = Tidier(self.database, self.clock, timedelta(days=settings.relapse_window_days))
        self.digester = Digester(self.database, self.clock, self.cities, settings.resolved_public_url)
        self.look_backs = LookBacks(self.database, self.clock, self.cities)
        forgetter = Forgetter(self.database, self.clock, self.cities, settings.contact_retention_days)
        self.reconciler = Reconciler(self.database, self.clock, zone, self.sealer, forgetter.forget)
        if settings.second_opinion_url:
            self.adviser = self._make_adviser(settings.second_opinion_url, self.cities)

    def _make_adviser(self, url: str, cities: CityCache) -> Adviser | None:
        """None where the guard refuses the address: that must not stop the rest of the worker."""
        settings, key = self.settings, self.settings.second_opinion_key
        guard = Guard.of(
            settings.delivery_allowed_networks, allow_loopback=settings.delivery_allow_loopback, inside_only=True
        )
        seconds = settings.second_opinion_timeout_seconds
        try:
            asker = Asker(guard, url, key=key.get_secret_value() if key else None, total_seconds=seconds)
        except AppError as error:
            get_logger().warning("second_opinion_off", reason=error.code)
            return None
        model = settings.second_opinion_model or ""
        return Adviser(self.database, self.clock, cities, asker, model=model, seconds=seconds)

    async def close(self) -> None:
        """Let calls under way finish, for `drain_seconds` at most; then let go of everything."""
        advising = asyncio.create_task(self.adviser.aclose(self.drain_seconds)) if self.adviser else None
        sweeping = asyncio.gather(self.reconciler.aclose(SWEEP_SECONDS), self.sweeper.aclose(SWEEP_SECONDS))
        checking = asyncio.create_task(self.checker.drain(self.drain_seconds))
        dropped = await self.courier.drain(self.drain_seconds)
        await checking
        await sweeping
        await self.importer.numbers.close()
        if advising:
            await advising
        if dropped:
            get_logger().warning("worker_dropped_deliveries", count=dropped)
        if self.sender:
            await self.sender.aclose()
        if self.messenger:
            await self.messenger.aclose()

    async def know_city(self) -> None:
        """Read the city once before anything is sent: its calendar says when people are left in peace."""
        if not self._city_read and self.cities:
            await self.cities.refresh()
            self._city_read = True

    async def keep_time(self) -> None:
        """Anchor the clock to the database where that is due; raises Unavailable."""
        if not isinstance(self.clock, DatabaseClock):
            return
        if self._anchored is None or time.monotonic() - self._anchored >= ANCHOR_SECONDS:
            self.clock.anchor(await self.database.now())
            self._anchored = time.monotonic()


async def import_next(context: WorkerContext) -> bool:
    """Bring in the next rows of a spreadsheet that the office has committed."""
    return await context.importer.look()


async def deliver_next(context: WorkerContext) -> bool:
    """Take due deliveries in hand; they are sent and settled beside the loop."""
    await context.know_city()
    return await context.courier.take()


async def check_next(context: WorkerContext) -> bool:
    """Ask addresses that were registered to answer for themselves, and send tests; it goes on beside the loop."""
    return await context.checker.take()


async def alert_next(context: WorkerContext) -> bool:
    """Tell the office of addresses that have failed for an hour, a day, three days."""
    return await context.watchman.look()


async def recount_next(context: WorkerContext) -> bool:
    """Work out anew the clocks of one case that rest on days which have been announced meanwhile."""
    return await context.recounter.look()


async def supervise_next(context: WorkerContext) -> bool:
    """Look at the clocks of the next case that is due for it: remind, note what is overdue, raise the level."""
    return await context.supervisor.look()


async def look_back_next(context: WorkerContext) -> bool:
    """Ask the points of the next case that is due for it whether its relief holds, or note that they did not answer."""
    return await context.look_backs.look()


async def reconcile_next(context: WorkerContext) -> bool:
    """Once a day, after two in the morning, take the reconciliation of the whole ledger in hand, beside the loop."""
    return await context.reconciler.take()


async def sweep_next(context: WorkerContext) -> bool:
    """Once an hour, remove evidence that no act has referred to for a week; it goes on beside the loop."""
    return await context.sweeper.take()


async def tidy_next(context: WorkerContext) -> bool:
    """Once an hour, drop what has served its time."""
    return await context.tidier.tidy()


async def digest_next(context: WorkerContext) -> bool:
    """At the start of a working day, once the clocks have spoken: put together the next digest of that day."""
    return await context.digester.make()


async def advise_next(context: WorkerContext) -> bool:
    """Where a model is configured, ask its opinion on the next case in triage; the asking goes on beside the loop."""
    return context.adviser is not None and await context.adviser.take()


Step = Callable[[WorkerContext], Awaitable[bool]]

# In mission order, what is optional last. Each answers whether it found work; the worker pauses when none did.
STEPS: tuple[Step, ...] = (
    import_next,
    deliver_next,
    check_next,
    alert_next,
    recount_next,
    supervise_next,
    look_back_next,
    digest_next,
    sweep_next,
    tidy_next,
    reconcile_next,
    advise_next,
)
# What may wait some seconds: an idle worker looks at it in every so manieth round only.
HOUSEKEEPING: frozenset[Step] = frozenset(STEPS) - {import_next, deliver_next, check_next}
HOUSEKEEPING_EVERY = 10


async def run_worker(context: WorkerContext, stop: asyncio.Event, steps: tuple[Step, ...] | None = None) -> None:
    """Work until `stop` is set, then take nothing new and let calls under way finish. No error ends it."""
    context.open()
    get_logger().info("worker_started")
    failures = idle = 0
    steps = STEPS if steps is None else steps
    often = tuple(step for step in steps if step not in HOUSEKEEPING)
    try:
        while not stop.is_set():
            context.heartbeat = time.monotonic()
            found, failed = await _run_round(context, often if idle % HOUSEKEEPING_EVERY else steps)
            failures = failures + 1 if failed else 0
            idle = 0 if found or failed else idle + 1
            if failed:
                await _pause(min(0.1 * 2**failures, LONGEST_PAUSE_SECONDS), stop)
            elif not found:
                await _pause(context.settings.worker_poll_seconds, stop, context.courier.place_freed)
    finally:
        await context.close()


async def _run_round(context: WorkerContext, steps: tuple[Step, ...]) -> tuple[bool, bool]:
    """One look of every step; a failing one is logged and does not keep the others from theirs.

    The answer: was there work, was there a failure.
    """
    found = failed = False
    try:
        await context.keep_time()
    except AppError as error:
        get_logger().warning("worker_waits", reason=error.code)
        return False, True
    for step in steps:
        try:
            found |= await step(context)
        except AppError as error:
            failed = True
            get_logger().warning("worker_waits", step=step.__name__, reason=error.code)
        except Exception as error:
            failed = True
            get_logger().error("worker_step_failed", step=step.__name__, exc_info=error)
    return found, failed


async def _pause(seconds: float, *until: asyncio.Event) -> None:
    """Wait, jittered so that workers do not look in step, or until one of the events."""
    waiting = [asyncio.create_task(event.wait()) for event in until]
    try:
        await asyncio.wait(waiting, timeout=seconds * _chance.uniform(0.75, 1.25), return_when="FIRST_COMPLETED")
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def install_stop_signals(stop: asyncio.Event) -> None:
    """Set `stop` on SIGTERM and SIGINT; for the command that runs a worker alone."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
