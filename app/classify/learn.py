"""Fits a linear text model to labelled texts and measures it on texts it has not seen. No files, no database.

The recipe (docs/decisions/0041): tf-idf over characters and pairs, each feature weighed by its log-count ratio for the
label (NB-SVM), a linear support vector machine for each label. scikit-learn is loaded here, and only while learning.
"""

import warnings
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.classify.learned import SURE
from app.directory.linear import DAMPED, LARGEST, Gram, LinearModel, grams, make_model, read

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Wholes = NDArray[np.int64]

SEED = 0
# Levels of confidence for which the figures say how often a model would speak, and how often it would be right.
LEVELS = sorted({0.6, 0.7, 0.8, 0.9, 0.95, SURE})


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is fitted. The defaults stand on a plateau: half or double of any of them costs less than 0.005 of
    macro-F1. `least` is the number of texts a gram must occur in, by default 4 in large collections, else 2."""

    longest: int = 2
    least: int | None = None
    smoothing: float = 0.05
    strength: float = 1.0
    opening: float = 0.5


@dataclass(frozen=True, slots=True)
class Validation:
    """What a model of this recipe was worth on texts it had not seen, each tested once. Shares are 0 to 1."""

    folds: int
    seed: int
    texts: int
    macro_f1: float
    accuracy: float
    calibration_error: float
    sharpness: float
    by_label: dict[str, float]
    spoken: dict[str, dict[str, float]]


class TooFewTexts(ValueError):
    """Not enough to learn from; the message says what is missing."""


def fit(
    texts: Sequence[str], labels: Sequence[str], recipe: Recipe | None = None, *, sharpness: float = 0.0
) -> LinearModel:
    """A model of these texts, in whatever order they come. Raises TooFewTexts with fewer than two labels."""
    import numpy as np

    pairs = sorted(zip(texts, labels, strict=True))
    collection = _Collection([text for text, _ in pairs], [label for _, label in pairs], recipe or Recipe())
    return collection.fit(np.arange(len(pairs)), sharpness)


def cross_validate(
    texts: Sequence[str], labels: Sequence[str], recipe: Recipe | None = None, *, folds: int = 5, seed: int = SEED
) -> Validation:
    """Fits on all folds but one, asks about the one, in turn. Raises TooFewTexts where no label has a text a fold."""
    import numpy as np

    if folds < 2 or max(Counter(labels).values(), default=0) < folds:
        raise TooFewTexts(f"{folds} folds need at least {folds} texts of one label")
    collection = _Collection(texts, labels, recipe or Recipe())
    scores = np.full((len(texts), len(collection.labels)), -np.inf)
    for known, asked in _split(collection.columns, folds, seed):
        model = collection.fit(known, 0.0)
        places = [collection.labels.index(label) for label in model.labels]
        for row in asked:
            scores[row, places] = model.score(texts[row])
    return _judge(scores, collection, folds, seed)


def score_on(model: LinearModel, texts: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
    """Macro-F1 and accuracy of a model on other labelled texts."""
    from sklearn.metrics import f1_score

    found = [model.predict(text)[0][0] for text in texts]
    right = sum(mine == theirs for mine, theirs in zip(found, labels, strict=True))
    f1 = f1_score(labels, found, average="macro", zero_division=0.0)
    return {"macro_f1": round(float(f1), 4), "accuracy": round(right / len(texts), 4)}


class _Collection:
    """Labelled texts as counts of grams, taken once for all folds."""

    def __init__(self, texts: Sequence[str], labels: Sequence[str], recipe: Recipe) -> None:
        import numpy as np

        self.recipe = recipe
        self.labels = sorted(set(labels))
        if len(self.labels) < 2:
            raise TooFewTexts("texts of at least two labels are needed")
        self.columns = np.array([self.labels.index(label) for label in labels])
        seen = [read(text) for text in texts]
        self.blocks = [
            _Block([s.runs for s in seen], recipe.longest),
            _Block([s.opening for s in seen], recipe.longest),
        ]

    def fit(self, rows: "Wholes", sharpness: float) -> LinearModel:
        """A model of some of the texts, of the labels that occur among them."""
        import numpy as np
        from scipy.sparse import hstack

        columns = self.columns[rows]
        present = sorted(set(columns.tolist()))
        if len(present) < 2:
            raise TooFewTexts("texts of at least two labels are needed")
        least = self.recipe.least or (4 if len(rows) >= 2000 else 2)
        views = [block.view(rows, least) for block in self.blocks]
        features = hstack([views[0].matrix, self.recipe.opening * views[1].matrix], format="csr")
        fitted = [_fit_label(features, columns == column, self.recipe) for column in present]
        weights = np.stack([weight for weight, _ in fitted], axis=1)
        cut = len(views[0].grams)
        weights[cut:] *= self.recipe.opening
        weights *= np.concatenate([view.rarity for view in views])[:, None]
        scale = (LARGEST >> 1) / max(float(np.abs(weights).max(initial=0.0)), 1e-9)
        whole = np.rint(weights * scale).astype(int)
        return make_model(
            [self.labels[column] for column in present],
            [round(float(bias), 6) for _, bias in fitted],
            _named(views[0], whole[:cut]),
            _named(views[1], whole[cut:]),
            longest=self.recipe.longest,
            scale=round(scale, 3),
            sharpness=sharpness,
        )


@dataclass(frozen=True, slots=True)
class _View:
    """The features of some texts: rows of length one, the grams that count, how rare each is (in 256ths)."""

    matrix: Any
    grams: list[str]
    rarity: "Wholes"


class _Block:
    """Counts of grams in each text, whole texts or openings."""

    def __init__(self, texts: Sequence[Sequence[str]], longest: int) -> None:
        import numpy as np
        from scipy.sparse import csr_matrix

        numbers: dict[str, int] = {}
        places, counts, ends = array("i"), array("i"), array("q", [0])
        for runs in texts:
            for gram, times in Counter(grams(runs, longest)).items():
                places.append(numbers.setdefault(gram, len(numbers)))
                counts.append(times)
            ends.append(len(places))
        self.names = list(numbers)
        damped = np.array(DAMPED, dtype=float)[np.minimum(np.array(counts, dtype=int), 255)]
        shape = (len(texts), max(1, len(numbers)))
        self.matrix: Any = csr_matrix((damped, np.array(places), np.array(ends)), shape=shape)

    def view(self, rows: "Wholes", least: int) -> _View:
        """Tf-idf of these texts over the grams that occur in at least `least` of them, in the order of their names."""
        import numpy as np
        from sklearn.preprocessing import normalize

        chosen = self.matrix[rows]
        spread = np.bincount(chosen.indices, minlength=chosen.shape[1])
        kept: list[int] = np.flatnonzero(spread >= least).tolist()
        kept.sort(key=self.names.__getitem__)
        rarity = np.rint(256 * (np.log((1 + len(rows)) / (1 + spread[kept])) + 1)).astype(int)
        matrix = normalize(chosen[:, kept].multiply(rarity).tocsr())
        return _View(matrix, [self.names[column] for column in kept], rarity)


def _fit_label(features: Any, wanted: "NDArray[np.bool_]", recipe: Recipe) -> "tuple[Floats, float]":
    """Weights and bias that tell one label from the rest."""
    import numpy as np
    from sklearn.svm import LinearSVC

    inside = np.asarray(features[wanted].sum(axis=0)).ravel() + recipe.smoothing
    outside = np.asarray(features[~wanted].sum(axis=0)).ravel() + recipe.smoothing
    ratio = np.log((inside / inside.sum()) / (outside / outside.sum()))
    machine = LinearSVC(C=recipe.strength, dual=True, random_state=0, max_iter=5000)
    with warnings.catch_warnings():
        # A label that cannot be told apart exactly is no fault; its weights are good enough.
        warnings.simplefilter("ignore")
        machine.fit(features.multiply(ratio).tocsr(), wanted)
    return machine.coef_[0] * ratio, float(machine.intercept_[0])


def _named(view: _View, weights: "Wholes") -> dict[str, Gram]:
    rows = zip(view.grams, view.rarity.tolist(), weights.tolist(), strict=True)
    return {gram: Gram(rarity, tuple(row)) for gram, rarity, row in rows if any(row)}


def _split(columns: "Wholes", folds: int, seed: int) -> "Iterator[tuple[Wholes, Wholes]]":
    """Rows to fit on and rows to ask about; each label spread evenly, as far as it has texts."""
    import numpy as np
    from sklearn.model_selection import StratifiedKFold

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # labels with fewer texts than folds
        yield from StratifiedKFold(folds, shuffle=True, random_state=seed).split(np.zeros(len(columns)), columns)


def _judge(scores: "Floats", collection: _Collection, folds: int, seed: int) -> Validation:
    import numpy as np
    from sklearn.metrics import f1_score

    truth, found = collection.columns, scores.argmax(axis=1)
    sharpness = _sharpen(scores, truth)
    sure = _shares(scores, sharpness).max(axis=1)
    right = found == truth
    each = f1_score(truth, found, average=None, labels=range(len(collection.labels)), zero_division=0.0)
    return Validation(
        folds=folds,
        seed=seed,
        texts=len(truth),
        macro_f1=round(float(np.mean(each)), 4),
        accuracy=round(float(right.mean()), 4),
        calibration_error=round(_calibration_error(sure, right), 4),
        sharpness=sharpness,
        by_label={label: round(float(value), 4) for label, value in zip(collection.labels, each, strict=True)},
        spoken={
            str(level): {
                "share": round(float((sure >= level).mean()), 4),
                "accuracy": round(float(right[sure >= level].mean()), 4) if (sure >= level).any() else 0.0,
            }
            for level in LEVELS
        },
    )


def _shares(scores: "Floats", sharpness: float) -> "Floats":
    import numpy as np

    parts = np.exp(np.maximum(sharpness * (scores - scores.max(axis=1, keepdims=True)), -16.0))
    shares: Floats = parts / parts.sum(axis=1, keepdims=True)
    return shares


def _sharpen(scores: "Floats", truth: "Wholes") -> float:
    """The sharpness under which the confidence in what is true is likeliest; a little doubt remains in small numbers
    of texts, however well they can be told apart."""
    import numpy as np

    count, labels = scores.shape
    doubt = 1.0 / (count + 2)
    target = np.full_like(scores, doubt / (labels - 1))
    target[np.arange(count), truth] = 1.0 - doubt
    steps = [round(0.25 * 1.05**step, 4) for step in range(100)]
    losses = [-float((target * np.log(_shares(scores, step))).sum()) for step in steps]
    return steps[int(np.argmin(losses))]


def _calibration_error(sure: "Floats", right: "NDArray[np.bool_]", bins: int = 10) -> float:
    import numpy as np

    places = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [abs(float((sure[places == b] - right[places == b]).sum())) for b in range(bins) if (places == b).any()]
    return sum(gaps) / len(sure)
