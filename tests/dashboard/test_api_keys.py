"""接口密钥 on the pages: made and rotated with the key shown once, revoked at once, stale forms change nothing."""

import asyncio

import httpx

from app.clock import FixedClock
from app.models import Role
from tests.city import CityUnderTest
from tests.dashboard.office import ORIGIN, OfficeBrowser, at_work, shown
from tests.dashboard.test_people import secret_on

PAGE = "/dashboard/keys"
NEW = {"role": "reporter", "holder": "FR-01", "days": "30", "label": "村务系统"}


async def works(city: CityUnderTest, key: str) -> bool:
    async with city.anonymous(headers={"Authorization": f"Bearer {key}"}) as system:
        return (await system.get("/v1/departments")).status_code == 200


async def made(browser: OfficeBrowser, **changes: str) -> httpx.Response:
    await browser.get(PAGE)
    return await browser.send(PAGE, NEW | changes)


async def url_of(city: CityUnderTest, key: str) -> str:
    rows = (await (await city.office()).get("/v1/keys")).json()
    return next(f"{PAGE}/{row['id']}" for row in rows if row["prefix"] == key.split("_")[1])


async def test_a_key_is_made_rotated_and_revoked(city: CityUnderTest, clock: FixedClock) -> None:
    admin = await at_work(city, Role.ADMINISTRATOR)
    answer = await made(admin)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    old = secret_on(answer)
    assert await works(city, old)
    await city.runtime.key_use.write()
    page = await admin.get(f"{PAGE}?holder=FR-01")
    assert old not in page.text
    point = city.runtime.cities.current.points["FR-01"].name
    assert f"{point} FR-01 观测点 村务系统 2026年3月2日 2026年4月1日 2026年3月2日 有效，将到期" in shown(page)
    url = await url_of(city, old)
    await admin.get(url)
    rotated = await admin.send(f"{url}/rotation", {"overlap_days": "2"})
    new = secret_on(rotated)
    assert (rotated.status_code, "原密钥有效至 2026年3月4日 09:30" in shown(rotated)) == (200, True)
    assert await works(city, old)
    assert await works(city, new)
    assert new not in (await admin.get(url)).text
    refused = await admin.send(f"{url}/rotation", {"overlap_days": "2"})
    assert (refused.status_code, "已有两把有效密钥" in shown(refused)) == (409, True)
    refused = await admin.send(f"{url}/revocation")
    assert (refused.status_code, "再勾选确认" in shown(refused)) == (422, True)
    await admin.send(f"{url}/revocation", {"agreed": "yes"})
    assert "已停用，立即生效。" in shown(await admin.follow())
    assert f'action="{url}/rotation"' not in admin.page.text
    assert not await works(city, old)
    assert await works(city, new)
    assert old.split("_")[1] not in (await admin.get(PAGE)).text
    assert "已停用" in shown(await admin.get(f"{PAGE}?state=all"))
    log = shown(await admin.get("/dashboard/admin-log"))
    for key in (old, new):
        assert key.split("_", 2)[2] not in log
    assert f"周敏 停用密钥 密钥前缀 {old.split('_')[1]}" in log
    before, after = old.split("_")[1], new.split("_")[1]
    assert (
        f"周敏 更换密钥 密钥前缀 {before} · 观测点 {point} FR-01 · 角色 观测点 · 换为 {after} · 有效至 2026年3月4日"
        in log
    )
    assert f"周敏 制发密钥 密钥前缀 {after} · 观测点 {point} FR-01 · 原为 {before}" in log


async def test_a_form_that_is_sent_twice_makes_and_rotates_once(city: CityUnderTest) -> None:
    admin = await at_work(city, Role.ADMINISTRATOR)

    async def thrice(action: str, typed: dict[str, str]) -> str:
        fields = admin.hidden(action) | typed
        sent = [admin.client.post(action, data=fields, headers={"Origin": ORIGIN}) for _ in range(3)]
        answers = await asyncio.gather(*sent)
        statuses = sorted(answer.status_code for answer in answers)
        assert (statuses[0] in {200, 201}, statuses[1:]) == (True, [409, 409])
        return secret_on(next(answer for answer in answers if answer.status_code < 300))

    await admin.get(PAGE)
    key = await thrice(PAGE, NEW)
    url = await url_of(city, key)
    await admin.get(url)
    stale = admin.hidden(f"{url}/rotation")
    await thrice(f"{url}/rotation", {"overlap_days": "1"})
    late = await admin.post(f"{url}/revocation", stale | {"agreed": "yes"})
    assert (late.status_code, "密钥已有变动" in shown(late)) == (409, True)
    assert await works(city, key)
    rows = (await (await city.office()).get("/v1/keys?observation_point=FR-01")).json()
    assert len(rows) == 2


async def test_what_cannot_be_is_refused_and_stays_as_typed(city: CityUnderTest) -> None:
    admin = await at_work(city, Role.ADMINISTRATOR)
    for changes, said in (
        ({"holder": "没有这个村"}, "请从列表中选择观测点。"),
        ({"role": "department", "holder": "没有这个局"}, "请从列表中选择部门。"),
        ({"role": "clerk", "holder": "FR-MZ"}, "统筹部门的角色不属于观测点或部门"),
        ({"role": "nobody"}, "请选择角色。"),
        ({"days": "0"}, "1 至 3650 的整天数"),
        ({"label": "两\n行"}, "用途请写在一行内"),
    ):
        refused = await made(admin, **changes)
        assert (refused.status_code, said in shown(refused)) == (422, True), said
    assert 'value="FR-01" maxlength="200"' in (await made(admin, days="x")).text
    department = await made(admin, role="department", holder="芙蓉区民政局", days="", label="")
    assert await works(city, secret_on(department))
    page = shown(await admin.get(f"{PAGE}?role=department&holder=FR-MZ&lang=en"))
    assert "FR-MZ" in page
    assert "In force" in page
    url = await url_of(city, secret_on(department))
    await admin.get(url)
    for days in ("0", "91", ""):
        refused = await admin.send(f"{url}/rotation", {"overlap_days": days})
        assert (refused.status_code, "1 to 90 whole days" in shown(refused)) == (422, True)
