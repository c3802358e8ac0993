"""The learner on real text: macro-F1 over seven subjects by 5-fold cross-validation, beside a plain yardstick.

The messages are nobody's to publish: they are read where they lie (`YILONG_CITIZEN_MESSAGES`, by default beside the
checkout), nothing of them and no model of them is kept. Yardstick, same run, same folds: tf-idf of characters and pairs
with a linear support vector machine, as the library has them. Time and memory of one training are a process's own.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from app.classify.learn import cross_validate, fit
from tests.processes import YILONG

DEFAULT = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "citizen_messages.jsonl"
SEEDS = (0, 1)
FOLDS = 5


def find_messages() -> Path | None:
    """The labelled messages, where there are any."""
    path = Path(os.environ.get("YILONG_CITIZEN_MESSAGES") or DEFAULT)
    return path if path.is_file() else None


def run() -> dict[str, Any]:
    """Macro-F1 of ours and of the yardstick by seed, their ratio; seconds and MB of one training; ms a prediction."""
    path = find_messages()
    if path is None:
        return {"absent": "no labelled messages; YILONG_CITIZEN_MESSAGES names a file with `text` and `label`"}
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    texts, labels = [line["text"] for line in lines], [line["label"] for line in lines]
    ours = {seed: cross_validate(texts, labels, folds=FOLDS, seed=seed) for seed in SEEDS}
    yardstick = {seed: _yardstick_f1(texts, labels, seed) for seed in SEEDS}
    training = _train_apart(path)
    mine = statistics.mean(measured.macro_f1 for measured in ours.values())
    return {
        "texts": len(texts),
        "labels": training["labels"],
        "macro_f1": {f"seed_{seed}": measured.macro_f1 for seed, measured in ours.items()},
        "accuracy": {f"seed_{seed}": measured.accuracy for seed, measured in ours.items()},
        "calibration_error": {f"seed_{seed}": measured.calibration_error for seed, measured in ours.items()},
        "yardstick_macro_f1": {f"seed_{seed}": value for seed, value in yardstick.items()},
        "ratio_to_yardstick": round(mine / statistics.mean(yardstick.values()), 4),
        "training_seconds": training["training_seconds"],
        "training_peak_memory_mb": training["peak_memory_mb"],
        "prediction_ms": _prediction_ms(texts, labels),
    }


def _yardstick_f1(texts: list[str], labels: list[str], seed: int) -> float:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import f1_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    machine = make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(1, 2)), LinearSVC(random_state=0))
    split = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    found = cross_val_predict(machine, texts, labels, cv=split)
    return round(float(f1_score(labels, found, average="macro")), 4)


def _train_apart(path: Path) -> dict[str, Any]:
    """One training as an operator runs it, in a process of its own."""
    command = [*YILONG, "learn", str(path), "--folds", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _prediction_ms(texts: list[str], labels: list[str]) -> float:
    """Processor time of one prediction for 150 characters."""
    model = fit(texts, labels)
    shortened = [text[:150] for text in texts if len(text) >= 150][:1000]
    begun = time.process_time()
    for text in shortened:
        model.predict(text)
    return round(1000 * (time.process_time() - begun) / max(1, len(shortened)), 3)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=2, ensure_ascii=False) + "\n")
