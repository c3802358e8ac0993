"""What docs/operations.md and docs/alerts.yml name is what the service shows."""

import re
from pathlib import Path

from app.clock import FixedClock
from app.flow.nightly import Reconciler
from app.models import DeliveryStatus
from tests.api.scenes import assigned
from tests.city import CityUnderTest
from tests.journeys.test_nightly import ZONE

DOCS = Path(__file__).resolve().parents[1] / "docs"
ALERTS = (DOCS / "alerts.yml").read_text(encoding="utf-8")
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")
METRIC = re.compile(r"\byilong_[a-z_]+")


async def shown(city: CityUnderTest) -> str:
    async with city.anonymous() as nobody:
        return (await nobody.get("/metrics")).text


async def test_every_metric_that_is_named_exists_and_every_one_that_exists_is_explained(
    city: CityUnderTest, clock: FixedClock
) -> None:
    await assigned(city)
    reconciler = Reconciler(city.runtime.database, clock, ZONE, city.runtime.sealer)
    assert await reconciler.take()
    await reconciler.aclose(60)
    page = await shown(city)
    there = set(re.findall(r"^# TYPE (\S+) ", page, re.MULTILINE))
    if city.runtime.database.is_sqlite:
        assert re.search(r"^yilong_wal_bytes [1-9]", page, re.MULTILINE)
    else:
        there.add("yilong_wal_bytes")
    assert set(METRIC.findall(ALERTS)) <= there
    watching = OPERATIONS[OPERATIONS.index("## Watching") :]
    assert set(METRIC.findall(watching)) == there


def test_the_rules_are_whole_and_name_states_that_exist() -> None:
    rules = re.split(r"^      - alert: ", ALERTS, flags=re.MULTILINE)[1:]
    assert len(rules) == len({rule.split()[0] for rule in rules}) > 10
    for rule in rules:
        assert len(re.findall(r"^        expr: \S", rule, re.MULTILINE)) == 1, rule
        assert len(re.findall(r"^          summary: \S", rule, re.MULTILINE)) == 1, rule
    assert set(re.findall(r'status="(\w+)"', ALERTS)) <= {status.value for status in DeliveryStatus}
