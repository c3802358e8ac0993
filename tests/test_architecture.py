"""What the source must hold to and a linter cannot see: one place for a status, one for the time, short modules.

Lists of offenders are honest and may only shrink: an entry that no longer offends fails its test.
"""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "app"
MODULES = sorted(p for p in APP.rglob("*.py") if "__pycache__" not in p.parts)
LONGEST_MODULE, LONGEST_FUNCTION, MEDIAN_FUNCTION = 400, 60, 12
BANNED_NAMES = re.compile(r"(service|services|utils?|helpers?|common|misc|manager)(\.py)?|base_.*")
DOORS = ("api", "dashboard", "cli", "demo", "main.py", "worker.py")

# To be moved behind a read in `ledger/` or a verb in `flow/`.


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def name_of(path: Path) -> str:
    return path.relative_to(APP).as_posix()


def place(path: Path, node: ast.AST) -> str:
    return f"{name_of(path)}:{getattr(node, 'lineno', 0)}"


def functions() -> Iterator[tuple[str, int]]:
    """Every function of the application with its length in lines, decorators left out."""
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{place(path, node)} {node.name}", (node.end_lineno or 0) - node.lineno + 1


def assignments_to(attribute: str) -> Iterator[tuple[Path, ast.Attribute]]:
    """Every `x.attribute = …`, `x.attribute += …` and `setattr(x, "attribute", …)`."""
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            targets: list[ast.expr] = []
            if isinstance(node, ast.Assign):
                targets = node.targets
            elif isinstance(node, ast.AugAssign | ast.AnnAssign):
                targets = [node.target]
            for target in targets:
                for part in ast.walk(target):
                    if isinstance(part, ast.Attribute) and part.attr == attribute and isinstance(part.ctx, ast.Store):
                        yield path, part


def calls() -> Iterator[tuple[Path, ast.Call, str]]:
    """Every call with the dotted name of what is called, as written."""
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call):
                yield path, node, ast.unparse(node.func)


def test_imports_go_one_way() -> None:
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True) == 0


def test_every_folder_of_modules_is_a_package_that_the_import_contract_can_see() -> None:
    without = {p.parent.relative_to(APP).as_posix() for p in MODULES if not (p.parent / "__init__.py").exists()}
    assert without == set()


@pytest.mark.parametrize(
    "module",
    [
        "app.classify",
        "app.directory.pack",
        "app.directory.knowledge",
        "app.deliver.signing",
        "app.deliver.backoff",
        "app.deliver.guard",
        "app.deliver.daily",
        "app.advise.question",
        "app.advise.answer",
    ],
)
def test_a_pure_module_loads_where_there_is_no_database_no_web_and_no_settings(module: str) -> None:
    hidden = ("sqlalchemy", "fastapi", "starlette", "httpx", "httpcore", "pydantic_settings", "app.settings")
    script = f"import sys\nfor name in {hidden!r}: sys.modules[name] = None\nimport {module}\n"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=60)


def test_only_the_lifecycle_assigns_a_status_and_only_delivery_its_own() -> None:
    with_lifecycle = {"case", "assignment", "duty", "consultation"}
    found = set()
    for path, target in assignments_to("status"):
        row = ast.unparse(target.value).rsplit(".", 1)[-1]
        own = name_of(path).startswith("deliver/") and row not in with_lifecycle
        if name_of(path) != "lifecycle.py" and row != "self" and not own:
            found.add(f"{place(path, target)} {ast.unparse(target)}")
    assert found == set()


def test_no_row_with_a_lifecycle_is_made_with_a_status() -> None:
    rows = {"Case", "Assignment", "Consultation"}
    found = {
        place(path, call)
        for path, call, name in calls()
        if name in rows and any(keyword.arg == "status" for keyword in call.keywords)
    }
    assert found == set()


def test_only_the_clock_asks_for_the_time() -> None:
    asking = re.compile(r"(datetime\.)?(datetime\.(now|utcnow|today)|date\.today)|time\.(time|localtime|gmtime)")
    found = {place(path, call) for path, call, name in calls() if asking.fullmatch(name)}
    assert {where for where in found if not where.startswith("clock.py:")} == set()
    assert {name_of(path) for path, _, name in calls() if name == "time.time_ns"} <= {"models/columns.py"}


def test_no_module_is_longer_than_can_be_read_in_one_sitting() -> None:
    lengths = {name_of(p): len(p.read_text(encoding="utf-8").splitlines()) for p in MODULES}
    assert {name: n for name, n in lengths.items() if n > LONGEST_MODULE} == {}


def test_functions_are_short() -> None:
    lengths = dict(functions())
    assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}
    assert statistics.median(lengths.values()) <= MEDIAN_FUNCTION


def test_every_module_says_what_it_is_for() -> None:
    silent = {name_of(p) for p in MODULES if not ast.get_docstring(tree_of(p))}
    assert silent == set()


def test_no_module_has_a_name_that_says_nothing() -> None:
    found = {name_of(p) for p in APP.rglob("*") if "static" not in p.parts and BANNED_NAMES.fullmatch(p.name)}
    assert found == set()


def test_doors_ask_the_rooms_and_not_the_tables() -> None:
    selecting = {
        name_of(path)
        for path, _, name in calls()
        if name in {"select", "sqlalchemy.select", "session.query"} and name_of(path).startswith(DOORS)
    }
    assert selecting == set()


def test_nothing_is_left_for_later_in_a_comment() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    sources = [*MODULES, *(APP / "dashboard" / "templates").rglob("*.html")]
    found = {
        f"{name_of(p)}:{n}"
        for p in sources
        for n, line in enumerate(p.read_text(encoding="utf-8").splitlines(), 1)
        if marks.search(line)
    }
    assert found == set()


# A question put to a model.
HALF_WIDTH_ALLOWED = {"advise/question.py"}
# 序号:哈希 and 答案:数字 are how something is typed.
HALF_WIDTH = re.compile(r"(?<!序号)(?<!“答案)(?<=[\u4e00-\u9fff”》〕）])[,;:](?=[\u4e00-\u9fff“《〔（])")


def test_chinese_is_punctuated_as_chinese_is() -> None:
    """GB/T 15834: what people read has full-width marks; docstrings and patterns are no such thing."""
    found = []
    for path in MODULES:
        if name_of(path) in HALF_WIDTH_ALLOWED:
            continue
        silent = {id(node.value) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree_of(path)):
            said = node.value if isinstance(node, ast.Constant) and id(node) not in silent else None
            if isinstance(said, str) and HALF_WIDTH.search(said):
                found.append(f"{place(path, node)} {said}")
    assert found == []
