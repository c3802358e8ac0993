"""Writes docs/schemas and the tables of docs/integration.md from the shapes in the code: `make schemas`.

Refuses a change that is not additive: what departments were promised within a version stays.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.api import callbacks, webhooks
from app.api.json_schema import Schema, schema_of
from tools.containment import reasons_against

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "schemas"
GUIDE = ROOT / "docs" / "integration.md"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Direction:
    """Bodies we send or bodies we take.

    Attributes:
        folder: below docs/schemas, with the version.
        outward: receivers rely on what we promised, so what we send may only become narrower; senders rely on being
            understood, so what we take may only become wider.
    """

    folder: str
    outward: bool

    @property
    def path(self) -> Path:
        return TARGET / self.folder

    def reasons_against(self, old: Schema, new: Schema) -> list[str]:
        """Why a change is not additive; empty where it is."""
        return reasons_against(new, old) if self.outward else reasons_against(old, new)


OUT, IN = Direction("webhooks/v1", outward=True), Direction("callbacks/v1", outward=False)


def build(direction: Direction) -> dict[str, Schema]:
    """The schemas of one direction as the code has them, by type."""
    if direction.outward:
        return {kind: _finish(schema_of(webhooks.body_of(kind)), sent.meaning) for kind, sent in webhooks.SENT.items()}
    return {kind: _finish(schema_of(callbacks.body_of(kind)), None) for kind in callbacks.TAKEN}


def _finish(schema: Schema, meaning: str | None) -> Schema:
    words = [meaning, schema["description"]] if meaning else [schema["description"]]
    return {"$schema": DIALECT} | schema | {"description": "\n\n".join(words)}


def read(direction: Direction) -> dict[str, Schema]:
    """The schemas that were published."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(direction.path.glob("*.json"))}


def broken_promises(direction: Direction, old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[str]:
    """Every way in which `new` takes back what `old` promised."""
    found = [f"{kind}: the type is gone" for kind in old if kind not in new]
    for kind in old:
        if kind in new:
            found.extend(f"{kind}: {reason}" for reason in direction.reasons_against(old[kind], new[kind]))
    return found


def to_text(schema: Schema) -> str:
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


# ── the tables of the guide ──


def tables() -> dict[str, str]:
    """By the mark that stands before them in the guide."""
    out = ["| 类型 type | 意思 meaning | `data` 里有 |", "|---|---|---|"]
    out += [f"| `{kind}` | {sent.meaning} | {_members(sent.data)} |" for kind, sent in webhooks.SENT.items()]
    taken = ["| 类型 type | 意思 meaning | `data` 里必须有 | 还可以有 |", "|---|---|---|---|"]
    for kind, schema in build(IN).items():
        data = schema["properties"]["data"]
        required, members = data["required"], data["properties"]
        optional = [name for name in members if name not in required]
        first = schema["description"].split("\n\n")[0].replace("\n", " ")
        taken.append(f"| `{kind}` | {first} | {_listed(sorted(required))} | {_listed(optional)} |")
    return {"webhooks": "\n".join(out), "callbacks": "\n".join(taken)}


def _members(shape: Any) -> str:
    return _listed(shape.model_fields)


def _listed(names: Any) -> str:
    return " ".join(f"`{name}`" for name in names)


def with_tables(text: str) -> str:
    """The guide with its tables as they should be; raises ValueError where a mark is missing."""
    for mark, table in tables().items():
        start, end = f"<!-- types: {mark} -->\n", f"<!-- end: {mark} -->"
        before, found, rest = text.partition(start)
        _, ended, after = rest.partition(end)
        if not found or not ended:
            raise ValueError(f"docs/integration.md lacks the mark {start.strip()} or its end")
        text = f"{before}{start}\n{table}\n\n{end}{after}"
    return text


def _files() -> Iterator[tuple[Path, str]]:
    for direction in (OUT, IN):
        for kind, schema in build(direction).items():
            yield direction.path / f"{kind}.json", to_text(schema)
    yield GUIDE, with_tables(GUIDE.read_text(encoding="utf-8"))


def main() -> None:
    broken = [fault for side in (OUT, IN) for fault in broken_promises(side, read(side), build(side))]
    if broken:
        sys.exit("Not additive, so nothing was written (docs/decisions/0061):\n" + "\n".join(f"  {b}" for b in broken))
    for path, text in _files():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
