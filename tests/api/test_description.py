"""The description of the interface: every answer has a shape, every problem its own media type."""

from pathlib import Path
from typing import Any

import pytest

from app.clock import SystemClock
from app.main import PUBLIC, create_app
from app.problems import MEDIA_TYPE
from app.runtime import make_runtime
from tests.city import settings_for

Described = dict[str, dict[str, Any]]
Ways = list[dict[str, list[str]]]


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp("described")
    return create_app(make_runtime(settings_for(f"sqlite:///{folder}/none.db", folder), SystemClock())).openapi()


@pytest.fixture
def answers(description: dict[str, Any]) -> dict[str, Described]:
    """By operation, what is answered by status."""
    return {
        f"{method.upper()} {path}": operation["responses"]
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    }


def test_every_operation_describes_its_problems_as_they_are_sent(
    description: dict[str, Any], answers: dict[str, Described]
) -> None:
    problems = {
        (name, status): list(told["content"])
        for name, responses in answers.items()
        for status, told in responses.items()
        if (status == "default" or status >= "400") and name != "GET /readyz"
    }
    assert {name for name, status in problems if status == "default"} == set(answers) - {"GET /readyz"}
    assert [place for place, types in problems.items() if types != [MEDIA_TYPE]] == []
    problem = description["components"]["schemas"]["Problem"]["properties"]
    assert {"type", "title", "status", "code", "detail", "errors", "instance"} == set(problem)


def test_no_json_answer_is_without_a_shape(answers: dict[str, Described]) -> None:
    shapes = {
        (name, status): told["content"]["application/json"].get("schema")
        for name, responses in answers.items()
        for status, told in responses.items()
        if "application/json" in told.get("content", {})
    }
    assert [place for place, shape in shapes.items() if not shape] == []
    assert len(shapes) >= len(answers) - 2


def test_a_dry_run_is_described_beside_what_it_tries(answers: dict[str, Described]) -> None:
    assert {"200", "201", "default"} <= set(answers["POST /v1/precedents/{number}/rule"])


def test_who_reads_a_case_finds_both_its_shapes(answers: dict[str, Described]) -> None:
    shape = answers["GET /v1/cases/{number}"]["200"]["content"]["application/json"]["schema"]
    names = {each["$ref"].rpartition("/")[2] for each in shape["anyOf"]}
    assert names == {"CaseRecordOut", "CaseForDepartmentOut"}


def test_every_operation_says_how_one_shows_who_one_is(description: dict[str, Any]) -> None:
    schemes = description["components"]["securitySchemes"]
    assert {name: (scheme["type"], scheme.get("scheme") or scheme["name"]) for name, scheme in schemes.items()} == {
        "key": ("http", "bearer"),
        "session": ("apiKey", "yilong_session"),
        "csrf": ("apiKey", "X-CSRF-Token"),
        "signature": ("apiKey", "webhook-signature"),
    }
    needs = {
        f"{method.upper()} {path}": operation["security"]
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    }
    reading: Ways = [{"key": []}, {"session": []}]
    changing: Ways = [{"key": []}, {"session": [], "csrf": []}]
    public = {name for name in needs if name.split(" ")[1] in PUBLIC}
    assert {name: needs[name] for name in public if needs[name]} == {
        "POST /v1/callbacks/{department_code}": [{"signature": []}]
    }
    closed = set(needs) - public
    assert [name for name in closed if needs[name] != (reading if name.startswith("GET ") else changing)] == []
    assert {name.split(" ")[1] for name in public} >= {"/healthz", "/v1/callbacks/{department_code}"}
