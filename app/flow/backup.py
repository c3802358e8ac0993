"""备份: the embedded database and the evidence it speaks of, copied as of one moment while the service goes on.

Evidence is copied before and after the database: what is swept in between was copied before, what came in between is
copied after. The secret key is not part of it.
"""

import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.feedback.folder import INCOMING
from app.feedback.store import key_of
from app.problems import AppError

DATABASE: Final = "yilong.db"
EVIDENCE: Final = "evidence"
CHUNK: Final = 1024 * 1024


class BackupRefused(AppError):
    status, code = 409, "backup_refused"
    title_zh, title_en = "无法备份", "No backup was made"


@dataclass(slots=True)
class BackedUp:
    """What is in a backup, and the evidence that the database speaks of but that was not there, or not whole.

    Attributes:
        in_bucket: evidence lies elsewhere and was neither copied nor looked at.
    """

    bytes: int = 0
    files: int = 0
    lost: list[str] = field(default_factory=list)
    in_bucket: bool = False


def backup(database: Path, evidence: Path | None, target: Path) -> BackedUp:
    """Make the folder `target` with `yilong.db` and `evidence/`; it appears whole and synced, or not at all.

    Where `evidence` is None it lies in a bucket and is no part of the backup.

    Blocks: run it in a thread. Raises BackupRefused, or OSError and sqlite3.Error where the disk does not go along.
    """
    if target.exists() or target.is_symlink():
        raise BackupRefused(
            f"{target} 已存在，不会覆盖。请另取一个名称。", f"{target} exists and is not overwritten. Name another one."
        )
    if not database.is_file():
        raise BackupRefused(f"找不到数据库文件 {database}。", f"There is no database file {database}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    # Made with mode 0700, and given its name when everything is in it.
    making = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        copy = making / DATABASE
        if evidence:
            _copy_evidence(evidence, making / EVIDENCE)
        _copy_database(database, copy)
        if evidence:
            _copy_evidence(evidence, making / EVIDENCE)
        done = _check(copy, making / EVIDENCE if evidence else None)
        _sync_tree(making)
        making.rename(target)
        _sync(target.parent)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return done


def _copy_database(source: Path, target: Path) -> None:
    """One moment of the database: a reader among others, it keeps nobody from writing."""
    with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
    target.chmod(0o600)


def _copy_evidence(source: Path, target: Path) -> None:
    """Every file that is not in the copy yet; files never change once they have their name."""
    for path in sorted(source.glob("*/*")):
        to = target / path.parent.name / path.name
        if path.parent.name == INCOMING or to.exists():
            continue
        to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            shutil.copyfile(path, to)
        except FileNotFoundError:
            # Swept since it was listed.
            to.unlink(missing_ok=True)


def _check(copy: Path, evidence: Path | None) -> BackedUp:
    """Read all of it again, as a restore would."""
    done = BackedUp(bytes=copy.stat().st_size, in_bucket=evidence is None)
    with closing(sqlite3.connect(copy)) as connection:
        [(sound,)] = connection.execute("PRAGMA quick_check(1)").fetchall()
        if sound != "ok":
            raise BackupRefused(f"数据库已损坏：{sound}", f"The database is damaged: {sound}")
        older = not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'evidence'").fetchall()
        if older or evidence is None:
            return done
        for evidence_id, sha256, name in connection.execute("SELECT id, sha256, name FROM evidence ORDER BY id"):
            path = evidence / key_of(sha256, evidence_id)
            if path.is_file() and _hash_of(path) == sha256:
                done.files += 1
                done.bytes += path.stat().st_size
            else:
                done.lost.append(f"{evidence_id} {name}")
    return done


def _hash_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _sync_tree(folder: Path) -> None:
    for path in _walk(folder):
        _sync(path)


def _walk(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.rglob("*"), reverse=True)
    yield folder


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
