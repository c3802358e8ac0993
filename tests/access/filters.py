"""Where the code restricts what is read or done to its owner, found in its syntax; and the same code without one."""

import ast
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

APP = Path(__file__).resolve().parents[2] / "app"
# Rooms and doors in which somebody's own is told from another's.
ROOMS = ("access", "api", "consult", "deliver", "feedback", "flow", "ledger", "supervise")
OWNERS = {"department_code", "observation_point_code", "holder", "recipient", "department", "observation_point"}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition: in which function of which module, or at the module's top; and how it reads."""

    module: str
    place: str
    says: str
    line: int

    def __str__(self) -> str:
        return f"{self.module}:{self.place or '-'}: {self.says}"


def _is_condition(node: ast.AST) -> bool:
    """An owner compared, a seat that must still stand, or a question whether it is the office."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        known = isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn)
        return known and any(isinstance(s, ast.Attribute) and s.attr in OWNERS for s in _sides(node))
    if isinstance(node, ast.Call):
        return ast.unparse(node).endswith("withdrawn_at.is_(None)")
    return isinstance(node, ast.Attribute) and node.attr == "is_office"


def _sides(node: ast.Compare) -> Iterator[ast.AST]:
    """What is compared; of a set or of `x or y` its members."""
    for side in (node.left, *node.comparators):
        yield side
        yield from (*getattr(side, "elts", ()), *getattr(side, "values", ()))


@cache
def find_filters() -> tuple[Filter, ...]:
    """All of them, in the order of the files."""
    found = []
    for path in sorted(p for room in ROOMS for p in (APP / room).rglob("*.py")):
        module = ".".join(path.relative_to(APP.parent).with_suffix("").parts)
        for place, node in _conditions(ast.parse(path.read_text(encoding="utf-8")), ""):
            found.append(Filter(module, place, ast.unparse(node), node.lineno))
    return tuple(found)


def _conditions(tree: ast.AST, place: str) -> Iterator[tuple[str, Any]]:
    for node in ast.iter_child_nodes(tree):
        deeper = place
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            deeper = f"{place}.{node.name}".strip(".")
        if _is_condition(node):
            yield deeper, node
        yield from _conditions(node, deeper)


class _Removal(ast.NodeTransformer):
    """Puts in place of one condition what always holds."""

    def __init__(self, wanted: Filter) -> None:
        self._wanted, self.done = wanted, 0

    def visit(self, node: ast.AST) -> Any:
        here = getattr(node, "lineno", 0) == self._wanted.line
        if not (here and _is_condition(node) and ast.unparse(node) == self._wanted.says):
            return self.generic_visit(node)
        self.done += 1
        if _is_sql(node):
            return ast.copy_location(ast.parse("__import__('sqlalchemy').true()", mode="eval").body, node)
        refuses = isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.NotEq | ast.NotIn)
        return ast.copy_location(ast.Constant(not refuses), node)


def _is_sql(node: ast.AST) -> bool:
    """Whether it is a condition on a column, such as `Case.id == …`, and no comparison of values."""
    return any(
        isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id[0].isupper()
        for part in ast.walk(node)
    )


@contextmanager
def removed(wanted: Filter) -> Iterator[None]:
    """The application without this condition, for as long as the context is open."""
    module = importlib.import_module(wanted.module)
    removal = _Removal(wanted)
    tree = removal.visit(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")))
    assert removal.done == 1, f"{wanted} was found {removal.done} times"
    if not wanted.place:
        with _replaced_at_top(module, tree, wanted.line):
            yield
        return
    function: Any = module
    for name in wanted.place.split("."):
        function = getattr(function, name)
    function = getattr(function, "fget", function)
    assert isinstance(function, FunctionType)
    before = function.__code__
    function.__code__ = _code_of(compile(tree, str(module.__file__), "exec"), before)
    try:
        yield
    finally:
        function.__code__ = before


def _code_of(whole: CodeType, like: CodeType) -> CodeType:
    """The code of the same function in another compilation."""
    for inner in whole.co_consts:
        if isinstance(inner, CodeType):
            if inner.co_qualname == like.co_qualname:
                return inner
            if like.co_qualname.startswith(f"{inner.co_qualname}."):
                return _code_of(inner, like)
    raise LookupError(like.co_qualname)


@contextmanager
def _replaced_at_top(module: Any, tree: ast.Module, line: int) -> Iterator[None]:
    """A statement kept at the top of a module, made anew without the condition."""
    (statement,) = [s for s in tree.body if s.lineno <= line <= (s.end_lineno or 0)]
    assert isinstance(statement, ast.Assign)
    assert isinstance(statement.targets[0], ast.Name)
    name = statement.targets[0].id
    before = getattr(module, name)
    whole = ast.fix_missing_locations(ast.Module([statement], []))
    exec(compile(whole, str(module.__file__), "exec"), module.__dict__)  # noqa: S102
    try:
        yield
    finally:
        setattr(module, name, before)
