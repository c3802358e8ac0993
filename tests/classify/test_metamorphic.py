"""Changes that must change nothing, and changes that the decision must follow."""

import pytest

from app.directory.knowledge import Knowledge
from tests.classify.asking import ask, outcome, receivers

BASE = "{name}要求社区每天上报一次独居老人情况表,一户一页,迟报的在群里点名"
UNITS = [
    ("省民政厅", ["CS-MZ"]),
    ("市民政局", ["CS-MZ"]),
    ("区民政局", ["FR-MZ"]),
    ("省卫健委", ["CS-WJ"]),
    ("市医保局", ["CS-YB"]),
    ("区应急局", ["FR-YJ"]),
    ("长沙市教育局", ["CS-JY"]),
    ("芙蓉区残联", ["FR-CL"]),
    ("区委政法委", ["FR-ZF"]),
    ("市委宣传部", ["CS-XC"]),
    ("省药监局", ["CS-SJG"]),
    ("长沙海关", ["CS-DB"]),
    ("区消防大队", ["FR-XFJ"]),
    ("省统计局", ["CS-TJ"]),
    ("省数据局", ["CS-SJJ"]),
    ("省12345热线办", ["CS-SP"]),
    ("省城管部门", ["CS-CG"]),
    ("省政府办公厅", ["CS-ZB"]),
    ("湘江新区民政局", ["YL-MZ"]),
]


@pytest.mark.parametrize(("name", "expected"), UNITS)
def test_the_decision_follows_the_department(name: str, expected: list[str], knowledge: Knowledge) -> None:
    assert receivers(ask(knowledge, BASE.format(name=name))) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(",", "，"),
        lambda text: text.replace("要求", "要 求"),
        lambda text: text.replace("民政", "民 政"),
        lambda text: text.replace("区", "區").replace("报", "報").replace("独", "獨"),
        lambda text: "\u200b" + text.replace("每天", "每\u200d天"),
        lambda text: text + "\n",
        lambda text: "各位领导好。" + text,
        lambda text: text + "盼复。",
        lambda text: text + "顺便感谢市数据局的同志上个月来教我们用电脑。",
        lambda text: text + "市人社局办事一向爽快,要表扬。",
        lambda text: text + "建议市数据局牵头把数据打通。",
        lambda text: text + "这些数据派出所都有。",
        lambda text: text + "这事与区残联无关。",
    ],
)
def test_what_carries_nothing_changes_nothing(change: object, knowledge: Knowledge) -> None:
    text = BASE.format(name="区民政局")
    assert callable(change)
    assert outcome(ask(knowledge, change(text))) == outcome(ask(knowledge, text))


@pytest.mark.parametrize("brackets", ["〔〕", "[]", "【】", "()", "（）", "［］"])
def test_the_shape_of_the_brackets_does_not_matter(brackets: str, knowledge: Knowledge) -> None:
    number = f"湘民发{brackets[0]}2025{brackets[1]}22号"
    decision = ask(knowledge, f"{number}附了八张表,社区填到月底")
    assert receivers(decision) == ["CS-MZ"]
    assert [found.text for found in decision.document_numbers] == [number]


@pytest.mark.parametrize(
    ("district", "expected"),
    [("芙蓉区", "CS-YJ"), ("长沙县", "CS-YJ"), ("望城区", "CS-YJ"), ("浏阳市", "LYS-YJ"), ("宁乡市", "NX-YJ")],
)
def test_a_bare_city_bureau_is_the_own_one_only_in_county_level_cities(
    district: str, expected: str, knowledge: Knowledge
) -> None:
    assert receivers(ask(knowledge, "市应急局要求每天报三次隐患表", district)) == [expected]
    assert receivers(ask(knowledge, "长沙市应急局要求每天报三次隐患表", district)) == ["CS-YJ"]


def test_the_order_of_two_departments_does_not_change_who_comes(knowledge: Knowledge) -> None:
    one = ask(knowledge, "区民政局要一份名单,区残联也要一份名单")
    other = ask(knowledge, "区残联要一份名单,区民政局也要一份名单")
    assert outcome(one) == outcome(other)
    assert one.category.value == "multi_department"


def test_without_a_district_a_district_bureau_is_not_guessed(knowledge: Knowledge) -> None:
    decision = ask(knowledge, "区民政局要求每天报一张表", None)
    assert decision.category.value == "unclear"
    assert decision.receivers == ()


def test_the_observation_point_stands_in_for_a_missing_district(knowledge: Knowledge) -> None:
    from app.classify import ReportText, classify

    point = next(point for point in knowledge.pack.observation_points if point.district == "NX")
    decision = classify(ReportText("市民政局要求每天报一张表", None, point.name), knowledge)
    assert receivers(decision) == ["NX-MZ"]
