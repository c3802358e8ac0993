"""Files that are sent to do harm: each gets an answer that says what to do, and the service lives on."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from app.clock import FixedClock
from app.intake import spreadsheet
from app.intake.spreadsheet import REFUSALS, SpreadsheetRefused, read_spreadsheet
from tests.city import CityUnderTest, new_city, open_city
from tests.conftest import Say
from tests.dashboard.office import ORIGIN, OfficeBrowser, at_work, shown
from tests.intake.sheets import book, comma_separated, good_row, hostile, text_cell, with_headings, xlsx

ROOT = Path(__file__).resolve().parents[2]
PAGE = "/dashboard/imports"
MOST_GROWTH_MB = 50
HEADINGS = {"bad_headings": ("没有找到“反映内容”", "有两列都是")}
MAKE = "import sys; from tests.intake.sheets import write_hostile; write_hostile(sys.argv[1])"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them in a folder; made in another process, whose memory does not count here."""
    folder = tmp_path_factory.mktemp("hostile")
    subprocess.run([sys.executable, "-c", MAKE, str(folder)], cwd=ROOT, check=True, timeout=120)
    return folder


def memory(name: str) -> float:
    """A line of this process's status in MB, such as `VmHWM`, the most it has held."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name)) / 1024


def begin_measuring() -> float:
    """What this process holds now, in MB; the most that it has held is counted anew from here."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return memory("VmRSS")


def children() -> set[str]:
    """Programs that this process has started and that are still there, by their command lines."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        try:
            numbers = (task / "children").read_text().split()
        except FileNotFoundError:  # a thread that ended since it was listed has no children
            continue
        for number in numbers:
            command = Path(f"/proc/{number}/cmdline")
            if command.exists():
                found.add(command.read_bytes().decode())
    return {line for line in found if "jail.py" in line}


async def refuse(browser: OfficeBrowser, token: dict[str, str], path: Path, why: str) -> str | None:
    """Send a file; what is wrong with the answer, None where it is the one that belongs to it."""
    with path.open("rb") as file:
        answer = await browser.client.post(
            PAGE, data=token, files={"file": (path.name, file)}, headers={"Origin": ORIGIN}
        )
    wanted = HEADINGS.get(why) or (REFUSALS[why][0],)
    said = shown(answer)
    if answer.status_code == 422 and any(words in said for words in wanted):
        return None
    return f"{path.name}: {answer.status_code}, not {why}: {said[60:400]}"


async def test_hostile_files_are_refused_and_the_service_lives_on(
    files: Path, tmp_path: Path, clock: FixedClock, say: Say
) -> None:
    with new_city("sqlite", tmp_path) as url:
        async with open_city(url, tmp_path, clock) as city:
            browser = await at_work(city)
            await browser.get(PAGE)
            token = browser.hidden(PAGE)
            before = begin_measuring()
            wanted = {name: why for name, _, why in hostile()}
            faults = await asyncio.gather(
                *(refuse(browser, token, files / f"{name}.xlsx", why) for name, why in wanted.items())
            )
            grown = memory("VmHWM") - before
            assert [fault for fault in faults if fault] == []
            assert children() == set()
            await lives_on(city, browser)
    say(f"hostile files: {len(wanted)} refused, 0 crashes, parent grew {grown:.1f} MB")
    assert grown <= MOST_GROWTH_MB


async def lives_on(city: CityUnderTest, browser: OfficeBrowser) -> None:
    """Nothing was kept, and a good file is taken in."""
    assert "还没有上传过文件" in shown(await browser.get(PAGE))
    good = await browser.client.post(
        PAGE, data=browser.hidden(PAGE), files={"file": ("好.xlsx", xlsx([good_row(1)]))}, headers={"Origin": ORIGIN}
    )
    assert good.status_code == 303
    assert (await (await city.office()).get("/v1/cases")).status_code == 200


async def test_a_jail_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper = tmp_path / "jail.py"
    sleeper.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(spreadsheet, "JAIL", sleeper)
    monkeypatch.setattr(spreadsheet, "WALL_SECONDS", 0.3)
    with pytest.raises(SpreadsheetRefused) as refused:
        await read_all(tmp_path, b"")
    assert refused.value.extra == {"why": "too_large"}
    assert children() == set()


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.kill(os.getpid(), 9)",
        "print('{')",
        "print('[]')",
        "print('{\"row\": 1}')",
        'print(\'{"refused": "nonsense"}\')',
        "print('x' * 3_000_000)",
        """for _ in range(1000): print('{"row": 1, "cells": ["' + 'x' * 10_000 + '"]}')""",
        "",
    ],
)
async def test_whatever_comes_out_of_a_jail_is_no_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    (tmp_path / "jail.py").write_text(program)
    monkeypatch.setattr(spreadsheet, "JAIL", tmp_path / "jail.py")
    with pytest.raises(SpreadsheetRefused):
        await read_all(tmp_path, b"")


async def test_a_jail_is_bounded_and_knows_nothing_of_where_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'app' / 'intake')!r})\n"
        "import jail, json, os, resource\n"
        "jail.confine()\n"
        "bounds = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)\n"
        "limits = [resource.getrlimit(bound)[0] for bound in bounds]\n"
        "try: bytearray(10**9); memory = 'had'\n"
        "except MemoryError: memory = 'none'\n"
        f"try: os.write(os.open({str(tmp_path / 'w')!r}, os.O_WRONLY | os.O_CREAT), b'x'); wrote = 'yes'\n"
        "except OSError: wrote = 'no'\n"
        "seen = [*map(str, limits), memory, wrote, os.getcwd(), *sorted(os.environ), str('app' in sys.modules)]\n"
        "jail.tell({'row': 1, 'cells': seen}); jail.tell({'rows': 1})\n"
    )
    (tmp_path / "jail.py").write_text(script)
    monkeypatch.setattr(spreadsheet, "JAIL", tmp_path / "jail.py")
    monkeypatch.setenv("YILONG_SECRET_KEY", "never")
    (line,) = await read_all(tmp_path, b"")
    said = [cell.text for cell in line.cells if cell.text != "LC_CTYPE"]
    assert said == [str(256 * 2**20), "15", "0", "none", "no", "/", "False"]


async def test_cells_come_back_as_what_they_are(tmp_path: Path) -> None:
    cells = (
        '<c s="1"><v>46083</v></c><c s="1"><v>-5</v></c><c><v>13800138000</v></c><c><v>2.5</v></c>'
        f'<c><v>{"9" * 500}</v></c><c><f>1+1</f><v>2</v></c><c t="e"><v>#N/A</v></c><c t="b"><v>1</v></c>'
        f"{text_cell('=1+1')}{text_cell('_x0000_')}"
    )
    *_, line = await read_all(tmp_path, book(with_headings(f"<row>{cells}</row>")))
    assert [tuple(cell) for cell in line.cells[:-1]] == [
        ("date", "2026-03-02"), ("date", "1899-12-25"), ("number", "13800138000"), ("number", "2.5"), ("error", ""),
        ("formula", ""), ("error", ""), ("number", "1"), ("text", "=1+1"),
    ]  # fmt: skip
    assert line.number == 2


async def test_comma_separated_text_is_read_in_the_encodings_that_offices_use(tmp_path: Path) -> None:
    rows = [good_row(1, 联系方式="13800138000"), good_row(2)]
    wanted = await read_all(tmp_path, comma_separated(rows))
    assert len(wanted) == 3
    for encoding in ("gb18030", "utf-8-sig", "utf-16"):
        assert await read_all(tmp_path, comma_separated(rows, encoding=encoding)) == wanted
    semicolons = await read_all(tmp_path, "观测点;反映内容\nFR-01;一,二\n".encode())
    assert [cell.text for cell in semicolons[1].cells] == ["FR-01", "一,二"]


async def read_all(folder: Path, data: bytes) -> list[spreadsheet.Line]:
    path = folder / "sent"
    path.write_bytes(data)
    with path.open("rb") as file:
        return [line async for line in read_spreadsheet(file)]
