"""A simulated month through the real application and worker: the ledger holds, and it is the same on every database."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from app.cli import application
from app.clock import FixedClock
from app.demo.far_end import NOWHERE
from app.demo.past import Past
from app.demo.simulate import Simulation, simulate
from app.demo.stage import NotEmpty, Stage, play_settings, staged
from app.ledger.account import Account, read_account
from app.ledger.fingerprint import read_fingerprint
from app.ledger.reconcile import reconcile, verify_chains

# From a Monday, over the day on which the next year's holidays become known, to where the first cases are struck off.
START = datetime(2026, 11, 2, tzinfo=ZoneInfo("Asia/Shanghai"))
DAYS, PER_DAY = 26, 1.6


@asynccontextmanager
async def played(folder: Path, url: str | None, seed: int, days: int = DAYS) -> AsyncIterator[Stage]:
    settings = play_settings(folder, url)
    async with staged(settings, FixedClock(START), seed, "a-password-of-tests", NOWHERE, lambda _: None) as stage:
        await Past(stage, PER_DAY, lambda _: None).play(START + timedelta(days=days))
        yield stage


async def fingerprint_of(stage: Stage) -> str:
    async with stage.runtime.database.snapshot() as session:
        return await read_fingerprint(session)


@cache
def known() -> dict[int, str]:
    """Fingerprints by seed, as the first run gave them."""
    return {}


async def test_the_same_seed_gives_the_same_ledger_on_both_databases(tmp_path: Path, database_url: str) -> None:
    async with played(tmp_path, database_url, seed=7) as stage:
        counts, scene = stage.scene.counts, stage.scene
        async with stage.runtime.database.snapshot() as session:
            result = await reconcile(session)
            events, broken = await verify_chains(session)
            account = await read_account(session)
        assert (result.offenders, broken, scene.faults) == ([], [], [])
        assert known().setdefault(7, await fingerprint_of(stage)) == await fingerprint_of(stage)
        assert result.reports == counts["reports"] > 15
        assert events > 80
        assert unexpected(scene.refusals) == {}
        assert says_what_happened(account, counts)
        assert counts["notices"] == 1
        assert counts["terms set"] == 2
        assert account.nights >= 4
        assert account.bad_nights == 0
        assert account.digests > 20


def unexpected(refusals: Counter[str]) -> dict[str, int]:
    """Refused requests but for conflicts, which are part of life."""
    return {what: count for what, count in refusals.items() if " 409 " not in what and " 404 " not in what}


def says_what_happened(account: Account, counts: Counter[str]) -> bool:
    assert account.reports == counts["reports"]
    assert sum(account.categories.values()) + counts["joined"] == account.reports
    assert account.outcomes
    # The reports of a merged case are answered when the case that goes on ends.
    assert account.replies["final"] >= sum(account.outcomes.values()) - account.outcomes.get("merged", 0)
    assert sum(met + missed for met, missed in account.clocks.values()) > 10
    return True


async def test_another_seed_gives_another_ledger(tmp_path_factory: pytest.TempPathFactory) -> None:
    prints = []
    for seed in (7, 8):
        async with played(tmp_path_factory.mktemp("city"), None, seed, days=2) as stage:
            prints.append(await fingerprint_of(stage))
    assert prints[0] != prints[1]


async def test_a_database_in_use_is_refused_and_left_alone(tmp_path: Path, city_url: str) -> None:
    from app.access.people import create_user
    from app.database import Database
    from app.models import Role

    database = Database(city_url)
    async with database.write() as session:
        await create_user(session, "anna", "a-long-password", role=Role.CLERK, display_name="Anna", now=START)
    with pytest.raises(NotEmpty):
        await simulate(Simulation(days=1, seed=1, database_url=city_url), lambda _: None)
    async with database.read() as session:
        assert (await reconcile(session)).reports == 0
    await database.dispose()


def yilong(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YILONG_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "simulate", *arguments],
        env=kept | {"TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_sums_up_proves_and_leaves_nothing(tmp_path: Path) -> None:
    done = yilong(tmp_path, "--days", "2", "--seed", "5", "--start", "2025-09-01")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "对账无误，审计链完好" in done.stdout
    assert "台账指纹" in done.stdout
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--days", "0"), "--days"),
        (("--keep", ".", "--database-url", "sqlite:///x.db"), "--keep"),
        (("--keep", ".",), "空"),
        (("--database-url", "mysql://x/y"), "mysql"),
        (("--start", "yesterday"), "--start"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    (tmp_path / "here before").touch()
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(application, ["simulate", *arguments])
    assert done.exit_code == 2
    assert told in done.stderr


def test_the_default_first_day_is_one_whose_year_is_announced() -> None:
    from app.demo.simulate import DEFAULT_START
    from app.directory.calendar import published_days

    days = published_days()
    assert all(DEFAULT_START + timedelta(days=n) in days for n in range(365))
