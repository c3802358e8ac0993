"""Fits the classifier's weights on labelled reports and writes them into a pack: `make weights`.

    python tools/fit_weights.py [--measure-only] CORPUS.jsonl … [--traps TRAPS.jsonl …]

Prints what the classifier is worth on reports that the weights have not seen (cross-validation), then fits on all of
them. Each line of a corpus has the shape of `yilong evaluate`, with `gold.sources`. The same corpus and pack give the
same files.
"""

import argparse
import csv
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from app.classify import Decision, ReportText, Thresholds, classify
from app.classify.burdens import burden_traits
from app.classify.decide import read
from app.classify.evaluate import evaluate
from app.classify.judge import judge
from app.classify.normalize import prepare
from app.classify.sources import find_candidates, find_suspects, originators
from app.classify.traits import (
    department_traits,
    letters_of,
    lists_beside,
    lists_within,
    matter_traits,
    plain,
    words_beside,
    words_of,
)
from app.classify.weighing import DECIDED, DISPUTED, word_value
from app.directory.knowledge import Knowledge, compile_knowledge
from app.directory.pack import BUNDLED_PACK, load_pack
from app.directory.weights import BIAS, PRECISION, Weights, chance, pack_up

# Words in fewer reports say nothing.
LEAST_REPORTS = 4
# Inverse strength of regularisation, what words count beside other traits while fitting, the smallest weight kept.
SOURCE = (1.0, 1.0, 0.05)
MATTER = (1.0, 1.0, 0.05)
BURDEN = (1.0, 3.0, 0.05)
CERTAINTY = (1.0, 1.0, 0.0)
FOLDS = 5
NO_LIMIT = Thresholds(decide=0.0)

Traits = dict[str, float]
Line = dict[str, Any]


@dataclass(slots=True)
class Example:
    """One labelled report as the weights see it."""

    line: Line
    report: ReportText
    codes: list[str]
    departments: list[tuple[Traits, set[str]]]
    words: set[str]
    matter: Callable[[list[float]], Traits]
    burdens: Traits
    answer: str

    @property
    def gold(self) -> Line:
        found: Line = self.line["gold"]
        return found


def answer_of(gold: Line, knowledge: Knowledge) -> str:
    """What kind of matter it is; a conflict of interest has a source, so it counts as decided."""
    reason = gold["reason"]
    if gold["category"] == "multi_department":
        lines = {knowledge.group(knowledge.pack.by_code[code].line) for code in gold["sources"]}
        return DISPUTED if len(lines) == 1 else DECIDED
    if reason is None or reason == "conflict_of_interest":
        return DECIDED
    return "no_department" if reason == "tier_unknown" else str(reason)


def see(line: Line, knowledge: Knowledge) -> Example:
    report = ReportText(
        line["text"], line.get("district"), line.get("unit"), line.get("title"), (), str(line.get("id"))
    )
    prepared = prepare(f"{report.title}\n{report.text}" if report.title else report.text)
    reading = read(report, prepared, knowledge, Thresholds())
    by_rules = judge(reading, knowledge)
    suspects = find_suspects(reading.folded, reading.findings.mentions, knowledge)
    kept = frozenset(suspect.code for suspect in suspects)
    final = frozenset(suspect.code for suspect in originators(suspects))
    candidates = find_candidates(reading.findings.mentions, knowledge)
    text, places = plain(reading.masked), letters_of(reading.masked)
    lists = lists_within(text, knowledge.role_lists)
    traits = department_traits(candidates, reading.masked, reading.findings, kept, final)
    departments = [
        (
            own | lists_beside(candidate.mentions, places, text, lists),
            set(words_beside(candidate.mentions, places, text).words),
        )
        for own, candidate in zip(traits, candidates, strict=True)
    ]
    answer = by_rules.reason.value if by_rules.reason else by_rules.category.value
    return Example(
        line,
        report,
        [candidate.code for candidate in candidates],
        departments,
        words_of(reading.folded, reading.findings),
        lambda chances: matter_traits(reading.findings, chances, answer),
        burden_traits(reading.cues, reading.burdens),
        answer_of(line["gold"], knowledge),
    )


def fit(
    rows: Sequence[tuple[Traits, set[str], float]],
    labels: Mapping[str, Sequence[bool]],
    strength: float,
    words: float,
    least: float,
) -> Weights:
    """One logistic regression for each answer. A row is traits, words, and what one word counts in it; weights below
    `least` are dropped."""
    spread = Counter(word for _, found, _ in rows for word in found)
    names = {name: 0 for traits, _, _ in rows for name in traits}
    names |= {word: 0 for word, reports in spread.items() if reports >= LEAST_REPORTS and is_word(word)}
    columns = {name: index for index, name in enumerate(sorted(names))}
    data, places, starts = [], [], [0]
    for traits, found, value in rows:
        entries = {columns[name]: amount for name, amount in traits.items()}
        entries |= {columns[word]: value * words for word in found if word in columns}
        for column in sorted(entries):
            places.append(column)
            data.append(entries[column])
        starts.append(len(places))
    matrix = csr_matrix(
        (np.array(data), np.array(places, dtype=np.int32), np.array(starts, dtype=np.int32)),
        shape=(len(rows), len(columns)),
    )
    traits_table: dict[str, list[tuple[int, float]]] = {}
    words_table: dict[str, list[tuple[int, float]]] = {}
    answers = []
    for answer, truths in labels.items():
        if sum(truths) < LEAST_REPORTS:
            continue
        model = LogisticRegression(C=strength, solver="liblinear", tol=1e-6, max_iter=1000, random_state=0)
        model.fit(matrix, np.array(truths))
        index = len(answers)
        answers.append(answer)
        traits_table.setdefault(BIAS, []).append((index, round(float(model.intercept_[0]), 3)))
        for name, column in columns.items():
            table = words_table if name in spread else traits_table
            weight = round(float(model.coef_[0][column]) * (words if name in spread else 1.0), 3)
            if abs(weight) >= least:
                table.setdefault(name, []).append((index, weight))
    return Weights(
        tuple(answers),
        {name: tuple(pairs) for name, pairs in traits_table.items()},
        {name: pack_up(pairs) for name, pairs in words_table.items()},
    )


def is_word(word: str) -> bool:
    return word.isprintable() and not any(char.isspace() for char in word)


def fit_source(examples: Sequence[Example]) -> Weights:
    rows = [(traits, words, 1.0) for example in examples for traits, words in example.departments]
    truths = [code in example.gold["sources"] for example in examples for code in example.codes]
    return fit(rows, {"source": truths}, *SOURCE)


def chances_by(weights: Weights, example: Example) -> list[float]:
    return [chance(weights.scores(traits, weights.of_words(words))[0]) for traits, words in example.departments]


def parts(count: int, folds: int) -> Iterator[tuple[list[int], list[int]]]:
    """Indices for fitting and for testing; every `folds`-th report is tested together."""
    for fold in range(folds):
        tested = [index for index in range(count) if index % folds == fold]
        yield [index for index in range(count) if index % folds != fold], tested


def fit_matter(examples: Sequence[Example]) -> Weights:
    """The candidates' chances are those of weights that have not seen the report."""
    chances: dict[int, list[float]] = {}
    for fitted, tested in parts(len(examples), FOLDS):
        weights = fit_source([examples[index] for index in fitted])
        chances |= {index: chances_by(weights, examples[index]) for index in tested}
    rows = [
        (example.matter(chances[index]), example.words, word_value(example.words))
        for index, example in enumerate(examples)
    ]
    answers = sorted({example.answer for example in examples})
    labels = {answer: [example.answer == answer for example in examples] for answer in answers}
    return fit(rows, labels, *MATTER)


def fit_burdens(examples: Sequence[Example]) -> Weights:
    burdened = [example for example in examples if example.gold["burden_types"]]
    rows = [(example.burdens, example.words, word_value(example.words)) for example in burdened]
    codes = sorted({code for example in burdened for code in example.gold["burden_types"]})
    labels = {code: [code in example.gold["burden_types"] for example in burdened] for code in codes}
    return fit(rows, labels, *BURDEN)


def together(one: Weights, other: Weights) -> Weights:
    """Two models over the same words as one: what words say is then looked up once."""
    places = len(one.answers)
    traits = {name: one.traits.get(name, ()) for name in [*one.traits, *other.traits]}
    for name, pairs in other.traits.items():
        traits[name] += tuple((places + index, weight) for index, weight in pairs)
    words = dict(one.words)
    for name, packed in other.words.items():
        words[name] = words.get(name, 0) + packed * pack_up([(places, 1 / PRECISION)])
    return Weights(one.answers + other.answers, traits, words)


def with_weights(knowledge: Knowledge, examples: Sequence[Example]) -> Knowledge:
    pack = replace(
        knowledge.pack,
        source_weights=fit_source(examples),
        text_weights=together(fit_burdens(examples), fit_matter(examples)),
        certainty_weights=Weights(),
    )
    return replace(knowledge, pack=pack)


def is_right(example: Example, category: str, receivers: Iterable[str]) -> bool:
    return example.gold["category"] == category and set(example.gold["receivers"]) == set(receivers)


def certainty_rows(examples: Sequence[Example], knowledge: Knowledge) -> tuple[list[Traits], list[bool]]:
    """What the confidence is made of, and whether the decision was right. Reports that the rules settle have none."""
    rows, truths = [], []
    for example in examples:
        report = example.report
        prepared = prepare(f"{report.title}\n{report.text}" if report.title else report.text)
        verdict = judge(read(report, prepared, knowledge, Thresholds()), knowledge)
        if verdict.traits:
            rows.append(verdict.traits)
            truths.append(is_right(example, verdict.category.value, [r.code for r in verdict.receivers]))
    return rows, truths


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def read_lines(paths: Iterable[Path]) -> list[Line]:
    return [
        json.loads(text) for path in sorted(paths) for text in path.read_text(encoding="utf-8").splitlines() if text
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpus", nargs="+", type=Path, help="reports as an office gets them: these are measured")
    parser.add_argument(
        "--traps", nargs="*", type=Path, default=[], help="collections of traps: they teach, but are not measured"
    )
    parser.add_argument("--pack", type=Path, default=BUNDLED_PACK)
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--measure-only", action="store_true")
    options = parser.parse_args()
    empty = Weights()
    pack = replace(
        load_pack(options.pack),
        source_weights=empty, text_weights=empty, certainty_weights=empty,
    )  # fmt: skip
    knowledge = compile_knowledge(pack)
    examples = [see(line, knowledge) for line in read_lines(options.corpus)]
    traps = [see(line, knowledge) for line in read_lines(options.traps)]
    rows, truths, seen = [], [], []
    for fitted, tested in parts(len(examples), options.folds):
        folded = with_weights(knowledge, [examples[index] for index in fitted] + traps)
        test = [examples[index] for index in tested]
        found = certainty_rows(test, folded)
        rows += found[0]
        truths += found[1]
        seen.append((folded, test))
    certainty = fit([(row, set(), 1.0) for row in rows], {"right": truths}, *CERTAINTY)
    decisions: list[Decision] = []
    tested_lines: list[Line] = []
    for folded, test in seen:
        sure = replace(folded, pack=replace(folded.pack, certainty_weights=certainty))
        decisions += [classify(example.report, sure) for example in test]
        tested_lines += [example.line for example in test]
    say(json.dumps(evaluate(tested_lines, decisions), ensure_ascii=False, indent=1))
    by_rules = [classify(example.report, knowledge) for example in examples]
    short = evaluate([example.line for example in examples], by_rules)
    compared = {name: short[name] for name in ("category_accuracy", "receivers_exact", "burden_micro_f1")}
    say(f"rules alone: {compared}")
    if options.measure_only:
        return
    final = with_weights(knowledge, examples + traps).pack
    for name, weights in (
        ("source", final.source_weights),
        ("text", final.text_weights),
        ("certainty", certainty),
    ):
        write(options.pack / f"{name}_weights.csv", weights)


def write(path: Path, weights: Weights) -> None:
    def described(values: Iterable[tuple[int, float]]) -> str:
        return "|".join(f"{weights.answers[index]}:{value:g}" for index, value in values if value)

    rows = [("trait", name, described(weights.traits[name])) for name in sorted(weights.traits)]
    rows += [("word", name, described(enumerate(weights.of_words([name])))) for name in sorted(weights.words)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("kind", "name", "weights"), *rows])


if __name__ == "__main__":
    main()
