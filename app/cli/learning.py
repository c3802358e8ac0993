"""`yilong learn`: a model from rulings or from labelled lines, and which one is in force."""

import json
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.lines import at_work, read_lines, refuse, write_lines
from app.cli.running import run

if TYPE_CHECKING:
    from app.flow.learning import Learnt
    from app.models import LearnedModel
    from app.runtime import Runtime


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command()(learn)


def learn(
    labelled: Annotated[
        str | None,
        typer.Argument(
            metavar="LABELLED.jsonl", help="Lines of `text` and `label`; - for standard input. Default: the rulings."
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="MODEL", help="Where to write a model of labelled lines.")
    ] = None,
    test: Annotated[
        str | None, typer.Option(metavar="LABELLED.jsonl", help="Other labelled lines to test that model on.")
    ] = None,
    folds: Annotated[int, typer.Option(min=0, max=50, help="Folds of the cross-validation; 0 trains only.")] = 5,
    seed: Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="How the folds are drawn.")] = None,
    show: Annotated[bool, typer.Option("--list", help="List the models in the database.")] = False,
    activate: Annotated[str | None, typer.Option(metavar="VERSION", help="Put a back-tested model in force.")] = None,
    deactivate: Annotated[bool, typer.Option("--deactivate", help="Put no model in force.")] = False,
) -> None:
    """Fit a model to the office's rulings and keep it as a candidate; or to labelled lines, and print its figures."""
    if sum((labelled is not None, show, activate is not None, deactivate)) > 1:
        refuse("a file, --list, --activate and --deactivate exclude each other")
    if labelled is None and (output or test):
        refuse("--output and --test go with a file of labelled lines")
    if folds == 1:
        refuse("--folds is 0 (train only) or at least 2")
    if show:
        _print_models()
    elif activate is not None:
        _activate(activate)
    elif deactivate:
        _deactivate()
    elif labelled is not None:
        _learn_lines(labelled, output, test, folds, seed)
    else:
        _learn_rulings(folds, seed)


def _learn_lines(labelled: str, output: str | None, test: str | None, folds: int, seed: int | None) -> None:
    from app.classify.learn import SEED, TooFewTexts, cross_validate, fit, score_on

    texts, labels = _read_labelled(labelled)
    others = _read_labelled(test) if test else None
    begun = time.perf_counter()
    try:
        with at_work("learn"):
            chosen = SEED if seed is None else seed
            measured = cross_validate(texts, labels, folds=folds, seed=chosen) if folds else None
            halfway = time.perf_counter()
            model = fit(texts, labels, sharpness=measured.sharpness if measured else 0.0)
    except TooFewTexts as error:
        refuse(str(error))
    done = time.perf_counter()
    figures: dict[str, Any] = {"texts": len(texts), "labels": len(model.labels)}
    figures |= asdict(measured) if measured else {}
    if others:
        figures["test"] = {"texts": len(others[0]), **score_on(model, *others)}
    figures |= {
        "training_seconds": round(done - halfway, 2),
        "seconds": round(done - begun, 2),
        "peak_memory_mb": _peak_memory(),
        "grams": len(model.text) + len(model.opening),
        "version": model.version,
    }
    if output:
        write_lines(output, [model.to_bytes()])
    print(json.dumps(figures, ensure_ascii=False, indent=2))


def _read_labelled(source: str) -> tuple[list[str], list[str]]:
    texts, labels = [], []
    for number, line in read_lines(source):
        for key in ("text", "label"):
            if not isinstance(line.get(key), str):
                refuse(f"line {number}: field `{key}` is missing or not a string")
        if not line["label"].isprintable() or not line["label"]:
            refuse(f"line {number}: field `label` is empty or holds characters that cannot be printed")
        texts.append(line["text"])
        labels.append(line["label"])
    if not texts:
        refuse(f"no labelled lines in {source}")
    return texts, labels


def _peak_memory() -> float | None:
    """The most this process has held so far, in MB; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)


def _learn_rulings(folds: int, seed: int | None) -> None:
    from app.classify.learned import SURE

    if folds == 0:
        refuse("a model of rulings is always cross-validated: leave --folds out, or give at least 2")

    async def work(runtime: "Runtime") -> "Learnt":
        from app.classify.learn import SEED
        from app.flow.learning import learn_from_rulings

        city, now = runtime.cities.current, runtime.clock.now()
        chosen = SEED if seed is None else seed
        return await learn_from_rulings(runtime.database, city, now, folds=folds, seed=chosen)

    with at_work("learn"):
        learnt = run(work)
    counts, measured = learnt.trained_on, learnt.validation
    typer.echo(f"依据线索 {counts['reports']} 件：裁定 {counts['ruled']}，无异议销号 {counts['unopposed']}。")
    typer.echo("条线：" + "、".join(f"{line} {count}" for line, count in counts["lines"].items()))
    typer.echo(
        f"{measured.folds} 折交叉验证：宏平均 F1 {measured.macro_f1:.3f}，准确率 {measured.accuracy:.3f}，"
        f"校准误差 {measured.calibration_error:.3f}"
    )
    sure = measured.spoken[str(SURE)]
    typer.echo(f"有把握（{SURE} 以上）的占 {sure['share']:.0%}，其中对的占 {sure['accuracy']:.0%}。")
    state = "已存为候选" if learnt.is_new else "与已有版本相同，没有变化"
    typer.echo(f"版本 {learnt.model.version}：{state}。下一步：yilong backtest --model {learnt.model.version}")


def _print_models() -> None:
    async def work(runtime: "Runtime") -> "list[LearnedModel]":
        from app.directory.learned_models import list_models

        async with runtime.database.read() as session:
            return list(await list_models(session))

    rows = run(work)
    if not rows:
        typer.echo("还没有学得的模型。There is no learned model yet.")
    for row in rows:
        state = "在用" if row.active else "已回放" if row.backtested_at else "候选"
        typer.echo(
            f"{row.version}  {row.created_at:%Y-%m-%d}  {state}  线索 {row.trained_on['reports']}  "
            f"条线 {len(row.trained_on['lines'])}  宏平均F1 {row.validation['macro_f1']:.3f}" + _replayed(row.backtest)
        )


def _replayed(backtest: dict[str, Any] | None) -> str:
    if backtest is None:
        return ""
    return (
        f"  回放 {backtest['reports']} 件：结论变化 {backtest['decided_otherwise']}，"
        f"建议变化 {backtest['suggested_otherwise']}"
    )


def _activate(version: str) -> None:
    async def work(runtime: "Runtime") -> bool:
        from app.directory.learned_models import activate_model

        async with runtime.database.write() as session:
            return await activate_model(session, version, runtime.clock.now())

    changed = run(work)
    typer.echo(f"模型 {version} 已启用。" if changed else f"模型 {version} 本来就在用。")


def _deactivate() -> None:
    async def work(runtime: "Runtime") -> bool:
        from app.directory.learned_models import deactivate_models

        async with runtime.database.write() as session:
            return await deactivate_models(session)

    typer.echo("模型已停用。" if run(work) else "没有在用的模型。")
