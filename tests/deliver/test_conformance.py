"""`yilong check-endpoint`: a right receiver passes, and each wrong one is told what is wrong with it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from typer.testing import CliRunner

from app.cli.application import application
from app.clock import SystemClock
from app.deliver.conformance import Finding, Verdict, check
from app.deliver.guard import AddressRefused, Guard
from app.deliver.send import Sender
from app.deliver.trials import MOST_BODY_BYTES, TRIALS, Range
from tests.receiver import TEST_SECRET, Answer, DepartmentReceiver
from tests.schemas import misfits_of_webhook

KNOWN_TYPES = {"assignment.created", "endpoint.challenge"}
MEMBERS = {"case", "assignment", "reports", "challenge", "department"}
OK, REFUSED = Answer(200), Answer(401)


class Department(DepartmentReceiver):
    """A department that does right, but for one `fault`."""

    def __init__(self, fault: str = "", secret: str = TEST_SECRET) -> None:
        super().__init__(secret)
        self._fault = fault
        self._seen: set[str] = set()
        self._last_seq = 0

    def take_request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if self._fault == "moved":
            return Answer(307, headers={"Location": self.url + "/new"})
        if self._fault == "small" and len(body) > 10_000:
            return Answer(413)
        if self._fault == "slow":
            return Answer(200, delay=0.6)
        if not self._is_genuine(dict(headers), body):
            return Answer(500) if self._fault == "crashes" else REFUSED
        return self._take(json.loads(body), headers["webhook-id"])

    def _is_genuine(self, headers: dict[str, str], body: bytes) -> bool:
        if self._fault == "gullible":
            return True
        if self._fault == "only presence":
            return bool(headers["webhook-signature"])
        if self._fault == "first signature":
            headers["webhook-signature"] = headers["webhook-signature"].split(" ")[0]
        if self._fault == "timeless":
            return self._is_signed_at_any_time(headers, body)
        try:
            Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            return False
        return True

    def _is_signed_at_any_time(self, headers: dict[str, str], body: bytes) -> bool:
        moment = SystemClock().now().fromtimestamp(int(headers["webhook-timestamp"]), SystemClock().now().tzinfo)
        return Webhook(self.secret).sign(headers["webhook-id"], moment, body.decode()) in headers["webhook-signature"]

    def _take(self, event: dict[str, Any], webhook_id: str) -> Answer:
        if event["type"] == "endpoint.challenge" and self._fault != "deaf":
            return Answer(200, json.dumps({"challenge": event["data"]["challenge"]}).encode())
        known, earlier = webhook_id in self._seen, event["seq"] < self._last_seq
        self._seen.add(webhook_id)
        self._last_seq = max(self._last_seq, event["seq"])
        refused = {
            "repeats": known,
            "in order": earlier,
            "known types": event["type"] not in KNOWN_TYPES,
            "known members": event["type"] in KNOWN_TYPES and not set(event["data"]) <= MEMBERS,
        }
        return Answer(409) if refused.get(self._fault) else OK


async def findings_of(fault: str, secret: str = TEST_SECRET) -> list[Finding]:
    sender = Sender(Guard(allow_loopback=True), total_seconds=0.15 if fault == "slow" else 10)
    try:
        with Department(fault) as department:
            return [finding async for finding in check(sender, department.url, secret, SystemClock())]
    finally:
        await sender.aclose()


def broken_in(findings: list[Finding]) -> set[str]:
    return {finding.en for finding in findings if finding.verdict is Verdict.BROKEN}


async def test_a_right_receiver_passes_everything() -> None:
    findings = await findings_of("")
    assert broken_in(findings) == set()
    assert len(findings) == len(TRIALS) + 2
    assert all(finding.remedy is None for finding in findings)


ACCEPTED = {trial.en for trial in TRIALS if trial.wanted != "refused"}
WRONG = {
    "deaf": {"echoes the challenge"},
    "gullible": {
        "refuses another secret's signature", "refuses what is not signed", "refuses what was signed ten minutes ago",
        "refuses what is signed for ten minutes ahead",
    },
    "only presence": {
        "refuses another secret's signature", "refuses what was signed ten minutes ago",
        "refuses what is signed for ten minutes ahead",
    },
    "timeless": {"refuses what was signed ten minutes ago", "refuses what is signed for ten minutes ahead"},
    "crashes": {
        "refuses another secret's signature", "refuses what is not signed", "refuses what was signed ten minutes ago",
        "refuses what is signed for ten minutes ahead",
    },
    "first signature": {"accepts one valid signature of two"},
    "repeats": {"accepts a repeated event quietly"},
    "in order": {"tolerates events out of order"},
    "known types": {"accepts unknown types"},
    "known members": {"ignores unknown members"},
    "small": {"takes 20 kB"},
    "moved": {trial.en for trial in TRIALS} | {"answers without a redirect"},
    "slow": {trial.en for trial in TRIALS} | {"answers within 15 s"},
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
async def test_a_wrong_receiver_is_told_what_is_wrong_and_what_to_do(fault: str) -> None:
    findings = await findings_of(fault)
    assert broken_in(findings) == WRONG[fault]
    assert all(finding.remedy for finding in findings if finding.verdict is Verdict.BROKEN)


async def test_a_receiver_with_another_secret_accepts_nothing() -> None:
    other = "whsec_" + "b3RoZXIgc2VjcmV0IG9mIHRoZSB0ZXN0cyAwMTIzNDU="
    assert broken_in(await findings_of("", secret=other)) == ACCEPTED


async def test_where_nobody_listens_there_is_one_finding() -> None:
    with Department() as department:
        url = department.url
    sender = Sender(Guard(allow_loopback=True), connect_seconds=0.3)
    findings = [finding async for finding in check(sender, url, TEST_SECRET, SystemClock())]
    await sender.aclose()
    assert broken_in(findings) == {"can be reached"}
    assert len(findings) == 1


async def test_a_name_that_leads_where_webhooks_may_not_go_is_refused() -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        return ["169.254.169.254"]

    sender = Sender(Guard(), resolve=resolve)
    with pytest.raises(AddressRefused):
        await anext(check(sender, "http://department.test/", TEST_SECRET, SystemClock()))
    await sender.aclose()


def test_what_it_sends_fits_the_schemas_and_the_largest_is_as_large_as_any_may_be() -> None:
    place = Range("http://department.test/", TEST_SECRET, SystemClock())
    for shot in (place.valid(), place.largest(), place.challenge()):
        assert misfits_of_webhook(shot.message.body.decode()) == []
    assert MOST_BODY_BYTES - 3 < len(place.largest().message.body) <= MOST_BODY_BYTES


# ── the command ──


@pytest.fixture
def department() -> Iterator[Department]:
    with Department() as running:
        yield running


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(application, ["check-endpoint", *arguments])
    return result.exit_code, result.output


def test_the_command_reports_and_ends_with_0(department: Department) -> None:
    code, output = run(department.url, "--secret", TEST_SECRET, "--allow-loopback")
    assert code == 0, output
    assert output.count("✓") == len(TRIALS) + 2
    assert output.splitlines()[-1] == "全部符合（14 项）。All 14 hold."
    assert TEST_SECRET not in output


def test_the_command_ends_with_1_and_says_what_to_do() -> None:
    with Department("timeless") as department:
        code, output = run(department.url, "--secret", TEST_SECRET, "--allow-loopback")
    assert code == 1
    assert output.splitlines()[-1] == "不符合 2 项，共 14 项。2 of 14 do not hold."
    assert "否则旧消息可以重放" in output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["http://127.0.0.1:9/", "--secret", TEST_SECRET], "YILONG_DELIVERY_ALLOWED_NETWORKS"),
        (["http://10.0.0.1/", "--secret", TEST_SECRET, "--allow-loopback"], "YILONG_DELIVERY_ALLOWED_NETWORKS"),
        (["ftp://department.test/", "--secret", TEST_SECRET], "http://"),
        (["http://department.test/", "--secret", "whsec_short"], "whsec_"),
        (["http://department.test/"], "secret"),
    ],
)
def test_the_command_refuses_what_makes_no_sense_with_2(arguments: list[str], said: str) -> None:
    code, output = run(*arguments)
    assert code == 2
    assert said in output
