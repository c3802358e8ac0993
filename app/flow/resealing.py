"""换密钥: everything that is sealed in the database is sealed anew under the present secret key.

A batch is a transaction; the service goes on meanwhile, for both keys open. What was done stays done: a run that was
broken off is simply run again. A new sealed column must find its line in SEALED.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.database import Database
from app.deliver.keyring import place_of
from app.intake.accept import contact_place
from app.intake.imports import about_place, row_place
from app.ledger.seals import place_of_key
from app.models import AuditKey, Endpoint, Import, ImportRow, ReportContact
from app.sealing import SealBroken, Sealer

BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column of sealed values: the key of its rows, and where each value belongs."""

    name: str
    key: InstrumentedAttribute[str]
    value: InstrumentedAttribute[bytes] | InstrumentedAttribute[bytes | None]
    place: Callable[[str], str]


SEALED: Final = (
    Sealed("endpoint", Endpoint.id, Endpoint.secret, place_of),
    Sealed("contact", ReportContact.report_id, ReportContact.ciphertext, contact_place),
    Sealed("audit key", AuditKey.id, AuditKey.secret, place_of_key),
    Sealed("import", Import.id, Import.about, about_place),
    Sealed("import row", ImportRow.id, ImportRow.content, row_place),
)


@dataclass(slots=True)
class Resealed:
    """What a run did: values sealed anew, values that were already, and rows whose value no known key opens."""

    anew: int = 0
    already: int = 0
    broken: list[str] = field(default_factory=list)


async def reseal_all(database: Database, sealer: Sealer, told: Callable[[Resealed], None] | None = None) -> Resealed:
    """Seal everything anew that the present key has not sealed; `told` hears of the progress after each batch."""
    done = Resealed()
    for column in SEALED:
        after = ""
        while True:
            async with database.write() as session:
                last = await _reseal_batch(session, sealer, column, after, done)
            if told:
                told(done)
            if last is None:
                break
            after = last
    return done


async def _reseal_batch(
    session: AsyncSession, sealer: Sealer, column: Sealed, after: str, done: Resealed
) -> str | None:
    """The next rows by key, locked so that nobody changes them in between; the last key, or None at the end."""
    found = select(column.key, column.value).where(column.key > after, column.value.is_not(None))
    found = found.order_by(column.key).limit(BATCH)
    rows = (await session.execute(found.with_for_update())).all()
    changed = list(_seal_anew(rows, sealer, column, done))
    if changed:
        table: Any = column.value.class_.__table__
        write = update(table).where(table.c[column.key.key] == bindparam("row"))
        await session.execute(write.values({column.value.key: bindparam("sealed")}), changed)
    return rows[-1][0] if rows else None


def _seal_anew(rows: Any, sealer: Sealer, column: Sealed, done: Resealed) -> Iterator[dict[str, Any]]:
    for key, value in rows:
        if sealer.is_present(value):
            done.already += 1
            continue
        try:
            plain = sealer.open(value, column.place(key))
        except SealBroken:
            done.broken.append(f"{column.name} {key}")
            continue
        done.anew += 1
        yield {"row": key, "sealed": sealer.seal(plain, column.place(key))}
