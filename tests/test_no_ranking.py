"""纵向对比, 不搞横向排名: nothing compares units by a figure. Every page and every answer is read, in a city whose
figures run against the order of codes; the sources are searched for orders by a figure.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from app.directory.city import City
from app.models import Role
from tests.access.routes import routes_of
from tests.city import CityUnderTest
from tests.dashboard.office import at_work, report

ROOT = Path(__file__).resolve().parents[1]
FIGURE = re.compile(r"^[0-9][0-9,.]*%?$")
# The state of an address, which says how a line works and nothing of how a department does.
OF_ADDRESSES = {
    "/dashboard/endpoints": {"24 小时送达", "24 小时失败", "用时（毫秒）", "待送达"},
    "/v1/endpoints": {"delivered", "failed", "waiting", "given_up", "p50_ms", "p95_ms", "p50", "p95"},
}
# What may be sorted by: numbers, days and names, never a figure of a unit.
SORTABLE = {"number", "opened", "due"}
NAMES_A_UNIT = ("code", "department", "observation_point", "owner_department", "holder", "name")
FIGURES_OF_OTHERS = {"version", "returns", "relapses", "denials", "attempts", "seq", "level", "id"}
AGGREGATES = {"count", "sum", "avg", "max", "min", "total"}
TOPIC = "要求每周报一次独居老人走访台账,还要逐户拍照上传,同样的内容月底再报一遍"


@dataclass
class Tables(HTMLParser):
    """The tables of a page: each a list of rows, each a list of the cells' texts."""

    found: list[list[list[str]]] = field(default_factory=list)
    _cell: list[str] | None = None

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.found.append([])
        elif tag == "tr" and self.found:
            self.found[-1].append([])
        elif tag in {"td", "th"} and self.found:
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"} and self._cell is not None:
            self.found[-1][-1].append(" ".join("".join(self._cell).split()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)


@dataclass
class Judge:
    """Finds where units stand side by side with figures, or in another order than that of their codes."""

    codes: dict[str, str]

    @classmethod
    def of(cls, city: City) -> "Judge":
        units: list[Any] = [*city.departments.values(), *city.points.values()]
        return cls({name: unit.code for unit in units for name in (unit.code, unit.name, f"{unit.name} {unit.code}")})

    def faults_of_page(self, path: str, text: str) -> list[str]:
        tables = Tables()
        tables.feed(text)
        return [f"{path}: {fault}" for table in tables.found for fault in self._faults_of_table(path, table)]

    def _faults_of_table(self, path: str, table: list[list[str]]) -> Iterator[str]:
        heads, rows = table[0] if table else [], table[1:]
        for place, head in enumerate(heads):
            named = [(self.codes[row[place]], row) for row in rows if len(row) > place and row[place] in self.codes]
            codes = [code for code, _ in named]
            if len(set(codes)) < 2:
                continue
            if len(set(codes)) == len(codes) == len(rows) and place == 0 and codes != sorted(codes):
                yield f"units under {head!r} are not in the order of codes"
            for other, title in enumerate(heads):
                figures = [row[other] for _, row in named if len(row) > other and FIGURE.match(row[other])]
                if len(figures) > 1 and title not in OF_ADDRESSES.get(path, ()):
                    yield f"units under {head!r} stand beside the figures under {title!r}"

    def faults_of_answer(self, path: str, body: Any) -> list[str]:
        return [f"{path}: {fault}" for fault in self._faults_within(path, body)]

    def _faults_within(self, path: str, body: Any) -> Iterator[str]:
        if isinstance(body, dict):
            keyed = [key for key in body if self.codes.get(key) == key]
            if len(keyed) > 1 and any(isinstance(body[key], int | float) for key in keyed):
                yield f"figures by unit: {keyed}"
            for value in body.values():
                yield from self._faults_within(path, value)
        elif isinstance(body, list):
            yield from self._faults_of_list(path, [each for each in body if isinstance(each, dict)])
            for each in body:
                yield from self._faults_within(path, each)

    def _faults_of_list(self, path: str, rows: list[dict[str, Any]]) -> Iterator[str]:
        for key in NAMES_A_UNIT:
            named = [row for row in rows if row.get(key) in self.codes]
            codes = [self.codes[row[key]] for row in named]
            if len(set(codes)) < 2:
                continue
            if key == "code" and codes != sorted(codes):
                yield f"units by {key!r} are not in the order of codes"
            for other in {name for row in named for name in row} - FIGURES_OF_OTHERS - OF_ADDRESSES.get(path, set()):
                values = [row.get(other) for row in named]
                if sum(isinstance(value, int | float) and not isinstance(value, bool) for value in values) > 1:
                    yield f"units by {key!r} stand beside {other!r}"


async def fill(city: CityUnderTest) -> None:
    """The later its code, the more a point reports and a department gets."""
    for number, (district, point) in enumerate((("FR", "FR-01"), ("KF", "KF-01"), ("YH", "YH-01")), 1):
        name = next(d.name for d in city.runtime.cities.current.pack.districts if d.code == district)
        for _ in range(number):
            await report(city, f"{name}民政局{TOPIC}", point)
    office = await city.office()
    for code in ("FR-MZ", "YH-MZ"):
        address = {"department": code, "url": "http://127.0.0.1:9/yilong"}
        assert (await office.post("/v1/endpoints", json=address)).status_code == 201


async def test_no_page_and_no_answer_sets_units_side_by_side_by_a_figure(city: CityUnderTest) -> None:
    await fill(city)
    judge = Judge.of(city.runtime.cities.current)
    browser, office = await at_work(city, Role.ADMINISTRATOR), await city.office()
    asked, faults = 0, []
    for route in routes_of(city.application):
        if route.method != "GET" or route.names or not route.path.startswith(("/v1/", "/dashboard/")):
            continue
        asked += 1
        if route.is_page:
            answer = await browser.get(route.path)
            faults += judge.faults_of_page(route.path, answer.text)
            keys = {key.removeprefix("-") for key in re.findall(r"[?&;]sort=([-\w]+)", answer.text)}
            faults += [f"{route.path}: sorts by {key}" for key in keys - SORTABLE]
        else:
            answer = await office.get(route.path)
            if answer.headers.get("content-type", "").startswith("application/json"):
                faults += judge.faults_of_answer(route.path, answer.json())
        assert answer.status_code < 500, route
    assert faults == []
    assert asked > 40
    for path in ("/dashboard/departments/FR-MZ", "/dashboard/points/YH-01", "/dashboard/trends?unit=department:YH-MZ"):
        assert judge.faults_of_page(path, (await browser.get(path)).text) == []


async def test_units_come_by_code_whatever_order_is_asked_for(city: CityUnderTest) -> None:
    await fill(city)
    browser, office = await at_work(city, Role.ADMINISTRATOR), await city.office()
    for path in ("/dashboard/departments", "/dashboard/points", "/v1/departments", "/v1/observation-points"):
        client = office if path.startswith("/v1") else browser
        plain = await client.get(path)
        for wish in ("reports", "-count", "hours", "code"):
            wished = await client.get(f"{path}?sort={wish}&order={wish}&order_by={wish}")
            assert codes_in(wished.text) == codes_in(plain.text)
    described = (await office.get("/openapi.json")).json()["paths"]
    asked = {
        (path, parameter["name"])
        for path, item in described.items()
        for operation in item.values()
        for parameter in operation.get("parameters", ())
    }
    assert len(asked) > 30
    assert [found for found in asked if re.search("sort|order|rank|top|best|worst", found[1])] == []


def codes_in(text: str) -> list[str]:
    return re.findall(r"\b(?:FR|KF|YH|CS|HN)-[A-Z0-9]{2,}\b", text)


async def test_a_trend_is_of_one_unit(city: CityUnderTest) -> None:
    await fill(city)
    office = await city.office()
    both = await office.get("/v1/trends", params={"department": "FR-MZ", "observation_point": "FR-01"})
    assert (both.status_code, both.json()["code"]) == (422, "one_unit")
    for twice in ("department=FR-MZ&department=YH-MZ", "observation_point=FR-01&observation_point=YH-01"):
        answer = (await office.get(f"/v1/trends?{twice}")).json()
        assert [answer["department"], answer["observation_point"]].count(None) == 1
        assert codes_in(str(answer)) in (["YH-MZ"], ["YH-01"])
    assert not re.search(r'="(?:FR|KF|YH|CS|HN)-', (await office.get("/metrics")).text), "no unit is a label"


def test_the_judge_sees_a_ranking(city_pack: City) -> None:
    judge = Judge.of(city_pack)
    page = "<table><tr><th>部门</th><th>件数</th></tr>{}</table>"
    rows = "<tr><td>CS-WJ</td><td>9</td></tr><tr><td><a>CS-MZ</a></td><td>4</td></tr>"
    assert len(judge.faults_of_page("/x", page.format(rows))) == 2
    assert judge.faults_of_page("/x", page.format("<tr><td>CS-WJ</td><td>9</td></tr>")) == []
    assert judge.faults_of_answer("/x", {"by": {"CS-WJ": 9, "CS-MZ": 4}})
    assert judge.faults_of_answer("/x", [{"department": "CS-WJ", "cases": 9}, {"department": "CS-MZ", "cases": 4}])
    assert judge.faults_of_answer("/x", [{"code": "CS-WJ"}, {"code": "CS-MZ"}])
    assert judge.faults_of_answer("/x", [{"code": "CS-MZ", "name": "-"}, {"code": "CS-WJ", "name": "-"}]) == []


@pytest.fixture
def city_pack() -> City:
    """The bundled pack as a city, without a database."""
    from zoneinfo import ZoneInfo

    from app.deadlines import Calendar
    from app.directory.city import build_city
    from app.directory.loading import read_files
    from app.directory.pack import BUNDLED_PACK

    return build_city(read_files(BUNDLED_PACK), Calendar({}, "test", ZoneInfo("Asia/Shanghai")))


def test_no_query_orders_by_an_aggregate() -> None:
    found = []
    for path in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr == "order_by" and any(map(_is_aggregate, ast.walk(ast.Tuple(node.args)))):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def _is_aggregate(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in AGGREGATES
        and isinstance(node.value, ast.Name)
        and node.value.id == "func"
    )
