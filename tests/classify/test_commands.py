"""`yilong classify` and `yilong evaluate`: streams, exit codes, nothing half-written."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli import application

LINE = {"id": "A1", "text": "省民政厅要求每天填表", "district": "芙蓉区"}
GOLD = LINE | {
    "gold": {"category": "provincial", "route": "escalation", "receivers": ["CS-MZ"], "burden_types": ["FORMS"]}
}


def run(*arguments: str, data: str | None = None) -> Result:
    return CliRunner().invoke(application, list(arguments), input=data)


def test_each_line_gets_a_decision_in_order(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    lines = [LINE | {"id": str(number)} for number in range(60)]
    source.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n\n", encoding="utf-8")
    assert run("classify", str(source), str(target)).exit_code == 0
    decisions = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert [decision["id"] for decision in decisions] == [line["id"] for line in lines]
    assert {decision["category"] for decision in decisions} == {"provincial"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_dashes_are_the_standard_streams() -> None:
    result = run("classify", "-", "-", data=json.dumps(LINE, ensure_ascii=False))
    assert result.exit_code == 0
    assert json.loads(result.stdout)["receivers"][0]["code"] == "CS-MZ"


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("{", "line 2 is not JSON"),
        ("[]", "line 2 is not a JSON object"),
        ('{"id": "x"}', "line 2: field `text`"),
        ('{"text": 5}', "line 2: field `text`"),
        ('{"text": "x", "district": 5}', "line 2: field `district`"),
        ('{"text": "x", "declared_departments": "FR-MZ"}', "line 2: field `declared_departments`"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_written(bad: str, says: str, tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps(LINE) + "\n" + bad + "\n", encoding="utf-8")
    result = run("classify", str(source), str(target))
    assert result.exit_code == 2
    assert says in result.stderr
    assert not target.exists()


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    assert run("classify", str(tmp_path / "no.jsonl"), "-").exit_code == 2


def test_a_lone_surrogate_in_the_input_does_not_break_the_output(tmp_path: Path) -> None:
    line = '{"text": "\\ud800省民政厅要求填表", "district": "芙蓉区"}'
    result = run("classify", "-", str(tmp_path / "out.jsonl"), data=line)
    assert result.exit_code == 0


def test_evaluate_prints_what_the_contract_lists(tmp_path: Path) -> None:
    result = run("evaluate", "-", data=json.dumps(GOLD, ensure_ascii=False))
    assert result.exit_code == 0
    scores = json.loads(result.stdout)
    assert scores["category_accuracy"] == 1.0
    assert scores["reports_per_second"] > 0
    assert {"route_accuracy", "receivers_exact", "category_macro_f1", "burden_micro_f1", "triage_share",
            "decided_accuracy", "expected_calibration_error", "confusion", "coverage"} <= scores.keys()  # fmt: skip


@pytest.mark.parametrize("line", [LINE, LINE | {"gold": {"category": "x"}}, LINE | {"gold": {"category": "unclear"}}])
def test_evaluate_refuses_lines_without_gold(line: dict[str, object]) -> None:
    result = run("evaluate", "-", data=json.dumps(line))
    assert result.exit_code == 2
    assert "line 1" in result.stderr


def test_a_broken_pack_is_bad_input(tmp_path: Path) -> None:
    result = run("evaluate", "-", "--pack", str(tmp_path), data=json.dumps(GOLD))
    assert result.exit_code == 2
    assert "departments.csv" in result.stderr
