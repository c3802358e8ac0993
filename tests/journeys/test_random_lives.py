"""Random lives: whatever several actors try, one after another or at once, no illegal move gets through, each legal one
leaves its event, and after every step the ledger reconciles and the chains verify.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.clock import FixedClock
from tests.city import new_city, open_city
from tests.lives.life import STARTS, Life

# `make lives` sets it: how many lives there are on each database. Only there is a life that failed made shorter: that
# takes minutes, which a check does not have.
LIVES = int(os.environ.get("YILONG_TEST_LIVES", "4"))
PHASES = tuple(Phase) if "YILONG_TEST_LIVES" in os.environ else (Phase.explicit, Phase.reuse, Phase.generate)
STEPS = 30
# A step is one number and 0 does nothing, so that what Hypothesis shrinks is which steps are needed at all.
SEEDS = st.lists(st.integers(0, 2**32), min_size=STEPS, max_size=STEPS)


@pytest.fixture(scope="module")
def tally(request: pytest.FixtureRequest) -> Iterator[Counter[tuple[str, str]]]:
    """What was tried in all lives; told at the end of a long run."""
    counted: Counter[tuple[str, str]] = Counter()
    yield counted
    if "YILONG_TEST_LIVES" in os.environ:
        say = request.config.get_terminal_writer().line
        for move in sorted({move for move, _ in counted}):
            answers = ", ".join(f"{how} {n}" for (what, how), n in sorted(counted.items()) if what == move)
            say(f"{move}: {answers}")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@settings(max_examples=LIVES, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck), print_blob=False)
@given(beginning=st.integers(0, 2**32), seeds=SEEDS)
async def test_no_random_life_breaks_the_ledger(
    kind: str, tally: Counter[tuple[str, str]], beginning: int, seeds: list[int]
) -> None:
    with TemporaryDirectory() as folder, new_city(kind, Path(folder)) as url:
        clock = FixedClock(STARTS[0])
        async with open_city(url, Path(folder), clock) as city:
            life = Life(city, clock, tally)
            await life.begin(beginning)
            for seed in seeds:
                await life.step(seed)
    tally["lives", kind] += 1
