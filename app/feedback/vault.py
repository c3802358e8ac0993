"""Where evidence lies: a folder on disk, one file for each row, named by its hash. It knows no database and no case.

A file is whole and synced under its name before the row that speaks of it is committed.
"""

import asyncio
import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from app.feedback.evidence import FileEmpty, FileTooLarge, Received, judge_type
from app.models import Evidence
from app.problems import AppError, StorageFull

INCOMING: Final = "incoming"


class EvidenceLost(AppError):
    status, code = 410, "evidence_lost"
    title_zh, title_en = "材料文件缺失", "The file is gone"

    def __init__(self) -> None:
        super().__init__(
            "登记在册的材料文件已不在存储目录中。请联系系统管理员从备份恢复。",
            "The file is on record but no longer in the evidence folder. Ask the administrator to restore it.",
        )


class Vault:
    """The evidence of one deployment. Files of all processes lie in one folder; each belongs to one row.

    Args:
        folder: made when the first file comes.
        largest: bytes that one file may have.
    """

    def __init__(self, folder: Path, largest: int) -> None:
        self._folder, self._largest = folder, largest

    def path_of(self, evidence: Evidence) -> Path:
        """Where a row's file lies."""
        return self._place(evidence.sha256, evidence.id)

    def _place(self, sha256: str, evidence_id: str) -> Path:
        return self._folder / sha256[:2] / f"{sha256}.{evidence_id}"

    async def receive(self, chunks: AsyncIterator[bytes]) -> Received:
        """Take a file in: counted and hashed while it streams, judged by its content, synced.

        The caller keeps or discards it. Raises FileTooLarge, FileEmpty, FileTypeRefused or StorageFull.
        """
        file = await asyncio.to_thread(self._open_incoming)
        path = Path(file.name)
        try:
            with file:
                digest, size = hashlib.sha256(), 0
                async for chunk in chunks:
                    size += len(chunk)
                    if size > self._largest:
                        raise FileTooLarge(self._largest)
                    digest.update(chunk)
                    await asyncio.to_thread(file.write, chunk)
                if not size:
                    raise FileEmpty
                await asyncio.to_thread(_sync, file)
            return Received(path, size, digest.hexdigest(), await asyncio.to_thread(judge_type, path))
        except BaseException as error:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StorageFull from error
            raise

    def _open_incoming(self) -> BinaryIO:
        incoming = self._folder / INCOMING
        incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        return tempfile.NamedTemporaryFile(dir=incoming, delete=False)  # type: ignore[return-value]

    def keep(self, received: Received, evidence: Evidence) -> None:
        """Give an incoming file its lasting name, in one step."""
        target = self.path_of(evidence)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        received.path.replace(target)
        _sync_folder(target.parent)

    def discard(self, received: Received) -> None:
        """Remove an incoming file, unless it was kept."""
        received.path.unlink(missing_ok=True)

    def open_path(self, evidence: Evidence) -> Path:
        """Where to read a row's file; raises EvidenceLost."""
        path = self.path_of(evidence)
        if not path.is_file():
            raise EvidenceLost
        return path

    def remove(self, sha256: str, evidence_id: str) -> None:
        """Remove the file of a row that is gone."""
        self._place(sha256, evidence_id).unlink(missing_ok=True)

    def old_files(self, before: float) -> Iterator[tuple[Path, str]]:
        """Every file last written before then (seconds since 1970), with its row's id; removes old incoming ones."""
        for path in sorted(self._folder.glob("*/*")):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime >= before:
                    continue
                if path.parent.name == INCOMING:
                    path.unlink()
                else:
                    yield path, path.name.partition(".")[2]


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
