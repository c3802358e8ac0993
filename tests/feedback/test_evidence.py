"""Which files are taken, what they are called, and how they lie on disk; hostile ones included."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.feedback.evidence import ENDINGS, FileEmpty, FileTooLarge, FileTypeRefused, clean_name, judge_type
from app.feedback.vault import Vault
from app.models import Evidence
from tests.feedback.files import PDF, REFUSED, TAKEN, bomb


@pytest.mark.parametrize("media_type", TAKEN)
def test_a_file_is_what_it_contains(media_type: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(TAKEN[media_type])
    assert judge_type(path) == media_type


def test_the_kinds_that_are_taken_are_those_that_have_an_ending() -> None:
    assert set(TAKEN) == set(ENDINGS)


@pytest.mark.parametrize("kind", REFUSED)
def test_anything_else_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(REFUSED[kind])
    with pytest.raises(FileTypeRefused):
        judge_type(path)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(bomb())
    assert path.stat().st_size < 1_000_000

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a member was opened")

    monkeypatch.setattr("zipfile.ZipFile.open", refuse)
    started = time.monotonic()
    assert judge_type(path).endswith("wordprocessingml.document")
    assert time.monotonic() - started < 1


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


def files_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def row(sha256: str, evidence_id: str = "a" * 32) -> Evidence:
    return Evidence(id=evidence_id, sha256=sha256)


async def test_a_file_comes_in_pieces_and_lies_under_its_hash(tmp_path: Path) -> None:
    vault = Vault(tmp_path, 1000)
    received = await vault.receive(pieces(PDF))
    evidence = row(received.sha256)
    vault.keep(received, evidence)
    vault.discard(received)
    assert vault.open_path(evidence).read_bytes() == PDF
    assert vault.path_of(evidence).name.startswith(received.sha256)
    assert files_under(tmp_path / "incoming") == []


async def test_the_same_content_twice_is_two_files_so_that_removing_one_leaves_the_other(tmp_path: Path) -> None:
    vault = Vault(tmp_path, 1000)
    rows = []
    for serial in ("a", "b"):
        received = await vault.receive(pieces(PDF))
        rows.append(row(received.sha256, serial * 32))
        vault.keep(received, rows[-1])
    vault.remove(rows[0].sha256, rows[0].id)
    assert vault.open_path(rows[1]).read_bytes() == PDF


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"", FileEmpty), (PDF + b"x" * 1000, FileTooLarge), (b"<html>", FileTypeRefused)],
)
async def test_what_is_refused_leaves_nothing_on_disk(content: bytes, error: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(error):
        await Vault(tmp_path, 1000).receive(pieces(content))
    assert files_under(tmp_path) == []


async def test_a_sender_that_goes_away_leaves_nothing_on_disk(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield PDF
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await Vault(tmp_path, 1000).receive(broken())
    assert files_under(tmp_path) == []


async def test_a_stream_that_never_ends_is_cut_off_at_the_limit(tmp_path: Path) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1000
            yield b"%PDF-" + b"x" * 995

    with pytest.raises(FileTooLarge):
        await Vault(tmp_path, 10_000).receive(endless())
    assert taken == 11_000


async def test_old_files_are_found_and_old_incoming_ones_removed(tmp_path: Path) -> None:
    vault = Vault(tmp_path, 1000)
    kept = await vault.receive(pieces(PDF))
    vault.keep(kept, row(kept.sha256))
    left = await vault.receive(pieces(PDF))
    now = time.time()
    assert list(vault.old_files(now - 60)) == []
    for path in (vault.path_of(row(kept.sha256)), left.path):
        os.utime(path, (now - 120, now - 120))
    assert list(vault.old_files(now - 60)) == [(vault.path_of(row(kept.sha256)), "a" * 32)]
    assert not left.path.exists()
