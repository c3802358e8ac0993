"""What the documents say is what the code does: settings, commands, diagrams, links, and the README's own program."""

import asyncio
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
import typer.main
from typer.testing import CliRunner

from app.cli.application import application
from app.settings import Settings
from tools import draw_lifecycle

pytestmark = pytest.mark.waits

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMANDS: dict[str, click.Command] = typer.main.get_command(application).commands  # type: ignore[attr-defined]
CONTRACTED = {
    "serve", "worker", "migrate", "load-pack", "classify", "evaluate", "import", "export", "create-user", "create-key",
    "reconcile", "verify-audit", "redeliver",
}  # fmt: skip
PICTURES_TO_COME = {"docs/images/triage.png"}


def environment(**more: str) -> dict[str, str]:
    """The environment without any setting of the machine that runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("YILONG_")} | more


def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# ── settings ──


def shown(default: Any) -> str:
    """A default as the README writes it."""
    if default is None or default in ([], {}):
        return "—"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{getattr(default, 'value', default)}`"


def test_the_readme_lists_every_setting_with_its_default_and_meaning() -> None:
    expected = [
        f"| `YILONG_{name.upper()}` | {shown(field.get_default(call_default_factory=True))} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    written = re.findall(r"^\| `YILONG_.*\|$", README, re.MULTILINE)
    assert written == expected, "the table should be:\n" + "\n".join(expected)


# ── commands ──


def test_the_commands_of_the_contract_exist() -> None:
    assert set(COMMANDS) >= CONTRACTED


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help_and_a_line_in_the_readme(command: str) -> None:
    assert CliRunner().invoke(application, [command, "--help"]).exit_code == 0
    assert (COMMANDS[command].help or "").strip()
    assert f"`yilong {command}" in README


def test_a_wrong_option_ends_with_2() -> None:
    assert CliRunner().invoke(application, ["reconcile", "--no-such-option"]).exit_code == 2


def test_the_makefile_the_readme_and_contributing_name_the_same_targets() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*##", makefile, re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    assert targets == phony
    assert {t for t in targets if f"`make {t}`" not in CONTRIBUTING} == set()
    assert set(re.findall(r"`make ([a-z]+)", README + CONTRIBUTING)) <= targets
    outside = {name: value for name, value in environment().items() if not name.startswith(("MAKE", "MFLAGS"))}
    listed = subprocess.run(["make", "help"], cwd=ROOT, env=outside, capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in listed.splitlines()} == targets


# ── files ──


def test_the_state_diagrams_are_those_of_the_tables() -> None:
    written = draw_lifecycle.TARGET.read_text(encoding="utf-8")
    assert written == draw_lifecycle.write(), "run `make diagrams`"


def anchors_of(document: Path) -> set[str]:
    """The anchors that headings get on the usual hosts."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (document.parent / path).resolve() if path else document
        if target in PICTURES_TO_COME and not found.exists():
            continue
        assert found.exists(), f"{document.name} → {target}"
        assert not anchor or anchor in anchors_of(found), f"{document.name} → {target}"


def test_decisions_are_numbered_once_and_have_their_four_parts() -> None:
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [p.name[:4] for p in files]
    assert len(set(numbers)) == len(numbers)
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]} "), path.name
        assert [p for p in ("Context", "Decision", "Consequences", "Alternatives") if f"\n## {p}" not in text] == []
        assert len(text.splitlines()) <= 70, f"{path.name} is longer than a page"


def test_code_names_only_decisions_that_are_written_down() -> None:
    sources = [*(ROOT / "app").rglob("*.py"), *(ROOT / "migrations").rglob("*.py")]
    written = {p.name[:4] for p in (ROOT / "docs" / "decisions").glob("*.md")}
    named = {n for p in sources for n in re.findall(r"decisions/(\d{4})", p.read_text(encoding="utf-8"))}
    assert named <= written


def test_the_lock_files_name_no_host_and_pin_everything_by_hash() -> None:
    for name in ("requirements.txt", "requirements-extras.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text
        assert not re.search(r"^\s*(-i|--index-url|--extra-index-url|--find-links|-f)\b", text, re.MULTILINE)
        entries = re.split(r"\n(?=[a-z0-9])", text)
        assert [e.split("\n")[0] for e in entries if "==" in e and "--hash=sha256:" not in e] == []


# ── the README's first report and its department, played as printed ──


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(port: int, settings: dict[str, str]) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve"],
        cwd=ROOT,
        env=environment(**settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            asyncio.run(until_ready(f"http://127.0.0.1:{port}/readyz"))
            yield
        finally:
            server.terminate()


async def until_ready(url: str, seconds: float = 30) -> None:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(seconds):
        while True:
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


def shell_command(beginning: str) -> str:
    """The README's command that begins so, with its continuation lines."""
    found = re.search(rf"^{re.escape(beginning)}(?:.*\\\n)*.*$", README, re.MULTILINE)
    assert found, f"the README has no command {beginning!r}"
    return found.group(0)


def sent_text() -> str:
    found = re.search(r"""-d '\{"text": "(.*?)"\}'""", shell_command("curl -s http://127.0.0.1:8000/v1/reports"))
    assert found
    return found.group(1)


def test_set_up_prints_the_readmes_first_report_and_the_answer_has_what_is_printed_there(tmp_path: Path) -> None:
    settings = {"YILONG_DATA_DIR": str(tmp_path), "YILONG_PORT": str(free_port()), "YILONG_ENVIRONMENT": "development"}
    settings["YILONG_DELIVERY_ALLOW_LOOPBACK"] = "true"
    made = run("set-up", **settings)
    assert made.returncode == 0, made.stderr
    assert sent_text() in made.stdout
    key = re.search(r"yl_[\w-]+", made.stdout)
    assert key
    again = run("set-up", **settings)
    assert "密码" not in again.stdout
    assert "yl_" not in again.stdout
    administrator = re.search(r"yl_[\w-]+", run("create-key", "--role", "administrator", **settings).stdout)
    assert administrator
    with serving(int(settings["YILONG_PORT"]), settings):
        asyncio.run(play_the_readme(settings, tmp_path, key.group(0), administrator.group(0)))


async def play_the_readme(settings: dict[str, str], folder: Path, key: str, administrator: str) -> None:
    service = f"http://127.0.0.1:{settings['YILONG_PORT']}"
    program = folder / "department_system.py"
    source = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert source
    port = free_port()
    program.write_text(source.group(1).replace("9000", str(port)), encoding="utf-8")
    async with httpx.AsyncClient(base_url=service, trust_env=False) as client:
        office = {"Authorization": f"Bearer {administrator}"}
        address = {"department": "FR-MZ", "url": f"http://127.0.0.1:{port}/"}
        endpoint = (await client.post("/v1/endpoints", json=address, headers=office)).json()
        names = {"SERVICE": service, "DEPARTMENT": "FR-MZ", "SECRET": endpoint["secret"]}
        system = await asyncio.create_subprocess_exec(sys.executable, str(program), env=environment(**names))
        try:
            async with asyncio.timeout(30):
                await listening(port)
                point = {"Authorization": f"Bearer {key}"}
                receipt = (await client.post("/v1/reports", json={"text": sent_text()}, headers=point)).json()
                for member in re.findall(r'^  "(\w+)"', README, re.MULTILINE):
                    assert member in receipt, f"the answer has no {member}"
                assert [r["code"] for r in receipt["decision"]["receivers"]] == ["FR-MZ"]
                await until_status(client, f"/v1/reports/{receipt['report']}", point, "in_review")
        finally:
            system.terminate()
            await system.wait()


async def until_status(client: httpx.AsyncClient, path: str, headers: dict[str, str], status: str) -> None:
    for _ in range(200):
        if (await client.get(path, headers=headers)).json()["status"] == status:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{path} never came to {status}")


async def listening(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
