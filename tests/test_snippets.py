"""The signature snippets of docs/snippets do what the service does: Python, Java, and curl with openssl."""

import base64
import json
import os
import runpy
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from app.clock import SystemClock
from app.deliver import signing

SNIPPETS = Path(__file__).resolve().parents[1] / "docs" / "snippets"
VECTORS: list[dict[str, Any]] = json.loads((SNIPPETS / "vectors.json").read_text(encoding="utf-8"))
SECRET, OTHER = VECTORS[1]["secret"], VECTORS[0]["secret"]
NOW = 1_772_415_000
BODY = '{"说明": "交办"}'.encode()


@dataclass(frozen=True)
class Case:
    """A message to verify at `NOW`."""

    name: str
    genuine: bool
    signature: str = signing.sign([SECRET], "msg_1", NOW, BODY)
    secrets: tuple[str, ...] = (SECRET,)
    webhook_id: str = "msg_1"
    timestamp: str = str(NOW)
    body: bytes = BODY


def signed_at(moment: int) -> dict[str, str]:
    return {"timestamp": str(moment), "signature": signing.sign([SECRET], "msg_1", moment, BODY)}


CASES = [
    Case("as it was sent", True),
    Case("the second of two secrets", True, secrets=(OTHER, SECRET)),
    Case("the second of two signatures", True, signing.sign([OTHER, SECRET], "msg_1", NOW, BODY)),
    Case("beside one of another version", True, "v1a,AAAA " + signing.sign([SECRET], "msg_1", NOW, BODY)),
    Case("five minutes old", True, **signed_at(NOW - 300)),  # type: ignore[arg-type]
    Case("older than that", False, **signed_at(NOW - 301)),  # type: ignore[arg-type]
    Case("ahead of time", False, **signed_at(NOW + 301)),  # type: ignore[arg-type]
    Case("another secret", False, secrets=(OTHER,)),
    Case("no secret", False, secrets=()),
    Case("another id", False, webhook_id="msg_2"),
    Case("another time", False, timestamp=str(NOW + 1)),
    Case("another body", False, body=BODY + b" "),
    Case("no id", False, webhook_id=""),
    Case("no signature", False, ""),
    Case("no version", False, signing.sign([SECRET], "msg_1", NOW, BODY).removeprefix("v1,")),
    Case("no number for a time", False, timestamp="now"),
    Case("a negative time", False, timestamp="-1"),
]  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: str(v["name"]))
def test_the_vectors_are_right_by_the_service_and_by_the_independent_package(vector: dict[str, Any]) -> None:
    moment, body = datetime.fromtimestamp(vector["timestamp"], UTC), vector["body"]
    assert Webhook(vector["secret"]).sign(vector["id"], moment, body) == vector["signature"]
    own = signing.sign([vector["secret"]], vector["id"], vector["timestamp"], body.encode())
    assert own == vector["signature"]


@pytest.mark.parametrize("case", CASES, ids=lambda c: str(c.name))
def test_the_service_judges_the_cases_so(case: Case) -> None:
    headers = {
        "webhook-id": case.webhook_id, "webhook-timestamp": case.timestamp, "webhook-signature": case.signature,
    }  # fmt: skip
    try:
        signing.verify(case.secrets, headers, case.body, datetime.fromtimestamp(NOW, UTC))
        genuine = True
    except signing.BadSignature:
        genuine = False
    assert genuine is case.genuine


# ── Python ──


def test_python_signs_and_verifies() -> None:
    snippet = runpy.run_path(str(SNIPPETS / "python" / "signature.py"))
    sign: Callable[..., str] = snippet["sign"]
    verify: Callable[..., bool] = snippet["verify"]
    assert [sign(v["secret"], v["id"], v["timestamp"], v["body"].encode()) for v in VECTORS] == [
        v["signature"] for v in VECTORS
    ]
    judged = {}
    for case in CASES:
        headers = {
            "webhook-id": case.webhook_id, "webhook-timestamp": case.timestamp, "webhook-signature": case.signature,
        }  # fmt: skip
        judged[case.name] = verify(case.secrets, headers, case.body, NOW)
    assert judged == {case.name: case.genuine for case in CASES}
    assert verify([SECRET], {}, b"", NOW) is False
    assert verify([SECRET], {"webhook-id": "a", "webhook-timestamp": "²", "webhook-signature": "é"}, b"", NOW) is False


# ── Java ──

DRIVER = """
import java.nio.file.*;
import java.util.*;

public final class Driver {
    public static void main(String[] arguments) throws Exception {
        for (String line : Files.readAllLines(Path.of(arguments[0]))) {
            String[] part = line.split("\\t", -1);
            byte[] body = Base64.getDecoder().decode(part[4]);
            List<String> secrets = part[0].isEmpty() ? List.of() : List.of(part[0].split(" "));
            System.out.println(part[3].equals("sign")
                ? Signature.sign(secrets.get(0), part[1], part[2], body)
                : Signature.verify(secrets, part[1], part[2], part[3], body, Long.parseLong(part[5])));
        }
    }
}
"""


def row(secrets: Sequence[str], webhook_id: str, timestamp: object, what: str, body: bytes) -> str:
    return "\t".join([" ".join(secrets), webhook_id, str(timestamp), what, base64.b64encode(body).decode(), str(NOW)])


@pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK (javac) on PATH")
def test_java_signs_and_verifies(tmp_path: Path) -> None:
    (tmp_path / "Driver.java").write_text(DRIVER, encoding="utf-8")
    rows = [row([v["secret"]], v["id"], v["timestamp"], "sign", v["body"].encode()) for v in VECTORS]
    rows += [row(c.secrets, c.webhook_id, c.timestamp, c.signature, c.body) for c in CASES]
    (tmp_path / "rows").write_text("\n".join(rows) + "\n", encoding="utf-8")
    sources = [str(SNIPPETS / "java" / "Signature.java"), "Driver.java"]
    quick = ["-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC"]
    subprocess.run(["javac", *quick, "-encoding", "UTF-8", "-d", ".", *sources], cwd=tmp_path, check=True, timeout=120)
    printed = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", "-cp", ".", "Driver", "rows"],
        cwd=tmp_path, check=True, timeout=120, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    expected = [v["signature"] for v in VECTORS] + [str(case.genuine).lower() for case in CASES]
    assert dict(enumerate(printed)) == dict(enumerate(expected))


# ── curl and openssl ──


def run_shell(script: str, *arguments: str, secret: str, body: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["sh", str(SNIPPETS / "shell" / script), *arguments],
        env=os.environ | {"SECRET": secret}, input=body, capture_output=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: str(v["name"]))
def test_openssl_signs(vector: dict[str, Any]) -> None:
    made = run_shell(
        "signature.sh", vector["id"], str(vector["timestamp"]), secret=vector["secret"], body=vector["body"].encode()
    )
    assert made.stdout.decode() == vector["signature"] + "\n"
    assert made.returncode == 0


@pytest.mark.parametrize(
    ("seconds", "secrets", "sent", "genuine"),
    [
        (0, (SECRET,), BODY, True),
        (0, (OTHER, SECRET), BODY, True),
        (0, (OTHER,), BODY, False),
        (0, (SECRET,), BODY + b"\n", False),
        (-400, (SECRET,), BODY, False),
        (400, (SECRET,), BODY, False),
    ],
)
def test_openssl_verifies(seconds: int, secrets: tuple[str, ...], sent: bytes, genuine: bool) -> None:
    moment = int(SystemClock().now().timestamp()) + seconds
    signature = signing.sign(secrets, "msg_1", moment, BODY)
    judged = run_shell("verify.sh", "msg_1", str(moment), signature, secret=SECRET, body=sent)
    assert judged.returncode == (0 if genuine else 1), judged.stderr.decode()
