"""What would change, told without ranking: counts, departments by code, examples with before and after."""

import json

from app.classify import Category, Decision, ReportText, classify
from app.classify.backtest import EXCERPT, BackTest
from app.directory.knowledge import Knowledge
from tests.classify.asking import ask

NAMED = "区民政局要求每周报一次独居老人走访台账。"
OTHER = "区教育局要求每周报一次独居老人走访台账。"
NAMELESS = "工作群里一天到晚要截图接龙,也不知道是哪个单位要的。"


def compared(*pairs: tuple[Decision, Decision], examples: int = 5) -> BackTest:
    result = BackTest(examples)
    for number, (before, after) in enumerate(pairs):
        result.add(ReportText(NAMED, id=str(number)), before, after)
    return result


def test_what_stays_the_same_is_only_counted(knowledge: Knowledge) -> None:
    decision = ask(knowledge, NAMED)
    result = compared((decision, decision)).to_dict()
    assert result["reports"] == 1
    assert result["decided_otherwise"] == result["suggested_otherwise"] == result["other_burden_types"] == 0
    assert result["receiving"] == {}
    assert result["examples"] == []


def test_a_changed_decision_shows_what_each_department_gains_and_loses(knowledge: Knowledge) -> None:
    civil, school, nobody = (ask(knowledge, text) for text in (NAMED, OTHER, NAMELESS))
    result = compared((civil, school), (nobody, civil), (school, school), (nobody, nobody)).to_dict()
    assert result["decided_otherwise"] == 2
    assert result["category_changes"] == [{"before": "unclear", "after": "municipal_district", "reports": 1}]
    assert list(result["receiving"]) == ["FR-JY", "FR-MZ"]
    assert result["receiving"]["FR-MZ"] == {"before": 1, "after": 1, "gained": 1, "lost": 1}
    assert result["receiving"]["FR-JY"] == {"before": 1, "after": 2, "gained": 1, "lost": 0}


def test_departments_stand_by_code_whatever_their_numbers(knowledge: Knowledge) -> None:
    civil, school, nobody = (ask(knowledge, text) for text in (NAMED, OTHER, NAMELESS))
    pairs = [(nobody, civil)] * 3 + [(nobody, school)]
    assert list(compared(*pairs).to_dict()["receiving"]) == ["FR-JY", "FR-MZ"]


def test_examples_are_as_many_as_asked_for_and_short(knowledge: Knowledge) -> None:
    civil, nobody = ask(knowledge, NAMED), ask(knowledge, NAMELESS)
    result = BackTest(2)
    for number in range(4):
        result.add(ReportText(NAMED * 20, title="标题", id=str(number)), nobody, civil)
    examples = result.to_dict()["examples"]
    assert [example["id"] for example in examples] == ["0", "1"]
    assert len(examples[0]["text"]) == EXCERPT
    assert examples[0]["before"]["category"] == Category.UNCLEAR
    assert examples[0]["after"]["receivers"] == ["FR-MZ"]


def test_what_is_kept_of_a_back_test_holds_no_word_of_a_report(knowledge: Knowledge) -> None:
    result = BackTest()
    before = classify(ReportText(NAMELESS, "芙蓉区"), knowledge)
    result.add(ReportText(NAMED), before, ask(knowledge, NAMED))
    assert "老人" in json.dumps(result.to_dict(), ensure_ascii=False)
    assert "老人" not in json.dumps(result.counts(), ensure_ascii=False)
