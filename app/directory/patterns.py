"""The small language of `rules.csv`: patterns over a sentence in which every mention is one letter."""

# Captured: `D` any possible source, `O` a named department, `B` one named without a tier, `T` a bare tier (省里), `N` a
# document number, `S` a system, `W` the own township, `X` a company or association. `A` is any of them, not captured.
# `{list}` is a word of a list in `cues.csv`. `~` is up to 6 characters of the same clause (`~9` up to 9), `-` the same
# without a word that hands the act to someone else or opens a quotation, `…` up to 16 within the sentence. `>` and `<`
# begin and end a clause. `#` is a number in figures or characters. The rest is a regular expression without named
# groups.

import re
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

SLOTS: Mapping[str, str] = {
    "D": "\ue000",
    "B": "\ue001",
    "T": "\ue002",
    "N": "\ue003",
    "S": "\ue004",
    "W": "\ue005",
    "X": "\ue006",
}
_CLASSES = {
    "D": "[\ue000-\ue004]",
    "O": "[\ue000\ue001]",
    "B": "\ue001",
    "T": "\ue002",
    "N": "\ue003",
    "S": "\ue004",
    "W": "\ue005",
    "X": "\ue006",
}
CLAUSE_ENDS = ",;:。!?\n"
SENTENCE_ENDS = "。!?\n"
_HANDING_ON = "要叫让请催派给把逼令喊说讲称借抽“”"
_COUNT = "[\\d一二两三四五六七八九十百千万几]{1,6}"
_ACTORS = "\ue000-\ue006"
_TOKEN = re.compile(r"\{([a-z_]+)\}|([~-]\d*)|([A-Z])|(…+)|(>)|(<)|(\#)|\(\?<?[=!:]|.", re.DOTALL)


def words_pattern(words: tuple[str, ...]) -> str:
    """An alternation of literal words, longest first so that the longer one wins."""
    return "(?:" + "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word))) + ")"


def check_pattern(pattern: str, lists: set[str]) -> str:
    """What is wrong with a pattern, in Chinese; empty when it is fine."""
    if not pattern:
        return "不能为空，请填写"
    for match in _TOKEN.finditer(pattern):
        name, _, letter, *_ = match.groups()
        if name is not None and name not in lists:
            return f"引用了 cues.csv 里没有的词表“{name}”"
        if letter and letter != "A" and letter not in _CLASSES:
            return f"不认识的字母“{letter}”，只能用 D O B T N S W X A"
    try:
        re.compile(_translate(pattern, dict.fromkeys(lists, "x")))
    except re.error as error:
        return f"写法有误：{error}"
    return ""


# Characters as bits of one integer. Two may share a bit: then a pattern is tried in vain, never left out.
_BITS = tuple(1 << place for place in range(512))


def signs(characters: Iterable[str]) -> int:
    """The characters as bits, to be compared with what patterns need."""
    found = 0
    for char in characters:
        found |= _BITS[ord(char) & 511]
    return found


class Needing(Protocol):
    """Something that only a text with one of each of `needs` (as `signs`) can match."""

    @property
    def needs(self) -> tuple[int, ...]: ...


N = TypeVar("N", bound=Needing)


def possible(patterns: Iterable[N], text: str) -> list[N]:
    """Those of the patterns that the text can match, by its characters alone."""
    present = signs(set(text))
    found = []
    for pattern in patterns:
        for needed in pattern.needs:
            if not present & needed:
                break
        else:
            found.append(pattern)
    return found


def compile_pattern(pattern: str, lists: Mapping[str, str]) -> re.Pattern[str]:
    """The regular expression for a pattern; `lists` gives each list's alternation. Every group captures a mention."""
    return re.compile(_translate(pattern, lists))


def lists_of(pattern: str) -> tuple[str, ...]:
    """Names of the word lists a pattern refers to, in order."""
    return tuple(match.group(1) for match in _TOKEN.finditer(pattern) if match.group(1))


def _translate(pattern: str, lists: Mapping[str, str]) -> str:
    parts = []
    for match in _TOKEN.finditer(pattern):
        name, gap, letter, wide, begin, end, count = match.groups()
        if name is not None:
            parts.append(lists[name])
        elif gap is not None:
            barred = _HANDING_ON if gap[0] == "-" else ""
            parts.append(f"[^{CLAUSE_ENDS}{_ACTORS}{barred}]{{0,{gap[1:] or 6}}}?")
        elif letter == "A":
            parts.append(f"[{_ACTORS}]")
        elif letter:
            parts.append(f"({_CLASSES[letter]})")
        elif wide:
            parts.append(f"[^{SENTENCE_ENDS}{_ACTORS}]{{0,{16 * len(wide)}}}?")
        elif begin:
            parts.append(f"(?:^|(?<=[{CLAUSE_ENDS}]))")
        elif end:
            parts.append(f"(?=[{CLAUSE_ENDS}]|$)")
        elif count:
            parts.append(_COUNT)
        else:
            parts.append("(?:" if match.group() == "(" else match.group())
    return "".join(parts)


def needed_characters(pattern: str, lists: Mapping[str, frozenset[str]]) -> tuple[frozenset[str], ...]:
    """Sets of characters (mentions as their letters) of which a match must contain one each, read off the pattern's
    outermost parts; a text without them need not be searched. `lists` gives the first characters of each list's words.
    Parts that are optional or hard to read give no set."""
    found: list[frozenset[str]] = []
    at = 0
    while at < len(pattern):
        if pattern[at] == "|":
            return ()
        stop = _part_end(pattern, at)
        first = _first_characters(pattern[at:stop], lists)
        if first and not pattern.startswith(("?", "*", "{0"), stop):
            found.append(first)
        at = stop
    return tuple(sorted(set(found), key=lambda needed: (len(needed), sorted(needed))))


def _part_end(pattern: str, at: int) -> int:
    """Where the group, the class, the escape or the character that begins at `at` ends."""
    if pattern[at] == "\\":
        return at + 2
    if pattern[at] in "[{":
        return pattern.index("]" if pattern[at] == "[" else "}", at) + 1
    if pattern[at] != "(":
        return at + 1
    depth, inside, stop = 0, False, at
    while True:
        char = pattern[stop]
        if char == "\\":
            stop += 1
        elif inside or char == "[":
            inside = char != "]"
        else:
            depth += (char == "(") - (char == ")")
        stop += 1
        if not depth:
            return stop


def _first_characters(part: str, lists: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The characters that a part can begin with; empty where that is not plain to see."""
    if part[0] == "{":
        return lists.get(part[1:-1], frozenset())
    if part in SLOTS:
        return frozenset(SLOTS[slot] for slot in {"D": "DBTNS", "O": "DB"}.get(part, part))
    if part[0] != "(":
        return frozenset(part) if "\u4e00" <= part[0] <= "\u9fff" else frozenset()
    alternatives = part[1:-1].split("|")
    plain = "(" not in part[1:] and "[" not in part and all("\u4e00" <= word[:1] <= "\u9fff" for word in alternatives)
    sure = all(word[1:2] not in ("?", "*", "{") for word in alternatives)
    return frozenset(word[0] for word in alternatives) if plain and sure else frozenset()
