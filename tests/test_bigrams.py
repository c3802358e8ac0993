"""What a search compares: which tokens a text has, and which a question asks for."""

import pytest

from app.bigrams import LONGEST_QUESTION, asked_for, may_go_on, to_words

RARE, PRIVATE = "𠮷", "\ue815"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("形式主义", "形式 式主 主义 义"),
        ("表", "表"),
        ("填 表、格。", "填表 表格 格"),
        ("湘政办发〔2026〕12号", "湘政 政办 办发 发 2026 12 号"),
        ("YL-2026-000123", "yl2026000123"),
        ("ＹＬ－２０２６－０００１２３", "yl2026000123"),
        ("Excel表2个", "excel 表 2 个"),
        ("3.5小时", "3 5 小时 时"),
        ("㈱①ﬁ", "株 1fi"),
        (f"{RARE}{PRIVATE}村", f"{RARE}{PRIVATE} {PRIVATE}村 村"),
        ("⼈民", "人民 民"),
        ("葛\U000e0100城", "葛城 城"),
        ("a_b - c", "a b c"),
        ("！？😀\ud800", ""),
        ("x" * 100, "x" * 64 + " " + "x" * 36),
    ],
)
def test_a_text_is_cut_into_pairs_of_han_characters_and_whole_words(text: str, tokens: str) -> None:
    assert to_words([text]) == f"¶ {tokens}".strip()


def test_parts_of_a_text_are_kept_apart() -> None:
    assert to_words(["标题", "正文"]) == "¶ 标题 题 ¶ 正文 文"


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("表格", [["表格"]]),
        ("表", [["表"]]),
        ("表表", [["表表"]]),
        ("形式主义", [["形式", "式主", "主义"]]),
        ("a表", [["a", "表"]]),
        ("12号", [["12", "号"]]),
        ("表格　填报,  表格；excel", [["表格"], ["填报"], ["excel"]]),
        ("《表》、（格）", [["表"], ["格"]]),
        ("。，、 \x00%_\"'*", []),
    ],
)
def test_a_question_asks_for_each_of_its_words(question: str, words: list[list[str]]) -> None:
    assert [list(word) for word in asked_for(question)] == words


def test_only_a_pair_of_han_characters_is_complete() -> None:
    assert [may_go_on(token) for token in ("表格", "表", "a", "2026", RARE, RARE + "村")] == [
        False, True, True, True, True, False,
    ]  # fmt: skip


def test_a_question_is_read_up_to_its_limit() -> None:
    assert asked_for("a " * LONGEST_QUESTION) == (("a",),)
    assert len(asked_for(" ".join(f"w{n}" for n in range(1000)))) < LONGEST_QUESTION
