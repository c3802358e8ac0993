"""Evidence in a text: marked where the spans say, escaped everywhere, and nothing hidden stays hidden."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dashboard.highlight import highlight, in_chinese, is_hidden, visible, visible_text

MARK = re.compile(r'<mark class="([^"]*)" title="([^"]*)">(.*?)</mark>')


def marked(markup: str) -> list[tuple[str, str]]:
    return [(content, html.unescape(title)) for _, title, content in MARK.findall(markup)]


def plain(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def test_a_span_is_marked_with_its_rule_and_what_it_supports() -> None:
    shown = highlight("要求填报省民政厅表格", [{"start": 4, "end": 8, "rule": "full-name", "supports": "source HN-MZ"}])
    assert marked(shown) == [("省民政厅", "full-name → source HN-MZ")]
    assert plain(shown) == "要求填报省民政厅表格"


def test_a_rule_is_named_in_the_readers_words_where_they_are_given() -> None:
    shown = highlight("省民政厅", [{"start": 0, "end": 4, "rule": "full-name"}], {"full-name": "全称"})
    assert marked(shown) == [("省民政厅", "全称")]


def test_overlapping_spans_are_cut_into_pieces_that_name_every_rule() -> None:
    spans = [{"start": 0, "end": 4, "rule": "a"}, {"start": 2, "end": 6, "rule": "b"}]
    assert marked(highlight("一二三四五六七", spans)) == [("一二", "a"), ("三四", "a; b"), ("五六", "b")]


def test_a_span_within_another_is_marked_as_several() -> None:
    shown = highlight("一二三", [{"start": 0, "end": 3, "rule": "a"}, {"start": 1, "end": 2, "rule": "b"}])
    assert [kind for kind, _, _ in MARK.findall(shown)] == ["evidence", "evidence evidence-several", "evidence"]


@pytest.mark.parametrize(("start", "end"), [(-5, 0), (9, 12), (3, 3), (4, 2), (-3, -1)])
def test_a_span_outside_the_text_marks_nothing(start: int, end: int) -> None:
    assert marked(highlight("一二三四", [{"start": start, "end": end, "rule": "a"}])) == []


def test_a_span_that_leaves_the_text_is_clipped() -> None:
    assert marked(highlight("一二三", [{"start": -2, "end": 99, "rule": "a"}])) == [("一二三", "a")]


def test_spans_count_code_points_not_utf16_units() -> None:
    assert marked(highlight("𠮷😀民政", [{"start": 2, "end": 4, "rule": "a"}])) == [("民政", "a")]


def test_text_and_titles_are_escaped() -> None:
    spans = [{"start": 0, "end": 8, "rule": '"><script>', "supports": "<b>"}]
    shown = highlight("<script>alert(1)</script>", spans)
    assert "<script" not in shown
    assert "<b>" not in shown
    assert plain(shown) == "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\u202e", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("\u200b", "U+200B ZERO WIDTH SPACE"),
        ("\u2066", "U+2066 LEFT-TO-RIGHT ISOLATE"),
        ("\ufeff", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("\u00ad", "U+00AD SOFT HYPHEN"),
        ("\u3164", "U+3164 HANGUL FILLER"),
        ("\U000e0041", "U+E0041 TAG LATIN CAPITAL LETTER A"),
        ("\x1b", "U+001B ESCAPE"),
        ("\x85", "U+0085 CONTROL"),
    ],
)
def test_a_hidden_character_becomes_a_named_marker_and_is_not_sent(character: str, name: str) -> None:
    shown = visible(f"民{character}政")
    assert character not in shown
    assert f'title="{name}"' in shown
    assert visible_text(f"民{character}政") == "民␣政"


@pytest.mark.parametrize("text", ["民政\n局\t1", "𠮷", "葛\U000e0100", "é", "\ue863", "😀"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text
    assert visible_text(text) == text


def test_nothing_is_an_empty_text() -> None:
    assert visible(None) == ""
    assert visible_text(None) == ""


def test_text_with_han_says_that_it_is_chinese() -> None:
    assert in_chinese("市民政局") == '<span class="user-text" lang="zh-CN">市民政局</span>'
    assert in_chinese("CS-MZ") == '<span class="user-text">CS-MZ</span>'


spans = st.lists(
    st.fixed_dictionaries({"start": st.integers(-5, 60), "end": st.integers(-5, 60), "rule": st.text(max_size=4)})
)


@given(st.text(max_size=50), spans)
def test_highlighting_only_adds_marks_to_the_text(text: str, found: list[dict[str, object]]) -> None:
    shown = highlight(text, found)
    without_markers = re.sub(r'<span class="hidden-character"[^>]*>␣</span>', "\x00", shown)
    expected = "".join("\x00" if is_hidden(character) else character for character in text)
    assert plain(without_markers) == expected
