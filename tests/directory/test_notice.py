"""The yearly notice in its own words, checked day by day against the published data; faulty ones change nothing."""

from datetime import date

import pytest

from app.directory.announcing import NamedDay, of_list, of_notice, read_announcement
from app.directory.announcing import _changes as changes_of
from app.directory.calendar import published_days
from app.directory.notice import BadNotice, read_notice

HEAD = """国务院办公厅关于{year}年
部分节假日安排的通知
各省、自治区、直辖市人民政府，国务院各部委、各直属机构：
经国务院批准，现将{year}年元旦、春节、清明节、劳动节、端午节、中秋节和国庆节放假调休日期的具体安排通知如下。
"""
FOOT = """
节假日期间，各地区、各部门要妥善安排好值班和安全、保卫、疫情防控等工作，遇有重大突发事件，要按规定及时报告并妥善处置。
国务院办公厅
{before}年11月4日
"""
OF_2024 = """一、元旦：1月1日放假，与周末连休。
二、春节：2月10日至17日放假调休，共8天。2月4日（星期日）、2月18日（星期日）上班。鼓励各单位结合带薪年休假等制度落实，安排职工在除夕（2月9日）休息。
三、清明节：4月4日至6日放假调休，共3天。4月7日（星期日）上班。
四、劳动节：5月1日至5日放假调休，共5天。4月28日（星期日）、5月11日（星期六）上班。
五、端午节：6月10日放假，与周末连休。
六、中秋节：9月15日至17日放假调休，共3天。9月14日（星期六）上班。
七、国庆节：10月1日至7日放假调休，共7天。9月29日（星期日）、10月12日（星期六）上班。"""
OF_2025 = """一、元旦：1月1日（周三）放假1天，不调休。
二、春节：1月28日（农历除夕、周二）至2月4日（农历正月初七、周二）放假调休，共8天。1月26日（周日）、2月8日（周六）上班。
三、清明节：4月4日（周五）至6日（周日）放假，共3天。
四、劳动节：5月1日（周四）至5日（周一）放假调休，共5天。4月27日（周日）上班。
五、端午节：5月31日（周六）至6月2日（周一）放假，共3天。
六、国庆节、中秋节：10月1日（周三）至8日（周三）放假调休，共8天。9月28日（周日）、10月11日（周六）上班。
鼓励单位和个人结合落实带薪年休假等制度，实际形成较长假期，推动错峰出行。"""
OF_2026 = """一、元旦：1月1日（周四）至3日（周六）放假调休，共3天。1月4日（周日）上班。
二、春节：2月15日（农历腊月二十八、周日）至23日（农历正月初七、周一）放假调休，共9天。2月14日（周六）、2月28日（周六）上班。
三、清明节：4月4日（周六）至6日（周一）放假，共3天。
四、劳动节：5月1日（周五）至5日（周二）放假调休，共5天。5月9日（周六）上班。
五、端午节：6月19日（周五）至21日（周日）放假，共3天。
六、中秋节：9月25日（周五）至27日（周日）放假，共3天。
七、国庆节：10月1日（周四）至7日（周三）放假调休，共7天。9月20日（周日）、10月10日（周六）上班。
鼓励单位和个人结合落实带薪年休假等制度，实际形成较长假期，推动错峰出行。"""
NOTICES = {2024: OF_2024, 2025: OF_2025, 2026: OF_2026}


def whole(year: int, body: str | None = None) -> str:
    return HEAD.format(year=year) + (NOTICES[year] if body is None else body) + FOOT.format(before=year - 1)


def worked_days(text: str, year: int | None = None) -> dict[date, bool]:
    return {change.day: change.working for change in changes_of(read_announcement(text, year), {})}


PUBLISHED = {day: working for day, (working, _) in published_days().items()}


@pytest.mark.parametrize("year", NOTICES)
def test_the_notice_says_of_every_day_of_its_year_what_was_published(year: int) -> None:
    assert worked_days(whole(year)) == {day: working for day, working in PUBLISHED.items() if day.year == year}


@pytest.mark.parametrize("year", NOTICES)
@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.translate(str.maketrans("：（），", ":(),")),  # half-width signs
        lambda t: t.replace("。", "。\n"),  # broken lines
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("\n", ""),  # all in one line
        lambda t: t.replace("至", "—").replace("月", " 月 "),
        lambda t: "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in t),  # full-width digits
        lambda t: "\ufeff\u3000\u3000" + t.replace("\n", "\n\u3000\u3000"),
    ],
)  # fmt: skip
def test_the_form_in_which_it_was_pasted_changes_nothing(year: int, change: object) -> None:
    assert callable(change)
    assert worked_days(change(whole(year))) == worked_days(whole(year))


def test_lines_alone_are_enough_where_the_year_is_given() -> None:
    assert worked_days(OF_2026, 2026) == worked_days(whole(2026))
    assert worked_days(OF_2026.replace("一、", "").replace("二、", ""), 2026) == worked_days(whole(2026))


def test_days_of_the_year_before_may_be_named() -> None:
    text = OF_2026.replace(
        "1月1日（周四）至3日（周六）放假调休，共3天。1月4日（周日）上班",
        "2025年12月31日至2026年1月2日放假调休，共3天。2025年12月28日（周日）、1月4日（周日）上班",
    )
    days = worked_days(text, 2026)
    assert (days[date(2025, 12, 31)], days[date(2025, 12, 28)], days[date(2026, 1, 2)]) == (False, True, False)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("（周四）至7日", "（周五）至7日", "2026-10-01 是周四"),
        ("共7天", "共8天", "列出的日期却是 7 天"),
        ("六、中秋节：9月25日（周五）至27日（周日）放假，共3天。\n", "", "缺少：中秋"),
        ("9月20日（周日）", "10月4日（周日）", "2026-10-04 前后矛盾"),
        ("9月20日（周日）", "9月21日（周一）", "2026-09-21 本来就上班"),
        ("9月20日（周日）", "9月31日（周日）", "没有这一天"),
        ("10月1日（周四）至7日（周三）", "10月7日（周三）至1日（周四）", "起止日期不通"),
        (
            "1月1日（周四）至3日（周六）放假调休，共3天",
            "1月2日（周五）至3日（周六）放假调休，共2天",
            "2026-01-01 是法定节日",
        ),
        ("4月4日（周六）至6日（周一）放假，共3天", "4月4日（周六）至6日（周一）另行通知", "看不懂"),
        ("关于2026年\n部分", "关于2027年\n部分", "看不出是哪一年"),
    ],
)
def test_a_contradictory_or_incomplete_notice_is_refused_with_what_is_wrong(before: str, after: str, says: str) -> None:
    text = whole(2026)
    assert before in text
    with pytest.raises(BadNotice) as refused:
        read_notice(text.replace(before, after))
    assert says in refused.value.zh
    assert "没有改动任何日期" in refused.value.zh


@pytest.mark.parametrize("text", ["", "通知", "关于9999年部分节假日安排的通知", "<html>1月1日</html>", "元旦："])
def test_what_is_no_notice_is_refused(text: str) -> None:
    with pytest.raises(BadNotice):
        read_notice(text)


# ── lists of days ──

OF_2027 = [NamedDay(date(2027, 1, 1), False, "元旦"),
           *(NamedDay(date(2027, 2, d), False, "春节") for d in range(5, 12)),
           NamedDay(date(2027, 4, 5), False, "清明节"), NamedDay(date(2027, 5, 1), False, "劳动节"),
           *(NamedDay(date(2027, 10, d), False, "国庆节") for d in range(1, 8)),
           NamedDay(date(2027, 10, 9), True)]  # fmt: skip


def test_a_list_for_an_unknown_year_makes_each_of_its_days_known() -> None:
    changes = changes_of(of_list(2027, OF_2027), PUBLISHED)
    assert len(changes) == 365
    assert {c.day for c in changes if c.working and c.day.weekday() > 4} == {date(2027, 10, 9)}
    assert all(c.was is None for c in changes)


def test_csv_and_json_say_the_same() -> None:
    rows = [(d.day.isoformat(), d.working, d.name or "") for d in OF_2027]
    lines = "\n".join(f"{day},{str(working).lower()},{name}" for day, working, name in rows)
    listed = ",".join(f'{{"day":"{d}","working":{str(w).lower()},"name":"{n}"}}' for d, w, n in rows)
    assert read_announcement(f"day,working,name\n{lines}\n") == of_list(2027, OF_2027)
    assert read_announcement(f'{{"year":2027,"days":[{listed}]}}') == of_list(2027, OF_2027)


def test_of_a_known_year_a_list_corrects_the_days_it_names() -> None:
    correction = of_list(2026, [NamedDay(date(2026, 9, 3), False, "纪念日")])
    assert [(c.day, c.was, c.working) for c in changes_of(correction, PUBLISHED)] == [(date(2026, 9, 3), True, False)]


def test_what_is_known_already_changes_nothing() -> None:
    assert changes_of(of_notice(read_notice(whole(2026))), PUBLISHED) == []


@pytest.mark.parametrize(
    "text",
    [
        "day,working,name\n2027-01-01,false,元旦\n",
        "day,working,name\n",
        "day,working\n2027-13-01,false\n",
        "day,working\n2027-01-01,perhaps\n",
        '{"days": 5}',
        '{"year": "2027", "days": [{"day": "2027-01-01", "working": false}]}',
        "{",
        '[{"day": "2026-09-03", "working": false}, {"day": "2026-09-03", "working": true}]',
        '{"year": 2026, "days": [{"day": "2029-09-03", "working": false}]}',
    ],
)
def test_a_faulty_list_is_refused(text: str) -> None:
    with pytest.raises(BadNotice):
        changes_of(read_announcement(text), PUBLISHED)
