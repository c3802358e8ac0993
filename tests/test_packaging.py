"""What is shipped works where the checkout is not: the wheel's content, the image's layout, the make file's stamps."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = {".csv", ".toml", ".txt", ".html", ".css", ".js", ".svg", ".po", ".json", ".md"}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions as (word, rest), continuation lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def copied_from_the_checkout() -> list[tuple[list[str], str]]:
    """Each COPY that takes from the checkout: its sources and its target."""
    found = []
    for word, rest in instructions():
        if word == "COPY" and "--from=" not in rest:
            *sources, target = rest.split()
            found.append((sources, target))
    return found


def let_through_by_dockerignore() -> set[str]:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    return {line[1:] for line in lines if line.startswith("!")}


def bare_environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("YILONG_")} | more


# ── the image ──


def test_the_image_copies_what_exists_and_what_its_ignore_file_lets_through() -> None:
    sources = {source for group, _ in copied_from_the_checkout() for source in group}
    assert {s for s in sources if not (ROOT / s).exists()} == set()
    assert sources == let_through_by_dockerignore()


def test_the_image_runs_as_nobody_special_and_is_asked_for_its_health() -> None:
    last_stage = [n for n, (word, _) in enumerate(instructions()) if word == "FROM"][-1]
    found = dict(instructions()[last_stage:])
    assert found["USER"] not in {"root", "0"}
    assert json.loads(found["ENTRYPOINT"]) == ["yilong"]
    assert json.loads(found["CMD"]) == ["serve"]
    check = json.loads(found["HEALTHCHECK"].partition("CMD ")[2])
    compile(check[2], "healthcheck", "exec")
    assert "/readyz" in check[2]
    assert "YILONG_DATA_DIR=" + found["VOLUME"] in found["ENV"]


def test_nothing_is_downloaded_after_the_first_stage_and_no_pin_is_without_its_hash() -> None:
    words = [word for word, _ in instructions()]
    second = instructions()[words.index("FROM", 1) :]
    assert not [rest for word, rest in second if word == "RUN" and re.search(r"pip|apt|curl|wget", rest)]
    installs = [rest for word, rest in instructions() if word == "RUN" and "pip install" in rest]
    assert all("--require-hashes -r requirements-extras.txt" in rest or "--no-deps" in rest for rest in installs)


def test_the_images_layout_can_migrate_and_load_the_pack(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for group, target in copied_from_the_checkout():
        for name in group:
            place = source / target / (name if target == "./" else "")
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, place)
    environment = bare_environment(PYTHONPATH=str(source), YILONG_DATA_DIR=str(tmp_path / "data"))
    for command in (["migrate"], ["load-pack"], ["reconcile"]):
        finished = subprocess.run(
            [sys.executable, "-m", "app.cli", *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
    where = "import app, sys; sys.exit(not app.__file__.startswith(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", where, str(source)], cwd=tmp_path, env=environment, check=True)


# ── the wheel ──


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    builder = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(builder, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_module_and_data_file_of_the_package(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    files = [p for p in (ROOT / "app").rglob("*") if p.suffix in DATA | {".py"} and "__pycache__" not in p.parts]
    wanted = {p.relative_to(ROOT).as_posix() for p in files}
    assert wanted - packed == set()
    assert not {name for name in packed if name.startswith(("tests/", "data/", "tools/"))}


def test_the_wheels_command_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    entry = (next((tmp_path / "site").glob("*.dist-info")) / "entry_points.txt").read_text(encoding="utf-8")
    assert "yilong = app.cli:main" in entry
    program = "import sys; sys.argv[0] = 'yilong'; from app.cli import main; main()"
    line = json.dumps({"id": "1", "text": "芙蓉区民政局每周要一次台账。", "district": "FR"}, ensure_ascii=False)
    finished = subprocess.run(
        [sys.executable, "-c", program, "classify", "-", "-"],
        cwd=tmp_path,
        env=bare_environment(PYTHONPATH=str(tmp_path / "site")),
        input=line.encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr.decode()
    assert json.loads(finished.stdout)["receivers"][0]["code"] == "FR-MZ"


# ── the make file and the gate ──


def test_the_gate_is_executable_and_runs_lint_and_tests() -> None:
    gate = ROOT / ".ci" / "run"
    assert os.access(gate, os.X_OK)
    text = gate.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in text
    assert "make lint test" in text


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with the make file and what it looks at, and nothing installed."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as if from a shell, for the tests themselves are started by one."""
    outside = {name: value for name, value in bare_environment().items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=outside, capture_output=True, text=True, timeout=60, check=False
    )


def pretend_python(folder: Path, lacking: str) -> Path:
    """An interpreter that fails whatever it is asked about that word."""
    made = folder / "pretended"
    made.write_text(f'#!/bin/sh\ncase "$*" in *{lacking}*) exit 1;; esac\n', encoding="utf-8")
    made.chmod(0o755)
    return made


def test_a_machine_without_python_or_with_one_too_old_is_told_what_is_needed(machine: Path) -> None:
    for python in ("", str(pretend_python(machine, "version_info"))):
        finished = make(machine, "run", f"PYTHON={python}")
        assert finished.returncode != 0
        assert "Python 3.11 or newer was not found" in finished.stderr


def test_a_machine_without_venv_is_told_what_to_install(machine: Path) -> None:
    finished = make(machine, "run", f"PYTHON={pretend_python(machine, 'ensurepip')}")
    assert finished.returncode != 0
    assert "apt-get install python3-venv" in finished.stderr


def test_an_environment_that_is_up_to_date_is_left_alone_and_a_changed_lock_file_is_noticed(machine: Path) -> None:
    (machine / ".venv" / "bin").mkdir(parents=True)
    for seconds, name in enumerate(("bin/python", ".pinned", ".pinned-dev", ".project", ".runtime", ".dev"), start=1):
        stamp = machine / ".venv" / name
        stamp.touch()
        moment = stamp.stat().st_mtime + seconds
        os.utime(stamp, (moment, moment))
    assert "pip" not in make(machine, "--dry-run", "run").stdout
    assert "pip" not in make(machine, "--dry-run", "lint").stdout
    os.utime(machine / "requirements.txt", (moment + 10, moment + 10))
    assert "--require-hashes -r requirements.txt" in make(machine, "--dry-run", "run").stdout
