"""The pull twin of the webhooks: the same bodies in the same order, for systems that cannot be called."""

from typing import Annotated, Final

from fastapi import Query, Response

from app.access.principal import Permission
from app.api.door import JSON_TYPE, Door, door, make_router
from app.ledger.feed import read_feed

router = make_router("events 事件")
# What the databases can count to; beyond it there is no position.
LAST: Final = 2**63 - 1


@router.get("/events")
async def get_events(
    at: Annotated[Door, door(Permission.PULL_EVENTS)],
    after: Annotated[int, Query(ge=0, le=LAST, description="`next` of the answer before; 0 to begin")] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> Response:
    """Events addressed to the department, oldest first: `{"events": […], "next": n}`. Ask again with `after=n`."""
    async with at.read() as session:
        feed = await read_feed(
            session, at.principal.department or "", after, limit, is_sqlite=at.runtime.database.is_sqlite
        )
    bodies = ",".join(feed.bodies)
    return Response(f'{{"events":[{bodies}],"next":{feed.next}}}', media_type=JSON_TYPE)
