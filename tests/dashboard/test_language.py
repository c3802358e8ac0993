"""The two languages of the pages: complete, and chosen by address, cookie, else Chinese."""

import re

import pytest
from babel.messages.catalog import Message
from starlette.requests import Request
from starlette.responses import Response

from app.dashboard.language import language_choices, language_of, remember_language, translations, translator
from tests.dashboard.catalogue import entries, messages_in_source

VARIABLE = re.compile(r"%\((\w+)\)s")
HALF_WIDTH_AFTER_HAN = re.compile(r"[\u4e00-\u9fff][,:;?!()]")


def page_request(query: str = "", cookie: str = "") -> Request:
    headers = [(b"cookie", cookie.encode())] if cookie else []
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/x",
            "scheme": "http",
            "query_string": query.encode(),
            "headers": headers,
        }
    )


def test_every_message_has_its_english_and_nothing_is_left_over() -> None:
    said = {tuple(m.id) if isinstance(m.id, (list, tuple)) else m.id for m in entries("en")}
    wanted = messages_in_source()
    missing = "\n".join(f'# {wanted[message]}\nmsgid "{message}"\nmsgstr ""' for message in wanted.keys() - said)
    assert not missing, f"add to locales/en.po:\n{missing}"
    assert not said - wanted.keys(), f"no page says these any more: {said - wanted.keys()}"


@pytest.mark.parametrize("message", entries("en"), ids=lambda message: str(message.id))
def test_an_english_line_is_whole_and_keeps_its_variables(message: Message) -> None:
    sources = message.id if isinstance(message.id, (list, tuple)) else (message.id,)
    translated = message.string if isinstance(message.string, (list, tuple)) else (message.string,)
    said = [line or "" for line in translated]
    assert all(said), "empty"
    assert not message.fuzzy
    wanted = {name for source in sources for name in VARIABLE.findall(source)}
    assert all(set(VARIABLE.findall(line)) == wanted for line in said)
    assert not any(re.search(r"[\u4e00-\u9fff]", line) for line in said), "Chinese in the English line"


def test_chinese_messages_use_chinese_punctuation() -> None:
    flat = [part for key in messages_in_source() for part in (key if isinstance(key, tuple) else (key,))]
    assert [text for text in flat if HALF_WIDTH_AFTER_HAN.search(text)] == []


def test_a_message_is_its_own_chinese() -> None:
    assert translator("zh")("待分办") == "待分办"


def test_english_comes_from_the_catalogue_with_its_plural() -> None:
    assert translator("en")("待分办") == "Triage"
    english = translations("en")
    assert english.ngettext("共 %(num)s 条", "共 %(num)s 条", 1) % {"num": 1} == "1 item"
    assert english.ngettext("共 %(num)s 条", "共 %(num)s 条", 2) % {"num": 2} == "2 items"


@pytest.mark.parametrize(
    ("query", "cookie", "expected"),
    [
        ("", "", "zh"),
        ("lang=en", "", "en"),
        ("", "yilong_language=en", "en"),
        ("lang=zh", "yilong_language=en", "zh"),
        ("lang=xx", "", "zh"),
        ("lang=../../etc", "yilong_language=xx", "zh"),
    ],
)
def test_the_address_decides_before_the_cookie_and_chinese_is_the_default(
    query: str, cookie: str, expected: str
) -> None:
    assert language_of(page_request(query, cookie)) == expected


def test_a_chosen_language_is_remembered_and_an_unknown_one_is_not() -> None:
    answer = Response()
    remember_language(page_request("lang=en"), answer)
    assert "yilong_language=en" in answer.headers["set-cookie"]
    assert "HttpOnly" in answer.headers["set-cookie"]
    silent = Response()
    remember_language(page_request("lang=xx"), silent)
    assert "set-cookie" not in silent.headers


def test_the_switch_keeps_the_rest_of_the_address() -> None:
    choices = language_choices(page_request("status=open&lang=zh&page=3"), "zh")
    assert [choice.url for choice in choices] == ["?status=open&page=3&lang=zh", "?status=open&page=3&lang=en"]
    assert [choice.current for choice in choices] == [True, False]
