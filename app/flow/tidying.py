"""Drops what has served its time: answers to retried requests, keys of what was struck off long ago, old counts, old
sessions, rows of spreadsheets that were not brought in. Indexes what an older version took in beside this one.
"""

from datetime import datetime, timedelta
from typing import Final

from app.access.attempts import forget_served
from app.access.buckets import forget_full
from app.access.idempotency import forget_old
from app.access.people import forget_sessions
from app.clock import Clock
from app.database import Database
from app.intake.accept import make_found
from app.intake.imports import drop_old
from app.log import get_logger
from app.route.cluster import clear_shelf

TIDY_EVERY: Final = timedelta(hours=1)
# Rows in one transaction: a writer that waits for it waits milliseconds.
BATCH: Final = 500
# Each of some thousand rows at most.
FILES: Final = 2


class Tidier:
    """Once an hour in each worker; several may tidy at once.

    Args:
        relapse_window: for so long after a case was struck off its reports are compared with new ones.
    """

    def __init__(self, database: Database, clock: Clock, relapse_window: timedelta) -> None:
        self._database, self._clock, self._relapse_window = database, clock, relapse_window
        self._tidied: datetime | None = None

    async def tidy(self) -> bool:
        """Drop a batch of each where an hour has passed; whether there is more to do at once."""
        now = self._clock.now()
        if self._tidied is not None and now - self._tidied < TIDY_EVERY:
            return False
        async with self._database.write() as session:
            answers = await forget_old(session, now, most=BATCH)
            keys = await clear_shelf(session, now - self._relapse_window, most=BATCH)
            counts = [await forget(session, now, most=BATCH) for forget in (forget_full, forget_served)]
            sessions = await forget_sessions(session, now, most=BATCH)
            files = await drop_old(session, now, most=FILES)
            found = await make_found(self._database, session, most=BATCH)
        if answers or keys or files or sessions or any(counts):
            counted = {"answers": answers, "shelved": keys, "count": sum(counts), "sessions": sessions, "unused": files}
            get_logger().info("tidied", **counted)
        if found:
            get_logger().info("reports indexed", count=found)
        if BATCH in (answers, keys, found, sessions, *counts) or files == FILES:
            return True
        self._tidied = now
        return False
