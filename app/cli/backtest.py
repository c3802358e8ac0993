"""`yilong backtest`: decides past reports once more under a changed pack or model and says what would change."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.lines import as_report, read_lines, refuse, with_progress
from app.cli.running import run

if TYPE_CHECKING:
    from app.classify import ReportText
    from app.classify.backtest import BackTest
    from app.directory.knowledge import Knowledge
    from app.directory.linear import LinearModel
    from app.runtime import Runtime

_CATEGORIES = {
    "provincial": "省级上报", "municipal_district": "市县交办", "multi_department": "会商", "unclear": "分办",
}  # fmt: skip


def register(application: typer.Typer) -> None:
    """Add the command."""
    application.command()(backtest)


def backtest(
    reports: Annotated[
        str | None,
        typer.Argument(
            metavar="REPORTS.jsonl",
            help="Reports, one JSON object a line; - for standard input. Default: the ledger's.",
        ),
    ] = None,
    pack: Annotated[Path | None, typer.Option(help="Folder of a pack to try in place of the one in force.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="VERSION|FILE", help="Learned model to try in place of the one in force.")
    ] = None,
    examples: Annotated[int, typer.Option(min=0, help="Changed reports to show.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Replay past reports under a changed pack or model, against what is in force; changes nothing but the note that a
    model was back-tested."""
    if pack is None and model is None:
        refuse("nothing to try: give --pack or --model")
    given = [as_report(number, line) for number, line in read_lines(reports)] if reports else None
    from_file = Path(model).read_bytes() if model and Path(model).is_file() else None

    async def work(runtime: "Runtime") -> "tuple[BackTest, Knowledge, Knowledge]":
        in_force = runtime.cities.current.knowledge
        tried = await _knowledge_to_try(runtime, pack, model, from_file)
        replayed = await _past_reports(runtime) if given is None else given
        if not replayed:
            refuse("没有可回放的线索。There are no reports to replay.")
        result = _replay(runtime, replayed, in_force, tried, examples)
        if given is None and pack is None and tried.learned is not None:
            await _record(runtime, tried.learned.version, result)
        return result, in_force, tried

    result, in_force, tried = run(work)
    if as_json:
        versions = {"in_force": in_force.version, "tried": tried.version}
        print(json.dumps(versions | result.to_dict(), ensure_ascii=False, indent=2))
        return
    names = {d.code: d.name for knowledge in (in_force, tried) for d in knowledge.pack.departments}
    for line in _told(result, in_force.version, tried.version, names):
        typer.echo(line)


async def _knowledge_to_try(
    runtime: "Runtime", pack: Path | None, model: str | None, from_file: bytes | None
) -> "Knowledge":
    from app.directory.knowledge import compile_knowledge, with_learned
    from app.directory.pack import PackError, load_pack

    knowledge = runtime.cities.current.knowledge
    learned = knowledge.learned
    if model is not None:
        learned = await _model_to_try(runtime, model, from_file)
    if pack is not None:
        try:
            knowledge = compile_knowledge(load_pack(pack))
        except PackError as error:
            refuse(f"the pack cannot be used\n{error}")
    return with_learned(knowledge, learned)


async def _model_to_try(runtime: "Runtime", model: str, from_file: bytes | None) -> "LinearModel":
    from app.directory.learned_models import get_payload
    from app.directory.linear import LinearModel, NotAModel

    payload = from_file
    if payload is None:
        async with runtime.database.read() as session:
            payload = await get_payload(session, model)
    try:
        learned = LinearModel.from_bytes(payload)
    except NotAModel as error:
        refuse(f"{model}: {error}")
    if not learned.calibrated:
        refuse(f"{model}: trained without cross-validation, so nobody knows how sure it may be; it is never used")
    return learned


async def _past_reports(runtime: "Runtime") -> "list[ReportText]":
    from app.flow.learning import past_reports

    return [report async for report in past_reports(runtime.database, runtime.cities.current)]


def _replay(
    runtime: "Runtime", reports: "list[ReportText]", in_force: "Knowledge", tried: "Knowledge", examples: int
) -> "BackTest":
    from app.classify import Thresholds
    from app.flow.learning import replay

    thresholds = Thresholds(decide=runtime.settings.decide_from_confidence)
    shown = with_progress(reports, len(reports), "backtest")
    return replay(shown, in_force, tried, thresholds, examples=examples)


async def _record(runtime: "Runtime", version: str, result: "BackTest") -> None:
    """Only a model of the database is there to be activated."""
    from app.directory.learned_models import NoSuchModel, record_backtest

    async with runtime.database.write() as session:
        try:
            await record_backtest(session, version, result.counts(), runtime.clock.now())
        except NoSuchModel:
            return


def _told(result: "BackTest", in_force: str, tried: str, names: Mapping[str, str]) -> Iterator[str]:
    counts = result.to_dict()
    yield f"回放 {counts['reports']} 件；在用 {in_force}，试行 {tried}。"
    yield (
        f"结论变化 {counts['decided_otherwise']}，只有建议变化 {counts['suggested_otherwise']}，"
        f"负担类型变化 {counts['other_burden_types']}。"
    )
    for change in counts["category_changes"]:
        yield f"  {_CATEGORIES[change['before']]} → {_CATEGORIES[change['after']]}：{change['reports']}"
    for key, title in (("receiving", "承办部门"), ("suggested", "建议部门")):
        if counts[key]:
            yield f"{title}（按代码排列，件数不作比较）："
        for code, c in counts[key].items():
            name = names.get(code, "")
            yield f"  {code} {name}：{c['before']} → {c['after']}（新增 {c['gained']}，减少 {c['lost']}）"
    for example in counts["examples"]:
        yield f"{example['id']} “{example['text']}”"
        yield f"  现在：{_in_words(example['before'])}"
        yield f"  将来：{_in_words(example['after'])}"


def _in_words(shown: Mapping[str, Any]) -> str:
    words = _CATEGORIES[shown["category"]] + (f"({shown['reason']})" if shown["reason"] else "")
    for key, title in (("receivers", "承办"), ("suggestions", "建议")):
        if shown[key]:
            words += f" {title} " + "、".join(shown[key])
    return words
