"""What no template may do, and what every page has."""

import re
from pathlib import Path

import pytest
from starlette.requests import Request

from app.dashboard.lights import Light, light_of
from app.dashboard.menu import PAGES, menu
from app.dashboard.rendering import TEMPLATES, Flash, environment, render

FILES = sorted(TEMPLATES.rglob("*.html"))
BANNED = {
    "the safe filter": re.compile(r"\|\s*safe\b|autoescape|Markup\("),
    "an inline handler": re.compile(r"\shx-on|\son[a-z]+\s*="),
    "an inline style": re.compile(r"<style|\sstyle\s*="),
    "an inline script": re.compile(r"<script(?![^>]*\ssrc=)"),
    "a javascript: address": re.compile(r"javascript:", re.IGNORECASE),
    "a trigger filter": re.compile(r'hx-trigger="[^"]*\['),
    "another host": re.compile(r"(?:src|href|action)=[\"']?(?:https?:)?//"),
}
HAN = re.compile(r"[\u4e00-\u9fff]")
SAID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def page_request(method: str = "GET", query: str = "", headers: tuple[tuple[bytes, bytes], ...] = ()) -> Request:
    scope = {"type": "http", "method": method, "path": "/dashboard/", "scheme": "http"}
    return Request({**scope, "query_string": query.encode(), "headers": list(headers)})


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TEMPLATES)))
@pytest.mark.parametrize("what", BANNED)
def test_no_template_has(what: str, path: Path) -> None:
    assert not BANNED[what].search(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_every_chinese_word_of_a_template_goes_through_the_catalogue(path: Path) -> None:
    assert not HAN.search(SAID.sub("", path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TEMPLATES)))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_template_compiles(path: Path, language: str) -> None:
    environment(language).get_template(str(path.relative_to(TEMPLATES)))


def test_a_page_carries_the_htmx_rules_and_integrity_of_every_file() -> None:
    body = bytes(render(page_request(), "sign_in.html").body).decode()
    assert (
        'content=\'{"allowEval":false,"includeIndicatorStyles":false,"selfRequestsOnly":true,'
        '"historyCacheSize":0,"disableInheritance":true}\'' in body
    )
    tags = re.findall(r"<(?:script|link rel=\"stylesheet\")[^>]*>", body)
    assert len(tags) >= 7
    assert all('integrity="sha384-' in tag for tag in tags)


def test_messages_are_escaped() -> None:
    body = bytes(render(page_request(), "sign_in.html", {"messages": [Flash("<b>1</b>", "danger")]}).body).decode()
    assert "&lt;b&gt;1&lt;/b&gt;" in body


def test_htmx_gets_only_the_block_and_a_restored_page_is_whole() -> None:
    asked = ((b"hx-request", b"true"),)
    restored = (*asked, (b"hx-history-restore-request", b"true"))
    part = bytes(render(page_request(headers=asked), "sign_in.html", block="content").body)
    whole = bytes(render(page_request(headers=restored), "sign_in.html", block="content").body)
    assert b"<html" not in part
    assert b"<form" in part
    assert b"<html" in whole
    assert "HX-Request" in render(page_request(), "sign_in.html").headers["vary"]


def test_a_page_says_which_language_it_is_in() -> None:
    assert b'<html lang="zh-CN">' in bytes(render(page_request(), "sign_in.html").body)
    assert b'<html lang="en">' in bytes(render(page_request(query="lang=en"), "sign_in.html").body)


def test_the_menu_marks_the_current_page_and_counts_what_waits() -> None:
    entries = menu("triage", {"triage": 7})
    assert [entry.key for entry in entries] == [page.key for page in PAGES]
    assert [entry.key for entry in entries if entry.current] == ["triage"]
    assert {entry.key: entry.badge for entry in entries}["triage"] == 7


@pytest.mark.parametrize(
    ("remaining", "light"), [(None, Light.OFF), (-1, Light.RED), (0, Light.YELLOW), (3, Light.YELLOW), (4, Light.GREEN)]
)
def test_the_light_turns_yellow_at_three_working_days_and_red_when_overdue(remaining: int | None, light: Light) -> None:
    assert light_of(remaining) is light
