"""`make fuzz`: every operation by every role, good and hostile, on both databases; tells what it found, and how."""

import argparse
import asyncio
import random
import sys

from tests.compiled_once import share_compiled_statements
from tests.fuzz.run import Plan, run
from tests.sweep import the_sweep, watch

KINDS = ("sqlite", "postgresql")


def read_arguments(given: list[str]) -> list[Plan]:
    """A plan for each database, the minutes shared out among them."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="shared out among the databases")
    parser.add_argument("--database", choices=KINDS, action="append", help="default: both")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="default: another each time")
    parser.add_argument("--only", action="append", help="operations with this in their name, as in 'POST /v1/reports'")
    options = parser.parse_args(given)
    kinds = options.database or KINDS
    seconds = options.minutes * 60 / len(kinds)
    return [Plan(kind, seconds, options.seed, only=tuple(options.only or [""])) for kind in kinds]


def main() -> int:
    """Exit code 1 where something was found."""
    share_compiled_statements()
    watch()
    holds = True
    for plan in read_arguments(sys.argv[1:]):
        account = asyncio.run(run(plan))
        holds &= account.holds
        print(account, flush=True)  # noqa: T201
        if not account.holds:
            print(f"  again: make fuzz ARGS='--seed {plan.seed} --database {plan.kind}'")  # noqa: T201
    hits = the_sweep().hits
    print(f"canary sweep: {the_sweep().counts.total()} bodies, {len(hits)} hits", *hits[:20], sep="\n  ")  # noqa: T201
    return 0 if holds and not hits else 1


if __name__ == "__main__":
    sys.exit(main())
