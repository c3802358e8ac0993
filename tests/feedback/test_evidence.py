"""What a file is called, and how it comes in and lies: in a folder and in a bucket, which promise the same."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from app.feedback.bucket import Bucket
from app.feedback.evidence import Received, clean_name
from app.feedback.folder import Folder
from app.feedback.refusals import FileEmpty, FileTooLarge, FileTypeRefused
from app.feedback.store import EvidenceLost, Store, StoreUnavailable, id_in, key_of
from app.feedback.vault import Vault
from app.models import Evidence
from app.problems import AppError
from tests import s3_server
from tests.chaos.proxy import Proxy
from tests.feedback.files import PDF
from tests.feedback.pictures import MARKS, photograph


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("废止通知.pdf", "废止通知.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\Users\\x\\通知.PDF", "通知.pdf"),
        ("report.pdf.exe", "report.pdf.exe.pdf"),
        ("a\u202efdp.exe", "afdp.exe.pdf"),
        ("a\x00b\r\nSet-Cookie: x=1.pdf", "abSet-Cookie_ x=1.pdf"),
        ('"; filename="evil.html', "__ filename=_evil.html.pdf"),
        ("", "evidence.pdf"),
        ("...", "evidence.pdf"),
        (".pdf", "evidence.pdf"),
        ("长" * 300 + ".pdf", "长" * 120 + ".pdf"),
    ],
)
def test_a_name_is_made_harmless_and_ends_in_what_the_file_is(given: str, kept: str) -> None:
    assert clean_name(given, "application/pdf") == kept


async def pieces(content: bytes, size: int = 7) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def row_of(received: Received) -> Evidence:
    return Evidence(id=received.id, sha256=received.sha256, size=received.size)


async def read(vault: Vault, evidence: Evidence) -> bytes:
    opened = await vault.open(evidence)
    content = b"".join([chunk async for chunk in opened.chunks])
    assert len(content) == opened.size
    return content


async def everything_old(vault: Vault, before: datetime) -> list[str]:
    return [key async for keys in vault.old(before) for key in keys]


# ── both of them ──


class Place(Protocol):
    """A store under test, and a look past it at what lies there."""

    store: Store

    def lying(self) -> list[str]: ...

    def change(self, key: str, content: bytes | None) -> None: ...


class FolderPlace:
    def __init__(self, root: Path) -> None:
        self._root = root
        self.store: Store = Folder(root)

    def lying(self) -> list[str]:
        return sorted(str(p.relative_to(self._root)) for p in self._root.rglob("*") if p.is_file())

    def change(self, key: str, content: bytes | None) -> None:
        path = self._root / key
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def bucket_at(url: str, patience: float = 10.0, key: str = s3_server.KEY, secret: str = s3_server.SECRET) -> Bucket:
    return Bucket(url, region=s3_server.REGION, key=key, secret=secret, patience=patience)


class BucketPlace:
    def __init__(self) -> None:
        self.bucket = s3_server.new_bucket()
        self.store: Store = bucket_at(self.bucket.url())

    def lying(self) -> list[str]:
        return self.bucket.keys()

    def change(self, key: str, content: bytes | None) -> None:
        if content is None:
            s3_server.server().client().delete_object(Bucket=self.bucket.name, Key=key)
        else:
            self.bucket.write(key, content)


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return FolderPlace(tmp_path / "evidence") if request.param == "folder" else BucketPlace()


class TestEveryStore:
    async def test_a_file_comes_in_pieces_and_lies_under_its_hash(self, place: Place) -> None:
        vault = Vault(place.store, 1000)
        received = await vault.receive(pieces(PDF))
        assert (received.size, received.media_type) == (len(PDF), "application/pdf")
        assert place.lying() == [key_of(received.sha256, received.id)]
        assert await read(vault, row_of(received)) == PDF

    async def test_a_large_file_is_read_piece_by_piece(self, place: Place) -> None:
        vault, content = Vault(place.store, 2_000_000), PDF + b" " * 1_500_000
        received = await vault.receive(pieces(content, 65_536))
        opened = await vault.open(row_of(received))
        chunks = [chunk async for chunk in opened.chunks]
        assert b"".join(chunks) == content
        assert len(chunks) > 2

    async def test_the_same_content_twice_is_two_files_so_that_removing_one_leaves_the_other(
        self, place: Place
    ) -> None:
        vault = Vault(place.store, 1000)
        first, second = [row_of(await vault.receive(pieces(PDF))) for _ in range(2)]
        await vault.remove(key_of(first.sha256, first.id))
        await vault.remove(key_of(first.sha256, first.id))
        with pytest.raises(EvidenceLost):
            await vault.open(first)
        assert await read(vault, second) == PDF

    async def test_a_file_without_its_row_is_discarded_and_one_whose_row_may_be_there_stays(self, place: Place) -> None:
        vault = Vault(place.store, 1000)
        refused, kept = [await vault.receive(pieces(PDF)) for _ in range(2)]
        kept.kept = True
        for received in (refused, kept):
            await vault.discard(received)
        assert place.lying() == [key_of(kept.sha256, kept.id)]

    @pytest.mark.parametrize(
        ("content", "error"),
        [(b"", FileEmpty), (PDF + b"x" * 1000, FileTooLarge), (b"<html>", FileTypeRefused)],
    )
    async def test_what_is_refused_leaves_nothing(self, place: Place, content: bytes, error: type[AppError]) -> None:
        with pytest.raises(error):
            await Vault(place.store, 1000).receive(pieces(content))
        assert place.lying() == []

    async def test_a_sender_that_goes_away_leaves_nothing(self, place: Place) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield PDF
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            await Vault(place.store, 1000).receive(broken())
        assert place.lying() == []

    async def test_a_stream_that_never_ends_is_cut_off_at_the_limit(self, place: Place) -> None:
        taken = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal taken
            while True:
                taken += 1000
                yield b"%PDF-" + b"x" * 995

        with pytest.raises(FileTooLarge):
            await Vault(place.store, 10_000).receive(endless())
        assert taken == 11_000

    async def test_what_lies_there_is_what_is_kept_of_the_file(self, place: Place) -> None:
        vault = Vault(place.store, 10_000)
        content = await read(vault, row_of(await vault.receive(pieces(photograph()))))
        assert content.startswith(b"\xff\xd8\xff")
        assert not any(mark in content for mark in MARKS)

    async def test_a_file_that_was_removed_or_cut_behind_our_back_is_told(self, place: Place) -> None:
        vault = Vault(place.store, 1000)
        cut, gone = [row_of(await vault.receive(pieces(PDF))) for _ in range(2)]
        place.change(key_of(cut.sha256, cut.id), PDF[:-1])
        place.change(key_of(gone.sha256, gone.id), None)
        for evidence in (cut, gone):
            with pytest.raises(EvidenceLost):
                await vault.open(evidence)

    async def test_old_files_are_listed_in_batches_and_what_is_not_evidence_is_left_alone(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in ("folder", "bucket"):
            monkeypatch.setattr(f"app.feedback.{module}.BATCH", 2)
        vault = Vault(place.store, 1000)
        kept = [await vault.receive(pieces(PDF)) for _ in range(5)]
        place.change("notes/readme.txt", b"somebody else's")
        now = datetime.now(UTC)
        assert await everything_old(vault, now - timedelta(minutes=1)) == []
        batches = [keys async for keys in vault.old(now + timedelta(minutes=1))]
        assert max(map(len, batches)) <= 2
        assert sorted(key for keys in batches for key in keys) == sorted(key_of(r.sha256, r.id) for r in kept)
        assert {id_in(key) for keys in batches for key in keys} == {r.id for r in kept}

    async def test_many_come_at_once(self, place: Place) -> None:
        vault = Vault(place.store, 1000)
        kept = await asyncio.gather(*(vault.receive(pieces(PDF + b" " * n)) for n in range(12)))
        found = await asyncio.gather(*(read(vault, row_of(received)) for received in kept))
        assert [len(content) for content in found] == [len(PDF) + n for n in range(12)]


# ── the folder alone ──


async def test_what_a_lost_process_left_arriving_is_removed_when_it_is_old(tmp_path: Path) -> None:
    vault = Vault(Folder(tmp_path), 1000)
    await vault.receive(pieces(PDF))
    left = tmp_path / "incoming" / "left"
    left.write_bytes(PDF)
    now = time.time()
    assert await everything_old(vault, datetime.fromtimestamp(now - 60, UTC)) == []
    os.utime(left, (now - 120, now - 120))
    assert await everything_old(vault, datetime.fromtimestamp(now - 60, UTC)) == []
    assert not left.exists()


# ── the bucket alone ──


@pytest.fixture
def bucket() -> s3_server.TestBucket:
    return s3_server.new_bucket()


async def test_a_bucket_may_be_shared_under_a_prefix(bucket: s3_server.TestBucket) -> None:
    vault = Vault(bucket_at(bucket.url() + "/yilong/evidence/"), 1000)
    kept = await vault.receive(pieces(PDF))
    key = key_of(kept.sha256, kept.id)
    bucket.write(key, b"another deployment's")
    assert bucket.read(f"yilong/evidence/{key}") == PDF
    assert await everything_old(vault, datetime.now(UTC) + timedelta(minutes=1)) == [key]
    await vault.discard(kept)
    assert bucket.keys() == [key]


async def test_a_store_that_cannot_be_reached_says_so_soon_and_heals_by_itself() -> None:
    server = s3_server.StoreServer()
    server.start()
    server.client().create_bucket(Bucket="healing")
    vault = Vault(bucket_at(f"http://127.0.0.1:{server.port}/healing"), 1000)
    kept = row_of(await vault.receive(pieces(PDF)))
    server.stop()
    started = time.monotonic()
    for call in (
        vault.receive(pieces(PDF)),
        vault.open(kept),
        vault.remove("x"),
        everything_old(vault, datetime.now(UTC)),
    ):
        with pytest.raises(StoreUnavailable):
            await call
    assert time.monotonic() - started < 10
    server.start()
    assert await read(vault, kept) == PDF
    assert await read(vault, row_of(await vault.receive(pieces(PDF)))) == PDF
    server.stop()


async def test_a_store_that_is_slow_is_waited_for_and_one_that_is_silent_is_not(bucket: s3_server.TestBucket) -> None:
    async with Proxy(s3_server.server().port) as line:
        vault = Vault(bucket_at(bucket.url(line.port), patience=1.5), 1000)
        line.delay = 0.1
        kept = row_of(await vault.receive(pieces(PDF)))
        assert await read(vault, kept) == PDF
        line.swallow()
        started = time.monotonic()
        for call in (vault.receive(pieces(PDF)), vault.open(kept)):
            with pytest.raises(StoreUnavailable):
                await call
        assert 2 < time.monotonic() - started < 6
        line.let_through()
        assert await read(vault, kept) == PDF
    assert bucket.keys() == [key_of(kept.sha256, kept.id)]


async def test_a_wrong_key_a_missing_bucket_and_a_name_that_leads_nowhere_are_the_stores_fault_not_the_files(
    bucket: s3_server.TestBucket,
) -> None:
    lost = Evidence(id="a" * 32, sha256="0" * 64, size=1)
    for url in (bucket.url() + "-not", "http://nowhere.invalid/bucket"):
        for call in (Vault(bucket_at(url), 1000).receive(pieces(PDF)), Vault(bucket_at(url), 1000).open(lost)):
            with pytest.raises(StoreUnavailable):
                await call
    # The server checks signatures now, for everybody.
    key, secret = await asyncio.to_thread(s3_server.server().check_signatures, on=True)
    try:
        right = Vault(bucket_at(bucket.url(), key=key, secret=secret), 1000)
        kept = row_of(await right.receive(pieces(PDF)))
        for wrong in (bucket_at(bucket.url(), key=key, secret=secret[::-1]), bucket_at(bucket.url(), key="nobody")):
            for call in (Vault(wrong, 1000).receive(pieces(PDF)), Vault(wrong, 1000).open(kept)):
                with pytest.raises(StoreUnavailable):
                    await call
        assert await read(right, kept) == PDF
    finally:
        await asyncio.to_thread(s3_server.server().check_signatures, on=False)
    assert bucket.keys() == [key_of(kept.sha256, kept.id)]


async def test_an_object_that_does_not_hold_what_was_sent_is_not_acknowledged(
    bucket: s3_server.TestBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody changes the object between its writing and its reading again: what a store that lies looks like."""
    vault, real = Vault(bucket_at(bucket.url()), 1000), Bucket.open

    async def changed(self: Bucket, key: str) -> object:
        await asyncio.to_thread(bucket.write, key, PDF[:-1] + b"?")
        return await real(self, key)

    monkeypatch.setattr(Bucket, "open", changed)
    with pytest.raises(StoreUnavailable):
        await vault.receive(pieces(PDF))
    assert bucket.keys() == []


async def test_a_store_that_breaks_off_within_a_file_is_an_error_and_not_a_short_file(
    bucket: s3_server.TestBucket,
) -> None:
    vault = Vault(bucket_at(bucket.url()), 20_000_000)
    kept = row_of(await vault.receive(pieces(PDF + b" " * 15_000_000, 1_000_000)))
    async with Proxy(s3_server.server().port) as line:
        opened = await Vault(bucket_at(bucket.url(line.port), patience=1.0), 1000).open(kept)
        assert await anext(opened.chunks)
        line.swallow()
        with pytest.raises(StoreUnavailable):
            async for _ in opened.chunks:
                pass


def test_the_library_of_the_bucket_is_loaded_only_where_one_is_set() -> None:
    """Only the bucket's module imports it, and nothing imports that one before it is needed."""
    app = Path(__file__).parents[2] / "app"
    at_once = re.compile(r"^(?:from|import) (?:app\.feedback\.bucket|obstore)\b", re.MULTILINE)
    assert [p.name for p in app.rglob("*.py") if at_once.search(p.read_text(encoding="utf-8"))] == ["bucket.py"]
