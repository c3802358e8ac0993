"""The rows of spreadsheets on their way to being reports: kept sealed, claimed, settled, dropped. Reads no file."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Delete, delete, exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Database, insert_if_absent
from app.intake.sheet import Fault, Judged, Values, digest_of, to_json
from app.models import Import, ImportRow, Report, RowState, new_id
from app.problems import Conflict, NotFound
from app.sealing import Sealer

# So long after it was sent, what was not brought in is forgotten.
KEPT: Final = timedelta(days=7)
# So long a row that says the same is taken for the same; later it may be that the burden has come back.
SAME_FOR: Final = timedelta(days=30)
ASKED_AT_ONCE: Final = 500


class NothingToBringIn(Conflict):
    code = "nothing_to_bring_in"
    title_zh, title_en = "没有可导入的行", "There is no row to bring in"

    def __init__(self) -> None:
        super().__init__(
            "没有等待导入的行：可能已经提交过。请改正有问题的行，另存后重新上传。",
            "No row is waiting: perhaps it was committed already. Correct the rows with faults and send them again.",
        )


class BeingBroughtIn(Conflict):
    code = "being_brought_in"
    title_zh, title_en = "已提交，不能放弃", "It was committed"

    def __init__(self) -> None:
        super().__init__("已经提交的导入不能放弃。", "An import that was committed cannot be given up.")


def about_place(import_id: str) -> str:
    """Where what is told of a file belongs, for the sealer."""
    return f"import:{import_id}"


def row_place(row_id: str) -> str:
    """Where a row's content belongs, for the sealer."""
    return f"import-row:{row_id}"


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as it was read: its hash and name, the headings that meant nothing, its rows as judged."""

    sha256: str
    name: str
    unknown: Sequence[str]
    rows: Sequence[tuple[int, Values, Judged]]


async def keep(
    session: AsyncSession, database: Database, sealer: Sealer, sent: Sent, *, by: str, now: datetime
) -> Import:
    """Keep the rows of a file. One that was sent before keeps what became of its rows; those with faults are new."""
    new = new_id()
    about = json.dumps({"name": sent.name, "unknown": list(sent.unknown)}, ensure_ascii=False).encode()
    first = {"id": new, "sha256": sent.sha256, "about": sealer.seal(about, about_place(new))}
    await session.execute(insert_if_absent(database, Import).values(**first, uploaded_by=by, uploaded_at=now))
    kept = (await session.scalars(select(Import).where(Import.sha256 == sent.sha256).with_for_update())).one()
    if kept.committed_at is not None and kept.finished_at is None:
        return kept
    await session.execute(_rows_of(kept.id, RowState.FAULTY))
    there = set(await session.scalars(select(ImportRow.number).where(ImportRow.import_id == kept.id)))
    known = await find_known(session, {digest_of(judged) for _, _, judged in sent.rows}, now)
    rows = [
        _new_row(kept.id, sealer, number, values, judged, known)
        for number, values, judged in sent.rows
        if number not in there
    ]
    if rows:
        await session.execute(insert(ImportRow), rows)
    kept.uploaded_at, kept.uploaded_by = now, by
    if any(row["state"] is RowState.WAITING for row in rows):
        kept.committed_at = kept.committed_by = kept.finished_at = None
    return kept


def _new_row(
    import_id: str, sealer: Sealer, number: int, values: Values, judged: Judged, known: dict[str, str]
) -> dict[str, Any]:
    row_id, digest = new_id(), digest_of(judged)
    state = RowState.FAULTY if judged.faults else RowState.KNOWN if digest in known else RowState.WAITING
    sealed = None if state is RowState.KNOWN else sealer.seal(to_json(values), row_place(row_id))
    return {
        "id": row_id, "import_id": import_id, "number": number, "state": state, "content": sealed,
        "faults": [list(fault) for fault in judged.faults], "digest": digest, "report_id": known.get(digest),
    }  # fmt: skip


def _rows_of(import_id: str, *states: RowState) -> Delete:
    return delete(ImportRow).where(ImportRow.import_id == import_id, ImportRow.state.in_(states))


async def find_known(session: AsyncSession, digests: Iterable[str], now: datetime) -> dict[str, str]:
    """Of these rows the ones that came in not long ago, from any file, with the id of the report."""
    found: dict[str, str] = {}
    wanted = sorted(digest for digest in digests if digest)
    for start in range(0, len(wanted), ASKED_AT_ONCE):
        some = wanted[start : start + ASKED_AT_ONCE]
        rows = await session.execute(
            select(ImportRow.digest, ImportRow.report_id).where(
                ImportRow.digest.in_(some), ImportRow.state == RowState.DONE, ImportRow.settled_at > now - SAME_FOR
            )
        )
        found |= {digest: report for digest, report in rows if report}
    return found


async def commit(session: AsyncSession, import_id: str, *, by: str, now: datetime) -> None:
    """From now on the waiting rows are durable work. Raises NotFound or NothingToBringIn."""
    kept = await _lock(session, import_id)
    if kept.committed_at is not None or not await is_waiting(session, import_id):
        raise NothingToBringIn
    kept.committed_by, kept.committed_at, kept.finished_at = by, now, None


async def discard(session: AsyncSession, import_id: str) -> None:
    """Forget what was not brought in. Raises NotFound or BeingBroughtIn."""
    kept = await _lock(session, import_id)
    if kept.committed_at is not None and kept.finished_at is None:
        raise BeingBroughtIn
    await _forget(session, [import_id])


async def _lock(session: AsyncSession, import_id: str) -> Import:
    kept: Import | None = await session.get(Import, import_id, with_for_update=True)
    if kept is None:
        raise NotFound
    return kept


async def is_waiting(session: AsyncSession, import_id: str) -> bool:
    waiting = select(ImportRow.id).where(ImportRow.import_id == import_id, ImportRow.state == RowState.WAITING)
    return await session.scalar(waiting.limit(1)) is not None


async def find_committed(session: AsyncSession) -> str | None:
    """The import that was committed first of those that have not ended."""
    open_ones = select(Import.id).where(Import.committed_at.is_not(None), Import.finished_at.is_(None))
    found: str | None = await session.scalar(open_ones.order_by(Import.committed_at, Import.id).limit(1))
    return found


async def next_rows(session: AsyncSession, import_id: str, most: int) -> list[ImportRow]:
    """Rows that wait, in the sheet's order; nobody has them yet."""
    waiting = select(ImportRow).where(ImportRow.import_id == import_id, ImportRow.state == RowState.WAITING)
    return list(await session.scalars(waiting.order_by(ImportRow.number).limit(most)))


async def claim(session: AsyncSession, row_ids: Sequence[str]) -> set[str]:
    """Lock those of the rows that still wait and that no other worker has in hand."""
    waiting = select(ImportRow.id).where(ImportRow.id.in_(row_ids), ImportRow.state == RowState.WAITING)
    return set(await session.scalars(waiting.order_by(ImportRow.number).with_for_update(skip_locked=True)))


async def settle(session: AsyncSession, row_id: str, report: Report | str, state: RowState, now: datetime) -> None:
    """The row is a report, or known as one; its content goes in the same transaction."""
    report_id = report if isinstance(report, str) else report.id
    done = {"state": state, "report_id": report_id, "content": None, "settled_at": now}
    await session.execute(update(ImportRow).where(ImportRow.id == row_id).values(**done))


async def refuse(session: AsyncSession, row_id: str, faults: Iterable[Fault]) -> None:
    """The row cannot become a report as it is."""
    said = {"state": RowState.FAULTY, "faults": [list(fault) for fault in faults]}
    await session.execute(update(ImportRow).where(ImportRow.id == row_id).values(**said))


async def finish(session: AsyncSession, import_id: str, now: datetime) -> None:
    """Note the end, where no row is left."""
    waiting = exists().where(ImportRow.import_id == import_id, ImportRow.state == RowState.WAITING)
    ended = update(Import).where(Import.id == import_id, Import.finished_at.is_(None), ~waiting)
    await session.execute(ended.values(finished_at=now))


async def drop_old(session: AsyncSession, now: datetime, *, most: int) -> int:
    """Forget what was sent long ago and not brought in, `most` files at a time; how many there were.

    What a file's rows have become stays, without their content: that keeps it from being brought in twice.
    """
    left = exists().where(ImportRow.import_id == Import.id, ImportRow.state.in_((RowState.WAITING, RowState.FAULTY)))
    old = (
        select(Import.id)
        .where(
            Import.uploaded_at < now - KEPT,
            or_(Import.committed_at.is_(None), Import.finished_at.is_not(None)),
            left,
        )
        .order_by(Import.uploaded_at)
        .limit(most)
    )
    ids = list(await session.scalars(old.with_for_update(skip_locked=True)))
    await _forget(session, ids)
    return len(ids)


async def _forget(session: AsyncSession, ids: Sequence[str]) -> None:
    if not ids:
        return
    not_in = (RowState.WAITING, RowState.FAULTY)
    await session.execute(delete(ImportRow).where(ImportRow.import_id.in_(ids), ImportRow.state.in_(not_in)))
    used = exists().where(ImportRow.import_id == Import.id)
    await session.execute(delete(Import).where(Import.id.in_(ids), ~used))
