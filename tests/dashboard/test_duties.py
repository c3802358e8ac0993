"""A department without a system: it does on pages what others do by webhook, and learns nothing of who reported."""

import re
from typing import Any

import httpx
from sqlalchemy import update

from app.clock import FixedClock
from app.models import Deadline, Role
from tests.api.scenes import ASSIGNED
from tests.city import CityUnderTest
from tests.dashboard.office import OfficeBrowser, at_work, report, shown
from tests.feedback.files import PDF

HOME = "/dashboard/duties"
FEEDBACK = {"resolved": "yes", "measures": "每周报送已取消。", "public_reply": "不再要求每周报送。"}
SEVERAL = "区民政局、区卫健局和区农业农村局各发一张表，都要每周报一次独居老人情况，互相说归对方管。"
PROVINCIAL = "省民政厅要求社区每周填报养老服务台账，内容跟系统里的一样，每月多花约12个小时。"


async def duty_on(city: CityUnderTest, case: str, code: str) -> dict[str, Any]:
    """The newest duty of a department on a case, as the office reads it."""
    record = (await (await city.office()).get(f"/v1/cases/{case}")).json()
    found: dict[str, Any] = [duty for duty in record["assignments"] if duty["department"] == code][-1]
    return found


async def assigned_at(city: CityUnderTest, code: str = "FR-MZ", text: str = ASSIGNED) -> tuple[OfficeBrowser, str, str]:
    """Somebody of a department before a duty of its own: the browser, the address of the duty, the case's number."""
    case = (await report(city, text))["case"]
    browser = await at_work(city, Role.DEPARTMENT, code)
    url = f"{HOME}/{(await duty_on(city, case, code))['id']}"
    assert (await browser.get(url)).status_code == 200
    return browser, url, case


async def upload(
    browser: OfficeBrowser, action: str, fields: dict[str, Any], *files: tuple[str, bytes]
) -> httpx.Response:
    """Send the form that carries files."""
    hidden = browser.hidden(action)
    browser.page = await browser.client.post(
        action,
        data=hidden | fields,
        files=[("file", (name, data, "application/octet-stream")) for name, data in files] or [("file", ("", b""))],
        headers={"Origin": "http://yilong.test"},
    )
    return browser.page


async def test_each_role_has_its_own_pages_and_no_others(city: CityUnderTest) -> None:
    department = await at_work(city, Role.DEPARTMENT, "FR-MZ")
    point = await at_work(city, Role.REPORTER, "FR-01")
    clerk = await at_work(city)
    homes = {HOME: department, "/dashboard/reporting": point}
    for home, browser in homes.items():
        assert (await browser.get("/dashboard/")).headers["location"] == home
        page = await browser.get(home)
        assert (page.status_code, "/dashboard/ledger" in page.text) == (200, False)
        for foreign in (
            "/dashboard/ledger",
            "/dashboard/consultations",
            "/dashboard/cases/YL-2026-000001",
            "/dashboard/people",
        ):
            assert (await browser.get(foreign)).status_code == 403, (home, foreign)
        assert (await browser.get("/dashboard/account")).status_code == 200
        assert (await browser.get("/dashboard/nowhere")).status_code == 404
    for home in homes:
        others = [b for path, b in homes.items() if path != home] + [clerk]
        assert [(await browser.get(home)).status_code for browser in others] == [403, 403]
    assert "芙蓉区民政局" in shown(await department.get(HOME))
    assert "没有待办事项" in shown(department.page)


async def test_a_duty_is_signed_for_answered_sent_back_and_answered_again(city: CityUnderTest) -> None:
    browser, url, case = await assigned_at(city)
    home = shown(await browser.get(HOME))
    assert f"待签收共 1 条 待签收 {case}" in home
    await browser.get(url)
    assert "独居老人" in shown(browser.page)
    first = browser.hidden(f"{url}/acceptance")
    for _ in range(2):
        # A double click: the second is led to the same place and does nothing.
        answer = await browser.post(f"{url}/acceptance", first)
        assert (answer.status_code, answer.headers["location"]) == (303, url)
    assert f"已签收 {case}" in shown(await browser.follow())
    refused = await upload(browser, f"{url}/feedback", FEEDBACK | {"public_reply": "", "completed_on": "2026-03-09"})
    assert (refused.status_code, "请填写“可公开的答复”。" in shown(refused)) == (422, True)
    assert "每周报送已取消。" in refused.text
    late = await upload(browser, f"{url}/feedback", FEEDBACK | {"completed_on": "2026-03-09"}, ("会议纪要.pdf", PDF))
    assert (late.status_code, "完成日期不能晚于今天" in shown(late)) == (422, True)
    kept = re.findall(r'name="evidence" value="([0-9a-f]{32})" checked', late.text)
    assert len(kept) == 1
    fields = FEEDBACK | {
        "evidence": kept,
        "measure_kinds": ["frequency_reduced"],
        "document_number": "芙民发〔2026〕3号",
    }
    done = await upload(browser, f"{url}/feedback", fields | {"document_action": "withdrawn", "document_name": ""})
    assert done.headers["location"] == url
    page = shown(await browser.follow())
    assert f"已反馈 {case}，待统筹部门审核。" in page
    assert "会议纪要.pdf" in page
    office = await city.office()
    record = (await office.get(f"/v1/cases/{case}")).json()
    assert (record["case"]["status"], [act["kind"] for act in record["acts"]]) == (
        "in_review",
        ["acceptance", "feedback"],
    )
    content = record["acts"][1]["content"]
    assert [file["name"] for file in content["evidence"]] == ["会议纪要.pdf"]
    assert content["documents"][0]["number"] == "芙民发〔2026〕3号"
    events = (await office.get(f"/v1/cases/{case}/events")).json()
    assert {e["actor"] for e in events if e["type"].startswith("assignment.") and e["department"] is None} == {
        "department:FR-MZ"
    }
    body = {"accepted": False, "comment": "请附文件原文。"}
    duty = await duty_on(city, case, "FR-MZ")
    assert (await office.post(f"/v1/assignments/{duty['id']}/review", json=body)).status_code == 200
    page = shown(await browser.get(url))
    assert "退回重办的意见请附文件原文。" in page
    assert f"退回重办共 1 条 退回重办 {case}" in shown(await browser.get(HOME))
    await browser.get(url)
    again = await upload(browser, f"{url}/feedback", FEEDBACK | {"resolved": "no", "because": "needs_funds"})
    assert (again.status_code, "未能解决的，请选择原因并写明情况说明。" in shown(again)) == (422, True)
    unresolved = {"resolved": "no", "because": "needs_funds", "explanation": "须列入明年预算。"}
    assert (await upload(browser, f"{url}/feedback", FEEDBACK | unresolved)).status_code == 303
    assert "未能解决" in shown(await browser.follow())


async def test_what_somebody_else_did_meanwhile_is_told_and_nothing_typed_is_lost(city: CityUnderTest) -> None:
    browser, url, case = await assigned_at(city)
    duty = await duty_on(city, case, "FR-MZ")
    system = await city.department("FR-MZ")
    assert (await system.post(f"/v1/assignments/{duty['id']}/acceptance", json={})).status_code == 200
    conflict = await upload(browser, f"{url}/feedback", FEEDBACK)
    assert (conflict.status_code, "打开本页之后，该件已有变动" in shown(conflict)) == (409, True)
    assert "每周报送已取消。" in conflict.text
    body = {"measures": "已取消。", "public_reply": "已取消。"}
    assert (await system.post(f"/v1/assignments/{duty['id']}/feedback", json=body)).status_code == 200
    lost = await upload(browser, f"{url}/feedback", FEEDBACK)
    assert (lost.status_code, 'action="' + url + '/feedback"' in lost.text) == (409, False)
    assert "没有提交的内容" in shown(lost)
    assert "每周报送已取消。" in shown(lost)


async def test_a_file_that_is_not_taken_is_named_and_the_form_stays(city: CityUnderTest) -> None:
    browser, url, _ = await assigned_at(city)
    files = ("照片.pdf", PDF), ("宏.docm", b"MZ not a document")
    refused = await upload(browser, f"{url}/feedback", FEEDBACK, *files)
    assert (refused.status_code, "只接受 PDF" in shown(refused), "宏.docm" in shown(refused)) == (422, True, True)
    assert "每周报送已取消。" in refused.text
    assert len(re.findall(r'name="evidence" value="[0-9a-f]{32}" checked', refused.text)) == 1
    link = re.search(r'href="(/v1/evidence/[0-9a-f]{32})"', refused.text)
    assert link is not None
    assert (await browser.client.get(link[1])).content.startswith(b"%PDF-1.7")
    stranger = await at_work(city, Role.DEPARTMENT, "FR-WJ")
    assert (await stranger.client.get(link[1])).status_code == 404


async def test_a_return_needs_its_basis_and_a_second_one_opens_a_session(city: CityUnderTest) -> None:
    browser, url, case = await assigned_at(city)
    fields = {
        "reason": "not_our_duty",
        "explanation": "该表由市局统一布置。",
        "proposed_department": "CS-MZ 长沙市民政局",
    }
    refused = await browser.send(f"{url}/return", fields)
    assert (refused.status_code, "须写明法律或文件依据" in shown(refused)) == (422, True)
    assert "该表由市局统一布置。" in refused.text
    unknown = await browser.send(f"{url}/return", fields | {"proposed_department": "没有这个局"})
    assert (unknown.status_code, "不在部门目录中" in shown(unknown)) == (422, True)
    answer = await browser.send(f"{url}/return", fields | {"legal_basis": "三定规定第四条"})
    assert answer.headers["location"] == url
    assert f"已将 {case} 退回统筹部门。" in shown(await browser.follow())
    office = await city.office()
    body = {"category": "municipal_district", "receivers": [{"code": "FR-WJ"}], "reason": "经研判。"}
    assert (await office.post(f"/v1/cases/{case}/ruling", json=body)).status_code == 200
    second = await at_work(city, Role.DEPARTMENT, "FR-WJ")
    other_url = f"{HOME}/{(await duty_on(city, case, 'FR-WJ'))['id']}"
    await second.get(other_url)
    fields |= {"legal_basis": "三定规定第三条", "proposed_department": "FR-MZ"}
    assert (await second.send(f"{other_url}/return", fields)).status_code == 303
    page = shown(await second.follow())
    number = re.search(r"现转入会商 (HS-\d{4}-\d{6})", page)
    assert number is not None, page
    assert "再次退回，转入会商" in page
    assert number[1] in shown(await second.get(HOME))
    assert number[1] in shown(await browser.get(HOME))


async def test_a_department_states_its_position_and_reads_the_conclusion(city: CityUnderTest) -> None:
    told = await report(city, SEVERAL)
    office = await city.office()
    session = (await office.get(f"/v1/cases/{told['case']}")).json()["consultations"][0]["number"]
    url = f"/dashboard/invitations/{session}"
    browser = await at_work(city, Role.DEPARTMENT, "FR-MZ")
    assert session in shown(await browser.get("/dashboard/invitations"))
    page = shown(await browser.get(url))
    assert "芙蓉区卫生健康局" in page
    assert "独居老人" in page
    empty = await browser.send(f"{url}/opinion", {"position": "lead", "basis": ""})
    assert (empty.status_code, "请填写“依据”。" in shown(empty)) == (422, True)
    assert re.search(r'value="lead" required checked', empty.text)
    done = await browser.send(f"{url}/opinion", {"position": "lead", "basis": "三定规定第三条"})
    assert done.headers["location"] == url
    assert "本单位意见 愿意牵头 三定规定第三条" in shown(await browser.follow())
    unclear = await browser.send(f"{url}/response", {"answer": "declined"})
    assert (unclear.status_code, "不参会的，请写明理由" in shown(unclear)) == (422, True)
    assert (await browser.send(f"{url}/response", {"answer": "deputy", "deputy": "李科长"})).status_code == 303
    page = shown(await browser.follow())
    assert "委托代表参会" in page
    assert "李科长" not in page
    stranger = await at_work(city, Role.DEPARTMENT, "FR-JY")
    assert (await stranger.get(url)).status_code == 404
    other = await at_work(city, Role.DEPARTMENT, "FR-WJ")
    page = shown(await other.get(url))
    assert "三定规定第三条" not in page
    parts = [{"department": "FR-MZ", "lead": True, "obligation": "统一口径"}, {"department": "FR-WJ"}]
    body = {"conclusions": [{"case": told["case"], "parts": parts}], "minutes": "三家一致同意由民政牵头。"}
    assert (await office.post(f"/v1/consultations/{session}/conclusion", json=body)).status_code == 200
    page = shown(await other.get(url))
    assert "三家一致同意由民政牵头。" in page
    assert "牵头单位 芙蓉区民政局" in page
    late = await browser.post(f"{url}/opinion", {"csrf_token": csrf_of(browser), "position": "lead", "basis": "再议"})
    assert (late.status_code, "没有提交的内容" in shown(late), "再议" in shown(late)) == (409, True, True)


def csrf_of(browser: OfficeBrowser) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.page.text)
    assert found is not None
    return found[1]


async def test_a_matter_is_carried_upward_and_the_answer_brought_home(city: CityUnderTest) -> None:
    browser, url, case = await assigned_at(city, "CS-MZ", PROVINCIAL)
    await browser.send(f"{url}/acceptance")
    await browser.follow()
    sent = {"forwarded_to": "湖南省民政厅", "reference": "长民函〔2026〕12号", "forwarded_on": "2026-03-02"}
    assert (await browser.send(f"{url}/forwarding", sent)).status_code == 303
    assert "长民函〔2026〕12号" in shown(await browser.follow())
    missing = await upload(browser, f"{url}/upstream-reply", {"answer": "同意。", "public_reply": "同意。"})
    assert (missing.status_code, "请填写“省级是否同意”。" in shown(missing)) == (422, True)
    answer = {"agreed": "no", "answer": "全省统一要求。", "public_reply": "省级未同意调整。"}
    assert (await upload(browser, f"{url}/upstream-reply", answer)).status_code == 303
    duty = await duty_on(city, case, "CS-MZ")
    assert duty["status"] == "responded"


async def test_more_time_is_asked_for_once_and_lateness_is_explained(city: CityUnderTest, clock: FixedClock) -> None:
    browser, url, case = await assigned_at(city)
    both = await browser.send(
        f"{url}/extension", {"reason": "须修订文件。", "until": "2026-04-10", "working_days": "3"}
    )
    assert (both.status_code, "请只填一项" in shown(both)) == (422, True)
    assert (
        await browser.send(f"{url}/extension", {"reason": "须修订文件。", "until": "2026-04-10"})
    ).status_code == 303
    assert "申请延期，待审批" in shown(await browser.follow())
    assert 'action="' + url + '/extension"' not in browser.page.text
    assert (await browser.send(f"{url}/progress", {"note": "正在会签。"})).status_code == 303
    assert "办理进展 本单位" in shown(await browser.follow())
    duty = (await duty_on(city, case, "FR-MZ"))["id"]
    clock.advance(days=35)
    async with city.runtime.database.write() as session:
        late = update(Deadline).where(Deadline.assignment_id == duty, Deadline.ended_at.is_(None))
        await session.execute(late.values(overdue_at=clock.now()))
    await browser.sign_in("fr-mz")
    home = shown(await browser.get(HOME))
    assert f"已逾期共 1 条 已逾期 {case}" in home
    assert "待签收共" not in home
    await browser.get(url)
    far = await browser.send(f"{url}/supervision-reply", {"explanation": "正在会签。", "promised_on": "2026-05-30"})
    assert (far.status_code, "承诺反馈的日期" in shown(far)) == (422, True)
    promised = {"explanation": "正在会签。", "promised_on": "2026-04-08"}
    assert (await browser.send(f"{url}/supervision-reply", promised)).status_code == 303
    assert "承诺日期 2026年4月8日" in shown(await browser.follow())


async def test_nothing_on_its_pages_tells_who_reported_or_when(city: CityUnderTest, clock: FixedClock) -> None:
    clock.advance(hours=1, minutes=17)
    words = "区民政局要求每周报送独居老人走访台账,联系人王小明,电话13800138000,韶馨社区已报三次。"
    browser, url, case = await assigned_at(city, text=words)
    clock.advance(hours=2)
    await report(city, words, "FR-02")
    await browser.sign_in("fr-mz")
    pages = [await browser.get(path) for path in (HOME, f"{HOME}/all", f"{HOME}/all?text=走访", url)]
    for page in pages:
        said = shown(page)
        assert "独居老人走访台账" in said, page.url
        for secret in ("王小明", "13800138000", "韶馨", "10:47", "12:47", "FR-01", "FR-02"):
            assert secret not in page.text, (page.url, secret)
    # The second point's words came in after the duty was given: when they did would show.
    assert shown(pages[-1]).count("走访台账") == 1
    for hidden in ("王小明", "13800138000"):
        assert case not in shown(await browser.get(f"{HOME}/all?text={hidden}"))
    for seen in ("走访台账", case[-6:], "限期整改"):
        assert case in shown(await browser.get(f"{HOME}/all?text={seen}"))
    assert case not in shown(await browser.get(f"{HOME}/all?tab=over"))


async def test_a_session_at_the_interface_may_what_the_departments_key_may(city: CityUnderTest) -> None:
    browser, url, case = await assigned_at(city)
    found = await browser.client.get("/v1/cases")
    assert [line["number"] for line in found.json()["cases"]] == [case]
    assert "summary" not in found.json()["cases"][0]
    path = f"/v1/assignments/{url.rpartition('/')[2]}/acceptance"
    assert (await browser.client.post(path, json={})).status_code == 403
    csrf = {"X-CSRF-Token": csrf_of(browser)}
    assert (await browser.client.post("/v1/keys", json={"role": "clerk"}, headers=csrf)).status_code == 403
    assert (await browser.client.post(path, json={}, headers=csrf)).status_code == 200
    assert (await browser.client.get("/v1/deliveries")).status_code == 403
