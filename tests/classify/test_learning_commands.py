"""`yilong learn` and `yilong backtest`: from labelled lines without a database, from rulings on both databases."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli import application
from app.clock import FixedClock
from app.directory.linear import LinearModel
from app.settings import get_settings
from tests.apart import run_apart
from tests.city import SECRET, open_city
from tests.classify.teaching import LEADERS, labelled
from tests.journeys.test_learning import NAMELESS, rule, send

Command = Callable[..., Result]


def run(*arguments: str, data: str | None = None, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(application, list(arguments), input=data, env=env)


def as_lines(pairs: list[tuple[str, str]]) -> str:
    return "\n".join(json.dumps({"text": text, "label": label}, ensure_ascii=False) for text, label in pairs) + "\n"


@pytest.fixture
def on_city(city_url: str, tmp_path: Path) -> Iterator[Command]:
    """Runs a command on a fresh city."""
    env = {"YILONG_DATABASE_URL": city_url, "YILONG_DATA_DIR": str(tmp_path), "YILONG_SECRET_KEY": SECRET}

    def command(*arguments: str, data: str | None = None) -> Result:
        get_settings.cache_clear()
        return run(*arguments, data=data, env=env)

    yield command
    get_settings.cache_clear()


def teach(url: str, folder: Path, clock: FixedClock, pairs: list[tuple[str, str]]) -> None:
    async def work() -> None:
        async with open_city(url, folder, clock) as city:
            reporter = await city.reporter("FR-01")
            for text, line in pairs:
                await rule(city, await send(reporter, text), LEADERS[line])

    run_apart(work())


def test_labelled_lines_give_figures_and_a_model(tmp_path: Path) -> None:
    source, target = tmp_path / "labelled.jsonl", tmp_path / "model.json"
    source.write_text(as_lines(labelled()), encoding="utf-8")
    result = run("learn", str(source), "-o", str(target), "--test", str(source))
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["macro_f1"] > 0.95
    assert figures["accuracy"] > 0.95
    assert figures["test"] == {"texts": 60, "macro_f1": 1.0, "accuracy": 1.0}
    assert figures["seconds"] >= figures["training_seconds"] > 0
    assert figures["peak_memory_mb"] > 1
    model = LinearModel.from_bytes(target.read_bytes())
    assert model.version == figures["version"]
    assert model.predict("渠道除草")[0][0] == "水利"


def test_no_folds_trains_only(tmp_path: Path) -> None:
    result = run("learn", "-", "-o", str(tmp_path / "model.json"), "--folds", "0", data=as_lines(labelled()))
    assert result.exit_code == 0, result.output
    assert "macro_f1" not in json.loads(result.stdout)
    assert not LinearModel.from_bytes((tmp_path / "model.json").read_bytes()).calibrated


@pytest.mark.parametrize(
    ("arguments", "data", "says"),
    [
        (["-"], "", "no labelled lines"),
        (["-"], "{", "line 1 is not JSON"),
        (["-"], '{"text": "x"}', "line 1: field `label`"),
        (["-"], '{"text": 1, "label": "甲"}', "line 1: field `text`"),
        (["-"], '{"text": "x", "label": "\\ud800"}', "line 1: field `label`"),
        (["-"], as_lines([("一", "甲"), ("二", "乙")]), "folds need"),
        (["-"], as_lines([("一", "甲")] * 9), "two labels"),
        (["-", "--folds", "1"], as_lines(labelled()), "--folds"),
        (["-", "--list"], "", "exclude each other"),
        (["-o", "x"], "", "--output and --test"),
        (["no-such.jsonl"], "", "cannot read"),
        (["--folds", "0"], "", "always cross-validated"),
    ],
)
def test_bad_use_is_named_and_ends_with_two(arguments: list[str], data: str, says: str) -> None:
    result = run("learn", *arguments, data=data)
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_back_test_needs_something_to_try() -> None:
    result = run("backtest")
    assert result.exit_code == 2
    assert "--pack or --model" in result.stderr


def test_from_rulings_to_a_model_in_force(on_city: Command, city_url: str, tmp_path: Path, clock: FixedClock) -> None:
    early = on_city("learn")
    assert early.exit_code == 2
    assert "可供学习的裁定太少" in early.stderr
    assert "还没有" in on_city("learn", "--list").stdout
    teach(city_url, tmp_path, clock, labelled())

    learnt = on_city("learn")
    assert learnt.exit_code == 0, learnt.output
    assert "裁定 60" in learnt.stdout
    assert "文化旅游 30、水利 30" in learnt.stdout
    version = learnt.stdout.rsplit("--model ", 1)[1].strip()
    assert "候选" in on_city("learn", "--list").stdout

    refused = on_city("learn", "--activate", version)
    assert refused.exit_code == 2
    assert "尚未回放检验" in refused.stderr
    assert on_city("learn", "--activate", "nothing").exit_code == 2

    tested = on_city("backtest", "--model", version, "--examples", "1")
    assert tested.exit_code == 0, tested.output
    assert "回放 60 件" in tested.stdout
    assert "结论变化 60" in tested.stdout  # from no_department to tier_unknown
    assert tested.stdout.index("CS-SL") < tested.stdout.index("CS-WL") < tested.stdout.index("FR-SL")
    assert tested.stdout.count("现在：") == tested.stdout.count("将来：") == 1

    assert "已启用" in on_city("learn", "--activate", version).stdout
    assert "本来就在用" in on_city("learn", "--activate", version).stdout
    assert "在用" in on_city("learn", "--list").stdout
    same = json.loads(on_city("backtest", "--model", version, "--json").stdout)
    assert (same["in_force"], same["suggested_otherwise"]) == (same["tried"], 0)
    assert "已停用" in on_city("learn", "--deactivate").stdout
    assert "没有在用" in on_city("learn", "--deactivate").stdout


def test_reports_of_a_file_under_a_model_of_a_file(on_city: Command, tmp_path: Path) -> None:
    model, reports = tmp_path / "model.json", tmp_path / "reports.jsonl"
    run("learn", "-", "-o", str(model), data=as_lines(labelled()))
    reports.write_text(json.dumps({"id": "A1", "text": NAMELESS, "district": "芙蓉区"}), encoding="utf-8")
    result = on_city("backtest", str(reports), "--model", str(model), "--json")
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert shown["reports"] == shown["decided_otherwise"] == 1  # from no_department to tier_unknown
    assert shown["suggested"]["FR-SL"] == {"before": 0, "after": 1, "gained": 1, "lost": 0}
    (example,) = shown["examples"]
    assert (example["id"], example["before"]["suggestions"]) == ("A1", [])
    assert example["after"]["suggestions"][0] == "FR-SL"

    uncalibrated = tmp_path / "uncalibrated.json"
    run("learn", "-", "-o", str(uncalibrated), "--folds", "0", data=as_lines(labelled()))
    for bad in (uncalibrated, reports):
        assert on_city("backtest", str(reports), "--model", str(bad)).exit_code == 2
    assert on_city("backtest", "--model", str(model)).exit_code == 2  # no report in the ledger


def test_reports_under_a_changed_pack(on_city: Command, tmp_path: Path) -> None:
    from app.directory.loading import read_files
    from app.directory.pack import BUNDLED_PACK

    folder = tmp_path / "pack"
    folder.mkdir()
    for name, content in read_files(BUNDLED_PACK).items():
        changed = content + "堤上割草,水利,2.5,\n" if name == "topics.csv" else content
        (folder / name).write_text(changed, encoding="utf-8")
    line = json.dumps({"text": NAMELESS, "district": "芙蓉区"})
    result = on_city("backtest", "-", "--pack", str(folder), data=line)
    assert result.exit_code == 0, result.output
    assert "结论变化 1" in result.stdout
    assert "FR-SL 芙蓉区水利局：0 → 1（新增 1，减少 0）" in result.stdout
    (folder / "departments.csv").unlink()
    broken = on_city("backtest", "-", "--pack", str(folder), data=line)
    assert broken.exit_code == 2
    assert "departments.csv" in broken.stderr
    assert not broken.stderr.rstrip().endswith("2")
