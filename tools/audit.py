"""Asks a vulnerability service about every pinned version: `make audit`.

Leaves with 0 where nothing is known against any, 1 where something is, 2 where it could not ask about all of them:
silence is never taken for an answer.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 20
FOUND, NOT_ASKED = 1, 2


class CouldNotAsk(Exception):
    """The service gave no answer, or not about every package."""


def ask(program: list[str], lock_file: Path, more: list[str]) -> list[dict[str, Any]]:
    """What is known about each pin of a lock file. Raises CouldNotAsk."""
    asked = ["--requirement", str(lock_file), "--require-hashes", "--disable-pip", "--format", "json"]
    quiet = ["--progress-spinner", "off", "--timeout", str(SECONDS)]
    said = subprocess.run([*program, *asked, *quiet, *more], capture_output=True, text=True, check=False)  # noqa: S603
    try:
        answers: list[dict[str, Any]] = json.loads(said.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        raise CouldNotAsk((said.stderr.strip().splitlines() or ["no answer"])[-1]) from None
    if skipped := [answer["name"] for answer in answers if "skip_reason" in answer]:
        raise CouldNotAsk(f"{len(skipped)}: {', '.join(skipped[:5])} …")
    return answers


def faults_in(answers: list[dict[str, Any]]) -> Iterator[str]:
    for answer in answers:
        for fault in answer["vulns"]:
            mended = ", ".join(fault["fix_versions"]) or "—"
            yield f"{answer['name']} {answer['version']}: {fault['id']} (修复于 mended in {mended})"


def main(program: list[str], more: list[str]) -> int:
    faults: dict[str, None] = {}
    asked = 0
    for lock_file in sorted(ROOT.glob("requirements*.txt")):
        try:
            answers = ask(program, lock_file, more)
        except CouldNotAsk as error:
            sys.stderr.write(
                f"没能问到漏洞库,{lock_file.name} 中的版本是否有已知漏洞,不得而知:{error}\n"
                f"Could not ask the vulnerability service: nothing is known about the versions in {lock_file.name}. "
                "Run it where that service can be reached.\n"
            )
            return NOT_ASKED
        asked += len(answers)
        faults |= dict.fromkeys(faults_in(answers))
    counted = f"已核对 asked about: {asked},已知漏洞 known vulnerabilities: {len(faults)}"
    sys.stdout.write("\n".join([*faults, counted]) + "\n")
    return FOUND if faults else 0


if __name__ == "__main__":
    sys.exit(main([sys.argv[1]], sys.argv[2:]))
