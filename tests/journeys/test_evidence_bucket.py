"""佐证材料 in a bucket, through the real application and a real S3 server; and hostile files through the same door."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from app.clock import FixedClock
from app.feedback.bucket import Bucket
from app.feedback.vault import make_vault
from app.flow.evidence import Sweeper
from tests import s3_server
from tests.api.scenes import FEEDBACK, assigned
from tests.chaos.proxy import Proxy
from tests.city import CityUnderTest, new_city, open_city
from tests.conftest import Say
from tests.feedback.files import PDF, PNG, TAKEN
from tests.feedback.hostile import HOSTILE
from tests.feedback.pictures import MARKS, PDF_WITH_AUTHOR, document, photograph, screenshot, webp_with_notes
from tests.feedback.test_kinds import kept_of
from tests.journeys.test_evidence import SHA, adds_up, count_rows, upload


@pytest.fixture
def bucket() -> s3_server.TestBucket:
    return s3_server.new_bucket()


@pytest.fixture
async def stored(
    city_url: str, tmp_path: Path, clock: FixedClock, bucket: s3_server.TestBucket
) -> AsyncIterator[CityUnderTest]:
    """A city whose evidence lies in the bucket."""
    async with open_city(city_url, tmp_path, clock, **bucket.settings()) as city:
        yield city
        assert not (tmp_path / "evidence").exists(), "nothing is kept on disk"


def sweeper_of(city: CityUnderTest) -> Sweeper:
    return Sweeper(city.runtime.database, city.clock, make_vault(city.runtime.settings))


async def test_a_file_is_uploaded_named_by_the_feedback_downloaded_and_the_unused_one_swept(
    stored: CityUnderTest, bucket: s3_server.TestBucket, clock: FixedClock
) -> None:
    scene = await assigned(stored)
    named, unused = (await upload(scene)).json(), (await upload(scene, PNG)).json()
    assert bucket.read(f"{SHA[:2]}/{SHA}.{named['id']}") == PDF
    assert (await scene.act("feedback", **FEEDBACK, evidence=[named["id"]])).status_code == 200
    got = await scene.office.get(f"/v1/evidence/{named['id']}")
    assert (got.status_code, got.content) == (200, PDF)
    assert got.headers["content-type"] == "application/pdf"
    assert got.headers["content-length"] == str(len(PDF))
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["cache-control"] == "private, no-store"
    assert got.headers["content-disposition"] == "attachment; filename*=utf-8''%E5%BA%9F%E6%AD%A2%E9%80%9A%E7%9F%A5.pdf"
    stray = f"00/{'0' * 64}.{'0' * 32}"
    bucket.write(stray, b"left by a process that was killed before its commit")
    clock.set(clock.now() + timedelta(days=6))
    await sweeper_of(stored).sweep()
    assert len(bucket.keys()) == 3
    clock.set(clock.now() + timedelta(days=400))  # far beyond the moment at which the objects were written
    await sweeper_of(stored).sweep()
    assert bucket.keys() == [f"{SHA[:2]}/{SHA}.{named['id']}"]
    assert (await scene.office.get(f"/v1/evidence/{unused['id']}")).status_code == 404
    await adds_up(stored)


async def test_an_act_that_is_refused_leaves_no_object(stored: CityUnderTest, bucket: s3_server.TestBucket) -> None:
    scene = await assigned(stored)
    await scene.act("feedback", **FEEDBACK)
    refused = await upload(scene)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_evidence_now")
    stranger = await stored.department("FR-JY")
    foreign = await stranger.post(f"/v1/assignments/{scene.assignment}/evidence", content=PDF)
    assert foreign.status_code == 404
    assert (bucket.keys(), await count_rows(stored)) == ([], 0)


async def test_a_repeated_upload_with_its_key_is_one_row(stored: CityUnderTest) -> None:
    scene = await assigned(stored)
    first, again = [await upload(scene, PDF, "a.pdf", **{"Idempotency-Key": "once"}) for _ in range(2)]
    assert (again.status_code, again.json()) == (201, first.json())
    assert await count_rows(stored) == 1
    assert (await scene.office.get(f"/v1/evidence/{first.json()['id']}")).content == PDF


async def test_a_store_that_is_away_answers_503_keeps_nothing_and_goes_on_when_it_is_back(
    city_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    server = s3_server.StoreServer()
    server.start()
    server.client().create_bucket(Bucket="away")
    settings = s3_server.TestBucket("away").settings(server.port)
    async with open_city(city_url, tmp_path, clock, **settings) as city:
        scene = await assigned(city)
        kept = (await upload(scene)).json()
        server.stop()
        for answer in (await upload(scene, PNG), await scene.office.get(f"/v1/evidence/{kept['id']}")):
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"] == "30"
            assert answer.json()["code"] == "evidence_store_unavailable"
            assert "127.0.0.1" not in answer.text
        assert await count_rows(city) == 1
        # Everything else goes on, and what is due for the sweep is its own matter.
        assert (await scene.act("feedback", **FEEDBACK, evidence=[kept["id"]])).status_code == 200
        assert (await city.anonymous().get("/readyz")).json()["ready"] is True
        server.start()
        assert (await scene.office.get(f"/v1/evidence/{kept['id']}")).content == PDF
        await scene.review(accepted=False, comment="请附废止文件。")
        assert (await upload(scene, PNG)).status_code == 201
        await adds_up(city)
    server.stop()


async def test_a_silent_store_stops_neither_the_worker_nor_its_end(
    city_url: str, tmp_path: Path, clock: FixedClock, bucket: s3_server.TestBucket
) -> None:
    async with (
        Proxy(s3_server.server().port) as line,
        open_city(city_url, tmp_path, clock, **bucket.settings(line.port)) as city,
    ):
        line.swallow()
        sweeper, started = sweeper_of(city), time.monotonic()
        assert await sweeper.take()
        assert not await sweeper.take()
        await asyncio.sleep(0.1)
        await sweeper.aclose(0.1)
        assert time.monotonic() - started < 2
        # An hour has to pass: a sweep that was cut short is no reason for the next one at once.
        assert not await sweeper.take()
        clock.advance(hours=2)
        line.let_through()
        assert await sweeper.take()
        await sweeper.aclose(10)


async def test_a_row_is_never_committed_before_its_file_is_there(
    stored: CityUnderTest, bucket: s3_server.TestBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, real = await assigned(stored), Bucket.put

    async def put(self: Bucket, key: str, file: object) -> None:
        assert await count_rows(stored) == 0
        await real(self, key, file)  # type: ignore[arg-type]
        assert await count_rows(stored) == 0
        assert bucket.keys() == [key]

    monkeypatch.setattr(Bucket, "put", put)
    assert (await upload(scene)).status_code == 201
    assert await count_rows(stored) == 1


# ── hostile files ──

NAMES = (
    "../../../etc/cron.d/x.html", "..\\..\\autoexec.bat", "a\u202efdp.exe", "a\u2066b\u2069.pdf", "CON.pdf",
    "a;b%00.pdf", "x.pdf\r\nContent-Type: text/html",
    '"><script>alert(1)</script>.html', "\ufeff\u200b.pdf", "名" * 399, ".", "",
)  # fmt: skip


@pytest.fixture
async def plain(tmp_path: Path, clock: FixedClock) -> AsyncIterator[CityUnderTest]:
    with new_city("sqlite", tmp_path) as url:
        async with open_city(url, tmp_path, clock) as city:
            yield city


async def test_hostile_files_are_refused_or_harmless_and_never_an_error_of_the_server(
    plain: CityUnderTest, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.feedback.evidence.MOST_FILES", 1000)
    scene, told = await assigned(plain), Counter[int]()
    for error, kinds in HOSTILE.items():
        for kind, content in kinds.items():
            answer = await upload(scene, content, "照片.png", **{"Content-Type": "image/png"})
            told[answer.status_code] += 1
            assert (answer.status_code, answer.json()["code"]) == (error.status, error.code), kind
    refused = told.total()
    assert (await count_rows(plain), [p for p in (plain.folder / "evidence").rglob("*") if p.is_file()]) == (0, [])
    marked = (photograph(), screenshot(), webp_with_notes(), PDF_WITH_AUTHOR, document(), document("xl/workbook.xml"))
    for content in (*TAKEN.values(), *marked):
        answer = await upload(scene, content, "a.pdf")
        told[answer.status_code] += 1
        await holds_nothing_of_the_sender(scene.office, answer.json(), content)
    for name in NAMES:
        answer = await upload(scene, PNG, name)
        told[answer.status_code] += 1
        await holds_nothing_of_the_sender(scene.office, answer.json(), PNG)
    for name in ("长" * 500, "x" * 401):
        answer = await upload(scene, PNG, name)
        told[answer.status_code] += 1
        refused += answer.status_code == 422
    assert set(told) == {201, 415, 422}
    assert told[201] == len(TAKEN) + len(marked) + len(NAMES)
    errors = sum(count for status, count in told.items() if status >= 500)
    say(f"hostile evidence: {told.total()} files, {refused} refused, {errors} server errors")


async def holds_nothing_of_the_sender(reader: httpx.AsyncClient, taken: dict[str, str], content: bytes) -> None:
    """What is downloaded is cleaned, is a download, and has a name that means nothing to a browser or a shell."""
    got = await reader.get(f"/v1/evidence/{taken['id']}")
    assert got.status_code == 200
    assert got.content == kept_of(content)[1]
    assert not any(mark in got.content for mark in MARKS)
    assert got.headers["content-type"] == taken["media_type"] != "text/html"
    assert got.headers["x-content-type-options"] == "nosniff"
    disposition = got.headers["content-disposition"]
    assert disposition.startswith("attachment; filename*=utf-8''")
    assert disposition.isascii()
    assert not set(disposition) & set('"<>\r\n\\/')
    assert not set(taken["name"]) & set('<>:"|?*;%\r\n\\/\0\u202e\u2066\u200b\ufeff')
