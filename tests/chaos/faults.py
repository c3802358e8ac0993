"""What goes wrong, when: processes are killed, the database is stopped, cut off, slowed down and silenced."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.cluster import Cluster
from tests.chaos.deployment import Deployment
from tests.chaos.proxy import Proxy

# A kill loses what is in hand: a machine that does less between two kills gets fewer of them, but not none.
WORK_BETWEEN_KILLS, LONGEST_WAIT_FOR_WORK = 20, 6.0


@dataclass
class Storm:
    """The faults of one run, until `over` is set; then nothing is broken any more.

    Attributes:
        between_kills: the shortest and the longest pause between two kills, seconds.
        work: how many webhooks have come in so far.
        every: seconds from one fault of the database to the next, on average.
        done: how often each kind of fault was done.
    """

    deployment: Deployment
    chance: random.Random
    between_kills: tuple[float, float]
    work: Callable[[], int]
    every: float = 0.0
    cluster: Cluster | None = None
    proxy: Proxy | None = None
    done: Counter[str] = field(default_factory=Counter)

    async def rage(self, over: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._kill(over))
            if self.cluster and self.proxy:
                tasks.create_task(self._trouble_database(self.cluster, self.proxy, over))

    async def _kill(self, over: asyncio.Event) -> None:
        while not await _passed(over, self.chance.uniform(*self.between_kills)):
            wanted, waited = self.work() + WORK_BETWEEN_KILLS, 0.0
            self.done["kill -9"] += self.deployment.kill_one(self.chance)
            while self.work() < wanted and waited < LONGEST_WAIT_FOR_WORK:
                if await _passed(over, 0.1):
                    return
                waited += 0.1

    async def _trouble_database(self, cluster: Cluster, proxy: Proxy, over: asyncio.Event) -> None:
        kinds = ["database stopped", "connections cut", "database delayed", "black hole"]
        while True:
            # Every kind in turn, in an order of chance: a short run has them all.
            for kind in self.chance.sample(kinds, len(kinds)):
                if await _passed(over, self.every * self.chance.uniform(0.6, 1.4)):
                    return
                self.done[kind] += 1
                match kind:
                    case "database stopped":
                        await asyncio.to_thread(cluster.stop)
                        await _passed(over, self.chance.uniform(0.3, 2))
                        await asyncio.to_thread(cluster.start)
                    case "connections cut":
                        proxy.cut()
                    case "database delayed":
                        proxy.delay = self.chance.uniform(0.05, 0.3)
                        await _passed(over, 3)
                        proxy.let_through()
                    case _:
                        proxy.swallow()
                        await _passed(over, self.chance.choice((2.0, 14.0)))
                        proxy.let_through()


async def _passed(over: asyncio.Event, seconds: float) -> bool:
    """Wait that long; whether the storm is over."""
    try:
        await asyncio.wait_for(over.wait(), seconds)
    except TimeoutError:
        return False
    return True
