"""The whole ledger at one moment: every row of it, so that what changed and what did not is plain. It only reads."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.lifecycle import LIVE, OPEN_SESSIONS
from app.models import Base
from tests.city import CityUnderTest

Row = Mapping[str, Any]
Key = tuple[Any, ...]
# Not of the ledger: the city, who may call, answers kept for a retry, the courier's log, the worker's own notes.
ELSEWHERE = frozenset(
    {
        *("pack_versions", "departments", "observation_points", "calendar_days", "calendar_imports", "serials"),
        *("api_keys", "users", "user_sessions", "idempotent_answers", "callbacks", "endpoints", "attempts"),
        *("learned_models", "digests", "sweeps", "admin_acts", "imports", "import_rows", "user_identities"),
        *("rate_buckets", "sign_in_counts", "documents", "document_cases", "saved_views"),
    }
)
TABLES = [table for table in Base.metadata.sorted_tables if table.name not in ELSEWHERE]


@dataclass(frozen=True)
class World:
    """Rows by table and primary key."""

    rows: Mapping[str, Mapping[Key, Row]]

    def all(self, table: str, where: Callable[[Row], object] = lambda _: True) -> list[Row]:
        """Rows of a table in the order of their keys, which is that of their making."""
        return [row for _, row in sorted(self.rows[table].items()) if where(row)]

    def one(self, table: str, row_id: str) -> Row:
        return self.rows[table][row_id,]

    def number(self, case_id: str) -> str:
        return str(self.one("cases", case_id)["number"])

    def duties(self, case_id: str) -> list[Row]:
        return self.all("assignments", lambda a: a["case_id"] == case_id)

    def reports(self, case_id: str) -> list[Row]:
        return self.all("reports", lambda r: r["case_id"] == case_id)

    def seats(self, session_id: str) -> list[str]:
        """Departments that are invited and were not let go."""
        found = self.all("invitations", lambda i: i["consultation_id"] == session_id and not i["withdrawn_at"])
        return [seat["department_code"] for seat in found]

    def agenda(self, session_id: str) -> list[str]:
        """The cases that wait on a session's agenda."""
        items = self.all("agenda_items", lambda i: i["consultation_id"] == session_id and i["outcome"] is None)
        return [item["case_id"] for item in items]

    def sessions_on(self, case_id: str) -> list[Row]:
        """Sessions that had or have the case on their agenda, the open ones first."""
        ids = {i["consultation_id"] for i in self.all("agenda_items", lambda i: i["case_id"] == case_id)}
        found = self.all("consultations", lambda c: c["id"] in ids)
        return sorted(found, key=lambda c: c["status"] not in OPEN_SESSIONS)

    def involved(self, case_id: str) -> set[str]:
        """Departments that ever had a duty on the case or a seat where it was talked of."""
        sessions = [self.seats(session["id"]) for session in self.sessions_on(case_id)]
        return {a["department_code"] for a in self.duties(case_id)} | {code for seats in sessions for code in seats}

    def holders(self, case_id: str) -> set[str]:
        return {a["department_code"] for a in self.duties(case_id) if a["status"] in LIVE}

    def events_since(self, earlier: "World") -> list[Row]:
        """What has been recorded since, with facts read."""
        new = self.rows["events"].keys() - earlier.rows["events"].keys()
        rows = sorted((self.rows["events"][key] for key in new), key=lambda e: (e["case_id"], e["seq"]))
        return [dict(row) | {"facts": json.loads(row["facts"])} for row in rows]


async def look(city: CityUnderTest) -> World:
    """Read everything in one snapshot."""
    rows: dict[str, dict[Key, Row]] = {}
    async with city.runtime.database.snapshot() as session:
        for table in TABLES:
            names = [column.name for column in table.primary_key]
            found = (await session.execute(select(table))).mappings()
            rows[table.name] = {tuple(row[name] for name in names): dict(row) for row in found}
    return World(rows)


def differences(before: World, after: World) -> list[str]:
    """Where two moments differ, a line for each row, shortest sense: what appeared, went or changed."""
    return list(_differences(before, after))


def _differences(before: World, after: World) -> Iterable[str]:
    for table, rows in after.rows.items():
        old = before.rows[table]
        for key in rows.keys() | old.keys():
            if key not in old or key not in rows:
                yield f"{table} {key} {'appeared' if key in rows else 'went'}"
            elif rows[key] != old[key]:
                changed = {n: (old[key][n], rows[key][n]) for n in rows[key] if rows[key][n] != old[key][n]}
                yield f"{table} {key} {changed}"
