"""每日提要: once a working day, to whoever has something to be told; over 国庆 too, and from several workers."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from app.clock import FixedClock
from app.database import Database
from app.deadlines import OfficeHours
from app.directory.city import CityCache
from app.flow import digest as digesting
from app.flow.digest import Digester
from app.models import Delivery, Digest
from app.problems import Unavailable
from app.supervise.digest import ROUND
from tests.api.scenes import FEEDBACK, Scene
from tests.city import CityUnderTest, open_city
from tests.journeys.test_supervision import ZONE, local, supervisor_of

ADDRESS = "http://yilong.test"
DEPARTMENT = "FR-MZ"


def digester_of(city: CityUnderTest) -> Digester:
    return Digester(city.runtime.database, city.clock, city.runtime.cities, ADDRESS)


async def morning(city: CityUnderTest, clock: FixedClock, moment: str) -> None:
    """A worker's round at that moment: the clocks speak, then the digests are made."""
    clock.set(local(moment))
    supervisor, digester = supervisor_of(city), digester_of(city)
    for _ in range(60):
        if not await supervisor.look() and not await digester.make():
            return
    pytest.fail("the worker never rests")


async def given(city: CityUnderTest, number: int, *, accept: bool = True) -> Scene:
    """A case of its own for the civil affairs bureau, signed for."""
    reporter, office = await city.reporter("FR-01"), await city.office()
    body = {"text": f"区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。第{number}张表。"}
    receipt = (await reporter.post("/v1/reports", json=body)).json()
    duty = (await office.get(f"/v1/cases/{receipt['case']}")).json()["assignments"][0]
    assert duty["department"] == DEPARTMENT
    department = await city.department(DEPARTMENT)
    scene = Scene(city, reporter, department, office, receipt["report"], receipt["case"], duty["id"])
    if accept:
        assert (await scene.act("acceptance")).status_code == 200
    return scene


async def digests(reader: httpx.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    answer = await reader.get(f"/v1/digests?{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["digests"]
    return found


async def days(city: CityUnderTest, query: str = "", department: str = DEPARTMENT) -> list[str]:
    return [d["day"] for d in await digests(await city.department(department), query)]


def cases_in(content: dict[str, Any]) -> dict[str, list[str]]:
    return {kind: [entry["case"] for entry in entries] for kind, entries in content.items()}


# ── what, and when ──


async def test_after_the_holiday_week_a_digest_covers_what_is_due_then_and_days_off_have_none(
    city: CityUnderTest, clock: FixedClock
) -> None:
    numbers = []
    for index, dispatched in enumerate(("2026-09-09", "2026-09-14", "2026-09-18")):
        clock.set(local(f"{dispatched}T10:00"))
        numbers.append((await given(city, index)).case)
    late, soon, later = numbers  # due Wednesday 30 September, make-up Saturday 10 October, Thursday 15 October
    for day in ("2026-10-01", "2026-10-05", "2026-10-07"):
        await morning(city, clock, f"{day}T10:00")
    assert await days(city) == []
    await morning(city, clock, "2026-10-08T08:59")
    assert await days(city) == []
    await morning(city, clock, "2026-10-08T09:00")
    [first] = await digests(await city.department(DEPARTMENT))
    assert cases_in(first["content"]) == {"overdue": [late], "due": [soon]}
    assert first["content"]["overdue"][0] == {
        "case": late,
        "stage": "feedback",
        "due_on": "2026-09-30",
        "working_days": -1,
        "link": f"{ADDRESS}/v1/cases/{late}",
        "assignment": first["content"]["overdue"][0]["assignment"],
    }
    assert first["text"].split("\n") == [
        "【一龙】2026年10月8日 芙蓉区民政局",
        "已逾期(1):",
        f"{late} 反馈 9月30日到期 逾期1个工作日 {ADDRESS}/v1/cases/{late}",
        "即将到期(1):",
        f"{soon} 反馈 10月10日到期 {ADDRESS}/v1/cases/{soon}",
    ]
    await morning(city, clock, "2026-10-10T09:00")  # a Saturday that is worked
    await morning(city, clock, "2026-10-11T10:00")  # a Sunday that is not
    await morning(city, clock, "2026-10-12T09:00")  # the Monday
    department = await city.department(DEPARTMENT)
    assert await days(city) == ["2026-10-08", "2026-10-10", "2026-10-12"]
    assert await days(city, "after=2026-10-08&limit=1") == ["2026-10-10"]
    monday = (await digests(department, "after=2026-10-10"))[0]
    assert cases_in(monday["content"]) == {"overdue": [late, soon]}
    assert later not in monday["text"]


async def test_a_quiet_day_has_no_digest_and_nothing_new_in_the_day_makes_one(
    city: CityUnderTest, clock: FixedClock
) -> None:
    await morning(city, clock, "2026-03-02T09:00")
    await given(city, 1, accept=False)
    await morning(city, clock, "2026-03-02T15:00")  # another process, after the round of the day
    assert await days(city) == []
    assert await digests(await city.office()) == []
    await morning(city, clock, "2026-03-03T09:00")
    assert await days(city) == ["2026-03-03"]
    assert await days(city, department="FR-JY") == []


async def test_a_worker_that_was_away_in_the_morning_catches_up_with_today_only(
    city: CityUnderTest, clock: FixedClock
) -> None:
    await given(city, 1)
    await morning(city, clock, "2026-03-24T16:30")
    assert await days(city) == ["2026-03-24"]


async def test_a_digest_says_what_the_mornings_notices_said_and_what_was_promised(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await given(city, 1)
    await morning(city, clock, "2026-03-24T09:00")
    await morning(city, clock, "2026-03-30T09:00")
    [_, second] = await digests(scene.department)
    assert second["content"]["overdue"][0]["level"] == 1
    assert (await scene.act("supervision-reply", explanation="正在会签。", promised_on="2026-04-01")).status_code == 200
    await morning(city, clock, "2026-03-31T09:00")
    assert "督办一级 承诺4月1日前反馈" in (await digests(scene.department))[-1]["text"]
    await scene.act("feedback", **FEEDBACK)
    await morning(city, clock, "2026-04-01T09:00")
    assert await days(city) == ["2026-03-24", "2026-03-30", "2026-03-31"]


async def test_work_sent_back_invitations_and_new_rounds_with_the_province_are_told(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await given(city, 1)
    await scene.act("feedback", **FEEDBACK)
    await scene.review(accepted=False, comment="请附文件。")
    text = "区农业农村局和区卫健局两套打分表七成一样,一个礼拜来了两拨,资料要分开做。"
    joint = (await scene.reporter.post("/v1/reports", json={"text": text})).json()
    receipt = (await scene.reporter.post("/v1/reports", json={"text": "省科协要求每村拉150个人注册小程序。"})).json()
    duty = (await scene.office.get(f"/v1/cases/{receipt['case']}")).json()["assignments"][0]
    counterpart = await city.department(duty["department"])
    forwarding = {"reference": "函1", "forwarded_on": "2026-03-02", "forwarded_to": "省科协"}
    assert (await counterpart.post(f"/v1/assignments/{duty['id']}/forwarding", json=forwarding)).status_code == 200
    await morning(city, clock, "2026-03-03T09:00")
    [told] = await digests(scene.department)
    assert cases_in(told["content"]) == {"rework": [scene.case]}
    session = (await scene.office.get(f"/v1/cases/{joint['case']}")).json()["consultations"][0]
    for code in ("FR-NY", "FR-WJ"):
        [told] = await digests(scene.office, f"department={code}")
        [invitation] = told["content"]["invitations"]
        assert (invitation["consultation"], invitation["cases"]) == (session["number"], [joint["case"]])
    assert await digests(counterpart) == []
    await morning(city, clock, "2026-03-25T09:00")
    assert await digests(counterpart) == []
    await morning(city, clock, "2026-03-26T09:00")  # the round ends on the 30th, in two working days
    await morning(city, clock, "2026-03-31T09:00")  # a new one begins
    await morning(city, clock, "2026-04-01T09:00")
    rounds = await digests(counterpart)
    assert [(d["day"], d["content"]["chases"][0]["due_on"]) for d in rounds] == [
        ("2026-03-26", "2026-03-30"),
        ("2026-03-31", "2026-04-29"),
    ]
    assert cases_in(rounds[1]["content"]) == {"chases": [receipt["case"]]}


async def test_the_offices_digest_counts_what_came_in_once_and_lists_its_own_side(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await given(city, 1)
    unclear = {"text": "工作群里一天到晚要截图接龙,也不知道是哪个单位要的。"}
    triage = (await scene.reporter.post("/v1/reports", json=unclear)).json()["case"]
    await scene.act("extension", reason="须修订文件。", working_days=5)
    await morning(city, clock, "2026-03-03T09:00")
    await morning(city, clock, "2026-03-04T09:00")
    await morning(city, clock, "2026-03-05T09:00")
    first, second, third = [d["content"] for d in await digests(scene.office)]
    assert (first["came_in"], first["opened"]) == (2, 2)
    assert [e["wished_until"] for e in first["extensions"]] == ["2026-03-30"]
    assert "came_in" not in second
    assert [(e["case"], e["stage"]) for e in second["due"]] == [(triage, "triage")]
    assert [e["case"] for e in third["overdue"]] == [triage]
    assert third["overdue"][0]["link"] == f"{ADDRESS}/dashboard/cases/{triage}"


async def test_the_offices_digest_lists_level_three_until_a_leader_has_decided(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await given(city, 1)
    for day in ("2026-03-24", "2026-03-30", "2026-04-03", "2026-04-10"):
        await morning(city, clock, f"{day}T09:00")
    latest = (await digests(scene.office))[-1]
    assert [(e["case"], e["level"], e["due_on"]) for e in latest["content"]["level_3"]] == [
        (scene.case, 3, "2026-03-23")
    ]
    body = {"decision": "other", "note": "下周再看。", "look_again_on": "2026-04-14"}
    assert (await scene.office.post(f"/v1/cases/{scene.case}/supervision", json=body)).status_code == 200
    await morning(city, clock, "2026-04-13T09:00")
    await morning(city, clock, "2026-04-14T09:00")
    assert [d["day"] for d in await digests(scene.office) if "level_3" in d["content"]] == ["2026-04-10", "2026-04-14"]


async def test_a_digest_tells_nothing_of_who_reported_or_what(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await given(city, 1)
    await scene.act("extension", reason="须修订文件。", working_days=5)
    await morning(city, clock, "2026-03-24T09:00")
    for reader in (scene.department, scene.office):
        said = (await reader.get("/v1/digests")).text
        assert scene.case in said
        for secret in (scene.report, "FR-01", "独居老人"):
            assert secret not in said
    async with city.runtime.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Delivery)) == 0


# ── who reads ──


async def test_a_department_reads_its_own_digests_and_the_office_anybodys(
    city: CityUnderTest, clock: FixedClock
) -> None:
    scene = await given(city, 1)
    await scene.act("extension", reason="须修订文件。", working_days=5)
    await morning(city, clock, "2026-03-24T09:00")
    own = await digests(scene.department, f"department={DEPARTMENT}")
    assert own == await digests(scene.office, f"department={DEPARTMENT}")
    assert [d["recipient"] for d in await digests(scene.office)] == ["office"]
    other = await city.department("FR-JY")
    assert (await other.get(f"/v1/digests?department={DEPARTMENT}")).status_code == 404
    assert (await other.get("/v1/digests?department=office")).status_code == 404
    assert (await scene.office.get("/v1/digests?department=NO-SUCH")).status_code == 404
    assert (await scene.office.get("/v1/digests?department=")).status_code == 404
    assert (await scene.reporter.get("/v1/digests")).status_code == 403
    assert (await scene.office.get("/v1/digests?after=yesterday")).status_code == 422
    answer = (await scene.department.get("/v1/digests")).json()
    assert answer["next"] == "2026-03-24"
    empty = (await scene.department.get(f"/v1/digests?after={answer['next']}")).json()
    assert empty == {"digests": [], "next": "2026-03-24"}


# ── several workers, lost workers ──


async def test_two_workers_at_once_make_each_digest_once(city: CityUnderTest, clock: FixedClock) -> None:
    for number in range(3):
        await given(city, number, accept=False)
    body = {"text": "区教育局要求每天报送控辍保学打卡截图。"}
    assert (await (await city.reporter()).post("/v1/reports", json=body)).status_code == 201
    clock.set(local("2026-03-03T09:00"))
    databases = [Database(city.url) for _ in range(3)]
    digesters = [Digester(d, clock, CityCache(d, ZONE), ADDRESS) for d in databases]

    async def work(digester: Digester) -> None:
        while await digester.make():
            pass

    await asyncio.gather(*(work(digester) for digester in digesters))
    for database in databases:
        await database.dispose()
    async with city.runtime.database.read() as session:
        made = sorted(await session.scalars(select(Digest.recipient)))
    assert made == sorted({ROUND, "office", DEPARTMENT, "FR-JY"})


async def test_a_round_that_was_broken_off_goes_on_with_those_who_have_none(
    city: CityUnderTest, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await given(city, 1, accept=False)
    clock.set(local("2026-03-03T09:00"))
    lost = digester_of(city)
    assert await lost.make()
    kept = await digests(scene.department)
    assert len(kept) == 1
    assert await digests(scene.office) == []

    async def fail(*_: Any) -> None:
        raise Unavailable

    with monkeypatch.context() as away:
        away.setattr(digesting, "keep", fail)
        with pytest.raises(Unavailable):
            await lost.make()
    clock.advance(minutes=5)
    await morning(city, clock, "2026-03-03T09:05")
    assert await digests(scene.department) == kept
    assert len(await digests(scene.office)) == 1
    assert not await lost.make()


async def test_the_service_makes_them_by_itself_at_the_deployments_hours(
    city_url: str, tmp_path: Any, clock: FixedClock
) -> None:
    from datetime import time

    hours = {"office_opens": time(8, 30), "office_closes": time(17, 30)}
    async with open_city(city_url, tmp_path, clock, with_worker=True, public_url="https://yl.gov", **hours) as city:
        assert city.runtime.cities.current.calendar.hours == OfficeHours(time(8, 30), time(17, 30))
        scene = await given(city, 1, accept=False)
        clock.set(local("2026-03-03T08:30"))
        # A worker that looked before may have made one on the day of the assignment: its hour had come too.
        for _ in range(200):
            if found := [d for d in await digests(scene.department) if d["day"] != "2026-03-02"]:
                break
            await asyncio.sleep(0.05)
        assert [d["day"] for d in found] == ["2026-03-03"]
        assert f"https://yl.gov/v1/cases/{scene.case}" in found[0]["text"]
