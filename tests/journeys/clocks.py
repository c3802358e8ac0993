"""What the journeys of clocks share: a notice for 2027, a worker's looks, and the check that the ledger holds."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.clock import FixedClock
from app.flow.clocks import Recounter
from app.flow.supervision import Supervisor
from app.ledger.reconcile import reconcile, verify_chains
from tests.api.scenes import Scene
from tests.city import CityUnderTest

ZONE = ZoneInfo("Asia/Shanghai")
# Made up for the tests: Monday 4 January is off, and made up for on Saturday 16 January.
NOTICE = """国务院办公厅关于2027年部分节假日安排的通知
一、元旦：1月1日（周五）至4日（周一）放假调休，共4天。1月16日（周六）上班。
二、春节：2月5日（周五）至11日（周四）放假调休，共7天。2月20日（周六）、2月21日（周日）上班。
三、清明节：4月5日（周一）放假1天。
四、劳动节：5月1日（周六）至3日（周一）放假，共3天。
五、端午节：6月9日（周三）放假1天。
六、中秋节：9月15日（周三）放假1天。
七、国庆节：10月1日（周五）至7日（周四）放假调休，共7天。9月26日（周日）、10月9日（周六）上班。
"""
# The same year as the weekdays and fixed holidays alone have it.
PLAIN = NOTICE.replace(
    "1月1日（周五）至4日（周一）放假调休，共4天。1月16日（周六）上班", "1月1日（周五）至3日（周日）放假，共3天"
)


def local(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=ZONE)


async def check(city: CityUnderTest) -> None:
    async with city.runtime.database.snapshot() as session:
        assert (await reconcile(session)).offenders == []
        assert (await verify_chains(session))[1] == []


async def announce(city: CityUnderTest, text: str = NOTICE, **more: Any) -> dict[str, Any]:
    """The office loads the notice; what it is answered."""
    answer = await (await city.office()).post("/v1/calendar", json={"text": text, **more})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def work(city: CityUnderTest, clock: FixedClock, moment: str | None = None) -> None:
    """Set the clock and let the worker work until it finds nothing; the ledger must reconcile."""
    if moment:
        clock.set(local(moment))
    recounter = Recounter(city.runtime.database, city.clock, city.runtime.cities)
    supervisor = Supervisor(city.runtime.database, city.clock, city.runtime.cities)
    for _ in range(40):
        if not (await recounter.look() or await supervisor.look()):
            break
    else:
        pytest.fail("a row loops")
    await check(city)


async def events(scene: Scene) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await scene.office.get(f"/v1/cases/{scene.case}/events")).json()
    return found


async def told(scene: Scene) -> dict[str, Any]:
    """What the reporter reads."""
    body: dict[str, Any] = (await scene.reporter.get(f"/v1/reports/{scene.report}")).json()
    return body


def clock_of(shown: dict[str, Any], kind: str, *, ended: bool = False) -> dict[str, Any]:
    """The last clock of that kind that runs, or that has ended."""
    found: dict[str, Any] = [d for d in shown["deadlines"] if d["kind"] == kind and d["ended"] is ended][-1]
    return found
