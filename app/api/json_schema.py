"""The JSON Schema of one body, whole in itself: what it refers to stands where it is used. Pure."""

from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]
_REFERENCE = "#/$defs/"


def schema_of(model: type[BaseModel]) -> Schema:
    """A model's schema with nothing to look up, without titles that only repeat names and defaults that are null."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    inlined: Schema = {"title": model.__name__} | _inline(schema, definitions)
    return inlined


def _inline(node: Any, definitions: Schema) -> Any:
    if isinstance(node, list):
        return [_inline(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        node = definitions[node["$ref"].removeprefix(_REFERENCE)] | {k: v for k, v in node.items() if k != "$ref"}
    # Members of `properties` are names, and one may be called `title`; elsewhere it is pydantic's.
    return {
        key: {name: _inline(member, definitions) for name, member in value.items()}
        if key == "properties"
        else _inline(value, definitions)
        for key, value in node.items()
        if key != "title" and (key, value) != ("default", None)
    }
