"""Group commit: neighbours share a transaction and nothing else; nobody is answered before it is committed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Database
from app.models import Base, Serial
from app.problems import AppError, Conflict, Unavailable
from app.together import MOST_TOGETHER, Together


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/together.db")
    async with database.writer.begin() as connection:
        await connection.run_sync(Base.metadata.tables["serials"].create)
    yield database
    await database.dispose()


@pytest.fixture
def groups() -> list[int]:
    return []


@pytest.fixture
def together(database: Database, groups: list[int]) -> Together:
    async def prepare(count: int) -> None:
        groups.append(count)

    return Together(database, prepare)


async def add(session: AsyncSession, series: str) -> str:
    session.add(Serial(series=series, next_value=1))
    await session.flush()
    return series


async def stored(database: Database) -> set[str]:
    async with database.read() as session:
        return set(await session.scalars(select(Serial.series)))


async def test_what_waits_shares_few_transactions_in_the_order_it_came(
    database: Database, together: Together, groups: list[int]
) -> None:
    commits = 0

    @event.listens_for(database.writer.sync_engine, "commit")
    def count(_: object) -> None:
        nonlocal commits
        commits += 1

    seen: list[int] = []

    async def act(session: AsyncSession, number: int) -> int:
        seen.append(number)
        await add(session, f"S{number}")
        return number

    answers = await asyncio.gather(*(together.write(lambda s, n=n: act(s, n)) for n in range(20)))  # type: ignore[misc]
    assert answers == seen == list(range(20))
    assert sum(groups) == 20
    assert max(groups) <= MOST_TOGETHER
    assert commits == len(groups) <= 4
    assert len(await stored(database)) == 20


async def test_one_that_fails_undoes_itself_only(database: Database, together: Together) -> None:
    async def refuse(session: AsyncSession) -> str:
        await add(session, "refused")
        raise Conflict("不行", "No.")

    async def clash(session: AsyncSession) -> None:
        session.add(Serial(series="good", next_value=2))
        await session.flush()

    async def forgetful(session: AsyncSession) -> None:
        session.add(Serial(series="left to be flushed", next_value=1))

    acts = [lambda s: add(s, "good"), refuse, clash, forgetful, lambda s: add(s, "better")]
    outcomes = await asyncio.gather(*(together.write(act) for act in acts), return_exceptions=True)
    assert outcomes[0] == "good"
    assert isinstance(outcomes[1], Conflict)
    assert isinstance(outcomes[2], IntegrityError)
    assert outcomes[4] == "better"
    assert await stored(database) == {"good", "better", "left to be flushed"}


async def test_each_sees_what_those_before_it_wrote_but_not_their_objects(
    database: Database, together: Together
) -> None:
    async def look(session: AsyncSession) -> tuple[int, int]:
        return len(session.identity_map), await session.scalar(select(func.count()).select_from(Serial)) or 0

    _, seen = await asyncio.gather(together.write(lambda s: add(s, "one")), together.write(look))
    assert seen == (0, 1)


async def test_nobody_is_told_of_success_where_the_commit_fails(database: Database, together: Together) -> None:
    @event.listens_for(database.writer.sync_engine, "commit")
    def fail(_: object) -> None:
        raise Unavailable

    outcomes = await asyncio.gather(
        *(together.write(lambda s, n=n: add(s, f"S{n}")) for n in range(3)),  # type: ignore[misc]
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3
    assert await stored(database) == set()


async def test_where_the_whole_transaction_is_lost_the_others_are_done_again(
    database: Database, together: Together
) -> None:
    async def lose(session: AsyncSession) -> None:
        await session.execute(text("ROLLBACK"))

    outcomes = await asyncio.gather(
        together.write(lambda s: add(s, "one")), together.write(lose), return_exceptions=True
    )
    assert outcomes[0] == "one"
    assert await together.write(lambda s: add(s, "two")) == "two"
    assert await stored(database) == {"one", "two"}


async def test_who_goes_away_leaves_the_others_their_answers(database: Database, together: Together) -> None:
    first = asyncio.create_task(together.write(lambda s: add(s, "one")))
    second = asyncio.create_task(together.write(lambda s: add(s, "two")))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "two"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_an_error_in_preparing_is_everybodys(database: Database) -> None:
    async def prepare(_: int) -> None:
        raise Unavailable

    with pytest.raises(AppError):
        await Together(database, prepare).write(lambda s: add(s, "one"))
