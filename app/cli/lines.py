"""JSON lines in and out: each fault is named by its line, nothing is left half-written, progress only on a terminal."""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from app.classify import ReportText

_Item = TypeVar("_Item")
_INPUT_KEYS = {"text": str, "district": str, "unit": str, "title": str}


def refuse(message: str) -> NoReturn:
    """Say what is wrong with the input and leave with exit code 2."""
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(2)


def read_lines(source: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and objects of a file, or of standard input for `-`."""
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        refuse(f"cannot read {source}: {error.strerror}")
    for number, raw in enumerate(data.split(b"\n"), start=1):
        if not raw.strip():
            continue
        try:
            value = json.loads(raw.decode("utf-8-sig" if number == 1 else "utf-8"))
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            refuse(f"line {number} is not JSON in UTF-8: {error}")
        if not isinstance(value, dict):
            refuse(f"line {number} is not a JSON object")
        yield number, value


def as_report(number: int, line: dict[str, Any]) -> "ReportText":
    """A line as the classifier gets it."""
    from app.classify import ReportText

    if not isinstance(line.get("text"), str):
        refuse(f"line {number}: field `text` is missing or not a string")
    for key, kind in _INPUT_KEYS.items():
        if line.get(key) is not None and not isinstance(line[key], kind):
            refuse(f"line {number}: field `{key}` is not a string")
    declared = line.get("declared_departments") or []
    if not isinstance(declared, list) or not all(isinstance(code, str) for code in declared):
        refuse(f"line {number}: field `declared_departments` is not a list of codes")
    identity = line.get("id")
    return ReportText(
        line["text"], line.get("district"), line.get("unit"), line.get("title"), tuple(declared),
        None if identity is None else str(identity),
    )  # fmt: skip


def write_lines(target: str, lines: Iterable[bytes]) -> None:
    """Writes to a temporary file beside the target and renames it, so that a failure leaves no half file."""
    if target == "-":
        for line in lines:
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        return
    path = Path(target)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        refuse(f"cannot write {target}: {error.strerror}")
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(lines)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def with_progress(items: Iterable[_Item], total: int, what: str) -> Iterator[_Item]:
    """Shows a bar on a terminal only; elsewhere just passes the items on."""
    if not sys.stderr.isatty() or total < 50:
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, total=total, console=Console(stderr=True), transient=True, description=what)


@contextlib.contextmanager
def at_work(what: str) -> Iterator[None]:
    """Shows that something long is going on, on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
