"""The audit chains as a file: one line a case, so that somebody without the database can verify them."""

import json
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import BrokenLink, to_canonical_json, to_rfc3339, verify_chain
from app.models import Case, Event

COVERED = ("id", "seq", "type", "actor", "department_code", "facts", "body_commitment", "previous_hash", "hash")


class NotAChainFile(ValueError):
    """A line of the file is not what `export-audit` writes."""

    def __init__(self, line: int) -> None:
        super().__init__(
            f"第 {line} 行不是 yilong export-audit 导出的内容。Line {line} was not written by export-audit."
        )


async def write_chains(session: AsyncSession) -> AsyncIterator[str]:
    """One JSON line for each case: its head and all its links, without the bodies."""
    heads = await session.execute(select(Case.id, Case.last_seq, Case.last_hash).order_by(Case.opened_at, Case.id))
    for case_id, last_seq, last_hash in heads.all():
        events = await session.scalars(select(Event).where(Event.case_id == case_id).order_by(Event.seq))
        links = [
            {name: getattr(event, name) for name in COVERED} | {"happened_at": to_rfc3339(event.happened_at)}
            for event in events
        ]
        yield to_canonical_json({"case": case_id, "last_seq": last_seq, "last_hash": last_hash, "events": links})


def verify_lines(lines: Iterable[str]) -> tuple[int, list[BrokenLink]]:
    """Verify exported chains: how many events there are, and the first fault of each broken chain.

    Raises NotAChainFile.
    """
    count, broken = 0, []
    for number, line in enumerate(lines, 1):
        try:
            chain = json.loads(line)
            links = [_read_link(chain["case"], link) for link in chain["events"]]
            fault = verify_chain(chain["case"], links, chain["last_seq"], chain["last_hash"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotAChainFile(number) from error
        count += len(links)
        if fault is not None:
            broken.append(fault)
    return count, broken


def _read_link(case_id: str, link: dict[str, Any]) -> Event:
    values = {name: link[name] for name in COVERED}
    return Event(case_id=case_id, happened_at=datetime.fromisoformat(link["happened_at"]), **values)
