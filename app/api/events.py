"""The pull twin of the webhooks: the same bodies in the same order, for systems that cannot be called."""

from functools import reduce
from operator import or_
from typing import Annotated, Any, Final

from fastapi import Query, Response
from pydantic import create_model

from app.access.principal import Permission
from app.api.door import JSON_TYPE, Door, Out, door, make_router
from app.api.webhooks import SENT, body_of
from app.ledger.feed import read_feed

router = make_router("events 事件")
# What the databases can count to; beyond it there is no position.
LAST: Final = 2**63 - 1
_event: Any = reduce(or_, (body_of(kind) for kind in SENT if not kind.startswith("endpoint.")))
# For the description: what is answered are the stored bodies themselves.
FeedOut = create_model("FeedOut", __base__=Out, events=(list[_event], ...), next=(int, ...))


@router.get("/events", response_model=FeedOut)
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
