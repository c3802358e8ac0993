"""`yilong department-simulator`: verifies, answers signed, and behaves as well or badly as its script says."""

import asyncio
import json
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpcore
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from app.cli.application import application
from app.clock import FixedClock
from app.deliver.endpoints import register_endpoint
from app.deliver.guard import Guard
from app.deliver.send import Message, Sender
from app.deliver.signing import new_secret, sign
from app.demo.correspondent import Correspondent, Reception
from app.demo.far_end import OnSocket
from app.demo.script import Conditions, Manner, Script, read_phases, read_window
from app.demo.simulator import Simulator, read_departments
from app.demo.wire import Answer, InProcessWire, Wire
from app.directory.pack import Department
from tests.api.scenes import Scene, assigned
from tests.city import CityUnderTest
from tests.processes import YILONG
from tests.receiver import TEST_SECRET
from tests.schemas import DOCS

EVENT = (DOCS / "webhooks/v1/examples/assignment.created.json").read_text(encoding="utf-8")
AT_ONCE = Conditions(wait=0)


@pytest.fixture(scope="module")
def departments() -> dict[str, Department]:
    return read_departments()


class FarService:
    """Yilong as far as the simulator can tell: gives these answers in turn, an error where there is none."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self._answers = list(answers)
        self.sent: list[tuple[str, Mapping[str, str], bytes]] = []

    async def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        self.sent.append((f"{method} {path}", headers, body or b""))
        answer = self._answers.pop(0) if self._answers else Answer(200, b'{"status": "accepted"}')
        if isinstance(answer, Exception):
            raise answer
        return answer


class Play:
    """A simulator with its clock, and what it told."""

    def __init__(
        self,
        departments: Mapping[str, Department],
        script: Script,
        wire: Wire | None = None,
        clock: FixedClock | None = None,
    ) -> None:
        self.clock = clock or FixedClock(datetime(2026, 3, 2, 1, 30, tzinfo=UTC))
        self.told: list[str] = []
        self.service = FarService()
        who = Correspondent("FR-MZ", (TEST_SECRET,))
        self.simulator = Simulator(
            who, departments, 45, script, wire or self.service, self.clock, self.told.append, pauses=(0.0, 0.0)
        )

    def send(self, body: str = EVENT, *, secret: str = TEST_SECRET) -> Reception:
        webhook_id, timestamp = json.loads(body)["id"], int(self.clock.now().timestamp())
        headers = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign([secret], webhook_id, timestamp, body.encode()),
        }
        return self.simulator.take("", headers, body.encode())

    async def finish(self) -> None:
        """Until nothing more is to be said."""
        async with asyncio.timeout(10):
            await self.simulator.finish()


def event(number: int, **changes: Any) -> str:
    made = json.loads(EVENT) | {"id": f"event-{number}"} | changes
    return json.dumps(made)


# ── the script ──


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, Conditions(wait=2)),
        (9.9, Conditions(wait=2)),
        (10, Conditions(wait=2, error_rate=0.5, answers=Manner.DECLINE)),
        (20, Conditions(wait=2, down=True, delay=3)),
        (25, Conditions(wait=2, down=True, delay=3)),
        (40, Conditions(wait=0)),
        (100, Conditions(wait=0, down=True)),
        (110, Conditions(wait=0)),
    ],
)
def test_each_phase_changes_the_start_and_a_window_switches_it_off(seconds: float, expected: Conditions) -> None:
    phases = read_phases(
        '[{"from": 20, "down": true, "delay": 3}, {"from": 10, "error_rate": 0.5, "answers": "decline"},'
        ' {"from": 40, "wait": 0}]'
    )
    assert Script(Conditions(wait=2), phases, [(100, 110)]).at(seconds) == expected


@pytest.mark.parametrize(
    "text", ["{}", '[{"down": true}]', '[{"from": 1, "dwon": true}]', '[{"from": 1, "answers": "x"}]']
)
def test_a_script_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        read_phases(text)


@pytest.mark.parametrize("text", ["30", "60-30", "a-b", "-5-10", ""])
def test_a_window_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_window(text)
    assert read_window("30-60.5") == (30, 60.5)


# ── receiving ──


async def test_what_is_forged_is_refused_and_what_comes_twice_is_done_once(departments: dict[str, Department]) -> None:
    play = Play(departments, Script(AT_ONCE))
    assert play.send(secret=new_secret()).status == 401
    assert [play.send().status for _ in range(3)] == [200, 200, 200]
    await play.finish()
    assert {k: play.simulator.counts[k] for k in ("received", "repeated", "forged")} == {
        "received": 1, "repeated": 2, "forged": 1,
    }  # fmt: skip
    assert [path for path, _, _ in play.service.sent] == ["POST /v1/callbacks/FR-MZ"] * len(play.service.sent)
    kinds = [json.loads(body)["type"] for _, _, body in play.service.sent]
    assert (kinds[0], kinds[-1]) == ("assignment.acceptance", "assignment.feedback")
    assert not play.simulator.is_sound
    assert [line[9] for line in play.told][:2] == ["拒", "收"]
    assert re.fullmatch(r"09:30:00 收 YL-2026-\d+ assignment\.created 期限 \S+ → 200", play.told[1])


async def test_a_challenge_is_echoed_and_an_unknown_type_is_taken_note_of(departments: dict[str, Department]) -> None:
    play = Play(departments, Script(AT_ONCE))
    asked = play.send(event(1, type="endpoint.challenge", data={"challenge": "token"}))
    assert (asked.status, json.loads(asked.body)) == (200, {"challenge": "token"})
    assert play.send(event(2, type="endpoint.test", data={"department": "FR-MZ"})).status == 200
    assert play.service.sent == []


async def test_it_is_slow_broken_and_off_when_its_script_says(departments: dict[str, Department]) -> None:
    phases = read_phases('[{"from": 10, "error_rate": 1}, {"from": 20, "delay": 4}]')
    play = Play(departments, Script(Conditions(answers=Manner.SILENT), phases, [(30, 40)]))
    answers = []
    for number in range(5):
        answers.append(play.send(event(number)))
        play.clock.advance(seconds=10)
    assert [(a.status, a.delay) for a in answers] == [(200, 0), (500, 0), (200, 4), (None, 0), (200, 4)]
    assert play.simulator.counts["missed"] == 1
    assert play.service.sent == []


async def test_half_the_answers_are_errors_and_the_rest_come_through(departments: dict[str, Department]) -> None:
    play = Play(departments, Script(Conditions(answers=Manner.SILENT, error_rate=0.5)))
    attempts = 0
    for number in range(40):
        while play.send(event(number)).status != 200:
            attempts += 1
    assert 20 <= attempts <= 80
    assert play.simulator.counts["received"] == 40


# ── answering ──


@pytest.mark.parametrize(
    ("manner", "first"), [(Manner.PROMPT, "acceptance"), (Manner.DECLINE, "return"), (Manner.LATE, "acceptance")]
)
async def test_it_answers_in_its_manner(manner: Manner, first: str, departments: dict[str, Department]) -> None:
    play = Play(departments, Script(Conditions(answers=manner, wait=0)))
    play.send()
    await play.finish()
    kinds = [json.loads(body)["type"].removeprefix("assignment.") for _, _, body in play.service.sent]
    assert kinds[0] == first
    assert ("feedback" in kinds) is (manner is Manner.PROMPT)


async def test_a_callback_without_an_answer_is_sent_again_unchanged(departments: dict[str, Department]) -> None:
    play = Play(departments, Script(AT_ONCE))
    play.service._answers = [httpcore.ConnectError(), Answer(503, b"{}"), Answer(200, b'{"status":"accepted"}')]
    play.send()
    await play.finish()
    first, second, third, *_ = play.service.sent
    assert first[2] == second[2] == third[2]
    assert first[1]["webhook-id"] == third[1]["webhook-id"]
    assert play.simulator.is_sound


@pytest.mark.parametrize(
    ("answer", "sound"),
    [
        (Answer(409, b'{"code":"stale_version","detail":"x"}'), True),
        (Answer(401, b'{"code":"bad_signature","detail":"x"}'), False),
        (Answer(404, b"<html>"), False),
        (httpcore.ConnectError(), False),
    ],
)
async def test_a_refusal_but_for_a_conflict_and_silence_are_no_sound_end(
    answer: Answer | Exception, sound: bool, departments: dict[str, Department]
) -> None:
    play = Play(departments, Script(AT_ONCE))
    play.service._answers = [answer] * 3
    play.send()
    await play.finish()
    assert play.simulator.is_sound is sound


async def test_a_defect_of_its_own_is_told_and_is_no_sound_end(departments: dict[str, Department]) -> None:
    play = Play(departments, Script(AT_ONCE))
    play.service._answers = [RuntimeError("out of paper")]
    play.send()
    await play.finish()
    assert "out of paper" in play.told[-1]
    assert not play.simulator.is_sound


# ── with the service ──


@asynccontextmanager
async def connected(
    city: CityUnderTest, clock: FixedClock, departments: dict[str, Department], manner: Manner
) -> AsyncIterator[tuple[Scene, Play]]:
    """A case of the department's, and its simulated system, which calls back into the application."""
    async with city.runtime.database.write() as session:
        await register_endpoint(
            session, "FR-MZ", "http://127.0.0.1:9/hook", city.runtime.sealer, Guard.of([], allow_loopback=True),
            clock.now(), secret=TEST_SECRET,
        )  # fmt: skip
    scene = await assigned(city)
    script = Script(Conditions(answers=manner, wait=0))
    yield scene, Play(departments, script, InProcessWire(city.application), clock)


@pytest.mark.parametrize(("manner", "status"), [(Manner.PROMPT, "in_review"), (Manner.DECLINE, "triage")])
async def test_the_service_takes_its_callbacks(
    city: CityUnderTest, clock: FixedClock, departments: dict[str, Department], manner: Manner, status: str
) -> None:
    async with connected(city, clock, departments, manner) as (scene, play):
        for sent in (await scene.department.get("/v1/events")).json()["events"]:
            play.send(json.dumps(sent, ensure_ascii=False))
        await play.finish()
        assert play.simulator.is_sound, play.told
        assert (await scene.shown())["case"]["status"] == status


async def test_on_a_socket_it_answers_the_sender_and_is_away_when_it_is_off(departments: dict[str, Department]) -> None:
    play = Play(departments, Script(Conditions(answers=Manner.SILENT), (), [(60, 120)]))
    sender = Sender(Guard(allow_loopback=True))
    async with OnSocket(play.simulator).listening() as far_end:
        outcomes = []
        for number in range(2):
            message = Message(f"event-{number}", f"{far_end.address}/hook?x=1", (TEST_SECRET,), event(number).encode())
            outcomes.append(await sender.post(message, play.clock.now()))
            play.clock.advance(seconds=60)
    await sender.aclose()
    assert [(o.delivered, o.http_status) for o in outcomes] == [(True, 200), (False, None)]


# ── the command ──

SIMULATE = ["department-simulator", "--service", "http://127.0.0.1:9", "--secret", TEST_SECRET]


def test_the_command_listens_until_it_is_interrupted_and_tells_what_happened() -> None:
    with subprocess.Popen(
        [*YILONG, *SIMULATE, "--department", "FR-MZ", "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        address = re.search(r"http://127\.0\.0\.1:\d+/", running.stdout.readline())
        assert address
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(urllib.request.Request(address.group(), b"{}"), timeout=5)
        running.send_signal(signal.SIGINT)
        rest = running.stdout.read()
    assert "签名或时间不对 → 401" in rest
    assert "签名不对 1" in rest
    assert running.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--department", "NO-SUCH"], "NO-SUCH"),
        (["--department", "FR-MZ", "--down", "60-30"], "--down"),
        (["--department", "FR-MZ", "--answers", "rudely"], "answers"),
        (["--department", "FR-MZ", "--error-rate", "2"], "error_rate"),
        (["--department", "FR-MZ", "--secret", "x"], "whsec_"),
        (["--department", "FR-MZ", "--service", "127.0.0.1:8000"], "--service"),
    ],
)
def test_the_command_refuses_what_makes_no_sense_with_2(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(application, [*SIMULATE, *arguments])
    assert result.exit_code == 2
    assert said in result.output


def test_a_taken_port_and_a_script_with_a_misspelt_word_end_with_2(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text('[{"from": 1, "dwon": true}]', encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        first = CliRunner().invoke(application, [*SIMULATE, "--department", "FR-MZ", "--port", port])
    second = CliRunner().invoke(application, [*SIMULATE, "--department", "FR-MZ", "--script", str(script)])
    assert (first.exit_code, second.exit_code) == (2, 2)
    assert "dwon" in second.output
