"""What is installed and shipped: pinned with hashes and without a host, under known licences, listed, asked about."""

import base64
import hashlib
import json
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from dataclasses import replace
from importlib.metadata import requires
from pathlib import Path

import pytest

from tools import supply
from tools.supply import OPTIONAL, REQUIRED, Part, bill_of, draw_licences, faults_of, is_allowed, read_pins, shipped

ROOT = Path(__file__).resolve().parents[1]
LOCKS = sorted(path.name for path in ROOT.glob("requirements*.txt"))
HOST = re.compile(r"://|\b(?:index|extra-index|find-links|trusted-host)\b|\b[\w-]+\.(?:org|com|cn|net|io|internal)\b")


@pytest.fixture(scope="module")
def parts() -> list[Part]:
    return shipped()


# ── lock files ──


def test_the_lock_files_are_those_that_the_make_file_writes() -> None:
    assert LOCKS == ["requirements-audit.txt", "requirements-dev.txt", "requirements-extras.txt", "requirements.txt"]
    written = set(re.findall(r"-o (requirements\S*\.txt)", (ROOT / "Makefile").read_text(encoding="utf-8")))
    assert written == set(LOCKS)


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_an_exact_version_with_hashes_and_names_no_host(name: str) -> None:
    pins = list(read_pins(ROOT / name))
    assert len(pins) > 20
    assert len({(pin.name, pin.version) for pin in pins}) == len(pins)
    assert all(len(set(pin.hashes)) == len(pin.hashes) >= 1 for pin in pins)
    assert HOST.search((ROOT / name).read_text(encoding="utf-8")) is None


@pytest.mark.parametrize(
    "line",
    [
        "httpx", "httpx>=0.28 \\\n    --hash=sha256:" + "0" * 64, "httpx==0.28.1", "httpx==0.28.*", "# a comment",
        "httpx==0.28.1 \\\n    --hash=md5:" + "0" * 32, "-r other.txt", "--index-url https://mirror.example/simple",
        "httpx @ https://mirror.example/httpx.whl \\\n    --hash=sha256:" + "0" * 64, "-e .",
    ],
)  # fmt: skip
def test_any_other_line_is_found(line: str, tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("h11==0.16.0 \\\n    --hash=sha256:" + "a" * 64 + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"requirements\.txt"):
        list(read_pins(path))


def test_the_extras_are_what_is_required_and_more() -> None:
    required, with_extras = (
        {(pin.name, pin.version) for pin in read_pins(ROOT / name)} for name in (REQUIRED, OPTIONAL)
    )
    assert required < with_extras
    more = {name for name, _ in with_extras - required}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extra in ("oidc", "s3"):
        assert {re.split(r"[<>=]", wanted)[0] for wanted in project["optional-dependencies"][extra]} <= more
    assert with_extras <= {(pin.name, pin.version) for pin in read_pins(ROOT / "requirements-dev.txt")}


# ── licences ──


def test_every_part_has_a_licence_that_is_allowed(parts: list[Part]) -> None:
    assert faults_of(parts) == []


def test_the_document_names_every_part(parts: list[Part]) -> None:
    written = supply.LICENCES.read_text(encoding="utf-8")
    assert written == draw_licences(parts), "run `make licences`"
    for pin in read_pins(ROOT / OPTIONAL):
        assert f"| {pin.name} | {pin.version} |" in written


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True), ("MIT AND PSF-2.0", True), ("GPL-3.0-only OR MIT", True), ("GPL-3.0-only", False),
        ("MIT AND GPL-3.0-only", False), ("AGPL-3.0-only", False), ("", False), (supply.UNKNOWN, False), ("BSD", False),
    ],
)  # fmt: skip
def test_a_licence_is_allowed_where_one_way_of_taking_it_is(expression: str, allowed: bool) -> None:
    assert is_allowed(expression) is allowed


def test_a_part_without_a_known_licence_is_a_fault(parts: list[Part]) -> None:
    assert supply.licence_of("no-such-package") == supply.UNKNOWN
    changed = [replace(parts[0], licence=supply.UNKNOWN), *parts[1:]]
    assert faults_of(changed) == [f"{parts[0].name} {parts[0].version}: unknown"]


# ── the list of parts ──


def test_the_list_names_every_pin_once_with_licence_and_what_it_needs(parts: list[Part]) -> None:
    bill = bill_of(parts)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    references = [component["bom-ref"] for component in bill["components"]]
    assert len(set(references)) == len(references)
    assert {r for r in references if r.startswith("pkg:pypi/")} == {
        f"pkg:pypi/{pin.name}@{pin.version}" for pin in read_pins(ROOT / OPTIONAL)
    }
    assert all(component["licenses"] for component in bill["components"])
    needs = {entry["ref"]: entry["dependsOn"] for entry in bill["dependencies"]}
    assert set(needs) == {*references, bill["metadata"]["component"]["bom-ref"]}
    assert all(set(named) <= set(references) for named in needs.values())
    [fastapi] = [named for ref, named in needs.items() if ref.startswith("pkg:pypi/fastapi@")]
    assert any("pkg:pypi/starlette@" in named for named in fastapi)
    assert any("starlette" in line for line in requires("fastapi") or [])


def test_the_list_holds_the_hashes_of_the_vendored_files(parts: list[Part]) -> None:
    files = {
        entry["name"]: entry["hashes"][0]["content"]
        for component in bill_of(parts)["components"]
        for entry in component.get("components", [])
    }
    folder = ROOT / "app" / "dashboard" / "static" / "vendor"
    assert set(files) == {path.name for path in folder.iterdir() if path.suffix in {".js", ".css"}}
    for name, digest in files.items():
        assert hashlib.sha384((folder / name).read_bytes()).hexdigest() == digest
        assert len(base64.b16decode(digest.upper())) == 48


def test_the_list_is_the_same_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (REQUIRED, OPTIONAL, "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setattr(supply, "ROOT", tmp_path)
    written = []
    for _ in range(2):
        assert supply.main("sbom") == 0
        [path] = (tmp_path / "dist").iterdir()
        written.append(path.read_bytes())
        path.unlink()
    assert written[0] == written[1]
    assert not re.search(rb"20\d\d-\d\d-\d\dT|/home/|/tmp/|urn:uuid", written[0])


# ── asking about vulnerabilities ──

NOTHING = {"name": "h11", "version": "0.16.0", "vulns": []}
FAULTY = {"name": "h11", "version": "0.1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["0.16.0"], "aliases": []}]}
SKIPPED = {"name": "h11", "skip_reason": "Dependency not found on the service"}


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ({"dependencies": [NOTHING]}, 0, "known vulnerabilities: 0"),
        ({"dependencies": [NOTHING, FAULTY]}, 1, "h11 0.1: PYSEC-1 (修复于 mended in 0.16.0)"),
        ({"dependencies": [NOTHING, SKIPPED]}, 2, "Could not ask the vulnerability service"),
        (None, 2, "Could not ask the vulnerability service"),
    ],
)
def test_silence_is_not_taken_for_an_answer(
    answer: dict[str, object] | None, code: int, said: str, tmp_path: Path
) -> None:
    """The auditor in its place: it answers so, or fails as it does without a network."""
    auditor = tmp_path / "auditor"
    answers = (
        f"import sys; print({json.dumps(answer)!r})" if answer else "import sys; sys.exit('ConnectionError: no way')"
    )
    auditor.write_text(f"#!{sys.executable}\n{answers}\nassert '--require-hashes' in sys.argv\n", encoding="utf-8")
    auditor.chmod(auditor.stat().st_mode | stat.S_IXUSR)
    command = [sys.executable, str(ROOT / "tools" / "audit.py"), str(auditor)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == code, finished.stderr
    assert said in finished.stdout + finished.stderr
    assert ("known vulnerabilities" in finished.stdout) == (code != 2)
