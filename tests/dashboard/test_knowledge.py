"""词表与规则: what is known is looked up, a text tried, a changed word held against past reports; nothing changes."""

import re

import pytest

from app.api.door import thresholds_of
from app.classify import classify
from app.clock import FixedClock
from app.dashboard.knowledge import TABLES
from app.directory.trial_words import BadWord, WordChange, WordKind, changed_pack
from app.flow import rewording
from app.flow.learning import past_reports
from app.flow.rewording import Step, rehearse
from app.models import Role
from tests.city import CityUnderTest
from tests.dashboard.office import HTMX, at_work, report, shown

PATH = "/dashboard/knowledge"
NICKNAMED = "芙蓉福利站那边要求社区每周填一张独居老人走访表，照片还要打印出来，同样的内容月底再报一遍。"
OTHERS = (
    "区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。",
    "市交通局要求村道警示桩全部刷成新颜色，刷一根拍一张照，油漆钱村里先垫。",
    "水利那边的渠道台账每天要填，有没有水都要写三行，年底还要重抄一本。",
)
ALIAS = WordChange(WordKind.DEPARTMENT, "芙蓉福利站", "FR-MZ")


async def test_every_table_is_shown_and_searched(city: CityUnderTest) -> None:
    browser = await at_work(city, Role.AUDITOR)
    known = city.runtime.cities.current
    for key, table in TABLES.items():
        rows = list(table.rows(known))
        assert rows, key
        page = await browser.get(f"{PATH}?table={key}")
        assert f"共 {len(rows)} 条" in shown(page)
        assert all(len(row) == len(table.columns) for row in rows)
    found = shown(await browser.get(f"{PATH}?table=prefixes&text=长民发"))
    assert "长沙市民政局" in found
    assert "没有符合条件的记录" in shown(await browser.get(f"{PATH}?table=cues&text=没有这个词"))
    assert known.knowledge.version in found


async def test_a_tried_text_is_decided_as_the_interface_decides_it_and_is_not_kept(city: CityUnderTest) -> None:
    browser, office = await at_work(city, Role.AUDITOR), await city.office()
    await browser.get(f"{PATH}/sentence")
    text = OTHERS[0] + "<b>芙民发〔2026〕3号</b>"
    page = await browser.send(f"{PATH}/sentence", {"text": text, "district": "FR"})
    decided = (await office.post("/v1/classifications", json={"text": text, "district": "FR"})).json()
    assert decided["receivers"][0]["name"] in shown(page)
    assert decided["summary"] in shown(page)
    marked = re.findall(r'<mark class="evidence[^>]*>(.*?)</mark>', page.text)
    assert any("区民政局" in piece for piece in marked), marked
    assert "<b>" not in page.text, "what was typed is text"
    assert f"{len(decided['evidence'])} 处依据" in shown(page)
    assert (await office.get("/v1/cases")).json()["cases"] == []
    assert (await browser.send(f"{PATH}/sentence", {"text": ""})).status_code == 422


async def past(city: CityUnderTest) -> None:
    for number in range(3):
        await report(city, f"{NICKNAMED}第{number}次。")
        for text in OTHERS:
            await report(city, f"{text}第{number}次。")


async def steps(city: CityUnderTest, change: WordChange, clock: FixedClock) -> list[Step]:
    found: list[Step] = []
    after = None
    while not found or after is not None:
        step = await rehearse(
            city.runtime.database, city.runtime.cities.current, change, thresholds_of(city.runtime),
            months=3, now=clock.now(), after=after,
        )  # fmt: skip
        found.append(step)
        after = step.after
    return found


@pytest.mark.parametrize(
    "change",
    [
        ALIAS,
        WordChange(WordKind.LINE, "福利站", "民政"),
        WordChange(WordKind.TOPIC, "警示桩", "民政"),
        WordChange(WordKind.BURDEN, "油漆钱", "QUOTA"),
    ],
    ids=lambda change: change.kind.value,
)
async def test_what_would_be_decided_otherwise_is_what_deciding_everything_again_finds(
    city: CityUnderTest, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, change: WordChange
) -> None:
    await past(city)
    known = city.runtime.cities.current
    version = known.knowledge.version
    tried, thresholds = rewording._knowledge_with(known, change), thresholds_of(city.runtime)
    both = [(r.id, classify(r, known.knowledge, thresholds), classify(r, tried, thresholds))
            async for r in past_reports(city.runtime.database, known)]  # fmt: skip
    wanted = {
        number for number, before, after in both
        if (before.category, before.reason, before.receivers, before.suggestions)
        != (after.category, after.reason, after.receivers, after.suggestions)
    }  # fmt: skip
    monkeypatch.setattr(rewording, "PAGE", 2)
    monkeypatch.setattr(rewording, "MOST_READ", 4)
    found = await steps(city, change, clock)
    assert {one.report.number for step in found for one in step.otherwise} == wanted
    assert sum(step.read for step in found) == len(both) == found[0].total
    assert len(found) == 4
    assert known.knowledge.version == version
    assert city.runtime.cities.current is known, "what is in force was not touched"
    if change is ALIAS:
        assert len(wanted) == 3
        [one] = {one.example.after["receivers"][0] for step in found for one in step.otherwise}
        assert one == "FR-MZ"


async def test_the_page_goes_through_past_reports_step_by_step(
    city: CityUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await past(city)
    monkeypatch.setattr(rewording, "PAGE", 4)
    monkeypatch.setattr(rewording, "MOST_READ", 8)
    browser = await at_work(city)
    await browser.get(f"{PATH}/change")
    wish = {"kind": "department", "word": "芙蓉福利站", "target": "FR-MZ 芙蓉区民政局", "months": "3"}
    first = await browser.send(f"{PATH}/change", wish)
    assert "已回放 8 / 12 件，含该词的 2 件，其中会判得不一样的 2 件" in shown(first)
    part = re.search(
        r'<form method="post" action="/dashboard/knowledge/change" hx-post.*?</form>', first.text, re.DOTALL
    )
    assert part is not None
    more = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', part.group()))
    last = await browser.post(f"{PATH}/change", more, **HTMX, HX_Target="step")
    assert "已回放 12 / 12 件，含该词的 3 件，其中会判得不一样的 3 件" in shown(last)
    assert "<html" not in last.text
    assert "hx-trigger" not in last.text, "it is at an end"
    for wrong in (
        {"target": "没有这个部门"},
        {"word": "局"},
        {"word": "福利站点"},
        {"word": ""},
        {"kind": "?"},
        {"remove": "yes"},
    ):
        await browser.get(f"{PATH}/change")
        refused = await browser.send(f"{PATH}/change", wish | wrong)
        assert refused.status_code == 422, wrong


def test_a_word_is_put_in_and_taken_out_of_the_very_list() -> None:
    from app.directory.pack import BUNDLED_PACK, load_pack

    pack = load_pack(BUNDLED_PACK)
    for kind, target, field in (
        (WordKind.DEPARTMENT, "CS-MZ", "departments"),
        (WordKind.LINE, "民政", "bodies"),
        (WordKind.TOPIC, "民政", "topics"),
        (WordKind.BURDEN, "FORMS", "burden_cues"),
    ):
        change = WordChange(kind, "芙蓉福利站", target)
        more = changed_pack(pack, change)
        assert getattr(more, field) != getattr(pack, field)
        assert more.version == f"{pack.version}-tried"
        less = changed_pack(more, WordChange(kind, "芙蓉福利站", target, remove=True))
        assert "芙蓉福利站" in str(getattr(more, field))
        assert "芙蓉福利站" not in str(getattr(less, field))
        for wrong in (
            WordChange(kind, "芙蓉福利站", target, remove=True),
            WordChange(kind, "芙蓉福利站", "NOWHERE"),
            WordChange(kind, "局", target),
            WordChange(kind, "甲|乙", target),
        ):
            with pytest.raises(BadWord):
                changed_pack(pack, wrong)
        with pytest.raises(BadWord):
            changed_pack(more, change)
