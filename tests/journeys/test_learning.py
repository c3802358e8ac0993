"""From rulings to a model in force, on both databases: what teaches, what does not, and how every replica notices."""

from dataclasses import asdict

import httpx
import pytest

from app.classify import Thresholds
from app.clock import FixedClock
from app.directory.knowledge import with_learned
from app.directory.learned_models import (
    NoSuchModel,
    NotBackTested,
    activate_model,
    deactivate_models,
    list_models,
    record_backtest,
)
from app.flow.learning import TooLittleToLearnFrom, learn_from_rulings, past_reports, replay
from app.ledger.lessons import Lesson, read_lessons
from app.runtime import make_runtime
from tests.api.scenes import assigned
from tests.city import CityUnderTest, settings_for
from tests.classify.teaching import LEADERS, labelled

NAMELESS = "堤上割草一次要拍三回照片,泵站值守的本子还要重抄。"


async def send(reporter: httpx.AsyncClient, text: str) -> str:
    """Report it; the number of the case it opened."""
    answer = await reporter.post("/v1/reports", json={"text": text})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["case"])


async def rule(city: CityUnderTest, case: str, *codes: str, category: str = "municipal_district") -> None:
    body = {
        "category": category,
        "receivers": [{"code": code, "role": "supporting" if at else "lead"} for at, code in enumerate(codes)],
        "reason": "按职责分工",
    }
    answer = await (await city.office()).post(f"/v1/cases/{case}/ruling", json=body)
    assert answer.status_code == 200, answer.text


async def lessons(city: CityUnderTest) -> list[Lesson]:
    async with city.runtime.database.read() as session:
        return await read_lessons(session)


@pytest.fixture
async def taught_city(city: CityUnderTest) -> CityUnderTest:
    """A city whose office has ruled on thirty nameless reports of each of two lines."""
    reporter = await city.reporter("FR-01")
    for text, line in labelled():
        await rule(city, await send(reporter, text), LEADERS[line])
    return city


async def test_too_few_rulings_are_said_to_be_too_few(city: CityUnderTest, clock: FixedClock) -> None:
    reporter = await city.reporter("FR-01")
    for text, line in labelled()[:3]:
        await rule(city, await send(reporter, text), LEADERS[line])
    with pytest.raises(TooLittleToLearnFrom) as caught:
        await learn_from_rulings(city.runtime.database, city.runtime.cities.current, clock.now())
    assert "0" in caught.value.zh


async def test_the_last_ruling_counts_and_joined_reports_share_it(city: CityUnderTest) -> None:
    text = labelled()[0][0]
    case = await send(await city.reporter("FR-01"), text)
    await rule(city, case, "FR-WL")
    assert await send(await city.reporter("FR-02"), text) == case
    await rule(city, case, "FR-SL", "FR-WL")
    assert [(lesson.department, lesson.ruled) for lesson in await lessons(city)] == [("FR-SL", True)] * 2


async def test_what_concerns_several_lines_teaches_none(city: CityUnderTest) -> None:
    case = await send(await city.reporter("FR-01"), NAMELESS)
    await rule(city, case, "FR-SL", "FR-WL", category="multi_department")
    assert await lessons(city) == []


async def test_a_case_struck_off_without_objection_teaches_and_a_returned_or_open_one_does_not(
    city: CityUnderTest,
) -> None:
    scene = await assigned(city)
    assert await lessons(city) == []
    await scene.act("acceptance")
    await scene.act("feedback", measures="已取消。", public_reply="已取消。")
    await scene.review()
    await scene.verify(relieved=True)
    assert [(lesson.department, lesson.ruled) for lesson in await lessons(city)] == [("FR-MZ", False)]
    again = await scene.office.post(f"/v1/cases/{scene.case}/reopen", json={"reason": "又来了"})
    assert again.status_code == 200
    assert await lessons(city) == []


async def test_a_model_is_stored_tested_activated_noticed_and_put_away_again(
    taught_city: CityUnderTest, clock: FixedClock
) -> None:
    runtime, database = taught_city.runtime, taught_city.runtime.database
    reporter = await taught_city.reporter("FR-01")
    learnt = await learn_from_rulings(database, runtime.cities.current, clock.now())
    assert learnt.is_new
    assert learnt.trained_on["lines"] == {"文化旅游": 30, "水利": 30}
    assert (learnt.trained_on["ruled"], learnt.trained_on["unopposed"]) == (60, 0)
    assert learnt.validation.macro_f1 > 0.95
    again = await learn_from_rulings(database, runtime.cities.current, clock.now())
    assert (again.is_new, again.model.version) == (False, learnt.model.version)

    version = learnt.model.version
    with pytest.raises(NotBackTested):
        async with database.write() as session:
            await activate_model(session, version, clock.now())
    with pytest.raises(NoSuchModel):
        async with database.write() as session:
            await activate_model(session, "0" * 16, clock.now())

    knowledge = runtime.cities.current.knowledge
    reports = [report async for report in past_reports(database, runtime.cities.current)]
    assert len(reports) == 60
    assert reports[0].district == "FR"
    tried = with_learned(knowledge, learnt.model)
    result = replay(reports, knowledge, tried, Thresholds(), examples=2)
    assert result.decided_otherwise == 60  # from no_department to tier_unknown
    async with database.write() as session:
        await record_backtest(session, version, result.counts(), clock.now())
        assert await activate_model(session, version, clock.now())

    before = (await reporter.post("/v1/classifications", json={"text": NAMELESS})).json()
    assert before["suggestions"] == []
    assert await runtime.cities.refresh()
    assert not await runtime.cities.refresh()
    after = (await reporter.post("/v1/classifications", json={"text": NAMELESS})).json()
    assert after["knowledge_version"] == f"{before['knowledge_version']}+{version}"
    assert after["suggestions"][0]["receivers"] == ["FR-SL"]
    replica = make_runtime(settings_for(taught_city.url, taught_city.folder), clock)
    await replica.start()
    assert replica.cities.current.knowledge.version == after["knowledge_version"]
    await replica.close()

    async with database.read() as session:
        (row,) = await list_models(session)
        assert (row.active, row.activated_at, row.backtested_at) == (True, clock.now(), clock.now())
        assert row.validation == asdict(learnt.validation)
        assert row.backtest is not None
    async with database.write() as session:
        assert await deactivate_models(session)
        assert not await deactivate_models(session)
    assert await runtime.cities.refresh()
    assert runtime.cities.current.knowledge.version == before["knowledge_version"]


async def test_a_stored_model_that_cannot_be_read_stops_nobody(taught_city: CityUnderTest, clock: FixedClock) -> None:
    from sqlalchemy import update

    from app.models import LearnedModel

    database = taught_city.runtime.database
    learnt = await learn_from_rulings(database, taught_city.runtime.cities.current, clock.now(), folds=2)
    async with database.write() as session:
        await record_backtest(session, learnt.model.version, {}, clock.now())
        await activate_model(session, learnt.model.version, clock.now())
        await session.execute(update(LearnedModel).values(payload=b'{"format":99}'))
    assert await taught_city.runtime.cities.refresh()
    assert taught_city.runtime.cities.current.knowledge.learned is None
