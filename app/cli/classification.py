"""`yilong classify` and `yilong evaluate`: read lines, ask the classifier, write. No database, nothing half-written."""

import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from app.classify import Decision, ReportText
    from app.directory.knowledge import Knowledge

PackOption = Annotated[Path | None, typer.Option("--pack", help="Pack folder; default: the bundled Changsha pack.")]
_Item = TypeVar("_Item")
_INPUT_KEYS = {"text": str, "district": str, "unit": str, "title": str}


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
    reports = [_report(number, line) for number, line in _lines(source)]
    decisions = (classify(report, knowledge, limits) for report in reports)
    _write(target, (_encode(decision) for decision in _with_progress(decisions, len(reports))))


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
    lines = [(number, line, _report(number, line)) for number, line in _lines(gold)]
    for number, line, _ in lines:
        _check_gold(number, line)
    if not lines:
        _refuse("no lines to evaluate")
    begun = time.perf_counter()
    decisions = [classify(report, knowledge, limits) for _, _, report in _with_progress(iter(lines), len(lines))]
    seconds = time.perf_counter() - begun
    result = evaluate([line for _, line, _ in lines], decisions)
    result["reports_per_second"] = round(len(lines) / max(seconds, 1e-9), 1)
    result["knowledge_version"] = knowledge.version
    print(json.dumps(result, ensure_ascii=False, indent=2))


def _refuse(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(2)


def _knowledge(pack: Path | None) -> "Knowledge":
    from app.directory.knowledge import compile_knowledge
    from app.directory.pack import BUNDLED_PACK, PackError, load_pack

    try:
        return compile_knowledge(load_pack(pack or BUNDLED_PACK))
    except PackError as error:
        _refuse(f"the pack cannot be used\n{error}")


def _lines(source: str) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        _refuse(f"cannot read {source}: {error.strerror}")
    for number, raw in enumerate(data.split(b"\n"), start=1):
        if not raw.strip():
            continue
        try:
            value = json.loads(raw.decode("utf-8-sig" if number == 1 else "utf-8"))
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            _refuse(f"line {number} is not JSON in UTF-8: {error}")
        if not isinstance(value, dict):
            _refuse(f"line {number} is not a JSON object")
        yield number, value


def _report(number: int, line: dict[str, Any]) -> "ReportText":
    from app.classify import ReportText

    if not isinstance(line.get("text"), str):
        _refuse(f"line {number}: field `text` is missing or not a string")
    for key, kind in _INPUT_KEYS.items():
        if line.get(key) is not None and not isinstance(line[key], kind):
            _refuse(f"line {number}: field `{key}` is not a string")
    declared = line.get("declared_departments") or []
    if not isinstance(declared, list) or not all(isinstance(code, str) for code in declared):
        _refuse(f"line {number}: field `declared_departments` is not a list of codes")
    identity = line.get("id")
    return ReportText(
        line["text"], line.get("district"), line.get("unit"), line.get("title"), tuple(declared),
        None if identity is None else str(identity),
    )  # fmt: skip


def _check_gold(number: int, line: dict[str, Any]) -> None:
    from app.classify import Category

    gold = line.get("gold")
    if not isinstance(gold, dict):
        _refuse(f"line {number}: field `gold` is missing")
    if gold.get("category") not in [category.value for category in Category]:
        _refuse(f"line {number}: `gold.category` is not one of the four categories")
    if not isinstance(gold.get("route"), str) or not isinstance(gold.get("receivers"), list):
        _refuse(f"line {number}: `gold.route` or `gold.receivers` is missing")


def _encode(decision: "Decision") -> bytes:
    return json.dumps(decision.to_dict(), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def _write(target: str, lines: Iterable[bytes]) -> None:
    """Writes to a temporary file beside the target and renames it, so that a failure leaves no half file."""
    if target == "-":
        for line in lines:
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        return
    path = Path(target)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        _refuse(f"cannot write {target}: {error.strerror}")
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(lines)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _with_progress(items: Iterator[_Item], total: int) -> Iterator[_Item]:
    """Shows a bar on a terminal only; elsewhere just passes the items on."""
    if not sys.stderr.isatty() or total < 50:
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, total=total, console=Console(stderr=True), transient=True, description="classify")
