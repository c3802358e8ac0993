"""公文: issued once under the next number, frozen, in the case's chain; voided but never taken away."""

import asyncio
import html
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.access.principal import Principal
from app.api.door import make_desk
from app.clock import FixedClock
from app.documents.sheet import Sheet
from app.flow import documents
from app.flow.documents import Added
from app.ledger.reconcile import reconcile
from app.models import Case, Document, Event, Role
from tests.api.scenes import ASSIGNED, FEEDBACK, assigned
from tests.city import CityUnderTest, open_city
from tests.dashboard.office import HTMX, OfficeBrowser, at_work, report, shown
from tests.journeys.test_sessions import check, convened, did
from tests.journeys.test_supervision import look_at

REGISTER = "/dashboard/documents"
DRAFT = re.compile(r'href="(/dashboard/[a-z]+/[A-Z0-9-]+/documents\?key=[^"]+)"')


def drafts(browser: OfficeBrowser) -> list[str]:
    return [html.unescape(url) for url in DRAFT.findall(browser.page.text)]


async def issue(browser: OfficeBrowser, page: str, which: int = 0, **typed: str) -> str:
    """Issue what a page offers; the address of the document."""
    await browser.get(page)
    url = drafts(browser)[which]
    await browser.get(url)
    action = url.partition("?")[0]
    answer = await browser.send(action, {"act": "issue", **typed})
    assert answer.status_code == 303, shown(answer)
    address: str = answer.headers["location"]
    await browser.get(address)
    return address


async def kept(city: CityUnderTest) -> list[Document]:
    async with city.runtime.database.read() as session:
        return list(await session.scalars(select(Document).order_by(Document.kind, Document.year, Document.serial)))


async def test_an_order_is_issued_once_frozen_and_noted_in_the_chain(city: CityUnderTest) -> None:
    scene = await assigned(city)
    browser = await at_work(city, Role.CLERK)
    page = f"/dashboard/cases/{scene.case}"
    await browser.get(page)
    (draft,) = drafts(browser)
    told = len((await scene.department.get("/v1/events?after=0")).json()["events"])

    # The draft has no number; what is added is shown before it is issued.
    await browser.get(draft)
    assert "长减负交〔2026〕 号" in shown(browser.page)
    action = draft.partition("?")[0]
    seen = await browser.send(action, {"act": "preview", "copies": "芙蓉区委办公室", "remarks": "联系人：减负办。"})
    assert (seen.status_code, "联系人：减负办。" in shown(seen), await kept(city)) == (200, True, [])
    fields = browser.hidden(action) | {"act": "issue", "copies": "芙蓉区委办公室", "remarks": "联系人：减负办。"}
    first = await browser.post(action, fields)
    again = await browser.post(action, fields | {"remarks": "第二次点击"})
    assert first.headers["location"] == again.headers["location"]
    sheet = shown(await browser.follow())
    for words in (
        "长减负交〔2026〕1号",
        "中共长沙市委组织部",
        "芙蓉区民政局：",
        "2026年3月2日",
        "芙蓉区委办公室。",
        "与办理记录一致",
    ):
        assert words in sheet, words
    assert "第二次点击" not in sheet
    (document,) = await kept(city)
    point = city.runtime.cities.current.points["FR-01"]
    assert point.name not in document.content
    assert point.township not in document.content

    # It stays what it was, whatever happens to the case.
    await scene.act("acceptance")
    assert (await scene.act("feedback", **FEEDBACK)).status_code == 200
    assert shown(await browser.get(first.headers["location"])).count("2026年3月2日印发") == 1
    assert Sheet.from_json((await kept(city))[0].content).number == document.number
    timeline = shown(await browser.get(page))
    assert "印发公文" in timeline
    assert drafts(browser) == []
    events = (await scene.department.get("/v1/events?after=0")).json()["events"]
    assert "document.issued" not in {event["type"] for event in events}
    assert len(events) >= told
    await check(city)


async def test_a_void_document_keeps_its_number_and_the_next_one_has_another(city: CityUnderTest) -> None:
    scene = await assigned(city)
    browser = await at_work(city, Role.LEADER)
    page = f"/dashboard/cases/{scene.case}"
    address = await issue(browser, page)
    refused = await browser.send(f"{address}/void", {"reason": "错"})
    assert refused.status_code == 422
    await browser.get(address)
    point = city.runtime.cities.current.points["FR-01"]
    done = await browser.send(f"{address}/void", {"reason": f"主送有误，{point.name}也不该写"})
    assert done.status_code == 303
    assert "作废" in shown(await browser.follow())
    assert f'action="{address}/void"' not in browser.page.text
    token = browser.hidden("/dashboard/sign-out")
    late = await browser.post(f"{address}/void", {**token, "reason": "再作废一次"}, **HTMX)
    assert late.status_code == 409
    second = await issue(browser, page)
    assert second != address
    numbers = [(document.number, document.voided_at is None) for document in await kept(city)]
    assert numbers == [("长减负交〔2026〕1号", False), ("长减负交〔2026〕2号", True)]
    async with city.runtime.database.read() as session:
        facts = list(await session.scalars(select(Event.facts).where(Event.type == "document.voided")))
    assert len(facts) == 1
    assert point.name not in facts[0]
    listed = shown(await browser.get(f"{REGISTER}?state=void&kind=assignment&year=2026&text=交〔2026〕1"))
    assert ("共 1 条" in listed, "〔2026〕2号" in listed) == (True, False)
    await check(city)


async def test_who_only_reads_prints_and_issues_nothing(city: CityUnderTest) -> None:
    scene = await assigned(city)
    address = await issue(await at_work(city, Role.CLERK), f"/dashboard/cases/{scene.case}")
    auditor = await at_work(city, Role.AUDITOR)
    assert "长减负交〔2026〕1号" in shown(await auditor.get(address))
    assert f'action="{address}/void"' not in auditor.page.text
    assert "长减负交〔2026〕1号" in shown(await auditor.get(REGISTER))
    await auditor.get(f"/dashboard/cases/{scene.case}")
    assert drafts(auditor) == []
    token = auditor.hidden("/dashboard/sign-out")
    assert (await auditor.post(f"/dashboard/cases/{scene.case}/documents", token)).status_code == 403
    assert (await auditor.post(f"{address}/void", {**token, "reason": "想试试"})).status_code == 403


async def test_supervision_is_issued_for_each_level(city: CityUnderTest, clock: FixedClock) -> None:
    scene = await assigned(city)
    await scene.act("acceptance")
    browser = await at_work(city, Role.CLERK)
    page = f"/dashboard/cases/{scene.case}"
    await issue(browser, page)
    for moment in ("2026-03-24T09:30", "2026-03-30T09:30"):
        await look_at(city, clock, moment)
    browser = await at_work_again(browser)
    address = await issue(browser, page)
    sheet = shown(browser.page)
    assert "长减负督〔2026〕1号" in sheet
    assert "（长减负交〔2026〕1号）" in sheet
    assert "现列为一级督办。" in sheet
    assert address.startswith(REGISTER)
    await check(city)


async def at_work_again(browser: OfficeBrowser) -> OfficeBrowser:
    """The same person signs in again: the session has ended meanwhile."""
    await browser.sign_in(Role.CLERK.value)
    return browser


async def test_a_session_has_its_notice_and_its_minutes(city: CityUnderTest) -> None:
    departments = ["CS-JY", "FR-MZ", "FR-WJ"]
    cases, (number, other) = await convened(city, departments, departments)
    office = await city.office()
    await did(office, number, "batch", sessions=[other])
    browser = await at_work(city, Role.CLERK)
    page = f"/dashboard/consultations/{number}"
    await browser.get(page)
    assert drafts(browser) == []
    await did(office, number, "schedule", meeting_at="2026-03-04T09:00:00+08:00", place="三楼会议室")
    await issue(browser, page)
    notice = shown(browser.page)
    for words in ("长减负会〔2026〕1号", "2026年3月4日（星期三）9:00", "三楼会议室", *cases, "芙蓉区民政局"):
        assert words in notice, words
    await browser.get(page)
    assert drafts(browser) == []
    await did(office, number, "schedule", meeting_at="2026-03-05T09:00:00+08:00", place="三楼会议室")
    await issue(browser, page)
    assert "长减负会〔2026〕2号" in shown(browser.page)

    opinion = {"position": "lead", "basis": "三定规定第三条"}
    await did(await city.department("FR-WJ"), number, "opinions", **opinion)
    parts = [{"department": "FR-WJ", "lead": True, "obligation": "统一口径"}, {"department": "FR-MZ"}]
    said = [{"case": case, "parts": parts} for case in cases]
    body = {"conclusions": said, "minutes": "议定由区卫健局牵头。"}
    answer = await office.post(f"/v1/consultations/{number}/conclusion", json=body)
    assert answer.status_code == 200, answer.text
    await issue(browser, page)
    minutes = shown(browser.page)
    for words in (
        "长减负纪〔2026〕1号",
        "三定规定第三条",
        "统一口径",
        "完成时限",
        "议定由区卫健局牵头。",
        "牵头",
        "协办",
    ):
        assert words in minutes, words
    on_case = shown(await browser.get(f"/dashboard/cases/{cases[1]}"))
    assert "长减负纪〔2026〕1号" in on_case
    await check(city)


async def issue_at(city: CityUnderTest, case: str, key: str, *, fail: bool = False) -> str:
    """Issue as a request does; with `fail` everything is taken back at the end."""
    async with city.runtime.database.write() as session:
        desk = make_desk(city.runtime, session, Principal(Role.CLERK, "user:x"))
        document = await documents.issue_on_case(desk, case, key, Added())
        if fail:
            raise ZeroDivisionError
        return document.number


async def orders(city: CityUnderTest, count: int) -> list[tuple[str, str]]:
    """Cases with the key of the order that may be issued on each."""
    numbers = [(await report(city, f"{ASSIGNED}这是第{n}回。"))["case"] for n in range(count)]
    async with city.runtime.database.read() as session:
        rows = await session.execute(
            text(
                "SELECT cases.number, assignments.id FROM assignments JOIN cases ON cases.id = assignments.case_id"
                " WHERE assignments.kind = 'assignment'"
            )
        )
        keys = {row[0]: f"assignment:{row[1]}" for row in rows}
    return [(number, keys[number]) for number in dict.fromkeys(numbers)]


async def test_numbers_have_no_gap_however_many_issue_at_once_and_whatever_is_taken_back(
    city_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    async with (
        open_city(city_url, tmp_path, clock, join_from_likeness=2.0) as one,
        open_city(city_url, tmp_path, clock) as another,
    ):
        wanted = await orders(one, 12)
        assert len(wanted) == 12
        tries = [issue_at(one, *wanted[n], fail=True) for n in (0, 5)]
        for n, (case, key) in enumerate(wanted):
            tries.append(issue_at(another if n % 2 else one, case, key))
            tries.append(issue_at(one if n % 2 else another, case, key))
        told = await asyncio.gather(*tries, return_exceptions=True)
        assert [type(each) for each in told[:2]] == [ZeroDivisionError] * 2
        assert all(isinstance(each, str) for each in told[2:]), told
        assert told[2::2] == told[3::2]
        serials = [document.serial for document in await kept(one)]
        assert serials == list(range(1, 13))
        assert set(told[2:]) == {f"长减负交〔2026〕{n}号" for n in range(1, 13)}
        await check(one)


async def test_each_year_of_the_city_begins_at_one(city: CityUnderTest, clock: FixedClock) -> None:
    wanted = await orders(city, 3)
    moments = [datetime(2026, 12, 31, 15, 59, tzinfo=UTC), datetime(2026, 12, 31, 16, 0, tzinfo=UTC)]
    numbers = []
    for (case, key), moment in zip(wanted, [clock.now(), *moments], strict=False):
        clock.set(moment)
        numbers.append(await issue_at(city, case, key))
    assert numbers == ["长减负交〔2026〕1号", "长减负交〔2026〕2号", "长减负交〔2027〕1号"][: len(numbers)]
    assert len(numbers) == len(wanted)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE documents SET content = '{}'",
        "UPDATE documents SET number = 'x'",
        "DELETE FROM documents",
        "DELETE FROM document_cases",
        "UPDATE document_cases SET case_id = 'x'",
    ],
)
async def test_the_database_itself_keeps_what_was_issued(city: CityUnderTest, statement: str) -> None:
    ((case, key),) = await orders(city, 1)
    await issue_at(city, case, key)
    with pytest.raises(DBAPIError):
        async with city.runtime.database.write() as session:
            await session.execute(text(statement))
    await check(city)


async def test_a_document_that_the_chain_does_not_know_is_found(city: CityUnderTest) -> None:
    ((case, key),) = await orders(city, 1)
    await issue_at(city, case, key)
    async with city.runtime.database.write() as session:
        file_id = await session.scalar(select(Case.id).where(Case.number == case))
        known = (await session.scalars(select(Document))).one()
        values = {c.key: getattr(known, c.key) for c in Document.__mapper__.columns}
        session.add(
            Document(**values | {"id": "0" * 32, "serial": 3, "number": "假", "occasion": "x", "digest": "f" * 64})
        )
        await session.execute(text("INSERT INTO document_cases VALUES (:d, :c)"), {"d": "0" * 32, "c": file_id})
    async with city.runtime.database.read() as session:
        faults = {o.fault.split()[0]: o for o in (await reconcile(session)).offenders}
    assert set(faults) == {"公文与办理记录不符", "发文字号不连续"}
    browser = await at_work(city, Role.AUDITOR)
    assert "与办理记录不一致，请勿使用" in shown(await browser.get(f"{REGISTER}/{'0' * 32}"))
