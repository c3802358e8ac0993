"""The daily digests: what a person is told once a working day; systems go on to get every event."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from app.access.principal import Permission
from app.api.door import Door, Out, door, make_router
from app.deliver.daily_queue import LETTER
from app.ledger.digests import read_digests
from app.problems import NotFound
from app.supervise.digest import OFFICE

router = make_router("digests 每日提要")


class DigestOut(Out):
    """One working day of one recipient. Lists and counts that are empty are left out of `content`."""

    day: date
    recipient: str = Field(description="a department's code, or `office`")
    made_at: datetime
    content: dict[str, Any]
    text: str = Field(description="plain lines of Chinese: number, stage, deadline and link")


class DigestsOut(Out):
    digests: list[DigestOut]
    next: date | None = Field(description="the last day answered; ask again with `after`")


@router.get("/digests")
async def get_digests(
    at: Annotated[Door, door(Permission.READ_CASES)],
    after: Annotated[date | None, Query(description="`next` of the answer before; leave it out to begin")] = None,
    department: Annotated[str | None, Query(max_length=20, description="the office may read a department's")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DigestsOut:
    """A department's own digests, the office's own or a department's, oldest first."""
    recipient = _recipient(at, department)
    async with at.read() as session:
        rows = await read_digests(session, recipient, after=after, limit=limit)
    return DigestsOut(
        digests=[
            DigestOut(
                day=row.day,
                recipient=row.recipient,
                made_at=row.made_at,
                content={name: value for name, value in row.content.items() if name not in {"text", LETTER}},
                text=row.content["text"],
            )
            for row in rows
        ],
        next=rows[-1].day if rows else after,
    )


def _recipient(at: Door, department: str | None) -> str:
    """Whose digests are read; raises NotFound for a department that is not the reader's own, or does not exist."""
    if at.principal.is_office:
        if department is not None and department not in at.runtime.cities.current.departments:
            raise NotFound
        return department or OFFICE
    if department not in {None, at.principal.department}:
        raise NotFound
    return at.principal.department or ""
