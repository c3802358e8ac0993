"""Kinds of values as a body's description has them: a number is no date, a text no number, and 1 is not true."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any, Final

from pydantic_core import CoreSchema, PydanticKnownError, core_schema

# Where a description holds others.
_NESTED: Final = ("schema", "items_schema", "keys_schema", "values_schema", "choices")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_day(value: Any) -> bool:
    return isinstance(value, str) and _DAY.fullmatch(value) is not None


def _is_moment(value: Any) -> bool:
    return isinstance(value, str) and _DAY.match(value) is not None


# A value that has its type already was made by our own code.
_KINDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "int": _is_number,
    "float": _is_number,
    "bool": lambda value: isinstance(value, bool),
    "date": lambda value: isinstance(value, date) or _is_day(value),
    "datetime": lambda value: isinstance(value, datetime) or _is_moment(value),
}


def _refuse_others(kind: Any, value: Any) -> Any:
    if not _KINDS[kind](value):
        raise PydanticKnownError(f"{kind}_type")  # type: ignore[arg-type]
    return value


def as_described(schema: Any) -> Any:
    """The same schema, in which each kind takes what JSON has for it, and nothing that could be made into it."""
    if isinstance(schema, list | tuple):
        return type(schema)(as_described(each) for each in schema)
    if not isinstance(schema, dict):
        return schema
    if schema["type"] in _KINDS:
        taken: CoreSchema = schema
        return core_schema.no_info_before_validator_function(partial(_refuse_others, schema["type"]), taken)
    if schema["type"] == "function-before":
        return schema
    changed = {name: as_described(schema[name]) for name in _NESTED if name in schema}
    if "fields" in schema:
        changed["fields"] = {name: as_described(field) for name, field in schema["fields"].items()}
    return schema | changed
