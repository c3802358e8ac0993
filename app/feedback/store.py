"""Where evidence may lie: what a place for files promises, whichever it is. It knows no database and no case.

A file lies whole under its lasting key before the row that speaks of it is committed.
"""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final, Protocol

from app.problems import AppError

# Bytes at a time, and keys at a time.
CHUNK: Final = 256 * 1024
BATCH: Final = 200
_KEY: Final = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}\.([0-9A-Za-z_-]{1,40})")


class EvidenceLost(AppError):
    status, code = 410, "evidence_lost"
    title_zh, title_en = "材料文件缺失", "The file is gone"

    def __init__(self) -> None:
        super().__init__(
            "登记在册的材料文件已不在存储中，或已不完整。请联系系统管理员从备份恢复。",
            "The file is on record but no longer in the store, or not whole. Ask the administrator to restore it.",
        )


class StoreUnavailable(AppError):
    status, code = 503, "evidence_store_unavailable"
    title_zh, title_en = "材料存储暂时不可用", "The evidence store is unavailable"

    def __init__(self) -> None:
        super().__init__(
            "材料存储暂时不可用，没有保存任何内容，已收下的材料不会丢失。请稍后重试。",
            "The evidence store is unavailable for the moment; nothing was kept, nothing acknowledged is lost. "
            "Try again shortly.",
            headers={"Retry-After": "30"},
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that is being read: its size in bytes, and the bytes piece by piece."""

    size: int
    chunks: AsyncIterator[bytes]


class Store(Protocol):
    """A place for files of all processes, each under a key of its own. Files never change. Raises StoreUnavailable."""

    def spool(self) -> AbstractContextManager[BinaryIO]:
        """A file in which something arrives; gone afterwards unless `put` took it."""

    async def put(self, key: str, file: BinaryIO) -> None:
        """Make a spooled file lie whole and for good under its key. What fails half-way is nowhere."""

    async def open(self, key: str) -> Opened:
        """Read a file; raises EvidenceLost."""

    async def remove(self, key: str) -> None:
        """Remove a file, if it is there."""

    def old(self, before: datetime) -> AsyncIterator[list[str]]:
        """The keys last written before then, batch by batch; nothing that is not evidence."""


def key_of(sha256: str, evidence_id: str) -> str:
    """Where a row's file lies: two rows with the same content have a file each."""
    return f"{sha256[:2]}/{sha256}.{evidence_id}"


def id_in(key: str) -> str | None:
    """The row that a key belongs to; None where it is no key of ours."""
    found = _KEY.fullmatch(key)
    return found[1] if found else None
