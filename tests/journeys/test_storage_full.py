"""The disk is full: writes say so, reads go on, nothing is corrupted, and it heals without a restart."""

import asyncio
from pathlib import Path

from sqlalchemy import func, select, text

from app.clock import FixedClock
from app.database import Database
from app.ledger.reconcile import reconcile, verify_chains
from app.models import Delivery, DeliveryStatus, Report
from tests.city import CityUnderTest, new_city, open_city
from tests.receiver import DepartmentReceiver

TEXT = "区民政局要求每周报一次独居老人走访台账,逐户拍照,第{}号通知。"


async def limit_pages(database: Database, pages: int | None) -> int:
    """Let the file grow by so many pages more; None: freely. What the database was told."""
    async with database.writer.connect() as connection:
        count = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        limit = 2**30 if pages is None else count + pages
        return int((await connection.exec_driver_sql(f"PRAGMA max_page_count = {limit}")).scalar_one())


async def count_reports(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(Report)) or 0


async def fill_up(city: CityUnderTest) -> int:
    """Post until the storage is full; how many were taken."""
    reporter = await city.reporter()
    for number in range(500):
        answer = await reporter.post("/v1/reports", json={"text": TEXT.format(number)})
        if answer.status_code == 507:
            problem = answer.json()
            assert answer.headers["content-type"] == "application/problem+json"
            assert problem["code"] == "storage_full"
            return number
        assert answer.status_code == 201, answer.text
    raise AssertionError("it never became full")


async def test_a_full_disk_answers_507_to_writes_serves_reads_and_heals_without_a_restart(
    tmp_path: Path, clock: FixedClock
) -> None:
    with new_city("sqlite", tmp_path) as url, DepartmentReceiver(clock=clock) as receiver:
        async with open_city(url, tmp_path, clock, with_worker=True) as city:
            database, office = city.runtime.database, await city.office()
            made = await office.post("/v1/endpoints", json={"department": "FR-MZ", "url": receiver.url})
            receiver.secret = made.json()["secret"]
            reporter = await city.reporter()
            await limit_pages(database, 40)
            taken = await fill_up(city)
            for _ in range(3):
                assert (await reporter.post("/v1/reports", json={"text": TEXT.format("满")})).status_code == 507
            # Reads go on: lists, one case, health.
            assert (await office.get("/v1/cases")).status_code == 200
            assert (await office.get("/readyz")).json()["checks"]["database"] is True
            assert await count_reports(database) == taken
            await limit_pages(database, None)
            answer = await reporter.post("/v1/reports", json={"text": TEXT.format("满")})
            assert answer.status_code == 201
            # The worker, too, goes on: what it could not write while the disk was full is written now.
            await all_delivered(database, taken + 1)
            async with database.read() as session:
                assert await session.scalar(text("PRAGMA integrity_check")) == "ok"
                assert (await reconcile(session)).offenders == []
                assert (await verify_chains(session))[1] == []
    assert len({request.webhook_id for request in receiver.requests}) == taken + 1
    assert all(request.verified for request in receiver.requests)


async def all_delivered(database: Database, number: int) -> None:
    delivered = select(func.count()).where(Delivery.status == DeliveryStatus.DELIVERED)
    async with asyncio.timeout(30):
        while True:
            async with database.read() as session:
                if await session.scalar(delivered) == number:
                    return
            await asyncio.sleep(0.1)
