"""No text raises, none takes long, every span can be sliced from the text as it was sent."""

import json
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.classify import Decision, ReportText, classify
from app.directory.knowledge import Knowledge, compile_knowledge
from app.directory.pack import BUNDLED_PACK, load_pack
from tests.classify.asking import ask

KNOWLEDGE = compile_knowledge(load_pack(BUNDLED_PACK))
PIECES = [
    "省民政厅",
    "市应急局",
    "区委组织部",
    "浏阳市",
    "湖南省",
    "湘民发〔2025〕3号",
    "要求",
    "转发",
    "不是",
    "的系统",
    "平台",
    "社区",
    "、",
    "，",
    "。",
    " ",
    "\n",
    "\u3000",
    "\u200b",
    "㈠",
    "①",
    "APP",
    "證明",
    "衛健委",
    "\ud800",
    "\x00",
    "🙂",
    "𠮷",
    "ﬁ",
    "街道",
    "银行",
    "推给",
    "归",
    "讲",
    "民政",
    "也",
    "省里",
    "市局",
    "长沙",
    "公司",
    "感谢",
    "号",
    "〔",
    "2025",
    "\ue000",
    "\ue003",
    "湖南湘江新区",
    "分局",
]
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=40).map("".join))


def assert_spans(sent: str, decision: Decision) -> None:
    for item in decision.evidence:
        if item.field == "text":
            assert 0 <= item.start < item.end <= len(sent)
            assert sent[item.start : item.end] == item.text
        else:
            assert (item.start, item.end) == (0, 0)
    for number in decision.document_numbers:
        assert number.text in sent or decision.evidence


@settings(max_examples=400, deadline=None)
@given(text=TEXTS, district=st.sampled_from([None, "芙蓉区", "NX", "长沙县", "不存在", ""]))
def test_every_span_slices_the_text_as_sent(text: str, district: str | None) -> None:
    decision = classify(ReportText(text, district), KNOWLEDGE)
    assert_spans(text, decision)
    assert 0.0 <= decision.confidence <= 1.0
    assert Decision.from_dict(decision.to_dict()) == decision


@settings(max_examples=150, deadline=None)
@given(text=TEXTS, title=TEXTS)
def test_evidence_from_the_title_says_so_and_points_at_nothing_in_the_text(text: str, title: str) -> None:
    assert_spans(text, classify(ReportText(text, "芙蓉区", title=title), KNOWLEDGE))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\n",
        "\x00",
        "\ud800\udfff",
        "。。。。",
        "🙂" * 50,
        "省" * 500,
        "市民政局" * 400,
        "((((〔〔〔2025",
        "\ufeff",
        "\u202e市民政局",
    ],
)
def test_garbage_goes_to_triage_or_is_decided_but_never_raises(text: str, knowledge: Knowledge) -> None:
    assert_spans(text, ask(knowledge, text))


@pytest.mark.parametrize("seed", range(4))
def test_a_hundred_thousand_characters_are_survived_quickly(seed: int, knowledge: Knowledge) -> None:
    chance = random.Random(seed)
    if seed == 0:
        text = "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(100_000))
    else:
        text = "".join(chance.choice(PIECES) for _ in range(40_000))[:100_000]
    begun = time.process_time()
    decision = ask(knowledge, text)
    assert time.process_time() - begun < 0.2
    assert_spans(text, decision)


def test_two_thousand_characters_take_less_than_fifty_milliseconds_of_processor_time(knowledge: Knowledge) -> None:
    chance = random.Random(7)
    worst = 0.0
    for _ in range(10):
        text = "".join(chance.choice(PIECES[:48]) for _ in range(900))[:2000]
        begun = time.process_time()
        ask(knowledge, text)
        worst = max(worst, time.process_time() - begun)
    assert worst < 0.05


def test_the_same_input_gives_the_same_bytes_in_fresh_knowledge() -> None:
    again = compile_knowledge(load_pack(BUNDLED_PACK))
    text = "省民政厅、市残联、区卫健局各要一张表,区民政局只是转发,湘民发〔2025〕3号"
    first = json.dumps(classify(ReportText(text, "芙蓉区"), KNOWLEDGE).to_dict(), ensure_ascii=False)
    assert first == json.dumps(classify(ReportText(text, "芙蓉区"), again).to_dict(), ensure_ascii=False)
