"""The bucket alone: a store that is away, silent, slow, wrong, unproved or unfaithful, on a real S3 server."""

import asyncio
import contextlib
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.feedback.bucket import Bucket
from app.feedback.store import StoreUnavailable, key_of
from app.feedback.vault import Vault
from app.models import Evidence
from tests import s3_server
from tests.chaos.departments import make_certificate
from tests.chaos.proxy import Proxy
from tests.feedback.files import PDF
from tests.feedback.test_evidence import bucket_at, everything_old, pieces, read, row_of


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


async def test_a_proxy_in_the_environment_is_not_asked(
    bucket: s3_server.TestBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    vault = Vault(bucket_at(bucket.url()), 1000)
    assert await read(vault, row_of(await vault.receive(pieces(PDF)))) == PDF


@asynccontextmanager
async def secured(folder: Path, port: int) -> AsyncIterator[int]:
    """TLS before a server on loopback, with a certificate that nobody knows: the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(folder))

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65_536):
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pipe(reader, far), pipe(far_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_a_store_that_proves_itself_by_an_authority_of_ones_own_is_believed_and_no_other(
    bucket: s3_server.TestBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with secured(tmp_path, s3_server.server().port) as port:
        url = f"https://127.0.0.1:{port}/{bucket.name}"
        with pytest.raises(StoreUnavailable):
            await Vault(bucket_at(url), 1000).receive(pieces(PDF))
        assert bucket.keys() == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        vault = Vault(bucket_at(url + "/"), 1000)
        assert await read(vault, row_of(await vault.receive(pieces(PDF)))) == PDF


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
