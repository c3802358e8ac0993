"""Evidence in a bucket of an S3-compatible store. Needs the extra `s3`; loaded only where one is set."""

import asyncio
import hashlib
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import datetime, timedelta
from functools import lru_cache
from typing import BinaryIO, Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from app.feedback.store import BATCH, CHUNK, EvidenceLost, Opened, StoreUnavailable, id_in
from app.log import get_logger

# Bounds of one step: an answer, a whole upload, the next piece of a download.
PATIENCE_SECONDS: Final = 30.0
CONNECT_SECONDS: Final = 3.0
# A download lasts as long as its reader takes; each piece of it has the patience of a step.
LONGEST_DOWNLOAD: Final = timedelta(hours=1)
# One second chance, for a connection that the store had closed meanwhile.
RETRIES: Final = 1
_CODE: Final = re.compile(r"<Code>(\w{1,40})</Code>")


class Bucket:
    """Files as objects, written once, never listed to anybody.

    Args:
        url: `https://host/bucket`, with a prefix after it where the bucket is shared; or `https://bucket.host`.
        region, key, secret: what requests are signed with.
        patience: seconds that one step may take.
    """

    def __init__(self, url: str, *, region: str, key: str, secret: str, patience: float = PATIENCE_SECONDS) -> None:
        self._store, self._patience = _connect(url, region, key, secret), patience

    def spool(self) -> AbstractContextManager[BinaryIO]:
        """Without a name: a killed process leaves nothing behind."""
        return tempfile.TemporaryFile()

    async def put(self, key: str, file: BinaryIO) -> None:
        """Write the object, then read it again: it counts only where it holds what its key says."""
        file.seek(0)
        content = await asyncio.to_thread(file.read)
        async with self._asking():
            await obstore.put_async(self._store, key, content, use_multipart=False)
        digest = hashlib.sha256()
        try:
            async for chunk in (await self.open(key)).chunks:
                digest.update(chunk)
        except EvidenceLost:
            pass
        if digest.hexdigest() != key.rpartition("/")[2].partition(".")[0]:
            get_logger().error("evidence_store_unfaithful")
            await self.remove(key)
            raise StoreUnavailable

    async def open(self, key: str) -> Opened:
        async with self._asking():
            found = await obstore.get_async(self._store, key)
        return Opened(found.meta["size"], self._read(found))

    async def _read(self, found: "obstore.GetResult") -> AsyncIterator[bytes]:
        stream = found.stream(CHUNK)
        while True:
            async with self._asking():
                chunk = await anext(stream, None)
            if chunk is None:
                return
            yield bytes(chunk)

    async def remove(self, key: str) -> None:
        async with self._asking():
            await obstore.delete_async(self._store, key)

    async def old(self, before: datetime) -> AsyncIterator[list[str]]:
        listing = obstore.list(self._store, chunk_size=BATCH)
        while True:
            async with self._asking():
                found = await anext(listing, None)
            if found is None:
                return
            yield [m["path"] for m in found if m["last_modified"] < before and id_in(m["path"])]

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        """One step of the store, bounded in time. What it says is not passed on: it names addresses and keys."""
        try:
            async with asyncio.timeout(self._patience):
                yield
        except (BaseError, OSError) as error:
            said = _CODE.search(str(error))
            reason = said[1] if said else type(error).__name__
            if reason == "NoSuchKey":
                raise EvidenceLost from None
            get_logger().error("evidence_store_unavailable", reason=reason)
            raise StoreUnavailable from None


@lru_cache(maxsize=4)
def _connect(url: str, region: str, key: str, secret: str) -> S3Store:
    """A client with its connections, one for each process; nothing is asked yet."""
    parts = urlsplit(url)
    bucket, _, prefix = parts.path.strip("/").partition("/")
    return S3Store(
        bucket or (parts.hostname or "").partition(".")[0],
        prefix=prefix or None,
        endpoint=f"{parts.scheme}://{parts.netloc}",
        virtual_hosted_style_request=not bucket,
        region=region,
        access_key_id=key,
        secret_access_key=secret,
        # One request for each object: not every store takes many in one.
        disable_bulk_delete=True,
        client_options={
            "allow_http": parts.scheme == "http",
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "timeout": LONGEST_DOWNLOAD,
        },
        retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=PATIENCE_SECONDS)},
    )
