"""Requests made from the description: its boundaries in full and in order, and random ones beside them."""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation

Schema = dict[str, Any]
BATCH = 3


def closed(description: Schema) -> Schema:
    """The description with nothing beside what it names in a good answer, so that a stray member is found.

    Who calls is the world's to say, so the ways to show it are left out.
    """
    schemas = description["components"]["schemas"]
    answers = [
        response
        for path in description["paths"].values()
        for operation in path.values()
        for status, response in operation["responses"].items()
        if status.startswith("2")
    ]
    reached: set[str] = set()
    waiting = list(_references(answers))
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _references(schemas[name])
    shut = {
        name: {"additionalProperties": False, **schema} if name in reached and "properties" in schema else schema
        for name, schema in schemas.items()
    }
    paths = {
        path: {
            method: {key: value for key, value in operation.items() if key != "security"}
            for method, operation in operations.items()
        }
        for path, operations in description["paths"].items()
    }
    return description | {"components": {"schemas": shut}, "paths": paths}


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rpartition("/")[2]
        for member in node.values():
            yield from _references(member)
    elif isinstance(node, list):
        for member in node:
            yield from _references(member)


def operations_of(description: Schema) -> list[APIOperation[Any, Any, Any, Any]]:
    """Every described operation, in the order of the description."""
    # Found in no file of the machine: the defaults, for each run alike.
    loaded = schemathesis.openapi.from_dict(closed(description), config=SchemathesisConfig())
    found = list(loaded.get_all_operations())
    assert all(isinstance(each, Ok) for each in found), found
    return [each.ok() for each in found if isinstance(each, Ok)]


@dataclass
class Drafts:
    """What one operation is sent: `seed` and its label decide everything."""

    operation: APIOperation[Any, Any, Any, Any]
    seed: int
    _bounds: deque[Case[Any]] = field(default_factory=deque)
    _random: dict[GenerationMode, deque[Case[Any]]] = field(default_factory=dict)
    _good: list[Case[Any]] = field(default_factory=list)
    _made: int = 0

    def __post_init__(self) -> None:
        found = list(self._coverage())
        random.Random(f"{self.seed} {self.operation.label}").shuffle(found)
        self._bounds.extend(found)
        self._good = [case for case in found if _is_good(case)]

    def _coverage(self) -> Iterator[Case[Any]]:
        operation = self.operation
        yield from operation.schema.iter_coverage_cases(
            operation,
            generation_modes=list(GenerationMode),
            generation_config=operation.schema.config.generation_for(operation=operation),
        )

    def good(self, dice: random.Random) -> Case[Any]:
        """A copy of a request that the description allows, to be filled with what is there."""
        return dice.choice(self._good).derive()

    def next_bound(self) -> Case[Any] | None:
        """A boundary of the description, good or bad, each once; None when they are used up."""
        return self._bounds.popleft() if self._bounds else None

    def next_random(self, mode: GenerationMode) -> Case[Any] | None:
        """A random request, allowed or not; None where there can be none."""
        waiting = self._random.setdefault(mode, deque())
        if not waiting:
            self._made += 1
            waiting.extend(generate(self.operation, mode, f"{self.seed} {self._made}"))
        return waiting.popleft() if waiting else None


def _is_good(case: Case[Any]) -> bool:
    meta = case.meta
    return meta is not None and meta.generation.mode.is_positive and case.method == case.operation.method.upper()


def generate(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, start: str) -> list[Case[Any]]:
    """Some cases by Hypothesis, the same for the same start."""
    made: list[Case[Any]] = []

    @settings(
        max_examples=BATCH,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @seed(int.from_bytes(start.encode(), "big"))
    @given(operation.as_strategy(generation_mode=mode))
    def keep(case: Case[Any]) -> None:
        made.append(case)

    try:
        keep()
    except Unsatisfiable:
        return []
    return made
