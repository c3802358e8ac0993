"""Text as what a search compares: Han characters in overlapping pairs, other words whole. Pure; asks no database.

A text's unit is a Han character, or a run of other letters and digits; what stands between is no unit and parts none,
so 湘政办发〔2026〕12号 is found however its brackets are written. A hyphen joins: a number of ours is one unit.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Final

# Two planes of rare characters, and those that old systems keep where nothing is assigned, stand beside the common.
_HAN: Final = (
    "\u3005\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\ue000-\uf8ff\uf900-\ufaff"
    "\U00020000-\U0003ffff\U000f0000-\U0010ffff"
)
LONGEST_UNIT: Final = 64
LONGEST_QUESTION: Final = 200
_WORD: Final = rf"[^\W_{_HAN}]"
_HYPHEN: Final = re.compile(rf"(?<={_WORD})[-\u2010](?={_WORD})")
_UNIT: Final = re.compile(rf"[{_HAN}]|{_WORD}{{1,{LONGEST_UNIT}}}")
_IS_HAN: Final = re.compile(f"[{_HAN}]")
_PAIR: Final = re.compile(f"[{_HAN}]{{2}}")
_APART: Final = re.compile(r"[\s,;、。]+")
# Stands before each part of what is indexed: no word goes from one part into the next, and no question contains it.
BREAK: Final = "¶"


def fold(text: str) -> str:
    """Width, compatibility forms and case taken away."""
    return unicodedata.normalize("NFKC", text).lower()


def tokens_of(folded: str) -> list[str]:
    """The tokens of a folded text in order: each Han character with the one that follows it, alone where none does."""
    units = _UNIT.findall(_HYPHEN.sub("", folded))
    return [
        unit + after if _IS_HAN.match(unit) and _IS_HAN.match(after) else unit
        for unit, after in zip_longest(units, units[1:], fillvalue="")
    ]


def to_words(parts: Iterable[str]) -> str:
    """What is kept of a text that is to be found, its parts apart; tokens with one blank between them."""
    return " ".join(token for part in parts for token in (BREAK, *tokens_of(fold(part))))


def asked_for(question: str) -> tuple[tuple[str, ...], ...]:
    """The words of a question, each as the tokens that have to follow one another; the last may go on.

    Blanks, commas, semicolons, 、 and 。 stand between words; a text must contain all of them.
    """
    words = (tokens_of(word) for word in _APART.split(fold(question[:LONGEST_QUESTION])))
    return tuple(dict.fromkeys(tuple(_shortened(word)) for word in words if word))


def _shortened(tokens: Sequence[str]) -> Sequence[str]:
    """Without a last Han character that the pair before it contains already."""
    repeated = len(tokens) > 1 and _PAIR.fullmatch(tokens[-2]) and _IS_HAN.match(tokens[-1])
    return tokens[:-1] if repeated else tokens


def may_go_on(token: str) -> bool:
    """Whether there are longer tokens that begin with this one."""
    return not _PAIR.fullmatch(token)
