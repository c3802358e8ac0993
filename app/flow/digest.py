"""督: the day's digests in place of a drip, for people; systems get every event. Once a working day, in office hours.

One short transaction for each recipient, and one that ends the day's round. A worker killed in between has told some;
the next one tells the others. A day that nobody worked through is not made up for. What goes out over a department's
channels is queued in the transaction that stores its digest.
"""

import time
from collections.abc import Mapping
from datetime import date
from typing import Final

from app.clock import Clock
from app.database import Database
from app.deadlines import office_moment
from app.deliver.daily_queue import LETTER, choose_letters, end_outdated, queue_daily
from app.directory.city import City, CityCache, NoPackLoaded
from app.problems import AppError
from app.supervise import watch
from app.supervise.digest import OFFICE, ROUND, Content, Edition, collect, find_made, keep
from app.supervise.digest_text import render

REFRESH_SECONDS: Final = 15.0
OFFICE_NAME: Final = "统筹部门"


class Digester:
    """Makes the digests of the day; one for each worker process.

    Args:
        clock: database time.
        address: where the links begin, without a slash at the end.
    """

    def __init__(self, database: Database, clock: Clock, cities: CityCache, address: str) -> None:
        self._database, self._clock, self._cities, self._address = database, clock, cities, address
        self._refreshed: float | None = None
        self._over: date | None = None
        self._edition: Edition | None = None
        self._left: dict[str, Content] = {}

    async def make(self) -> bool:
        """Store one digest that is still to be made today; whether there was one.

        Waits until the clocks have spoken, so that a digest says what the morning's notices said. Database failures
        are raised as problems; then this digest was not stored.
        """
        await self._refresh()
        try:
            now, city = self._clock.now(), self._cities.current
        except NoPackLoaded:
            return False
        today = now.astimezone(city.calendar.zone).date()
        if self._over == today or office_moment(now, city.calendar) > now:
            return False
        if self._edition is None or self._edition.day != today:
            edition = Edition(now, city.calendar, self._address)
            if not await self._begin(edition, city):
                return False
        return await self._store_next()

    async def _begin(self, edition: Edition, city: City) -> bool:
        """See who is to be told what; False where it is too early, or all have been told."""
        async with self._database.read() as session:
            made = await find_made(session, edition.day)
            if ROUND in made:
                self._over = edition.day
                return False
            if await watch.has_due(session, edition.now):
                return False
        async with self._database.snapshot() as session:
            found = await collect(session, edition)
            letters = await choose_letters(session, found, edition.day, edition.closed, edition.address)
        self._left = {who: content | _text(who, content, edition, city) for who, content in found.items()}
        for who, letter in letters.items():
            self._left[who][LETTER] = letter
        for recipient in made:
            self._left.pop(recipient, None)
        self._edition = edition
        return True

    async def _store_next(self) -> bool:
        edition = self._edition
        if edition is None:
            return False
        recipient = next(iter(self._left), ROUND)
        try:
            async with self._database.write() as session:
                content = self._left.get(recipient, {})
                made = await keep(session, self._database, edition, recipient, content)
                if made and LETTER in content:
                    await queue_daily(session, recipient, edition.day, edition.now, edition.midnight)
                if made and recipient == ROUND:
                    await end_outdated(session, edition.day, edition.now)
        except AppError:
            # What was seen may be outdated by the time the database is back.
            self._edition = None
            raise
        self._left.pop(recipient, None)
        if recipient == ROUND:
            self._over, self._edition = edition.day, None
        return True

    async def _refresh(self) -> None:
        """A worker of its own has nobody else who follows packs and calendars."""
        if self._refreshed is None or time.monotonic() - self._refreshed >= REFRESH_SECONDS:
            await self._cities.refresh()
            self._refreshed = time.monotonic()


def _text(recipient: str, content: Mapping[str, object], edition: Edition, city: City) -> Content:
    names = city.names
    name = OFFICE_NAME if recipient == OFFICE else names.get(recipient, recipient)
    return {"text": render(content, to=name, day=edition.day, names=names)}
