"""What a process holds while it runs: settings, database, clock, sealer, the city in memory. Doors make one."""

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from app.access.attempts import SignIns
from app.access.buckets import Budget
from app.access.key_use import KeyUse
from app.access.limiter import Kind, Limiter
from app.clock import Clock, DatabaseClock
from app.database import PATIENCE_SECONDS, Database
from app.deadlines import OfficeHours
from app.directory.city import CityCache
from app.directory.serials import Numbers
from app.sealing import Sealer
from app.settings import Settings
from app.together import Together

# Wrong keys that each process answers for an address before it counts them: so many cost the database nothing.
FAILED_KEYS_UNCOUNTED = 5


@dataclass(slots=True)
class Runtime:
    """Everything a verb may need that is not an argument of its own. Close it with `close`."""

    settings: Settings
    database: Database
    clock: Clock
    sealer: Sealer
    cities: CityCache
    numbers: Numbers
    together: Together = field(init=False)
    limiter: Limiter = field(init=False)
    sign_ins: SignIns = field(init=False)
    key_use: KeyUse = field(init=False)

    def __post_init__(self) -> None:
        self.limiter = Limiter(self.database, self.clock, budgets_of(self.settings))
        self.sign_ins = SignIns(self.database, self.clock, self.sealer, self.limiter.refused)
        self.key_use = KeyUse(self.database, ZoneInfo(self.settings.timezone))
        self.together = Together(self.database, lambda reports: self.numbers.reserve_for(reports, self.clock.now()))

    async def start(self, *, with_city: bool = True) -> None:
        """Check the database, take over its time, read the city. Raises where the schema or the pack is missing."""
        await self.database.refuse_unsafe_sqlite()
        await self.anchor_clock()
        if with_city:
            await self.cities.refresh()

    async def anchor_clock(self) -> None:
        if isinstance(self.clock, DatabaseClock):
            self.clock.anchor(await self.database.now())

    async def close(self) -> None:
        await self.numbers.close()
        await self.limiter.close()
        await self.database.dispose()


def budgets_of(settings: Settings) -> dict[Kind, Budget]:
    """How much of what is let through; what is not limited is left out."""
    per_key, failed = settings.rate_per_key_per_minute, settings.rate_failed_keys_per_minute
    budgets = {Kind.KEY: Budget(per_key), Kind.FAILED_KEY: Budget(failed, advance=FAILED_KEYS_UNCOUNTED)}
    return {kind: budget for kind, budget in budgets.items() if budget.per_minute}


def make_runtime(settings: Settings, clock: Clock | None = None) -> Runtime:
    """Assemble a runtime; nothing is connected before it is used."""
    zone = ZoneInfo(settings.timezone)
    database = Database(settings.resolved_database_url, pool_size=settings.pool_size, patience=PATIENCE_SECONDS)
    return Runtime(
        settings=settings,
        database=database,
        clock=clock or DatabaseClock(),
        sealer=Sealer(settings.require_secret_key(), settings.former_keys),
        cities=CityCache(database, zone, OfficeHours(settings.office_opens, settings.office_closes)),
        numbers=Numbers(database, zone),
    )
