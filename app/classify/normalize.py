"""Prepares a text for matching and keeps, for every character, where it stood in the text as it was sent."""

import re
from dataclasses import dataclass

from app.directory.folding import BLANK, DROP, fold

# Reports are at most a few thousand characters; what lies beyond is read only as far as speed allows.
LONGEST = 4000
_PUNCTUATION = ",;:。!?"
_PAUSE = re.compile(rf"(?<=[\u4e00-\u9fff]){BLANK}+(?=[\u4e00-\u9fff])")


@dataclass(frozen=True, slots=True)
class Prepared:
    """`folded` is what the rules read; `offsets[i]` is the position of its i-th character in `sent`."""

    sent: str
    folded: str
    offsets: range | list[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The half-open span in the sent text for a non-empty half-open span in the folded one."""
        return self.offsets[start], self.offsets[end - 1] + 1


def prepare(sent: str) -> Prepared:
    """Folds the text (width, case, traditional characters) and drops blanks and invisible characters."""
    folded = fold(sent[:LONGEST])
    if BLANK in folded:
        if _blanks_are_pauses(folded):
            folded = _PAUSE.sub(lambda match: "," * len(match.group()), folded)
        folded = folded.replace(BLANK, DROP)
    if DROP not in folded:
        return Prepared(sent, folded, range(len(folded)))
    offsets = [position for position, char in enumerate(folded) if char != DROP]
    return Prepared(sent, folded.replace(DROP, ""), offsets)


def _blanks_are_pauses(folded: str) -> bool:
    """Spoken reports often pause with a blank in place of a comma: then blanks outnumber the punctuation marks, and a
    phrase stands between them, not a single character."""
    blanks = len(_PAUSE.findall(folded))
    if blanks < 3 or blanks <= sum(folded.count(mark) for mark in _PUNCTUATION):
        return False
    return len(folded) >= 4 * blanks
