"""Fitted weights of a pack: what a trait or a word of a text says for or against each answer.

`tools/fit_weights.py` writes the files. A pack without them works: then the rules alone decide.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat

from app.directory.pack_files import PackFolder, Row

BIAS = "bias"
# Words' weights are whole thousandths; those of all answers lie side by side in one integer, so that one addition adds
# them all.
PRECISION, _BITS = 1000, 32
_FIELD, _HALF = (1 << _BITS) - 1, 1 << (_BITS - 1)


@dataclass(frozen=True, slots=True)
class Weights:
    """A linear model as data, in log-odds. `traits` maps a trait to pairs of (index into `answers`, weight), `words` a
    word to the weights of all answers in one integer (see `pack_up`)."""

    answers: tuple[str, ...] = ()
    traits: Mapping[str, tuple[tuple[int, float], ...]] = field(default_factory=dict, repr=False)
    words: Mapping[str, int] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.answers)

    def of_words(self, words: Iterable[str], value: float = 1.0) -> list[float]:
        """What words say for each answer, in log-odds, where each counts `value`. Unknown words say nothing."""
        scale = value / PRECISION
        return [total * scale for total in self._unpack(sum(map(self.words.get, words, repeat(0))))]

    def scores(self, traits: Mapping[str, float], of_words: Sequence[float]) -> list[float]:
        """Log-odds of each answer, for traits with their values and what `of_words` gave."""
        sums = list(of_words)
        for index, weight in self.traits.get(BIAS, ()):
            sums[index] += weight
        for trait, amount in traits.items():
            for index, weight in self.traits.get(trait, ()):
                sums[index] += weight * amount
        return sums

    def _unpack(self, packed: int) -> list[int]:
        found = []
        for _ in self.answers:
            value = packed & _FIELD
            value -= (value & _HALF) << 1
            found.append(value)
            packed = (packed - value) >> _BITS
        return found


def pack_up(weights: Iterable[tuple[int, float]]) -> int:
    """The weights of several answers, given as (index, weight), in one integer."""
    return sum(round(weight * PRECISION) << (_BITS * index) for index, weight in weights)


def chance(log_odds: float) -> float:
    """The probability (0 to 1) of these log-odds."""
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, log_odds))))


def read_weights(source: PackFolder, name: str) -> Weights:
    """The weights in a file of a pack folder; none where it is absent."""
    if not (source.path / name).is_file():
        return Weights()
    answers: dict[str, int] = {}
    traits: dict[str, tuple[tuple[int, float], ...]] = {}
    words: dict[str, int] = {}
    for row in source.rows(name, ("kind", "name", "weights")):
        pairs = tuple(_pairs(row, answers))
        if row.one_of("kind", ("trait", "word")) == "trait":
            traits[row.required("name")] = pairs
        else:
            words[row.required("name")] = pack_up(pairs)
    return Weights(tuple(answers), traits, words)


def _pairs(row: Row, answers: dict[str, int]) -> Iterable[tuple[int, float]]:
    for part in row.words("weights"):
        answer, _, number = part.rpartition(":")
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not answer or not abs(weight) < 1000:
            row.wrong("weights", f"应写作“答案:数字”，多个之间用“|”隔开，现在是“{part}”")
            continue
        yield answers.setdefault(answer, len(answers)), weight
