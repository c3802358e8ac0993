"""Every text field of every form gets hostile texts: no answer fails, and nowhere do they become markup or run.

`YILONG_TEST_HOSTILE=all` sends all two hundred to each field; otherwise each field gets two, in turn all of them. What
a form takes is stored, and at the end every page is looked at in the browser.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from playwright.async_api import Page

from tests.browser.hostile import HOSTILE
from tests.browser.real_city import Town, serve_town
from tests.browser.test_every_page import PAGES, path_of
from tests.browser.watching import Windows

FEW = 2
# So many answers are taken apart at once: all of them together are more than a page holds.
AT_ONCE = 20
EVERYTHING = os.environ.get("YILONG_TEST_HOSTILE") == "all"
TEXT = frozenset({"text", "search", "textarea", "number", "date", "datetime-local", "url", "email", "password"})
# Whoever sends these is somebody else afterwards, or nobody.
NOT_SENT = re.compile(r"/sign-out$|/account/sessions|/account/password$")
ORDINARY = "照此办理。"
# What a form that is otherwise right has in these, so that it is taken and the text is stored.
RIGHT = {
    "receiver": "FR-MZ", "department": "FR-CL", "days": "5", "meeting_at": "2026-03-05T09:00", "minutes_long": "60",
    "url": "http://127.0.0.1:9/yilong", "holder": "FR-CL", "username": "zhang.san", "since": "2026-03-01T09:00",
    "until": "2026-12-31", "other": "", "to": "", "headers": "", "body": "", "expects": "", "sign_secret": "",
}  # fmt: skip

READ_FORMS = """() => [...document.querySelectorAll("form")].map((form) => ({
  action: new URL(form.getAttribute("action") || location.pathname, location.href).pathname,
  method: form.method,
  fields: [...form.elements].filter((one) => one.name && !one.disabled).map((one) => ({
    name: one.name, type: one.tagName === "TEXTAREA" ? "textarea" : one.type, value: one.value, checked: one.checked,
  })),
}))"""

FIND_MARKUP = """(bodies) => bodies.flatMap((body, index) => {
  const page = new DOMParser().parseFromString(body, "text/html");
  const found = [];
  const data = "[type='application/json']";
  const foreign = `iframe, object, embed, base, meta[http-equiv], style, script:not([src]):not(${data})`;
  found.push(...[...page.querySelectorAll(foreign)].map((one) => one.tagName));
  for (const element of page.querySelectorAll("*")) {
    for (const {name, value} of element.attributes) {
      if (/^(data-)?(hx-)?on/.test(name)) found.push(name);
      if (["href", "src", "action", "formaction", "srcdoc", "data"].includes(name)) {
        const to = new URL(value, location.href);
        const ours = to.origin === location.origin || to.protocol === "data:";
        if (name === "srcdoc" || !ours) found.push(`${name}=${value}`);
      }
    }
  }
  return found.map((what) => [index, what]);
})"""


@dataclass
class Sent:
    """One request and its answer."""

    what: str
    status: int
    body: str


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town of its own: what is sent here is stored wherever a form lets it."""
    with serve_town(tmp_path_factory.mktemp("hostile")) as served:
        yield served


async def forms_of_all_pages(page: Page, town: Town) -> list[dict[str, Any]]:
    """The forms with a text field, each once."""
    found: dict[str, dict[str, Any]] = {}
    for name in PAGES:
        await page.goto(town.address + path_of(name, town))
        for form in await page.evaluate(READ_FORMS):
            texts = sorted(text_fields(form))
            if texts and not NOT_SENT.search(form["action"]):
                found.setdefault(f"{form['method']} {form['action']} {texts}", form)
    return list(found.values())


def text_fields(form: dict[str, Any]) -> set[str]:
    return {field["name"] for field in form["fields"] if field["type"] in TEXT}


def filled(form: dict[str, Any], field: str, text: str) -> list[tuple[str, str]]:
    """What the form sends with that text in one field, something ordinary in the others, the first of each choice."""
    pairs: list[tuple[str, str]] = []
    chosen: set[str] = set()
    for one in form["fields"]:
        name, kind = one["name"], one["type"]
        if kind in {"submit", "button", "file", "checkbox"} or (name in chosen and kind != "hidden"):
            continue
        chosen.add(name)
        value = one["value"] or RIGHT.get(name, "" if ":" in name else ORDINARY)
        pairs.append((name, text if name == field else value))
    return pairs


async def send(client: httpx.AsyncClient, form: dict[str, Any], field: str, text: str) -> Sent:
    fields = filled(form, field, text)
    if form["method"] == "get":
        answer = await client.get(f"{form['action']}?{urlencode(fields)}")
    else:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await client.post(form["action"], content=urlencode(fields), headers=kind)
    return Sent(f"{form['method']} {form['action']} {field}={text!r}", answer.status_code, answer.text)


async def test_hostile_texts_in_every_field_of_every_form_stay_text(office: Windows, town: Town) -> None:
    office.watch.expect("404")
    page = await office.open("/dashboard/")
    forms = await forms_of_all_pages(page, town)
    fields = [(form, name) for form in forms for name in sorted(text_fields(form))]
    assert len(fields) > 60, len(fields)
    each = len(HOSTILE) if EVERYTHING else FEW
    headers = {"Origin": town.address}
    async with httpx.AsyncClient(
        base_url=town.address, cookies={"yilong_session": town.cookie}, headers=headers, timeout=60
    ) as client:
        for number, (form, field) in enumerate(fields):
            texts = [HOSTILE[(number * each + turn) % len(HOSTILE)] for turn in range(each)]
            sent = [await send(client, form, field, text) for text in texts]
            assert [one.what for one in sent if one.status >= 500 or one.status in {401, 403}] == []
            for some in (sent[at : at + AT_ONCE] for at in range(0, len(sent), AT_ONCE)):
                markup = await page.evaluate(FIND_MARKUP, [one.body for one in some])
                assert [(some[index].what, what) for index, what in markup] == []
    for name in PAGES:
        await page.goto(town.address + path_of(name, town))
