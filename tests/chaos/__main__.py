"""`make chaos`: a run on each database, one after the other; prints their accounts and fails where a promise broke."""

import argparse
import asyncio
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.chaos.account import Account
from tests.chaos.run import Plan, run

KINDS = ("postgresql", "sqlite")


def read_arguments(given: list[str]) -> tuple[list[Plan], Path | None]:
    """The plans, and where the figures go as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="of storm, shared out among the databases")
    parser.add_argument("--database", choices=KINDS, action="append", help="default: both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reporters", type=int, default=12)
    parser.add_argument("--short", action="store_true", help="as within `make test`: calm is reached sooner")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args(given)
    kinds = options.database or KINDS
    calm_seconds, most_bad = (150.0, 1) if options.short else (240.0, 3)
    plans = [
        Plan(
            kind,
            options.minutes * 60 / len(kinds),
            options.seed,
            reporters=options.reporters,
            calm_seconds=calm_seconds,
            most_bad=most_bad,
        )
        for kind in kinds
    ]
    return plans, options.json


def carry_out(plan: Plan) -> Account:
    with tempfile.TemporaryDirectory(prefix="yilong-chaos-") as folder:
        account = asyncio.run(run(plan, Path(folder)))
        if not account.holds:
            print(f"logs kept: {keep(Path(folder))}", file=sys.stderr)  # noqa: T201
    return account


def keep(folder: Path) -> Path:
    """Where the processes' logs of a failed run are kept."""
    kept = Path(tempfile.mkdtemp(prefix="yilong-chaos-logs-"))
    for log in folder.glob("*.log"):
        log.rename(kept / log.name)
    return kept


def main() -> int:
    plans, target = read_arguments(sys.argv[1:])
    holds, results = True, {}
    for plan in plans:
        account = carry_out(plan)
        holds &= account.holds
        results[plan.kind] = {"plan": asdict(plan), "figures": account.figures, "offences": account.offences}
        sys.stdout.write(
            "\n".join([f"── {plan.kind}, {plan.seconds:.0f} s, seed {plan.seed} ──", *account.lines(), ""])
        )
        sys.stdout.flush()
    if target:
        target.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write("every promise held\n" if holds else "PROMISES BROKEN\n")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
