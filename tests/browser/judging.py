"""What every page must satisfy: accessible by axe-core, Chinese only where it says so, real glyphs, no overflow."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import Page

VENDOR = Path(__file__).parent / "vendor"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

FIND_STRAY_CHINESE = r"""() => {
  const han = /\p{Script=Han}/u;
  const isChinese = (element) => (element.closest("[lang]")?.lang || "").toLowerCase().startsWith("zh");
  const stray = [];
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (["SCRIPT", "STYLE", "NOSCRIPT"].includes(parent.tagName)) continue;
    if (han.test(walker.currentNode.data) && !isChinese(parent)) stray.push(walker.currentNode.data.trim());
  }
  for (const element of document.querySelectorAll("*")) {
    for (const {name, value} of element.attributes) {
      const isText = ["title", "alt", "aria-label", "placeholder"].includes(name) || name.startsWith("data-");
      if (isText && han.test(value) && !isChinese(element)) stray.push(`${name}=${value}`);
    }
  }
  return stray;
}"""

DRAW_GLYPHS = """(characters) => characters.map((character) => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 40;
  const pen = canvas.getContext("2d");
  pen.font = `32px ${getComputedStyle(document.body).fontFamily}`;
  pen.fillText(character, 2, 34);
  return Array.from(pen.getImageData(0, 0, 40, 40).data).filter((_, i) => i % 4 === 3).join(",");
})"""

NEVER_ASSIGNED = "\uffff"


@cache
def _axe() -> str:
    return (VENDOR / "axe.min.js").read_text(encoding="utf-8")


async def violations_of(page: Page, exclude: list[str] | None = None) -> list[dict[str, Any]]:
    """What axe-core finds wrong by WCAG 2.0 to 2.2, levels A and AA."""
    await page.evaluate(_axe())
    context = {"include": [["html"]], "exclude": [[selector] for selector in exclude or []]}
    found = await page.evaluate(
        "([context, tags]) => axe.run(context, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})",
        [context, TAGS],
    )
    return [
        {"rule": rule["id"], "help": rule["help"], "where": [node["html"][:200] for node in rule["nodes"]][:5]}
        for rule in found["violations"]
    ]


async def assert_accessible(page: Page, exclude: list[str] | None = None) -> None:
    """0 violations; `exclude` names parts that are not ours, and each use says why."""
    found = await violations_of(page, exclude)
    assert not found, json.dumps(found, ensure_ascii=False, indent=1)


async def assert_english(page: Page) -> None:
    """No Chinese text or label outside an element that says it is Chinese."""
    stray = await page.evaluate(FIND_STRAY_CHINESE)
    assert stray == [], stray


async def assert_chinese_glyphs(page: Page) -> None:
    """Chinese characters are drawn, each its own shape: with no font they would all be the same box."""
    drawn = await page.evaluate(DRAW_GLYPHS, ["民", "政", "督", "办", NEVER_ASSIGNED])
    assert len(set(drawn)) == len(drawn)
    assert all("255" in glyph for glyph in drawn[:4])


async def assert_fits(page: Page) -> None:
    """The page itself does not scroll sideways; wide tables scroll inside their own region."""
    # Before its styles have come it does.
    await page.wait_for_load_state("load")
    width, room = await page.evaluate(
        "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert width <= room, f"{width} px wide in a window of {room} px"
