"""Someone who follows docs/integration.md word by word, in a new folder, gets a verified event and answers it."""

import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.processes import free_port
from tests.terminal import Block, Terminal, blocks_of, is_like

pytestmark = pytest.mark.waits

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "integration.md").read_text(encoding="utf-8")
SNIPPETS = ROOT / "docs" / "snippets"
RUN = re.search(r"^run:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def lay_out(folder: Path) -> dict[str, str]:
    """A folder that looks like the code's, with programs of these names; the environment of its terminals.

    `make run` does what the Makefile says, on the interpreter that runs the tests in place of a new `.venv`.
    """
    assert RUN
    programs = {
        folder / ".venv" / "bin" / "yilong": f'exec {shlex.quote(sys.executable)} -m app.cli "$@"',
        folder / "bin" / "python3": f'unset PYTHONPATH; exec {shlex.quote(sys.executable)} "$@"',
        folder / "bin" / "make": RUN.group(1).replace("\t@", "").replace("$(BIN)", ".venv/bin"),
    }
    for path, text in programs.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\nset -e\n{text}\n", encoding="utf-8")
        path.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YILONG_")}
    return kept | {
        "PATH": f"{folder / 'bin'}:{kept['PATH']}",
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder),
        "no_proxy": "*",
        "PYTHONUNBUFFERED": "1",
    }


def test_the_guide_works_word_by_word(tmp_path: Path) -> None:
    """Only the two ports are others than printed, so that nothing else on this machine is in the way."""
    ports = {"8000": str(free_port()), "9000": str(free_port())}
    environment = lay_out(tmp_path) | {"YILONG_PORT": ports["8000"]}
    text = re.sub(r"\b(8000|9000)\b", lambda found: ports[found.group()], GUIDE)
    service, *rest = [block for block in blocks_of(text) if block.language != "java"]
    with Terminal(tmp_path, environment, "first") as first, Terminal(tmp_path, environment, "second") as second:
        first.start(service.text)
        play(second, rest)


def play(terminal: Terminal, blocks: list[Block]) -> None:
    printed = ""
    for block in blocks:
        if block.file:
            terminal.save(block.file, block.text)
        elif block.language == "sh":
            printed = terminal.run(block.text)
        else:
            assert is_like(printed, block.text), f"printed:\n{printed}\nshown:\n{block.text}"


def test_the_programs_of_the_guide_are_the_snippets() -> None:
    saved = {block.file: block.text for block in blocks_of(GUIDE) if block.file}
    files = {path.name: path.read_text(encoding="utf-8") for path in SNIPPETS.glob("*/*") if path.is_file()}
    assert saved == files
