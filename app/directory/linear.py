"""A linear text model as plain data, and how it reads: dictionaries and whole numbers, so that the same text gets the
same answer on every machine. It is part of a city's knowledge; `classify/learn.py` fits one, nothing here does.

A text is read as runs of characters between punctuation, folded like every report, any digit or Latin letter as one.
Characters and pairs of the whole text count, and those of its opening (its title or first words) once more apart.
"""

import hashlib
import json
import math
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from operator import add
from typing import Any, NamedTuple

from app.directory.folding import BLANK, DROP, fold

FORMAT = 1
# As far as a report is read.
LONGEST_TEXT = 4000
# An opening ends at a blank or line break between these places, else after so many characters.
OPENING_FROM, OPENING_TO, OPENING_ELSE = 4, 60, 30
# The n-th occurrence of the same gram adds less: 1 + ln n, in 256ths.
DAMPED = (0, *(round(256 * (1 + math.log(times))) for times in range(1, 256)))
LARGEST = (1 << 16) - 1
_BREAKS = ",;:。!?、“”‘’'()<>《》〈〉【】[]〔〕{}/\\\n"
# exp(-step / 256) in millionths: confidence without a power function, which machines round differently.
_FALLING = tuple(round(1_000_000 * math.exp(-step / 256)) for step in range(4096))
_LANE, _HALF, _FULL = 64, 1 << 63, (1 << 64) - 1


class NotAModel(ValueError):
    """Bytes or numbers that are no model of this format."""


class Read(NamedTuple):
    """A text's runs of characters, those of its opening, and where each character stood in the text as given."""

    runs: list[str]
    opening: list[str]
    offsets: Sequence[int]


class Telling(NamedTuple):
    """Characters of a text, as given, that speak for a label, and how much."""

    start: int
    end: int
    weight: float


class Gram(NamedTuple):
    """What a model knows of a few characters: how rare they are, and their weight for each label."""

    rarity: int
    weights: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LinearModel:
    """A weight for each gram and label. `scale` turns sums into scores, `sharpness` scores into confidence (0.0 where
    it is not calibrated). `text` and `opening` hold the numbers of a gram in the lanes of one integer, so that all
    labels are added up at once."""

    labels: tuple[str, ...]
    bias: tuple[float, ...]
    longest: int
    scale: float
    sharpness: float
    text: Mapping[str, int] = field(repr=False)
    opening: Mapping[str, int] = field(repr=False)
    version: str = ""

    @property
    def calibrated(self) -> bool:
        """True where the confidence was fitted on texts that the model had not seen."""
        return self.sharpness > 0.0

    def predict(self, text: str) -> list[tuple[str, float]]:
        """Every label with its confidence (0 to 1, together 1), best first, equal ones by name."""
        scores = self.score(text)
        best, sharpness = max(scores), self.sharpness or 1.0
        parts = [_FALLING[min(4095, int((best - score) * sharpness * 256))] for score in scores]
        whole = sum(parts)
        ranked = sorted(zip(self.labels, scores, parts, strict=True), key=lambda item: (-item[1], item[0]))
        return [(label, round(part / whole, 4)) for label, _, part in ranked]

    def score(self, text: str) -> list[float]:
        """A score for each label, in their order; the higher the likelier."""
        seen = read(text)
        scores = list(self.bias)
        for runs, table in ((seen.runs, self.text), (seen.opening, self.opening)):
            sums, length = self._add_up(runs, table)
            if length:
                scores = [score + part / length for score, part in zip(scores, sums, strict=True)]
        return scores

    def _add_up(self, runs: list[str], table: Mapping[str, int]) -> tuple[Sequence[int], float]:
        """The sum for each label and what it is to be divided by. Grams that occur equally often are added as one."""
        groups: dict[int, int] = {}
        for gram, times in Counter(grams(runs, self.longest)).items():
            packed = table.get(gram)
            if packed is not None:
                groups[times] = groups.get(times, 0) + packed
        total = squares = 0
        for times, packed in groups.items():
            damped = DAMPED[min(times, 255)]
            total += damped * packed
            squares += damped * damped * _unpack(packed, len(self.labels))[1]
        return _unpack(total, len(self.labels))[0], math.sqrt(squares) * self.scale

    def explain(self, text: str, label: str, most: int = 3) -> list[Telling]:
        """Where the text speaks for this label rather than for the likeliest other one, in its order."""
        seen = read(text)
        column = self.labels.index(label)
        others = [(score, at) for at, score in enumerate(self.score(text)) if at != column]
        rival = max(others, key=lambda other: other[0])[1]
        worth: dict[tuple[int, str], float] = {}
        for runs, table in ((seen.runs, self.text), (seen.opening, self.opening)):
            _, length = self._add_up(runs, table)
            for start, gram in _first_places(runs, self.longest):
                packed = table.get(gram)
                if packed is not None:
                    lifted = packed + _lift(len(self.labels))
                    share = 256 * (_lane(lifted, column) - _lane(lifted, rival)) / length
                    worth[start, gram] = worth.get((start, gram), 0.0) + share
        best = sorted(worth.items(), key=lambda item: (-item[1], item[0]))[: 2 * most]
        joined = _join([Telling(at, at + len(gram), weight) for (at, gram), weight in best if weight > 0.0])
        joined = sorted(sorted(joined, key=lambda told: (-told.weight, told.start))[:most])
        places = seen.offsets
        return [Telling(places[t.start], places[t.end - 1] + 1, round(t.weight, 2)) for t in joined]

    def to_bytes(self) -> bytes:
        """Compact JSON; the same model gives the same bytes."""
        count = len(self.labels)
        shape = {
            "format": FORMAT,
            "labels": self.labels,
            "bias": self.bias,
            "longest": self.longest,
            "scale": self.scale,
            "sharpness": self.sharpness,
            "text": {gram: _row(packed, count) for gram, packed in self.text.items()},
            "opening": {gram: _row(packed, count) for gram, packed in self.opening.items()},
        }
        return json.dumps(shape, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "LinearModel":
        """Reads what `to_bytes` wrote. Raises NotAModel on anything else."""
        try:
            shape = json.loads(data)
            if shape["format"] != FORMAT:
                raise NotAModel(f"model format {shape['format']!r} in place of {FORMAT}")
            text, opening = (
                {str(gram): Gram(int(row[0]), tuple(map(int, row[1:]))) for gram, row in shape[name].items()}
                for name in ("text", "opening")
            )
            return make_model(
                [str(label) for label in shape["labels"]],
                [float(value) for value in shape["bias"]],
                text,
                opening,
                longest=int(shape["longest"]),
                scale=float(shape["scale"]),
                sharpness=float(shape["sharpness"]),
                version=name_of(data),
            )
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise error if isinstance(error, NotAModel) else NotAModel(f"not a model: {error!r}") from error


def make_model(
    labels: Sequence[str],
    bias: Sequence[float],
    text: Mapping[str, Gram],
    opening: Mapping[str, Gram],
    *,
    longest: int,
    scale: float,
    sharpness: float,
    version: str = "",
) -> LinearModel:
    """Packs a model; without a version its content names it. Raises NotAModel where numbers do not fit together."""
    count = len(labels)
    tables: list[dict[str, int]] = []
    for table in (text, opening):
        if any(len(g.weights) != count or max(map(abs, g.weights)) > LARGEST for g in table.values()):
            raise NotAModel("weights do not fit the labels or the format")
        if any(not 0 <= gram.rarity <= LARGEST for gram in table.values()):
            raise NotAModel("a gram's rarity does not fit the format")
        tables.append({name: _pack(gram) for name, gram in sorted(table.items())})
    sound = len(bias) == count == len(set(labels)) and count > 1 and longest > 0 and scale > 0.0 <= sharpness
    if not sound or not all(map(math.isfinite, (*bias, scale, sharpness))):
        raise NotAModel("labels, bias, scale or sharpness do not fit together")
    made = LinearModel(tuple(labels), tuple(bias), longest, scale, sharpness, tables[0], tables[1], version)
    return made if version else replace(made, version=name_of(made.to_bytes()))


def name_of(data: bytes) -> str:
    """The version of a model: 16 hex digits of the hash of its bytes."""
    return hashlib.sha256(data).hexdigest()[:16]


def read(text: str) -> Read:
    """Folds a text and cuts it into runs; digits become 0 and Latin letters a, so that numbers and codes are alike."""
    folded = fold(text[:LONGEST_TEXT])
    ends = [at for mark in (BLANK, "\n") if (at := folded.find(mark, OPENING_FROM, OPENING_TO + 1)) >= 0]
    opening = folded[: min(ends, default=OPENING_ELSE)]
    offsets: Sequence[int] = range(len(folded))
    if BLANK in folded or DROP in folded:
        offsets = [at for at, char in enumerate(folded) if char not in (BLANK, DROP)]
        folded, opening = (part.replace(BLANK, "").replace(DROP, "") for part in (folded, opening))
    whole = folded.translate(_alike())
    return Read(whole.split(" "), whole[: len(opening)].split(" "), offsets)


@cache
def _alike() -> dict[int, str]:
    table = {ord(mark): " " for mark in _BREAKS}
    table.update({ord(digit): "0" for digit in "0123456789"})
    table.update(dict.fromkeys(range(ord("a"), ord("z") + 1), "a"))
    return table


def grams(runs: Iterable[str], longest: int) -> list[str]:
    """Every stretch of 1 to `longest` characters within the runs."""
    found: list[str] = []
    for run in runs:
        found += run
        if longest > 1:
            found += map(add, run, run[1:])
        for size in range(3, longest + 1):
            found += [run[at : at + size] for at in range(len(run) - size + 1)]
    return found


def _first_places(runs: Iterable[str], longest: int) -> Iterator[tuple[int, str]]:
    """Grams of two characters or more, each where it stands first."""
    seen: set[str] = set()
    begin = 0
    for run in runs:
        for size in range(2, longest + 1):
            for at in range(len(run) - size + 1):
                gram = run[at : at + size]
                if gram not in seen:
                    seen.add(gram)
                    yield begin + at, gram
        begin += len(run) + 1


def _join(told: Iterable[Telling]) -> list[Telling]:
    """防溺 and 溺水 tell as one: 防溺水."""
    joined: list[Telling] = []
    for item in sorted(told):
        if joined and item.start <= joined[-1].end:
            last = joined[-1]
            joined[-1] = Telling(last.start, max(last.end, item.end), last.weight + item.weight)
        else:
            joined.append(item)
    return joined


def _pack(gram: Gram) -> int:
    """Weights in lanes of 64 bits, in the last one the square of the rarity."""
    lanes = [*(weight + _HALF for weight in gram.weights), gram.rarity * gram.rarity]
    return int.from_bytes(struct.pack(f"<{len(lanes)}Q", *lanes), "little") - _lift(len(gram.weights))


@cache
def _lift(count: int) -> int:
    """Added before lanes are parted, so that none of them is negative and borrows from its neighbour."""
    return sum(_HALF << _LANE * lane for lane in range(count))


def _unpack(packed: int, count: int) -> tuple[list[int], int]:
    *lanes, last = struct.unpack(f"<{count + 1}Q", (packed + _lift(count)).to_bytes(8 * (count + 1), "little"))
    return [lane - _HALF for lane in lanes], last


def _lane(lifted: int, lane: int) -> int:
    return (lifted >> _LANE * lane) & _FULL


def _row(packed: int, count: int) -> list[Any]:
    weights, square = _unpack(packed, count)
    return [math.isqrt(square), *weights]
