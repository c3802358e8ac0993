"""`yilong import`: killed in the middle it is simply run again; every row is a report once, and only once."""

import asyncio
import subprocess
import sys
from pathlib import Path

from openpyxl import load_workbook
from sqlalchemy import func, select

from app.intake.sheet import FAULTS
from app.ledger.reconcile import reconcile
from app.models import ImportRow, Report, RowState
from tests.city import SECRET, CityUnderTest
from tests.dashboard.test_imports import work
from tests.intake.sheets import comma_separated, good_row, xlsx
from tests.journeys.test_backup_drill import command
from tests.processes import environment_for

ROOT = Path(__file__).resolve().parents[2]
ROWS, KILLED_AT = 24, 13
# The command with a kill from outside at the moment when a report is written but nothing is committed.
KILLED = f"""
import os, signal
from app.intake import imports
settle, seen = imports.settle, []
async def settle_or_die(*arguments):
    seen.append(1)
    await settle(*arguments)
    if len(seen) == {KILLED_AT}:
        os.kill(os.getpid(), signal.SIGKILL)
imports.settle = settle_or_die
from app.cli import main
main()
"""


async def count(city: CityUnderTest) -> int:
    async with city.runtime.database.read() as session:
        return await session.scalar(select(func.count()).select_from(Report)) or 0


async def test_an_import_that_was_killed_goes_on_and_doubles_nothing(city: CityUnderTest, tmp_path: Path) -> None:
    path = tmp_path / "五月.csv"
    path.write_bytes(comma_separated([good_row(number) for number in range(ROWS)]))
    environment = environment_for(city.url, tmp_path, YILONG_SECRET_KEY=SECRET)
    arguments = [sys.executable, "-c", KILLED, "import", str(path)]
    died = await asyncio.to_thread(
        subprocess.run, arguments, cwd=ROOT, env=environment, capture_output=True, timeout=60
    )
    assert died.returncode == -9, died.stderr.decode()
    # On SQLite eight rows share a transaction, on PostgreSQL each has its own.
    left = KILLED_AT - 1 if not city.runtime.database.is_sqlite else 8
    assert await count(city) == left
    await work(city)
    assert await count(city) == ROWS
    again = await asyncio.to_thread(command, city.url, tmp_path, "import", str(path))
    assert (again.exit_code, again.stdout.strip()) == (
        0,
        f"已导入 brought in: {ROWS}；已有相同线索 known already: 0",
    )
    assert await count(city) == ROWS
    async with city.runtime.database.read() as session:
        rows = list(await session.scalars(select(ImportRow).order_by(ImportRow.number)))
        texts = set(await session.scalars(select(Report.text)))
        assert (await reconcile(session)).holds
    assert [row.number for row in rows] == list(range(2, ROWS + 2))
    assert {(row.state, row.content) for row in rows} == {(RowState.DONE, None)}
    assert len({row.report_id for row in rows}) == len(texts) == ROWS


async def test_the_command_names_each_fault_and_writes_the_rows_to_correct(city: CityUnderTest, tmp_path: Path) -> None:
    path, errors = tmp_path / "五月.xlsx", tmp_path / "errors.xlsx"
    rows = [
        good_row(1),
        good_row(2, "没有"),
        {"反映内容": good_row(3)["反映内容"], "联系方式": "13800138000", "备注": "x"},
    ]
    path.write_bytes(xlsx(rows, ["观测点", "反映内容", "联系方式", "备注"]))

    async def run(*arguments: str) -> tuple[int, str]:
        done = await asyncio.to_thread(command, city.url, tmp_path, "import", str(path), *arguments)
        return done.exit_code, done.output

    code, said = await run("--check")
    assert (code, await count(city)) == (2, 0)
    assert "第 3 行 row 3: 观测点：没有这个观测点" in said
    assert "第 4 行 row 4: 观测点：没有填写" in said
    assert "不认识的列，没有导入 headings that mean nothing: 备注" in said
    code, said = await run("--observation-point", "FR-02", "--errors", str(errors))
    assert (code, await count(city)) == (2, 2)
    assert "已导入 brought in: 2" in said
    assert "第 4 行" not in said
    sheet = load_workbook(errors).worksheets[0]
    head = [cell.value for cell in sheet[1]]
    assert "没有这个观测点" in str(sheet[2][head.index(FAULTS)].value)
    assert sheet.max_row == 2
    path.write_bytes(b"MZ")
    code, said = await run()
    assert code == 2
    assert "这不是表格文件" in said or "没有找到" in said
