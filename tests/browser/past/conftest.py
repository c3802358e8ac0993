"""Trends have a town with a past of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.real_city import Town, employ, serve
from tests.city import open_city
from tests.dashboard.office import report
from tests.dashboard.test_trends import a_past

NICKNAMED = "芙蓉福利站那边要求社区每周填一张独居老人走访表，照片还要打印出来，同样的内容月底再报一遍。"


async def _work(url: str, folder: Path, town: Town) -> None:
    async with open_city(url, folder, town.clock, join_from_likeness=2.0) as city:
        await employ(city)
        ledger = a_past(town.clock.now())
        async with city.runtime.database.write() as session:
            session.add_all([*ledger.cases, *ledger.reports, *ledger.duties])
        for number in range(5):
            await report(city, f"{NICKNAMED}第{number}次。")


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with serve(tmp_path_factory.mktemp("past"), Town(), _work) as served:
        yield served
