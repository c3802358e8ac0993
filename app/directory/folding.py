"""Folds characters one to one: full width, compatibility forms, traditional to simplified, case. Keeps every position.

Characters that carry nothing become NUL (drop) or SOH (a blank); the caller decides about both.
"""

import sys
import unicodedata
from functools import cache
from pathlib import Path

DROP = "\x00"
BLANK = "\x01"
_BLANKS = "\t \u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
# Enumerators open a new item, so they end the clause before; the ellipsis is a pause.
_PAUSES = "…⋯•·●■◆▪►★☆※|｜~～—–―" + "".join(
    map(chr, [*range(0x2460, 0x249C), *range(0x3220, 0x322A), *range(0x2776, 0x2794)])
)
_SAME = {
    "「": "“",
    "」": "”",
    "『": "“",
    "』": "”",
    "〝": "“",
    "〞": "”",
    '"': "“",
    "﹐": ",",
    "、": "、",
    "﹑": "、",
    ".": ".",
    "．": ".",
    "｡": "。",
    "﹒": "。",
}
_COMPATIBILITY = ((0xA0, 0x100), (0x2000, 0x2460), (0x3000, 0x3400), (0xF900, 0xFB00), (0xFE10, 0xFFF0))
_UNUSABLE = (
    (0x00, 0x0A),
    (0x0B, 0x20),
    (0x7F, 0xA0),
    (0xAD, 0xAE),
    (0x200B, 0x2010),
    (0x2028, 0x202F),
    (0x2060, 0x2070),
    (0xD800, 0xF900),
    (0xFE00, 0xFE10),
    (0xFEFF, 0xFF00),
    (0xFFF0, 0x10000),
)


@cache
def folding_table() -> dict[int, str]:
    """Code point to its folded character, for `str.translate`; every value is one character long."""
    table = {code: chr(code).lower() for code in range(0x41, 0x5B)}
    for first, last in _COMPATIBILITY:
        for code in range(first, last):
            form = unicodedata.normalize("NFKC", chr(code)).lower()
            if len(form) == 1 and form != chr(code):
                table[code] = form
    source = Path(__file__).with_name("simplified.txt").read_text(encoding="utf-8")
    table.update({ord(line[0]): line[1] for line in source.split("\n") if len(line) == 2})
    for first, last in _UNUSABLE:
        table.update(dict.fromkeys(range(first, last), DROP))
    table.update({ord(char): BLANK for char in _BLANKS})
    table.update({ord(char): "," for char in _PAUSES})
    table.update({ord(char): same for char, same in _SAME.items()})
    table[0x0D] = BLANK
    return table


def fold(text: str) -> str:
    """The folded text, same length; characters beyond the basic plane (emoji, rare Han) are kept as they are."""
    return text.translate(folding_table())


def fold_word(word: str) -> str:
    """A word of the pack as the classifier sees it: folded, without blanks."""
    return sys.intern(fold(word).replace(DROP, "").replace(BLANK, ""))
