"""Plays the blocks of a document in a shell that keeps its folder and variables, as a reader's terminal does."""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"存为 `([\w.]+)`：\s*\Z")


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its language, its text, and the file that the words before it say to save it as."""

    language: str
    text: str
    file: str | None


def blocks_of(text: str) -> Iterator[Block]:
    """The fenced blocks of a document, in order."""
    end = 0
    for found in _BLOCK.finditer(text):
        named = _NAMED.search(text[end : found.start()])
        end = found.end()
        yield Block(found.group(1), found.group(2), named.group(1) if named else None)


def is_like(printed: str, shown: str) -> bool:
    """Whether what was printed is what the document shows; `…` there stands for anything."""
    pattern = ".*?".join(re.escape(part) for part in shown.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


class Terminal:
    """A shell; use as a context manager. What is started in it ends with it.

    Args:
        folder: where it starts; `blocks/` in it keeps what was typed.
        environment: complete.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], name: str) -> None:
        self._typed = folder / f".{name}"
        self._typed.mkdir()
        self._shell = subprocess.Popen(
            ["sh", "-e"],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._serial = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()
        self._shell.wait(30)
        for stream in (self._shell.stdin, self._shell.stdout):
            assert stream
            stream.close()

    def stop(self) -> None:
        """End the shell and everything that was started in it."""
        try:
            os.killpg(self._shell.pid, signal.SIGTERM)
        except ProcessLookupError:
            return

    def start(self, command: str) -> None:
        """Type a command and do not wait for its end."""
        assert self._shell.stdin
        self._serial += 1
        file = self._typed / f"{self._serial}.sh"
        file.write_text(command, encoding="utf-8")
        self._shell.stdin.write(f". '{file}' < /dev/null\necho '<<end {self._serial}>>'\n")
        self._shell.stdin.flush()

    def run(self, command: str, seconds: float = 180) -> str:
        """Type a command; what it printed. Raises AssertionError where it fails or takes longer."""
        self.start(command)
        assert self._shell.stdout
        printed, mark = [], f"<<end {self._serial}>>\n"
        guard = threading.Timer(seconds, self.stop)
        guard.start()
        try:
            for line in self._shell.stdout:
                if line.endswith(mark):
                    printed.append(line.removesuffix(mark))
                    return "".join(printed)
                printed.append(line)
        finally:
            guard.cancel()
        raise AssertionError(f"failed, or took longer than {seconds} s:\n{command}\n" + "".join(printed))

    def save(self, name: str, text: str) -> None:
        """Write a file into the folder where the shell is."""
        self.run(f"cat > {name} <<'END_OF_THE_FILE'\n{text}END_OF_THE_FILE\n")
