"""Full-text search finds exactly what a plain reading of the texts does, on both databases."""

import random
import re
import runpy
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.principal import Principal
from app.clock import FixedClock
from app.database import Database
from app.directory.schema import PACKAGE
from app.flow.tidying import Tidier
from app.intake.accept import to_be_found
from app.ledger.finding import contain
from app.ledger.pages import page_cases
from app.ledger.reconcile import reconcile
from app.ledger.search import CaseFilter, find_cases
from app.models import Case, CaseStatus, Party, Report, Role, VerificationStatus, new_id
from tests.city import CityUnderTest
from tests.journeys.test_clusters import EDITED, OTHER_MATTER, PLAIN, ledger_holds, merge, send, split

NOW = datetime(2026, 3, 2, tzinfo=UTC)
OFFICE = Principal(Role.ADMINISTRATOR, "user:x")
RARE, PRIVATE, NEWEST, COMPATIBLE = "𠮷", "\ue815", "\U00030000", "\uf900"
HAN = f"表格形式主义填报台账号人{RARE}{PRIVATE}{NEWEST}{COMPATIBLE}⼈〇々"
PIECES = (
    *HAN, *HAN, "表格", "形式主义", "台账", "Excel", "excel", "é", "ß", "İ", "Ж", "ab", "abc", "12", "2026", "１２",
    "①", "YL-2026-000003",
    "BG-2026-000002", "湘政办发〔2026〕12号", "，", "。", "、", "；", " ", "\u3000", "\n", "-", "－",
    "—", "〔", "〕", "《", "”", "·", "_", "'", '"', "*", "(", ")", ":", "^", "%", "\\", "/", "&", "|", "!", "¶",
    "\u0301", "\U000e0100", "\u200d", "😀", "<->", ":*", "NOT", "NEAR",
)  # fmt: skip


# ── the oracle: units side by side, told by Unicode's own categories ──


@cache
def units_of(text: str) -> list[str]:
    """Han characters alone, other letters and digits in runs; a hyphen between two of these joins them."""
    folded = unicodedata.normalize("NFKC", text).lower()
    kinds = [_kind(char) for char in folded]
    units: list[str] = []
    open_run = False
    for place, (char, kind) in enumerate(zip(folded, kinds, strict=True)):
        if kind == "han":
            units.append(char)
        elif kind == "word":
            if open_run and len(units[-1]) < 64:
                units[-1] += char
            else:
                units.append(char)
        joins = char in "-\u2010" and 0 < place < len(folded) - 1 and kinds[place - 1] == kinds[place + 1] == "word"
        open_run = kind == "word" or (joins and open_run)
    return units


def _kind(char: str) -> str:
    name, category = unicodedata.name(char, ""), unicodedata.category(char)
    if category == "Co" or char == NEWEST or ("IDEOGRAPH" in name and category[0] in "LN"):
        return "han"
    return "word" if category[0] in "LN" else ""


def is_in(question: Sequence[str], part: Sequence[str]) -> bool:
    """Whether the units stand in a row; the last one may go on."""
    last, size = len(question) - 1, len(question)
    return any(
        list(part[at : at + last]) == list(question[:last]) and part[at + last].startswith(question[last])
        for at in range(len(part) - size + 1)
    )


def finds(question: str, number: str, reports: Sequence[Sequence[str]]) -> bool:
    """Whether a case is found: its number, and the parts of each of its reports."""
    folded = unicodedata.normalize("NFKC", question[:200]).lower()
    words = [units for word in re.split(r"[\s,;、。]+", folded) if (units := units_of(word))]
    return bool(words) and all(_finds(word, number, reports) for word in words)


def _finds(word: list[str], number: str, reports: Sequence[Sequence[str]]) -> bool:
    if any(is_in(word, units_of(part)) for parts in reports for part in parts):
        return True
    if len(word) > 1:
        return False
    named = number.replace("-", "").lower().startswith(word[0]) and len(word[0]) > 1
    return named or (word[0].isascii() and len(word[0]) >= 6 and number.endswith(f"-{word[0]}"))


# ── a ledger ──


def make_case(number: int) -> Case:
    return Case(
        id=new_id(), number=f"YL-2026-{number:06d}", summary="x", status=CaseStatus.TRIAGE, owner=Party.OFFICE,
        category="unclear", route="triage", sources=[], burden_types=[], districts=[], fingerprint=f"{number:064d}",
        opened_at=NOW + timedelta(minutes=number), last_seq=0, last_hash="",
    )  # fmt: skip


def make_report(number: int, case: Case, title: str | None, words: str) -> Report:
    return Report(
        id=new_id(), number=f"BG-2026-{number:06d}", case_id=case.id, observation_point_code="FR-01", title=title,
        text=words, decision={}, verification=VerificationStatus.NOT_ASKED, received_at=NOW,
    )  # fmt: skip


def parts_of(report: Report) -> list[str]:
    return [report.number, report.number[-6:], report.title or "", report.text]


async def put_on_ledger(
    database: Database, texts: Sequence[Sequence[tuple[str | None, str]]], *, first: int = 0
) -> dict[str, list[Report]]:
    """A case for each entry, with a report for each of its texts; the reports by the number of their case."""
    made: dict[str, list[Report]] = {}
    async with database.write() as session:
        for number, reports in enumerate(texts, first + 1):
            case = make_case(number)
            session.add(case)
            made[case.number] = [
                make_report(number * 10 + place, case, title, words) for place, (title, words) in enumerate(reports)
            ]
            for report in made[case.number]:
                session.add_all([report, to_be_found(report)])
    return made


async def found(database: Database, question: str) -> set[str]:
    """Numbers of the cases a search shows; its count is theirs, and so is what the interface lists."""
    async with database.read() as session:
        wanted = CaseFilter(text=question)
        shown = await page_cases(session, wanted, order="number", offset=0, limit=1000)
        listed = await find_cases(session, OFFICE, wanted, limit=200)
    assert shown.total == len(shown.cases)
    assert listed.next_cursor is not None or len(listed.cases) == shown.total
    return {case.number for case in shown.cases}


def some_text(chance: random.Random, longest: int) -> str:
    return "".join(chance.choice(PIECES) for _ in range(chance.randint(1, longest)))


async def matching(session: AsyncSession, question: str) -> set[str]:
    return set(await session.scalars(select(Case.number).where(*contain(question))))


async def test_random_questions_find_what_a_plain_reading_finds(database: Database) -> None:
    chance = random.Random(1)
    texts = [
        [(chance.choice([None, some_text(chance, 5)]), some_text(chance, 40)) for _ in range(chance.randint(1, 3))]
        for _ in range(60)
    ]
    made = await put_on_ledger(database, texts)
    questions = [some_text(chance, chance.choice([1, 2, 3, 6])) for _ in range(120)]
    for _ in range(120):
        source = chance.choice(chance.choice(texts))[1]
        start = chance.randrange(len(source))
        questions.append(source[start : start + chance.randint(1, 12)] + chance.choice(["", "", " 表", " 0"]))
    parts = {number: [parts_of(report) for report in reports] for number, reports in made.items()}
    hits = 0
    async with database.read() as session:
        for question in questions:
            wanted = {number for number, reports in parts.items() if finds(question, number, reports)}
            asks_nothing = not units_of(question[:200])
            assert await matching(session, question) == (set(made) if asks_nothing else wanted), repr(question)
            hits += bool(wanted)
    assert hits > 120


TEXTS = (
    "区民政局要求每周填报独居老人走访台账，并在系统中重复录入",
    "根据湘政办发〔2026〕12号文件，社区每月上报Excel报表３张",
    "根据湘政办发〔2025〕12号文件，2026年起不再上报；excels 另有120元",
    "“形式\n主义”问题突出，表　格太多",
    f"{RARE}家村、{PRIVATE}塘村的花名册",
)


FOUND: dict[str, set[int]] = {
    "台账": {1}, "账": {1}, "老": {1}, "走访 民政局": {1}, "走访、花名册": set(), "访走": set(),
    "湘政办发〔2026〕12号": {2}, "湘政办发[2026]12号": {2}, "湘政办发2026 12": {2}, "湘政办发": {2, 3}, "12号": {2, 3},
    "120": {3}, "26": set(), "excel": {2, 3}, "xcel": set(), "EXCEL报表": {2}, "报表3张": {2}, "３": {2},
    "文件 上报 excel": {2, 3}, "形式主义": {4}, "表格": {4}, "「形式主义」": {4}, RARE: {5},
    f"{RARE}家村": {5}, PRIVATE: {5},
    "YL-2026-000004": {4}, "yl-2026-00000": {1, 2, 3, 4, 5}, "yl2025": set(), "000004": {4},
    "YL-2026-000004 台账": set(),
    "YL-2026-000001 台账": {1},
    "BG-2026-000050": {5}, "bg2026000050": {5}, "000050": {5}, "村的": {5},
    "%": {1, 2, 3, 4, 5}, "。": {1, 2, 3, 4, 5}, "": {1, 2, 3, 4, 5},
}  # fmt: skip


async def test_words_numbers_and_marks_are_found_as_people_write_them(database: Database) -> None:
    await put_on_ledger(database, [[(None, words)] for words in TEXTS])
    for question, cases in FOUND.items():
        assert await found(database, question) == {f"YL-2026-{n:06d}" for n in cases}, question


async def test_words_of_a_long_text_are_found_wherever_they_stand(database: Database) -> None:
    """An index forgets a token's places after some hundred, and all places after some thousand."""
    often = "形式" * 400 + "，主义，" + "填报表格" * 4500
    await put_on_ledger(database, [[(None, often + "形式主义" + "x" * 5000)], [(None, often)]])
    assert await found(database, "形式主义") == {"YL-2026-000001", "YL-2026-000002"}
    assert await found(database, "表格形式主义") == {"YL-2026-000001"}
    assert await found(database, "主义xxx") == {"YL-2026-000001"}
    assert await found(database, "x" * 200) == {"YL-2026-000001"}


async def test_every_report_of_a_case_is_searched_wherever_it_moves(city: CityUnderTest) -> None:
    first, late = await send(city, "FR-01", PLAIN), await send(city, "FR-02", EDITED)
    other = await send(city, "FR-02", OTHER_MATTER)
    one, two = first["case"], other["case"]
    assert late["case"] == one

    async def shows(question: str) -> set[str]:
        return await found(city.runtime.database, question)

    assert await shows("请帮忙解决") == await shows(late["report"]) == {one}
    assert await shows("残疾人补贴") == {two}
    await merge(city, one, two)
    assert await shows("残疾人补贴") == await shows(other["report"]) == {one, two}
    assert await shows("残疾人补贴 帮忙") == {one}
    await split(city, one, other["report"])
    assert await shows("残疾人补贴") == {two}
    made = (await split(city, one, late["report"]))["split"][0]["case"]
    assert await shows("请帮忙解决") == await shows(late["report"]) == {made}
    answer = await (await city.office()).get("/v1/cases", params={"q": "走访 每户"})
    assert answer.json()["cases"] == []
    answer = await (await city.office()).get("/v1/cases", params={"q": "独居老人 逐户"})
    assert {case["number"] for case in answer.json()["cases"]} == {one, made}


async def test_what_an_older_version_took_in_is_told_and_then_found(city: CityUnderTest, clock: FixedClock) -> None:
    number = (await send(city, "FR-01", PLAIN))["case"]
    database = city.runtime.database
    async with database.write() as session:
        await session.execute(text("DELETE FROM report_words"))
    async with database.snapshot() as session:
        assert ["线索检索不到" in o.fault for o in (await reconcile(session)).offenders] == [True]
    assert await found(database, "独居老人") == set()
    for _ in range(2):
        await Tidier(database, clock, timedelta(days=1)).tidy()
    assert await found(database, "独居老人") == {number}
    await ledger_holds(city)


def test_the_migration_indexes_what_was_there_as_it_is_indexed_now() -> None:
    step = runpy.run_path(str(PACKAGE.parent / "migrations" / "versions" / "20261127_search.py"))
    chance = random.Random(3)
    for _ in range(300):
        report = make_report(1, make_case(1), chance.choice([None, some_text(chance, 9)]), some_text(chance, 60))
        assert step["words_of"](report.number, report.title, report.text) == to_be_found(report).words
