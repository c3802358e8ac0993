"""The feed's cursor skips nothing: an event whose transaction is still open holds back those written after it."""

from pathlib import Path

from app.clock import FixedClock
from app.ledger.feed import Feed, read_feed
from app.models import Role
from tests.api.scenes import assigned
from tests.city import CityUnderTest, new_city, open_city


async def look(city: CityUnderTest, after: int = 0) -> Feed:
    async with city.runtime.database.read() as session:
        return await read_feed(session, "FR-MZ", after, 100, is_sqlite=city.runtime.database.is_sqlite)


async def test_a_later_event_waits_for_an_earlier_transaction_that_is_still_open(
    tmp_path: Path, clock: FixedClock
) -> None:
    from app.access.principal import Principal
    from app.api.door import make_desk
    from app.flow.receive import receive
    from app.intake.accept import Submission

    with new_city("postgresql", tmp_path) as url:
        async with open_city(url, tmp_path, clock) as city:
            principal = Principal(Role.REPORTER, "key:x", observation_point="FR-01")
            async with city.runtime.database.write() as slow:
                await receive(make_desk(city.runtime, slow, principal), Submission("区民政局要求天天报甲表。"))
                await assigned(city)  # commits while the first one is still open
                assert await look(city) == Feed([], 0)
            both = await look(city)
            assert len(both.bodies) == 2
            assert (await look(city, both.next)).bodies == []


async def test_an_erased_body_is_left_out_and_the_cursor_moves_on(city: CityUnderTest) -> None:
    from sqlalchemy import text

    await assigned(city)
    async with city.runtime.database.write() as session:
        await session.execute(text("UPDATE events SET body = NULL, body_salt = NULL"))
    feed = await look(city)
    assert feed.bodies == []
    assert feed.next > 0
