"""The small language of `rules.csv`: patterns over a sentence in which every mention is one letter."""

# Captured: `D` any possible source, `O` a named department, `B` one named without a tier, `T` a bare tier (省里), `N` a
# document number, `S` a system, `W` the own township, `X` a company or association. `A` is any of them, not captured.
# `{list}` is a word of a list in `cues.csv`. `~` is up to 6 characters of the same clause (`~9` up to 9), `-` the same
# without a word that hands the act to someone else or opens a quotation, `…` up to 16 within the sentence. `>` and `<`
# begin and end a clause. The rest is a regular expression without named groups.

import re
from collections.abc import Mapping

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
_ACTORS = "\ue000-\ue006"
_TOKEN = re.compile(r"\{([a-z_]+)\}|([~-]\d*)|([A-Z])|(…)|(>)|(<)|\(\?<?[=!:]|.", re.DOTALL)


def words_pattern(words: tuple[str, ...]) -> str:
    """An alternation of literal words, longest first so that the longer one wins."""
    return "(?:" + "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word))) + ")"


def check_pattern(pattern: str, lists: set[str]) -> str:
    """What is wrong with a pattern, in Chinese; empty when it is fine."""
    if not pattern:
        return "不能为空,请填写"
    for match in _TOKEN.finditer(pattern):
        name, _, letter, *_ = match.groups()
        if name is not None and name not in lists:
            return f"引用了 cues.csv 里没有的词表“{name}”"
        if letter and letter != "A" and letter not in _CLASSES:
            return f"不认识的字母“{letter}”,只能用 D O B T N S W X A"
    try:
        re.compile(_translate(pattern, dict.fromkeys(lists, "x")))
    except re.error as error:
        return f"写法有误:{error}"
    return ""


def compile_pattern(pattern: str, lists: Mapping[str, str]) -> re.Pattern[str]:
    """The regular expression for a pattern; `lists` gives each list's alternation. Every group captures a mention."""
    return re.compile(_translate(pattern, lists))


def lists_of(pattern: str) -> tuple[str, ...]:
    """Names of the word lists a pattern refers to, in order."""
    return tuple(match.group(1) for match in _TOKEN.finditer(pattern) if match.group(1))


def _translate(pattern: str, lists: Mapping[str, str]) -> str:
    parts = []
    for match in _TOKEN.finditer(pattern):
        name, gap, letter, wide, begin, end = match.groups()
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
            parts.append(f"[^{SENTENCE_ENDS}{_ACTORS}]{{0,16}}?")
        elif begin:
            parts.append(f"(?:^|(?<=[{CLAUSE_ENDS}]))")
        elif end:
            parts.append(f"(?=[{CLAUSE_ENDS}]|$)")
        else:
            parts.append("(?:" if match.group() == "(" else match.group())
    return "".join(parts)
