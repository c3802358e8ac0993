"""Sessions on their page, in a real browser: invitations, date and place, more time, and the form of the conclusion."""

import re
from datetime import date

from playwright.async_api import Locator, Page, expect

from tests.browser.judging import assert_accessible, assert_english, assert_fits
from tests.browser.table.scene import Table, call, convened, read
from tests.browser.watching import Windows

ROOM = "四楼会议室"


def address(number: str) -> str:
    return f"/dashboard/consultations/{number}"


async def unfold(page: Page, label: str) -> Locator:
    """The form under a fold, open."""
    fold = page.locator("details.other-act").filter(has=page.locator("summary", has_text=label))
    if await fold.get_attribute("open") is None:
        await fold.locator("summary").click()
    return fold


def task(page: Page, case: str, code: str, line: int) -> tuple[Locator, Locator]:
    """Wording and working days of one line of a department's part."""
    name = f"{case}:{code}"
    return page.locator(f"[name='obligation:{name}']").nth(line), page.locator(f"[name='days:{name}']").nth(line)


async def test_departments_are_invited_and_let_go_without_javascript(office: Windows, town: Table) -> None:
    office.watch.expect("422")
    number, _ = convened(town)
    call(
        town,
        f"/consultations/{number}/response",
        {"answer": "deputy", "deputy": "王副科长"},
        town.department_keys["FR-WJ"],
    )
    page = await office.open(address(number), javascript=False)
    await expect(page.get_by_role("row").filter(has_text="芙蓉区卫生健康局").first).to_contain_text("委托代表参会")
    await expect(page.locator("details", has_text="不再邀请")).to_have_count(0)
    form = await unfold(page, "增加邀请")
    await form.locator("[name=receiver]").nth(0).fill("CS-JY")
    await form.locator("[name=receiver]").nth(1).fill("没有这个局")
    await form.get_by_role("button", name="邀请并通知").click()
    await expect(page.get_by_role("alert")).to_contain_text("不在部门目录中")
    await expect(page.locator("[name=receiver]").nth(1)).to_have_value("没有这个局")
    await page.locator("[name=receiver]").nth(1).fill("")
    await page.get_by_role("button", name="邀请并通知").click()
    await expect(page.locator("#flash")).to_contain_text("已增加邀请： 长沙市教育局")
    form = await unfold(page, "取消邀请")
    await form.get_by_label("芙蓉区卫生健康局").check()
    await form.get_by_label("理由").fill("  ")
    await form.get_by_role("button", name="取消邀请").click()
    await expect(page.get_by_role("alert")).to_contain_text("请写明理由")
    await expect(page.locator("#uninviting").get_by_label("芙蓉区卫生健康局")).to_be_checked()
    await page.locator("#uninviting-reason").fill("经核实与卫健无关")
    await page.locator("#uninviting").get_by_role("button", name="取消邀请").click()
    await expect(page.locator("#flash")).to_contain_text("不再邀请以下部门，并已告知： 芙蓉区卫生健康局")
    seats = [seat["department"] for seat in read(town, f"/consultations/{number}")["invitations"]]
    assert seats == ["CS-JY", "FR-MZ"]


async def test_a_clash_is_named_and_met_in_spite_of_it_and_a_suggestion_fills_the_form(
    office: Windows, town: Table
) -> None:
    office.watch.expect("409|422")
    first, _ = convened(town)
    taken = {"meeting_at": "2026-03-05T09:00:00+08:00", "place": ROOM, "minutes_long": 90}
    call(town, f"/consultations/{first}/schedule", taken)
    number, _ = convened(town, departments=("CS-JY", "FR-MZ"))
    page = await office.open(address(number))
    await expect(page.locator(".slots a").first).to_have_attribute("href", re.compile("meeting_at=2026-03-0"))
    assert not await page.locator(".slots a[data-set-value='2026-03-05T09:00']").count()
    await page.locator("#meeting-at").fill("2026-03-05T10:00")
    await page.locator("#meeting-place").fill(ROOM)
    await page.get_by_role("button", name="确定并通知各部门").click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("该时间与其他会商冲突")
    await expect(alert).to_contain_text(f"{first} 2026-03-05 09:00–10:30 芙蓉区民政局、{ROOM}")
    await expect(page.locator("#meeting-place")).to_have_value(ROOM)
    await page.locator("#meeting-at").fill("2026-03-07T10:00")
    await page.get_by_role("button", name="确定并通知各部门").click()
    await expect(alert).to_contain_text("最近可以安排在 2026-03-09 09:00")
    await page.locator(".slots a").first.click()
    await expect(page.locator("#meeting-at")).to_be_focused()
    await expect(page.locator("#meeting-at")).to_have_value(re.compile(r"^2026-03-0\dT\d\d:00$"))
    await page.locator("#meeting-at").fill("2026-03-05T10:00")
    await page.locator("#schedule").get_by_label("有冲突仍安排").check()
    await page.get_by_role("button", name="确定并通知各部门").click()
    await expect(page.locator("#flash")).to_contain_text("时间和地点已确定")
    await expect(page.locator(".facts").first).to_contain_text("2026年3月5日 10:00")


async def test_free_times_are_found_for_a_length_and_chosen_without_javascript(office: Windows, town: Table) -> None:
    office.watch.expect("422")
    number, _ = convened(town)
    page = await office.open(address(number), javascript=False)
    search = page.get_by_role("form", name="按时长和地点找空闲时间")
    await search.get_by_label("时长（分钟）").fill("180")
    await search.get_by_label("地点").fill(ROOM)
    await search.get_by_role("button", name="找空闲时间").click()
    assert [await link.get_attribute("data-set-value") for link in await page.locator(".slots a").all()] != []
    for link in await page.locator(".slots a").all():
        assert (await link.get_attribute("data-set-value") or "")[-5:] in {"09:00", "14:00", "15:00"}
    chosen = await page.locator(".slots a").last.get_attribute("data-set-value") or ""
    await page.locator(".slots a").last.click()
    await expect(page.locator("#meeting-at")).to_have_value(chosen)
    await expect(page.locator("#minutes-long")).to_have_value("180")
    await expect(page.locator("#meeting-place")).to_have_value(ROOM)
    await page.locator("#meeting-at").fill("2026-05-28T10:00")
    await page.get_by_role("button", name="确定并通知各部门").click()
    await expect(page.get_by_role("alert")).to_contain_text("请填写“晚于时限的理由”")
    await expect(page.locator("#minutes-long")).to_have_value("180")
    await page.locator("#late-reason").fill("主要负责人在外培训")
    await page.get_by_role("button", name="确定并通知各部门").click()
    await expect(page.locator("#flash")).to_contain_text("时间和地点已确定")


async def test_more_time_is_taken_once_and_cases_come_off_without_javascript(office: Windows, town: Table) -> None:
    office.watch.expect("422")
    number, cases = convened(town, cases=2)
    page = await office.open(address(number), javascript=False)
    form = await unfold(page, "延长时限")
    await form.get_by_label("延长的工作日").fill("5")
    await form.get_by_label("理由").fill("  ")
    await form.get_by_role("button", name="延长时限").click()
    await expect(page.locator("#extension-days")).to_have_value("5")
    await page.locator("#extension-reason").fill("等待省厅口径")
    await page.get_by_role("button", name="延长时限").click()
    await expect(page.locator("#flash")).to_contain_text("时限已延长")
    await expect(page.locator(".facts").first).to_contain_text("已延长过一次")
    await expect(page.locator("#extension")).to_have_count(0)
    form = await unfold(page, "撤出事项")
    await form.get_by_label("事项", exact=True).select_option(cases[1])
    await form.get_by_label("理由").fill("  ")
    await form.get_by_role("button", name="撤出事项").click()
    await expect(page.locator("#withdrawn-case")).to_have_value(cases[1])
    await page.locator("#withdrawal-reason").fill("单独办理")
    await page.locator("#withdrawal").get_by_role("button", name="撤出事项").click()
    await expect(page.locator(".agenda > li").nth(1)).to_contain_text("已撤出议程")
    form = await unfold(page, "取消会商")
    await form.get_by_label("理由").fill("改为直接交办")
    await form.get_by_role("button", name="取消会商").click()
    await expect(page.locator(".page-head")).to_contain_text("已取消")
    await expect(page.locator("main form[method=post]")).to_have_count(0)


async def test_a_session_is_concluded_in_part_with_several_obligations_without_javascript(
    office: Windows, town: Table
) -> None:
    office.watch.expect("422")
    number, (now, later) = convened(town, cases=2)
    page = await office.open(address(number), javascript=False)
    words, days = task(page, now, "FR-MZ", 0)
    await words.fill("停用群里接龙")
    await days.fill("3")
    await page.locator(f"[name=more][value='{now}:FR-MZ']").click()
    words, days = task(page, now, "FR-MZ", 1)
    await expect(words).to_be_focused()
    await words.fill("合并三张表")
    await days.fill("20")
    await expect(task(page, now, "FR-MZ", 0)[0]).to_have_value("停用群里接龙")
    await page.locator(f"[name='added:{now}']").fill("CS-JY")
    await page.locator(f"[name=more][value='{now}:+']").click()
    await expect(page.locator(f"[name='added:{now}']")).to_have_count(2)
    await task(page, now, "+0", 0)[0].fill("配合清理")
    await page.locator(f"[name='dissent:{now}:FR-WJ']").fill("认为应由教育部门牵头")
    await page.locator(f"#later-{later}").check()
    await expect(page.locator(f"[name='lead:{later}']").first).to_be_hidden()
    await page.get_by_label("芙蓉区卫生健康局").last.select_option("absent")
    await page.locator("#minutes").fill("会议议定如下。")
    await page.get_by_role("button", name="形成结论并交办").click()
    alert = page.get_by_role("alert")
    for said in ("选定一个牵头单位", "写了办理要求的部门，请同时选定", "请填写再议的会议时间"):
        await expect(alert).to_contain_text(said)
    await expect(task(page, now, "FR-MZ", 1)[1]).to_have_value("20")
    await expect(page.locator(f"[name='added:{now}']").first).to_have_value("CS-JY")
    await expect(page.locator(f"#later-{later}")).to_be_checked()
    await page.locator(f"[name='lead:{now}'][value='FR-MZ']").check()
    await page.locator("#adjourned_meeting-at").fill("2026-03-10T09:00")
    await page.locator("#adjourned_meeting-place").fill("五楼会议室")
    await page.get_by_role("button", name="形成结论并交办").click()
    await expect(page.locator("#flash")).to_contain_text("其余议题延期再议")
    agenda = page.locator(".agenda > li")
    for said in ("停用群里接龙", "3 个工作日", "配合清理", "认为应由教育部门牵头", "缺席"):
        await expect(agenda.first).to_contain_text(said)
    await expect(page.locator(".facts").first).to_contain_text("2026年3月10日 09:00")
    await expect(page.locator("#minutes-title")).to_be_visible()
    duties = read(town, f"/cases/{now}")["assignments"]
    assert sorted((d["department"], d["role"]) for d in duties) == [
        ("CS-JY", "supporting"), ("FR-MZ", "lead"), ("FR-MZ", "lead"),
    ]  # fmt: skip
    terms = {d["obligation"]: date.fromisoformat(d["due_at"][:10]) for d in duties}
    assert (terms["停用群里接龙"], terms["合并三张表"]) == (date(2026, 3, 5), date(2026, 3, 30))


async def test_a_line_is_added_in_place_and_enter_concludes_by_keyboard(office: Windows, town: Table) -> None:
    office.watch.expect("422")
    number, (case,) = convened(town)
    page = await office.open(address(number))
    await page.locator("#minutes").fill("已议定。")
    await page.locator("#late-reason").fill("别处写了一半")
    words, _ = task(page, case, "FR-MZ", 0)
    await words.fill("只报一张表")
    await page.locator(f"[name=more][value='{case}:FR-MZ']").focus()
    await page.keyboard.press("Enter")
    second, _ = task(page, case, "FR-MZ", 1)
    await expect(second).to_be_focused()
    await page.keyboard.type("年底前停用旧系统")
    await expect(page.locator("#minutes")).to_have_value("已议定。")
    await expect(page.locator("#late-reason")).to_have_value("别处写了一半")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("选定一个牵头单位")
    await expect(second).to_have_value("年底前停用旧系统")
    await expect(page.locator(f"[name='obligation:{case}:FR-MZ']")).to_have_count(2)
    await page.locator(f"[name='lead:{case}'][value='FR-MZ']").focus()
    await page.keyboard.press("Space")
    await page.get_by_label("未达成一致").check()
    await page.locator(f"#reason-{case}").fill("依职责确定")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#flash")).to_contain_text("已形成结论并交办")
    await expect(page.locator(".agenda")).to_contain_text("未达成一致，由统筹部门裁定")
    await expect(page.locator(".page-head")).to_contain_text("已形成结论")


async def test_the_forms_of_a_session_are_accessible_unfolded_and_fit(office: Windows, town: Table) -> None:
    number, (case, _) = convened(town, cases=2, departments=("CS-JY", "FR-MZ", "FR-WJ"))
    for language in ("zh", "en"):
        page = await office.open(address(number), language=language)
        await page.locator("details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
        await page.locator(f"[name=more][value='{case}:FR-MZ']").click()
        await expect(page.locator(f"[name='obligation:{case}:FR-MZ']")).to_have_count(2)
        await assert_accessible(page)
    await assert_english(page)
    await page.set_viewport_size({"width": 360, "height": 740})
    await assert_fits(page)
