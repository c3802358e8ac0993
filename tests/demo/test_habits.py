"""What is rare in a year is played in two weeks with habits set high: the service takes it, and the ledger holds."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.clock import FixedClock
from app.demo import answers, clusters, pausing, ruling, sittings
from app.demo.far_end import NOWHERE
from app.demo.past import Past
from app.demo.stage import play_settings, staged
from app.ledger.account import read_account
from app.ledger.reconcile import reconcile, verify_chains

START = datetime(2026, 3, 2, tzinfo=ZoneInfo("Asia/Shanghai"))
HABITS = (
    (answers, "HAS_FILE", 1.0), (clusters, "SPLITS_AGAIN", 1.0), (clusters, "SPLITS_AFTER_DAYS", (0.5, 2)),
    (pausing, "PAUSES", 1.0), (pausing, "RESUMES_EARLY", 1.0), (pausing, "PAUSE_DAYS", (3,)),
    (ruling, "SAYS_URGENT", 1.0), (sittings, "BATCHES", 1.0), (sittings, "MEETS", 1.0),
    (sittings, "MOVES_MEETING", 1.0), (sittings, "AGREES_ALL_THE_SAME", 0.0), (sittings, "WAITS_FOR_OPINIONS_DAYS", 1),
)  # fmt: skip


async def test_rare_habits_are_taken_and_the_ledger_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in HABITS:
        monkeypatch.setattr(module, name, value)
    settings = play_settings(tmp_path)
    async with staged(settings, FixedClock(START), 11, "a-password-of-tests", NOWHERE, lambda _: None) as stage:
        await Past(stage, 3.5, lambda _: None).play(START + timedelta(days=16))
        counts, scene = stage.scene.counts, stage.scene
        async with stage.runtime.database.snapshot() as session:
            account = await read_account(session)
            assert (await reconcile(session)).offenders == []
            assert (await verify_chains(session))[1] == []
        assert scene.faults == []
        for what in ("merged", "split", "session schedule", "session conclusion"):
            assert counts[what] > 0, what
        assert account.files > 0
        assert account.ruled > 0
        assert account.urgencies["urgent"] > 0
        for event in ("assignment.paused", "assignment.resumed", "consultation.responded", "consultation.rescheduled"):
            assert account.happened.get(event, 0) > 0, event
