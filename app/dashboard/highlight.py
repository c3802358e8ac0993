"""Shows a person's text safely: evidence marked, and characters that could hide something made visible.

Pure: text and spans in, escaped HTML out. It decides nothing about what the evidence means.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from markupsafe import Markup, escape

HAN: Final = re.compile(
    r"[\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
BLANK_LETTERS: Final = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u2028\u2029\u180b\u180c\u180d\u034f")
PLAIN_CONTROLS: Final = frozenset("\t\n\r")
MARKER: Final = "␣"
# Put together, not formatted: a long list has thousands.
CHINESE, OTHER = Markup('<span class="user-text" lang="zh-CN">'), Markup('<span class="user-text">')
END: Final = Markup("</span>")
CONTROL_NAMES: Final[Mapping[str, str]] = {
    "\x00": "NULL",
    "\x07": "BELL",
    "\x08": "BACKSPACE",
    "\x1b": "ESCAPE",
    "\x7f": "DELETE",
}

Span = Mapping[str, Any]


def is_hidden(character: str) -> bool:
    """Whether a character is invisible or changes the order of others: bidi controls, zero-width, tags, controls."""
    if character in PLAIN_CONTROLS:
        return False
    return character in BLANK_LETTERS or unicodedata.category(character) in {"Cc", "Cf", "Cs"}


def _hides_nothing(text: str) -> bool:
    """Whether that is plain at a glance, as nearly always: the characters need not be looked at one by one."""
    line = text.replace("\n", " ").replace("\r", " ").replace("\t", " ")
    return line.isprintable() and BLANK_LETTERS.isdisjoint(line)


def _name_of(character: str) -> str:
    name = unicodedata.name(character, "") or CONTROL_NAMES.get(character, "CONTROL")
    return f"U+{ord(character):04X} {name}"


def visible_text(value: object) -> str:
    """The value as plain text for an attribute or a title: hidden characters become `␣`."""
    text = "" if value is None else str(value)
    if _hides_nothing(text):
        return text
    return "".join(MARKER if is_hidden(character) else character for character in text)


def visible(value: object) -> Markup:
    """The value as escaped HTML in which each hidden character is a named marker; the character itself is not sent."""
    text = "" if value is None else str(value)
    if _hides_nothing(text) or not any(is_hidden(character) for character in text):
        return escape(text)
    return Markup("").join(_mark_hidden(character) if is_hidden(character) else escape(character) for character in text)


def _mark_hidden(character: str) -> Markup:
    name = _name_of(character)
    return Markup('<span class="hidden-character" role="img" aria-label="{0}" title="{0}">{1}</span>').format(
        name, MARKER
    )


def in_chinese(value: object) -> Markup:
    """Text that people or the directory wrote: made visible, and marked as Chinese where it is."""
    chinese = HAN.search("" if value is None else str(value))
    shown = f"{CHINESE if chinese else OTHER}{visible(value)}{END}"
    return Markup(shown)  # noqa: S704 - each part is escaped


def _clip(spans: Iterable[Span], length: int) -> list[tuple[int, int, Span]]:
    clipped = []
    for span in spans:
        start, end = max(0, int(span["start"])), min(length, int(span["end"]))
        if start < end:
            clipped.append((start, end, span))
    return clipped


def _title_of(span: Span, rules: Mapping[str, str]) -> str:
    rule = str(span.get("rule", ""))
    said = rules.get(rule, rule)
    supports = str(span.get("supports", ""))
    return visible_text(f"{said} → {supports}" if supports else said)


def highlight(text: str, spans: Sequence[Span], rules: Mapping[str, str] | None = None) -> Markup:
    """The text as escaped HTML with its evidence in `<mark>`.

    Args:
        text: exactly as it was sent; spans index its Unicode code points.
        spans: mappings with `start`, `end`, and for the title `rule` and `supports`. Overlaps are cut into pieces
            that name every rule; parts outside the text are dropped.
        rules: readable names of rules, already translated.
    """
    clipped = _clip(spans, len(text))
    edges = sorted({0, len(text)} | {edge for start, end, _ in clipped for edge in (start, end)})
    pieces: list[Markup] = []
    for start, end in pairwise(edges):
        piece = visible(text[start:end])
        covering = [span for first, last, span in clipped if first <= start and end <= last]
        if covering:
            titles = "; ".join(dict.fromkeys(_title_of(span, rules or {}) for span in covering))
            depth = "evidence evidence-several" if len(covering) > 1 else "evidence"
            piece = Markup('<mark class="{}" title="{}">{}</mark>').format(depth, titles, piece)
        pieces.append(piece)
    return CHINESE + Markup("").join(pieces) + END
