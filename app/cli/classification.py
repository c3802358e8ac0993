"""`yilong classify` and `yilong evaluate`: read lines, ask the classifier, write. No database, nothing half-written."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.lines import as_report, read_lines, refuse, with_progress, write_lines

if TYPE_CHECKING:
    from app.classify import Decision
    from app.directory.knowledge import Knowledge

PackOption = Annotated[Path | None, typer.Option("--pack", help="Pack folder; default: the bundled Changsha pack.")]


def register(application: typer.Typer) -> None:
    """Adds the two commands."""
    application.command("classify")(classify_lines)
    application.command("evaluate")(evaluate_lines)


def classify_lines(
    source: Annotated[
        str, typer.Argument(metavar="IN.jsonl", help="Reports, one JSON object a line; - for standard input.")
    ],
    target: Annotated[str, typer.Argument(metavar="OUT.jsonl", help="Decisions; - for standard output.")],
    pack: PackOption = None,
    threshold: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Below this confidence a report goes to triage.")
    ] = None,
) -> None:
    """Decide each report: category, route, receivers, reason, burden types, evidence. Needs no database."""
    from app.classify import Thresholds, classify

    knowledge = _knowledge(pack)
    limits = Thresholds() if threshold is None else Thresholds(decide=threshold)
    reports = [as_report(number, line) for number, line in read_lines(source)]
    decisions = (classify(report, knowledge, limits) for report in reports)
    write_lines(target, (_encode(decision) for decision in with_progress(decisions, len(reports), "classify")))


def evaluate_lines(
    gold: Annotated[
        str, typer.Argument(metavar="GOLD.jsonl", help="Reports with a `gold` object each; - for standard input.")
    ],
    pack: PackOption = None,
    threshold: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Below this confidence a report goes to triage.")
    ] = None,
) -> None:
    """Compare with gold labels and print one JSON object: accuracies, F1, triage share, calibration, speed."""
    from app.classify import Thresholds, classify
    from app.classify.evaluate import evaluate

    knowledge = _knowledge(pack)
    limits = Thresholds() if threshold is None else Thresholds(decide=threshold)
    lines = [(number, line, as_report(number, line)) for number, line in read_lines(gold)]
    for number, line, _ in lines:
        _check_gold(number, line)
    if not lines:
        refuse("no lines to evaluate")
    begun = time.perf_counter()
    decisions = [classify(report, knowledge, limits) for _, _, report in with_progress(lines, len(lines), "classify")]
    seconds = time.perf_counter() - begun
    result = evaluate([line for _, line, _ in lines], decisions)
    result["reports_per_second"] = round(len(lines) / max(seconds, 1e-9), 1)
    result["knowledge_version"] = knowledge.version
    print(json.dumps(result, ensure_ascii=False, indent=2))


def _knowledge(pack: Path | None) -> "Knowledge":
    from app.directory.knowledge import compile_knowledge
    from app.directory.pack import BUNDLED_PACK, PackError, load_pack

    try:
        return compile_knowledge(load_pack(pack or BUNDLED_PACK))
    except PackError as error:
        refuse(f"the pack cannot be used\n{error}")


def _check_gold(number: int, line: dict[str, Any]) -> None:
    from app.classify import Category

    gold = line.get("gold")
    if not isinstance(gold, dict):
        refuse(f"line {number}: field `gold` is missing")
    if gold.get("category") not in [category.value for category in Category]:
        refuse(f"line {number}: `gold.category` is not one of the four categories")
    if not isinstance(gold.get("route"), str) or not isinstance(gold.get("receivers"), list):
        refuse(f"line {number}: `gold.route` or `gold.receivers` is missing")


def _encode(decision: "Decision") -> bytes:
    return json.dumps(decision.to_dict(), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
