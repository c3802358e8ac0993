"""What of a model's answer is kept: tables of answers, kind and hostile. No database and no network."""

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.advise.answer import LONGEST_CONTENT, Dropped, Opinion, Quote, read_answer
from app.advise.question import Told
from app.directory.pack import BUNDLED_PACK, load_pack
from app.masking import MASK
from app.vocabulary import OpinionFault as F
from tests.model_server import completion

TITLE = "渠道台账"
TEXT = "石板冲村每天要填渠道台账,水利站催了三回,年底重抄一本,渠道台账没人看。"
MASKED = TEXT.replace("石板冲村", MASK)
GOOD = {"departments": ["FR-SL"], "quotes": ["水利站催了三回"]}


@cache
def told() -> Told:
    by_code = load_pack(BUNDLED_PACK).by_code
    return Told(TITLE, MASKED, "芙蓉区", (by_code["FR-SL"], by_code["CS-SL"]))


def read(content: Any) -> Opinion:
    return read_answer(completion(content).body, told(), title=TITLE, text=TEXT)


def fault_of(body: bytes) -> F | None:
    try:
        read_answer(body, told(), title=TITLE, text=TEXT)
    except Dropped as dropped:
        return dropped.fault
    return None


def test_a_good_answer_is_its_codes_and_its_quotes_with_their_places_in_the_text_as_sent() -> None:
    found = read({"departments": ["FR-SL", "CS-SL", "FR-SL"], "quotes": ["水利站催了三回", "渠道台账"]})
    assert found.departments == ("FR-SL", "CS-SL")
    assert found.quotes == (Quote("水利站催了三回", 13, 20), Quote("渠道台账", 8, 12))
    assert all(TEXT[quote.start : quote.end] == quote.text for quote in found.quotes)


def test_words_of_the_title_are_quoted_without_a_place() -> None:
    found = read_answer(
        completion({"departments": ["FR-SL"], "quotes": ["区水利局"]}).body,
        Told("区水利局的表", "天天填", None, told().candidates),
        title="区水利局的表",
        text="天天填",
    )
    assert found.quotes == (Quote("区水利局", 0, 0, "title"),)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(GOOD),
        "\n  " + json.dumps(GOOD, ensure_ascii=False) + "  \n",
        "```json\n" + json.dumps(GOOD, ensure_ascii=False, indent=2) + "\n```",
        "```\n" + json.dumps(GOOD, ensure_ascii=False) + "```",
        '<think>水利站……大概是区里 {"departments": ["CS-SL"]}</think>\n\n' + json.dumps(GOOD),
        "想一想\n</think>\n```json\n" + json.dumps(GOOD) + "\n```",
        json.dumps({**GOOD, "reason": "<script>alert(1)</script>", "confidence": 1, "category": "provincial"}),
    ],
)
def test_thoughts_fences_and_further_members_are_left_aside(content: str) -> None:
    assert read(content) == Opinion(("FR-SL",), (Quote("水利站催了三回", 13, 20),))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        # not the form
        ("应当是芙蓉区水利局。", F.NOT_JSON),
        ("", F.NOT_JSON),
        ("<think>没想完", F.NOT_JSON),
        (json.dumps(GOOD)[:-5], F.NOT_JSON),
        (json.dumps(GOOD) + "以上。", F.NOT_JSON),
        ("[" * 15_000, F.NOT_JSON),
        ("9" * 15_000, F.NOT_JSON),
        ("[]", F.MALFORMED),
        ('"FR-SL"', F.MALFORMED),
        ("null", F.MALFORMED),
        ({}, F.MALFORMED),
        ({"departments": ["FR-SL"]}, F.MALFORMED),
        ({**GOOD, "quotes": []}, F.MALFORMED),
        ({**GOOD, "quotes": "水利站催了三回"}, F.MALFORMED),
        ({**GOOD, "quotes": [{"text": "水利站催了三回"}]}, F.MALFORMED),
        ({**GOOD, "quotes": [None]}, F.MALFORMED),
        ({**GOOD, "quotes": ["水利站催了三回"] * 6}, F.MALFORMED),
        ({**GOOD, "departments": "FR-SL"}, F.MALFORMED),
        ({**GOOD, "departments": {"FR-SL": 1}}, F.MALFORMED),
        ({**GOOD, "departments": [["FR-SL"]]}, F.MALFORMED),
        ({**GOOD, "departments": ["FR-SL"] * 6}, F.MALFORMED),
        # a decision in place of a suggestion
        ({"category": "municipal_district", "route": "assignment", "receivers": ["FR-SL"]}, F.MALFORMED),
        # nobody
        ({"departments": [], "quotes": []}, F.NAMES_NOBODY),
        ({"departments": [], "quotes": ["编造的话"]}, F.NAMES_NOBODY),
        # departments
        ({**GOOD, "departments": ["XX-99"]}, F.UNKNOWN_DEPARTMENT),
        ({**GOOD, "departments": ["CS-GA"]}, F.UNKNOWN_DEPARTMENT),
        ({**GOOD, "departments": ["FR-SL", "CS-GA"]}, F.UNKNOWN_DEPARTMENT),
        ({**GOOD, "departments": ["芙蓉区水利局"]}, F.UNKNOWN_DEPARTMENT),
        ({**GOOD, "departments": ["fr-sl"]}, F.UNKNOWN_DEPARTMENT),
        # quotes
        ({**GOOD, "quotes": ["区水利局催了三回"]}, F.NOT_IN_TEXT),
        ({**GOOD, "quotes": ["水利站催了三回", "年底重抄两本"]}, F.NOT_IN_TEXT),
        ({**GOOD, "quotes": ["水利站 催了三回"]}, F.NOT_IN_TEXT),
        ({**GOOD, "quotes": [f"{MASK}每天要填"]}, F.NOT_IN_TEXT),
        ({**GOOD, "quotes": ["隐去"]}, F.NOT_IN_TEXT),
        ({**GOOD, "quotes": ["石板冲村"]}, F.NOT_IN_TEXT),
        ({**GOOD, "quotes": ["\ud800年底"]}, F.NOT_IN_TEXT),
        ({**GOOD, "quotes": ["表"]}, F.MALFORMED),
        ({**GOOD, "quotes": [""]}, F.MALFORMED),
        ({**GOOD, "quotes": [",,"]}, F.MALFORMED),
        ({**GOOD, "quotes": [TEXT * 5]}, F.TOO_LONG),
        (" " * LONGEST_CONTENT + json.dumps(GOOD), F.TOO_LONG),
    ],
)  # fmt: skip
def test_everything_else_is_dropped_whole(content: Any, fault: F) -> None:
    assert fault_of(completion(content).body) is fault


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", F.NOT_JSON),
        (b"<html>", F.NOT_JSON),
        (b"\xff\xfe", F.NOT_JSON),
        (b"data: {}\n\n", F.NOT_JSON),
        (b"[" * 60_000, F.NOT_JSON),
        (b"null", F.MALFORMED),
        (b"[]", F.MALFORMED),
        (b"7", F.MALFORMED),
        (b'{"error": {"message": "overloaded"}}', F.MALFORMED),
        (b'{"choices": []}', F.MALFORMED),
        (b'{"choices": {"0": 1}}', F.MALFORMED),
        (b'{"choices": [{"message": null}]}', F.MALFORMED),
        (b'{"choices": [{"message": {"content": null}}]}', F.MALFORMED),
        (b'{"choices": [{"message": {"content": [{"type": "text", "text": "x"}]}}]}', F.MALFORMED),
        (b'{"choices": [{"text": "{}"}]}', F.MALFORMED),
    ],
)
def test_an_envelope_that_is_none_is_dropped(body: bytes, fault: F) -> None:
    assert fault_of(body) is fault


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["FR-SL", TEXT, "渠道"])
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["departments", "quotes", "x"]), inner)
)


@given(ANYTHING)
def test_whatever_is_said_an_opinion_has_only_offered_codes_and_words_of_the_report(content: Any) -> None:
    try:
        found = read(content)
    except Dropped:
        return
    assert set(found.departments) <= {"FR-SL", "CS-SL"}
    assert all(quote.text in TEXT + TITLE for quote in found.quotes)


@given(st.binary())
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    fault_of(body)
