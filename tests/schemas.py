"""The published schemas, and whether a body fits one: the words of JSON Schema that ours use, and no others."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs" / "schemas"
_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
    "null": type(None),
}  # fmt: skip
_FORMATS = {"date-time": datetime.fromisoformat, "date": date.fromisoformat}


@cache
def published(folder: str, event_type: str) -> dict[str, Any]:
    """The schema of a type in `webhooks/v1` or `callbacks/v1`; raises FileNotFoundError."""
    schema: dict[str, Any] = json.loads((DOCS / folder / f"{event_type}.json").read_text(encoding="utf-8"))
    return schema


def misfits(schema: dict[str, Any], value: Any, path: str = "") -> Iterator[str]:
    """Why a value does not fit; a member or a value of today that the schema does not name is a misfit too."""
    here = path or "the body"
    if "anyOf" in schema:
        against = [list(misfits(each, value, path)) for each in schema["anyOf"]]
        yield from () if not all(against) else min(against, key=len)
    kind = schema.get("type")
    if kind and not (isinstance(value, _TYPES[kind]) and (isinstance(value, bool) is (kind == "boolean"))):
        yield f"{here} is no {kind}"
        return
    values = [schema["const"]] if "const" in schema else schema.get("enum") or schema.get("x-extensible-enum")
    if values and value is not None and value not in values:
        yield f"{here} is {value!r}, not one of {values}"
    if isinstance(value, dict):
        yield from _misfits_of_members(schema, value, path)
    elif isinstance(value, list):
        for each in value:
            yield from misfits(schema.get("items", {}), each, f"{path}[]")
    elif isinstance(value, str):
        yield from _misfits_of_text(schema, value, here)
    elif value is not None and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{here} is out of bounds"


def _misfits_of_members(schema: dict[str, Any], value: dict[str, Any], path: str) -> Iterator[str]:
    members = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{path or 'the body'} lacks {name}"
    for name, member in value.items():
        where = f"{path}.{name}" if path else name
        yield from misfits(members[name], member, where) if name in members else [f"{where} is not in the schema"]


def _misfits_of_text(schema: dict[str, Any], value: str, here: str) -> Iterator[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{here} is too short or too long"
    if "format" in schema:
        try:
            _FORMATS[schema["format"]](value)
        except ValueError:
            yield f"{here} is no {schema['format']}"


def misfits_of_webhook(body: str) -> list[str]:
    """Why the body of a webhook is not what its type's schema promises."""
    event = json.loads(body)
    return [f"{event['type']}: {fault}" for fault in misfits(published("webhooks/v1", event["type"]), event)]
