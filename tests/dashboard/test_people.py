"""用户与角色 and 操作日志 on the pages: a password shown once, changes at once, stale forms change nothing."""

import html
import re

import httpx
from sqlalchemy import select

from app.models import AdminActKind, Role, User
from tests.city import CityUnderTest
from tests.dashboard.office import HTMX, PASSWORD, OfficeBrowser, at_work, employ, shown, visitor

PAGE = "/dashboard/people"
LOG = "/dashboard/admin-log"


async def url_of(city: CityUnderTest, username: str) -> str:
    async with city.runtime.database.read() as session:
        return f"{PAGE}/{await session.scalar(select(User.id).where(User.username == username))}"


def secret_on(page: httpx.Response) -> str:
    [secret] = re.findall(r'<code class="secret-value">([^<]+)</code>', page.text)
    return html.unescape(secret)


async def test_a_person_comes_with_a_password_shown_once_and_changes_it_first(city: CityUnderTest) -> None:
    admin = await at_work(city, Role.ADMINISTRATOR)
    await admin.get(PAGE)
    fields = {"username": "wang", "display_name": "王芳", "role": "leader"}
    before = admin.hidden(PAGE)
    made = await admin.send(PAGE, fields)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    password = secret_on(made)
    again = await admin.post(PAGE, before | fields)
    assert again.status_code == 409
    assert "这个用户名已被使用" in shown(again)
    assert 'value="王芳"' in again.text
    assert password not in (await admin.get(PAGE)).text
    assert "王芳 wang 统筹部门负责人 — 在用 待更换初始密码 — 0" in shown(admin.page)
    wang = await visitor(city)
    assert (await wang.sign_in("wang", password, "/dashboard/ledger")).status_code == 303
    assert (await wang.follow()).headers["location"] == "/dashboard/account"
    assert (await wang.get("/dashboard/", **HTMX)).headers["hx-redirect"] == "/dashboard/account"
    page = await wang.get("/dashboard/account")
    assert "请先更换密码" in shown(page)
    assert 'id="menu"' not in page.text
    change = {"present": password, "new": PASSWORD, "again": PASSWORD}
    assert (await wang.send("/dashboard/account/password", change)).headers["location"] == "/dashboard/"
    assert (await wang.follow()).status_code == 200
    log = shown(await admin.get(LOG))
    assert "王芳 修改本人密码 用户名 wang" in log
    assert "周敏 新建账号 用户名 wang · 角色 统筹部门负责人" in log
    assert password not in log


async def test_each_act_holds_at_once_and_a_stale_form_changes_nothing(city: CityUnderTest) -> None:
    admin, clerk = await at_work(city, Role.ADMINISTRATOR), await at_work(city)
    url = await url_of(city, "clerk")
    await admin.get(url)
    stale = admin.hidden(f"{url}/role") | {"role": "leader"}
    assert (await clerk.get(PAGE)).status_code == 403
    answer = await admin.send(f"{url}/role", {"role": "administrator"})
    assert answer.headers["location"] == url
    assert (await clerk.get(PAGE)).status_code == 200
    assert "已更改角色，立即生效。" in shown(await admin.follow())
    for form in ("role", "deactivation", "activation", "sessions-end", "password"):
        late = await admin.post(f"{url}/{form}", stale)
        assert (late.status_code, "已经变动过" in shown(late)) == (409, True), form
    assert (await clerk.get(PAGE)).status_code == 200
    await admin.get(url)
    await admin.send(f"{url}/sessions-end")
    assert (await clerk.get(PAGE)).status_code == 303
    await clerk.sign_in("clerk")
    page = await admin.get(url)
    assert "最近登录 2026年3月2日 当前登录数 1" in shown(page)
    sent = admin.hidden(f"{url}/password")
    reset = await admin.send(f"{url}/password")
    password = secret_on(reset)
    assert (await clerk.get("/dashboard/")).status_code == 303
    assert (await clerk.sign_in("clerk", PASSWORD)).status_code == 401
    assert (await clerk.sign_in("clerk", password)).status_code == 303
    assert (await admin.post(f"{url}/password", sent)).status_code == 409
    await admin.get(url)
    await admin.send(f"{url}/deactivation")
    assert (await clerk.get("/dashboard/account")).status_code == 303
    assert (await clerk.sign_in("clerk", password)).status_code == 401
    await admin.follow()
    await admin.send(f"{url}/activation")
    assert (await clerk.sign_in("clerk", password)).status_code == 303
    said = shown(await admin.get(f"{LOG}?kind={AdminActKind.ROLE_SET}"))
    assert "共 1 条" in said
    assert "周敏 更改角色 用户名 clerk · 原为 统筹部门经办人 · 角色 系统管理员" in said


async def test_the_last_administrator_cannot_leave_and_says_why(city: CityUnderTest) -> None:
    admin = await at_work(city, Role.ADMINISTRATOR)
    url = await url_of(city, "administrator")
    page = await admin.get(url)
    assert "这是您自己的账号" in shown(page)
    assert f'action="{url}/password"' not in page.text
    for form, fields in (("deactivation", {}), ("role", {"role": "clerk"})):
        await admin.get(url)
        refused = await admin.send(f"{url}/{form}", fields)
        assert refused.status_code == 409
        assert "最后一名可用的系统管理员" in shown(refused)
    assert (await admin.get(PAGE)).status_code == 200
    await admin.get(PAGE)
    odd = await admin.send(PAGE, {"username": "a b", "display_name": "甲", "role": "clerk"})
    assert (odd.status_code, "不含空格" in shown(odd)) == (422, True)
    odd = await admin.send(PAGE, {"username": "ab", "display_name": "甲", "role": "department"})
    assert (odd.status_code, "请从列表中选择部门。" in shown(odd)) == (422, True)
    odd = await admin.send(PAGE, {"username": "ab", "display_name": "甲", "role": "nobody"})
    assert (odd.status_code, "请选择角色。" in shown(odd)) == (422, True)


async def test_people_of_departments_and_points_are_made_with_whom_they_act_for(city: CityUnderTest) -> None:
    admin = await at_work(city, Role.ADMINISTRATOR)
    await admin.get(PAGE)
    fields = {"username": "minzheng", "display_name": "赵科", "role": "department", "holder": "FR-MZ 芙蓉区民政局"}
    password = secret_on(await admin.send(PAGE, fields))
    assert "赵科 minzheng 责任单位 FR-MZ 芙蓉区民政局 在用 待更换初始密码" in shown(admin.page)
    odd = await admin.send(PAGE, fields | {"username": "cun", "role": "reporter"})
    assert (odd.status_code, "请从列表中选择观测点。" in shown(odd), 'value="cun"' in odd.text) == (422, True, True)
    zhao = await visitor(city)
    await zhao.sign_in("minzheng", password, "/dashboard/duties")
    assert (await zhao.follow()).headers["location"] == "/dashboard/account"
    await zhao.follow()
    await zhao.send("/dashboard/account/password", {"present": password, "new": PASSWORD, "again": PASSWORD})
    assert (await zhao.follow()).headers["location"] == "/dashboard/duties"
    url = await url_of(city, "minzheng")
    await admin.get(url)
    assert (await admin.send(f"{url}/role", {"role": "department", "holder": "FR-WJ"})).status_code == 303
    assert "观测点或部门 FR-WJ 芙蓉区卫生健康局" in shown(await admin.follow())
    assert (await zhao.get("/dashboard/duties")).status_code == 303
    said = shown(await admin.get(LOG))
    assert "部门 芙蓉区卫生健康局 FR-WJ · 原为 责任单位 · 角色 责任单位 · 结束的登录 1" in said
    assert "赵科 修改本人密码 用户名 minzheng" in said


async def test_an_auditor_reads_the_log_and_manages_nobody(city: CityUnderTest) -> None:
    auditor = await at_work(city, Role.AUDITOR)
    page = await auditor.get(LOG)
    assert "运维人员（命令行） 新建账号 用户名 auditor" in shown(page)
    assert 'href="/dashboard/people"' not in page.text
    english = shown(await auditor.get(f"{LOG}?lang=en"))
    assert "Operator (command line) New account User name auditor · Role Auditor" in english
    for path in (PAGE, "/dashboard/keys"):
        assert (await auditor.get(path)).status_code == 403
    clerk = await at_work(city)
    assert (await clerk.get(LOG)).status_code == 403


# ── one's own account ──


async def account(browser: OfficeBrowser, **typed: str) -> httpx.Response:
    await browser.get("/dashboard/account")
    return await browser.send("/dashboard/account/password", typed)


async def test_everybody_changes_the_own_password_and_ends_the_own_other_sessions(city: CityUnderTest) -> None:
    username = await employ(city, Role.AUDITOR)
    here, there = await visitor(city), await visitor(city)
    for browser in (here, there):
        await browser.sign_in(username)
    page = shown(await here.get("/dashboard/account"))
    assert (page.count("本次登录"), page.count("其他浏览器")) == (1, 1)
    assert (await here.send("/dashboard/account/sessions-end")).headers["location"] == "/dashboard/account"
    assert "其他浏览器" not in shown(await here.follow())
    assert (await there.get("/dashboard/")).status_code == 303
    new = "a better one, longer"
    for typed, said in (
        ({"present": "wrong", "new": new, "again": new}, "当前密码不正确"),
        ({"present": PASSWORD, "new": new, "again": "another"}, "两次输入的新密码不一致"),
        ({"present": PASSWORD, "new": "short", "again": "short"}, "密码至少 10 个字符"),
        ({"present": PASSWORD, "new": PASSWORD, "again": PASSWORD}, "新密码不能与当前密码相同"),
    ):
        refused = await account(here, **typed)
        assert (refused.status_code, said in shown(refused)) == (422, True), said
        assert new not in refused.text
    await there.sign_in(username)
    done = await account(here, present=PASSWORD, new=new, again=new)
    assert done.headers["location"] == "/dashboard/account"
    assert "密码已修改" in shown(await here.follow())
    assert (await there.get("/dashboard/")).status_code == 303
    assert (await there.sign_in(username, PASSWORD)).status_code == 401
    assert (await there.sign_in(username, new)).status_code == 303
