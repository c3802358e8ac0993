"""佐证材料 comes in and goes out: counted and hashed while it streams, judged and cleaned, then put where it lies.

It knows no case; the row that speaks of a file is committed after the file is there.
"""

import asyncio
import errno
import hashlib
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from typing import BinaryIO

from app.feedback.evidence import Received
from app.feedback.folder import Folder
from app.feedback.kinds import clean
from app.feedback.refusals import FileEmpty, FileTooLarge
from app.feedback.store import CHUNK, EvidenceLost, Opened, Store, key_of
from app.log import get_logger
from app.models import Evidence, new_id
from app.problems import AppError, StorageFull
from app.settings import Settings


class Vault:
    """The evidence of one deployment.

    Args:
        store: where the files of all processes lie, each belonging to one row.
        largest: bytes that one file may have.
    """

    def __init__(self, store: Store, largest: int) -> None:
        self._store, self._largest = store, largest

    async def receive(self, chunks: AsyncIterator[bytes]) -> Received:
        """Take a file in; it lies under its lasting key when this returns. The caller keeps or discards it.

        Raises FileTooLarge, FileEmpty, FileTypeRefused, FileDamaged, StorageFull or StoreUnavailable.
        """
        with ExitStack() as spools:
            try:
                sent, kept = [await asyncio.to_thread(spools.enter_context, self._store.spool()) for _ in range(2)]
                await self._count(chunks, sent)
                received = await asyncio.to_thread(_examine, sent, kept)
                await self._store.put(key_of(received.sha256, received.id), kept)
            except OSError as error:
                if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                    raise StorageFull from error
                raise
        return received

    async def _count(self, chunks: AsyncIterator[bytes], file: BinaryIO) -> None:
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > self._largest:
                raise FileTooLarge(self._largest)
            await asyncio.to_thread(file.write, chunk)
        if not size:
            raise FileEmpty

    async def discard(self, received: Received) -> None:
        """Remove a file whose act came to nothing. One whose row may have been committed stays, for the sweep."""
        if received.kept:
            return
        try:
            await self._store.remove(key_of(received.sha256, received.id))
        except AppError as error:
            get_logger().warning("evidence_left_to_the_sweep", reason=error.code)

    async def open(self, evidence: Evidence) -> Opened:
        """Read a row's file; raises EvidenceLost, also where it has another size, or StoreUnavailable."""
        opened = await self._store.open(key_of(evidence.sha256, evidence.id))
        if opened.size != evidence.size:
            raise EvidenceLost
        return opened

    async def remove(self, key: str) -> None:
        """Remove the file of a row that is gone."""
        await self._store.remove(key)

    def old(self, before: datetime) -> AsyncIterator[list[str]]:
        """The keys of all files last written before then, batch by batch."""
        return self._store.old(before)


def _examine(sent: BinaryIO, kept: BinaryIO) -> Received:
    """Judge what arrived and write what is kept of it."""
    media_type = clean(sent, kept)
    kept.seek(0)
    digest = hashlib.sha256()
    for chunk in iter(partial(kept.read, CHUNK), b""):
        digest.update(chunk)
    return Received(new_id(), kept.tell(), digest.hexdigest(), media_type)


def make_vault(settings: Settings) -> Vault:
    """The evidence where the settings say it lies."""
    return Vault(_store_of(settings), settings.evidence_largest_mb * 1024 * 1024)


def _store_of(settings: Settings) -> Store:
    if not settings.evidence_s3_url:
        return Folder(settings.resolved_evidence_dir)
    from app.feedback.bucket import Bucket

    secret = settings.evidence_s3_secret
    return Bucket(
        settings.evidence_s3_url,
        region=settings.evidence_s3_region,
        key=settings.evidence_s3_key or "",
        secret=secret.get_secret_value() if secret else "",
    )
