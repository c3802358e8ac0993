"""What of a model's answer is kept: codes that were offered, and quotes that stand in the report word for word. Pure.

Nothing else that a model writes is stored or shown, so that it can neither persuade nor be made a mouthpiece.
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from app.advise.question import Told
from app.vocabulary import OpinionFault

LONGEST_CONTENT: Final = 20_000
MOST_DEPARTMENTS: Final = 5
MOST_QUOTES: Final = 5
QUOTE_LENGTHS: Final = (2, 120)
# Models that think aloud end their thoughts so; newer templates leave the beginning out.
THOUGHTS_END: Final = "</think>"
_FENCE = re.compile(r"\A```[a-z]*\n(.*)\n?```\Z", re.DOTALL)


class Dropped(Exception):
    """The answer is of no use; `fault` says why."""

    def __init__(self, fault: OpinionFault) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of the report: `text == sent[start:end]`. From the title: start = end = 0, as in a decision's evidence."""

    text: str
    start: int
    end: int
    field: str = "text"

    def to_dict(self) -> dict[str, Any]:
        return {"text": self.text, "start": self.start, "end": self.end, "field": self.field}


@dataclass(frozen=True, slots=True)
class Opinion:
    """Whom the model takes for the source, and the words it relies on."""

    departments: tuple[str, ...]
    quotes: tuple[Quote, ...]


def read_answer(body: bytes, told: Told, *, title: str | None, text: str) -> Opinion:
    """Read a chat completion.

    Args:
        told: what the model was told: codes must be among its candidates, quotes must stand in its words.
        title, text: the report as it was sent, which the spans index.

    Raises:
        Dropped: for everything that can be wrong with an answer, and nothing else.
    """
    said = _read_object(_content_of(body))
    if said.get("departments") == []:
        _drop(OpinionFault.NAMES_NOBODY)
    departments = _texts(said.get("departments"), MOST_DEPARTMENTS)
    quoted = _texts(said.get("quotes"), MOST_QUOTES)
    _refuse_unknown(departments, {candidate.code for candidate in told.candidates})
    quotes = [_find(quote, told, title=title, text=text) for quote in quoted]
    return Opinion(tuple(dict.fromkeys(departments)), tuple(dict.fromkeys(quotes)))


def _drop(fault: OpinionFault) -> NoReturn:
    raise Dropped(fault)


def _content_of(body: bytes) -> str:
    """What the model said, out of the envelope."""
    try:
        content = _parse(body.decode("utf-8"))["choices"][0]["message"]["content"]
    except UnicodeDecodeError:
        _drop(OpinionFault.NOT_JSON)
    except (KeyError, IndexError, TypeError):
        _drop(OpinionFault.MALFORMED)
    if not isinstance(content, str):
        _drop(OpinionFault.MALFORMED)
    if len(content) > LONGEST_CONTENT:
        _drop(OpinionFault.TOO_LONG)
    return content


def _read_object(content: str) -> dict[str, Any]:
    """The JSON object that the content is, once thoughts before it and a fence around it are taken away."""
    said = content.rpartition(THOUGHTS_END)[2].strip()
    if fenced := _FENCE.match(said):
        said = fenced[1]
    found = _parse(said)
    if not isinstance(found, dict):
        _drop(OpinionFault.MALFORMED)
    return found


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        _drop(OpinionFault.NOT_JSON)


def _texts(value: Any, most: int) -> list[str]:
    if not isinstance(value, list) or not 0 < len(value) <= most or not all(isinstance(item, str) for item in value):
        _drop(OpinionFault.MALFORMED)
    return value


def _refuse_unknown(codes: list[str], offered: Collection[str]) -> None:
    if any(code not in offered for code in codes):
        _drop(OpinionFault.UNKNOWN_DEPARTMENT)


def _find(quote: str, told: Told, *, title: str | None, text: str) -> Quote:
    """Where the words stand: in what the model was shown and in what was sent, for a mask is nobody's word."""
    shortest, longest = QUOTE_LENGTHS
    if len(quote) > longest:
        _drop(OpinionFault.TOO_LONG)
    if len(quote) < shortest or not any(character.isalnum() for character in quote):
        _drop(OpinionFault.MALFORMED)
    if quote in told.text and (start := text.find(quote)) >= 0:
        return Quote(quote, start, start + len(quote))
    if told.title and title and quote in told.title and quote in title:
        return Quote(quote, 0, 0, "title")
    _drop(OpinionFault.NOT_IN_TEXT)
