"""Whether everything that fits one JSON Schema fits another: the question behind "is this change additive?". Pure.

Knows what our own schemas use (pydantic's, with nothing to look up), and refuses to judge anything else.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
EXTENSIBLE = "x-extensible-enum"
# Neither changes what fits. A default says what an absent member means.
_WORDS = {"$schema", "$id", "title", "description", "examples", "default", EXTENSIBLE}
_JUDGED = {
    "type", "const", "enum", "anyOf", "properties", "required", "additionalProperties", "items", "format", "pattern",
}  # fmt: skip
_AT_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_AT_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


class NotJudged(ValueError):
    """A schema uses a word that is not known here."""


def reasons_against(narrow: Schema, wide: Schema, path: str = "") -> list[str]:
    """Why not everything that fits `narrow` fits `wide`, one sentence each; empty where it does.

    Values of today (`x-extensible-enum`) that `wide` names have to stay: leaving one out is how it would be renamed.
    """
    _require_known(narrow, path)
    _require_known(wide, path)
    here = path or "the body"
    gone = [value for value in wide.get(EXTENSIBLE, []) if value not in narrow.get(EXTENSIBLE, [])]
    if gone and EXTENSIBLE in narrow:
        return [f"{here}: the value {value!r} is gone" for value in gone]
    alternatives = _alternatives(wide)
    found: list[str] = []
    for each in _alternatives(narrow):
        against = [list(_reasons_in(each, other, path)) for other in alternatives]
        if all(against):
            fewest = min(against, key=len)
            found.extend(fewest)
    return found


def _alternatives(schema: Schema) -> list[Schema]:
    return schema.get("anyOf") or [schema]


def _require_known(schema: Schema, path: str) -> None:
    unknown = set(schema) - _WORDS - _JUDGED - {*_AT_LEAST, *_AT_MOST}
    if unknown:
        raise NotJudged(f"{path or 'the body'}: {', '.join(sorted(unknown))} cannot be compared by this module")


def _reasons_in(narrow: Schema, wide: Schema, path: str) -> Iterator[str]:
    here = path or "the body"
    if not _is_type_within(narrow.get("type"), wide.get("type")):
        yield f"{here}: was {wide.get('type')}, is {narrow.get('type', 'anything')}"
        return
    allowed = _values(wide)
    if allowed is not None:
        values = _values(narrow)
        for value in [None] if values is None else [v for v in values if v not in allowed]:
            yield f"{here}: {'any value' if value is None else repr(value)} where only {allowed} were"
    for word in ("format", "pattern"):
        if word in wide and narrow.get(word) != wide[word]:
            yield f"{here}: `{word}` {wide[word]} no longer holds"
    yield from _reasons_in_bounds(narrow, wide, here)
    yield from _reasons_in_members(narrow, wide, path)
    if "items" in wide:
        yield from reasons_against(narrow.get("items", {}), wide["items"], f"{path}[]")


def _is_type_within(narrow: str | None, wide: str | None) -> bool:
    return wide is None or narrow == wide or (narrow, wide) == ("integer", "number")


def _values(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values: list[Any] | None = schema.get("enum")
    return values


def _reasons_in_bounds(narrow: Schema, wide: Schema, here: str) -> Iterator[str]:
    for word in _AT_LEAST:
        if word in wide and narrow.get(word, float("-inf")) < wide[word]:
            yield f"{here}: `{word}` was {wide[word]}, is {narrow.get(word, 'absent')}"
    for word in _AT_MOST:
        if word in wide and narrow.get(word, float("inf")) > wide[word]:
            yield f"{here}: `{word}` was {wide[word]}, is {narrow.get(word, 'absent')}"


def _reasons_in_members(narrow: Schema, wide: Schema, path: str) -> Iterator[str]:
    here = path or "the body"
    for name in wide.get("required", []):
        if name not in narrow.get("required", []):
            yield f"{here}: `{name}` is not always there"
    mine, others = narrow.get("properties", {}), wide.get("properties", {})
    is_closed = narrow.get("additionalProperties") is False
    for name, member in others.items():
        if name in mine:
            yield from reasons_against(mine[name], member, f"{path}.{name}" if path else name)
        elif not is_closed:
            yield f"{here}: `{name}` is gone"
    if wide.get("additionalProperties") is False:
        yield from (f"{here}: `{name}` is not taken" for name in mine if name not in others)
        if not is_closed and wide.get("type") == "object":
            yield f"{here}: any member where only the named ones are taken"
