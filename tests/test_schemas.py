"""The published schemas of webhooks and callbacks: they say what the code does, and within a version only grow."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from app.api import callbacks, webhooks
from app.api.json_schema import schema_of
from tests.city import CityUnderTest
from tests.schemas import DOCS, misfits, published
from tools import write_schemas
from tools.containment import NotJudged, reasons_against
from tools.write_schemas import IN, OUT, Direction

DIRECTIONS = [pytest.param(OUT, id="webhooks"), pytest.param(IN, id="callbacks")]
REGENERATE = "run `make schemas`; it tells what is not additive"


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_published_schemas_are_those_of_the_code(direction: Direction) -> None:
    assert write_schemas.broken_promises(direction, write_schemas.read(direction), write_schemas.build(direction)) == []
    assert write_schemas.read(direction) == write_schemas.build(direction), REGENERATE


def test_the_tables_of_the_guide_name_every_type() -> None:
    text = write_schemas.GUIDE.read_text(encoding="utf-8")
    assert text == write_schemas.with_tables(text), REGENERATE


# ── what is additive ──

SENT = schema_of(webhooks.body_of("assignment.supervised"))
TAKEN = schema_of(callbacks.body_of("assignment.feedback"))


def changed(schema: dict[str, Any], path: str, change: Any) -> dict[str, Any]:
    """A copy in which `change` was done to the node at `path`."""
    made = copy.deepcopy(schema)
    node = made
    for name in path.split("/"):
        node = node[name]
    change(node)
    return made


DATA = "properties/data"
OR_NULL = {"anyOf": [{"type": "integer"}, {"type": "null"}]}
CLOCK = f"{DATA}/properties/deadline"
STATUS = f"{DATA}/properties/case/properties/status"
SENT_CHANGES = [
    ("a new member", True, CLOCK, lambda n: n["properties"].update(note={"type": "string"})),
    ("a new value", True, STATUS, lambda n: n["x-extensible-enum"].append("archived")),
    ("other words", True, CLOCK, lambda n: n.update(description="…")),
    ("a member that is always there now", True, CLOCK, lambda n: n["required"].append("note")),
    ("a member is gone", False, CLOCK, lambda n: n["properties"].pop("reply_by")),
    ("a member is renamed", False, CLOCK, lambda n: n["properties"].update(until=n["properties"].pop("reply_by"))),
    ("a member is there at times only", False, CLOCK, lambda n: n["required"].remove("level")),
    ("a member may be null now", False, f"{CLOCK}/properties", lambda n: n.update(level=OR_NULL)),
    ("another type", False, f"{CLOCK}/properties/level", lambda n: n.update(type="string")),
    ("a level beyond three", False, f"{CLOCK}/properties/level", lambda n: n.update(maximum=4)),
    ("a value is renamed", False, STATUS, lambda n: n["x-extensible-enum"].__setitem__(0, "sorting")),
    ("another form of time", False, f"{CLOCK}/properties/due_at", lambda n: n.pop("format")),
    ("another version", False, "properties/schema_version", lambda n: n.update(const=2)),
]  # fmt: skip
MEASURES = f"{DATA}/properties/measures"
KINDS = f"{DATA}/properties/measure_kinds"
TAKEN_CHANGES = [
    ("a new member that need not be there", True, DATA, lambda n: n["properties"].update(note={"type": "string"})),
    ("a member need not be there any more", True, DATA, lambda n: n["required"].remove("measures")),
    ("a new value", True, f"{KINDS}/items", lambda n: n["enum"].append("robot_employed")),
    ("longer texts", True, MEASURES, lambda n: n.update(maxLength=8000)),
    ("a member has to be there", False, DATA, lambda n: n["required"].append("scope")),
    ("a member is not taken any more", False, DATA, lambda n: n["properties"].pop("scope_note")),
    ("a value is gone", False, f"{KINDS}/items", lambda n: n["enum"].remove("other")),
    ("shorter texts", False, MEASURES, lambda n: n.update(maxLength=100)),
    ("texts of more than two characters", False, MEASURES, lambda n: n.update(minLength=10)),
    ("a form that was free", False, MEASURES, lambda n: n.update(pattern="^已")),
    ("null no more", False, f"{DATA}/properties", lambda n: n.update(version={"type": "integer", "minimum": 0})),
    ("fewer documents", False, f"{DATA}/properties/documents", lambda n: n.update(maxItems=3)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("additive", "direction", "old", "new"),
    [
        pytest.param(additive, direction, schema, changed(schema, path, change), id=f"{direction.folder[:4]} {name}")
        for direction, schema, changes in ((OUT, SENT, SENT_CHANGES), (IN, TAKEN, TAKEN_CHANGES))
        for name, additive, path, change in changes
    ],
)
def test_a_change_is_additive_or_it_is_told_why_not(
    additive: bool, direction: Direction, old: dict[str, Any], new: dict[str, Any]
) -> None:
    assert old != new
    assert (direction.reasons_against(old, new) == []) is additive
    assert (write_schemas.broken_promises(direction, {"a.b": old}, {"a.b": new}) == []) is additive


def test_a_type_that_is_gone_breaks_a_promise_and_a_new_one_does_not() -> None:
    old = {"a.b": SENT, "c.d": SENT}
    assert write_schemas.broken_promises(OUT, old, {"a.b": SENT}) == ["c.d: the type is gone"]
    assert write_schemas.broken_promises(OUT, {"a.b": SENT}, old) == []


def test_what_cannot_be_compared_is_not_waved_through() -> None:
    with pytest.raises(NotJudged, match="uniqueItems"):
        reasons_against({"type": "array", "uniqueItems": True}, {"type": "array"})


def test_a_change_that_is_not_additive_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_schemas, "TARGET", tmp_path)
    monkeypatch.setattr(write_schemas, "GUIDE", tmp_path / "integration.md")
    marks = [f"<!-- types: {mark} -->\n<!-- end: {mark} -->\n" for mark in ("webhooks", "callbacks")]
    write_schemas.GUIDE.write_text("".join(marks), encoding="utf-8")
    write_schemas.main()
    assert write_schemas.read(OUT) == write_schemas.build(OUT)
    path = OUT.path / "case.reopened.json"
    promised = json.loads(path.read_text(encoding="utf-8"))
    promised["properties"]["data"]["required"].append("assignment")
    path.write_text(json.dumps(promised), encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(SystemExit, match=r"case\.reopened: data: `assignment` is not always there"):
        write_schemas.main()
    assert path.read_bytes() == before


# ── examples, and OpenAPI ──


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_each_type_has_an_example_that_fits_it(direction: Direction) -> None:
    examples = {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in (direction.path / "examples").glob("*.json")}
    assert set(examples) == set(write_schemas.build(direction))
    found = {kind: list(misfits(published(direction.folder, kind), body)) for kind, body in examples.items()}
    assert {kind: faults for kind, faults in found.items() if faults} == {}
    shape = webhooks.body_of if direction.outward else callbacks.body_of
    for kind, body in examples.items():
        made: BaseModel = shape(kind).model_validate(body)
        assert made.model_dump()["type"] == kind


ROOT = Path(__file__).resolve().parents[1]
# Their blocks are played against a running service, word by word; what is left out there is written as a bare ….
PLAYED = {"README.md", "integration.md"}
DOCUMENTS = [p for p in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]) if p.name not in PLAYED]


def test_every_webhook_and_callback_that_a_document_shows_fits_its_schema() -> None:
    folders = {kind: side.folder for side in (OUT, IN) for kind in write_schemas.build(side)}
    shown = []
    for document in DOCUMENTS:
        for block in re.findall(r"```json\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL):
            body = json.loads(block)
            if "type" in body:
                kind = body["type"]
                assert list(misfits(published(folders[kind], kind), body)) == [], f"{document.name}: {kind}"
                shown.append(kind)
    assert "endpoint.challenge" in shown


def test_the_schemas_say_what_does_not_fit() -> None:
    body = json.loads((DOCS / "webhooks/v1/examples/assignment.supervised.json").read_text(encoding="utf-8"))
    body["data"]["deadline"] |= {"level": "1", "due_at": "soon", "reporter": "王"}
    body["data"]["case"].pop("route")
    body["seq"] = True
    assert set(misfits(published("webhooks/v1", "assignment.supervised"), body)) == {
        "data.deadline.level is no integer", "data.deadline.due_at is no date-time",
        "data.deadline.reporter is not in the schema", "data.case lacks route", "seq is no integer",
    }  # fmt: skip


def resolved(node: Any, components: dict[str, Any]) -> Any:
    """A node of OpenAPI with nothing to look up, without titles, to compare with a schema."""
    if isinstance(node, list):
        return [resolved(each, components) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        rest = {k: v for k, v in node.items() if k != "$ref"}
        return resolved(components[node["$ref"].rpartition("/")[2]] | rest, components)
    return {
        k: {n: resolved(m, components) for n, m in v.items()} if k == "properties" else resolved(v, components)
        for k, v in node.items()
        if k != "title"
    }


def without_words(schema: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in schema.items() if k not in {"$schema", "title", "description"}}


async def test_openapi_has_the_same_shapes(city: CityUnderTest) -> None:
    async with city.anonymous() as nobody:
        document = (await nobody.get("/openapi.json")).json()
    parts = document["components"]["schemas"]
    for kind, schema in write_schemas.build(OUT).items():
        content = document["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert without_words(resolved(content, parts)) == without_words(schema), kind
    taken = document["paths"]["/v1/callbacks/{department_code}"]["post"]["requestBody"]["content"]["application/json"]
    assert [without_words(each) for each in taken["schema"]["oneOf"]] == [
        without_words(resolved(each, {})) for each in write_schemas.build(IN).values()
    ]


def examples_in(node: Any, components: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Every example in a part of OpenAPI, beside a schema or within it, with the schema that it is an example of."""
    if isinstance(node, list):
        for each in node:
            yield from examples_in(each, components)
    elif isinstance(node, dict):
        given = node.get("examples", [])
        given = [each["value"] for each in given.values()] if isinstance(given, dict) else list(given)
        schema = resolved(node.get("schema", node), components)
        yield from ((schema, each) for each in [*given, *([node["example"]] if "example" in node else [])])
        for name, each in node.items():
            # The names of members are no words of a schema.
            yield from examples_in(list(each.values()) if name == "properties" else each, components)


async def test_every_example_in_openapi_fits_its_schema(city: CityUnderTest) -> None:
    async with city.anonymous() as nobody:
        document = (await nobody.get("/openapi.json")).json()
    parts = document["components"]["schemas"]
    found = list(examples_in(document, parts))
    assert found
    assert [(each, faults) for schema, each in found if (faults := list(misfits(schema, each)))] == []


def test_the_types_that_openapi_names_for_callbacks_are_taken() -> None:
    assert set(callbacks.CallbackIn.model_fields["type"].examples or []) <= set(callbacks.TAKEN)


def test_an_example_that_does_not_fit_is_found_wherever_it_stands() -> None:
    text = {"type": "string"}
    document = {"a": [{"schema": text, "example": 1}, {"schema": text, "examples": {"x": {"value": 2}}}],
                "b": {"properties": {"examples": text | {"examples": [3, "right"]}}}}  # fmt: skip
    assert [each for schema, each in examples_in(document, {}) if list(misfits(schema, each))] == [1, 2, 3]
