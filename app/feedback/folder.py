"""Evidence in a folder on disk, which servers and workers share."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from app.feedback.store import BATCH, CHUNK, EvidenceLost, Opened, id_in

INCOMING: Final = "incoming"


class Folder:
    """Files by key under `root`, which is made when the first one comes; under `incoming/` what is arriving."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def spool(self) -> Iterator[BinaryIO]:
        incoming = self._root / INCOMING
        incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=incoming, delete=False) as file:
            try:
                yield file  # type: ignore[misc]  # its wrapper is a BinaryIO in all but name
            finally:
                Path(file.name).unlink(missing_ok=True)

    async def put(self, key: str, file: BinaryIO) -> None:
        await asyncio.to_thread(self._put, self._root / key, file)

    def _put(self, target: Path, file: BinaryIO) -> None:
        file.flush()
        os.fsync(file.fileno())
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _sync_folder(self._root)
        Path(file.name).replace(target)
        _sync_folder(target.parent)

    async def open(self, key: str) -> Opened:
        path = self._root / key
        try:
            size = (await asyncio.to_thread(path.stat)).st_size
        except FileNotFoundError:
            raise EvidenceLost from None
        return Opened(size, _read(path))

    async def remove(self, key: str) -> None:
        await asyncio.to_thread((self._root / key).unlink, missing_ok=True)

    async def old(self, before: datetime) -> AsyncIterator[list[str]]:
        """Also removes what a lost process left under `incoming/`."""
        keys = await asyncio.to_thread(lambda: list(self._old(before.timestamp())))
        for start in range(0, len(keys), BATCH):
            yield keys[start : start + BATCH]

    def _old(self, before: float) -> Iterator[str]:
        for path in sorted(self._root.glob("*/*")):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime >= before:
                    continue
                if path.parent.name == INCOMING:
                    path.unlink()
                elif id_in(key := f"{path.parent.name}/{path.name}"):
                    yield key


async def _read(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk
    finally:
        file.close()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
