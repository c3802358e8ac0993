"""On which day each key was last used: noted in memory, written together now and then, so that no request waits."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Date, bindparam, or_, update

from app.database import Database
from app.models import ApiKey

_NOTE = (
    update(ApiKey)
    .where(
        ApiKey.id == bindparam("of_key"),
        or_(ApiKey.last_used_on.is_(None), ApiKey.last_used_on < bindparam("day", type_=Date())),
    )
    .values(last_used_on=bindparam("day", type_=Date()))
    .execution_options(synchronize_session=False)
)


class KeyUse:
    """One process's notes. What it has not written when it stops is lost; the key's next use on that day says it again.

    The grain is a day: when exactly a point's system called is nobody's business.
    """

    def __init__(self, database: Database, zone: ZoneInfo) -> None:
        self._database, self._zone = database, zone
        self._noted: dict[str, date] = {}
        self._written: dict[str, date] = {}

    def note(self, key_id: str, now: datetime) -> None:
        day = now.astimezone(self._zone).date()
        if self._written.get(key_id) != day:
            self._noted[key_id] = day

    async def write(self) -> None:
        """Write what was noted; keys in one order, so that two processes cannot wait in a circle."""
        if not self._noted:
            return
        noted = dict(sorted(self._noted.items()))
        async with self._database.write() as session:
            rows = [{"of_key": key_id, "day": day} for key_id, day in noted.items()]
            await (await session.connection()).execute(_NOTE, rows)
        self._written |= noted
        self._noted = {key_id: day for key_id, day in self._noted.items() if noted.get(key_id) != day}
