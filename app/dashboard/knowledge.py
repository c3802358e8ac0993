"""词表与规则: what the classifier knows, to be looked up; a sentence tried; a changed word held against past reports.

Nothing here changes what is in force: that is done with the pack's files (docs/packs.md).
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Response

from app.api.door import thresholds_of
from app.classify import ReportText
from app.dashboard.answering import attempt, make_pages, page, words_for
from app.dashboard.forms import BadFields
from app.dashboard.labels import SUBJECT, SUPPORTS, Labels
from app.dashboard.language import N_
from app.dashboard.listing import Listing, ListState
from app.dashboard.rendering import Flash
from app.dashboard.ruling_form import find_department
from app.dashboard.session import CaseReader, Classifier, Office
from app.directory.city import City
from app.directory.folding import fold_word
from app.directory.trial_words import WordChange, WordKind
from app.flow.citing import classify_with_precedents
from app.flow.rewording import Step, rehearse
from app.intake.accept import LONGEST_TEXT

router = make_pages()
PATH: Final = "/dashboard/knowledge"
SENTENCE: Final = f"{PATH}/sentence"
CHANGE: Final = f"{PATH}/change"
MONTHS: Final = (3, 6, 12)
LONGEST_TITLE: Final = 200
WORD_KINDS: Final[Labels] = {
    WordKind.DEPARTMENT: N_("部门的简称"),
    WordKind.LINE: N_("条线的称呼"),
    WordKind.TOPIC: N_("事项用语（归到条线）"),
    WordKind.BURDEN: N_("负担用语（归到负担类型）"),
}
# What the pack's own words for roles, tiers and kinds are called; a cell that is none of them is shown as it is.
SAID: Final[Labels] = {
    **SUPPORTS,
    **SUBJECT,
    "city": N_("市级"),
    "own": N_("本区县"),
    "org": N_("机构名称"),
    "bare": N_("口头称呼"),
    "old": N_("单位旧称"),
    "typo": N_("常见错字"),
    "adhoc": N_("议事协调机构"),
    "inherent": N_("固有称呼"),
    "outpost": N_("派驻机构"),
    "vague": N_("泛称"),
    "benefit": N_("待遇诉求"),
    "crime": N_("违法犯罪"),
    "emergency": N_("突发事件"),
    "grievance": N_("个人诉求"),
    "inquiry": N_("咨询"),
    "litigation": N_("诉讼"),
    "praise": N_("表扬用语"),
    "relief": N_("已减负的说法"),
    "technical": N_("技术故障"),
}
Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One part of what is known: its name, what its columns are called, its rows as texts."""

    label: str
    columns: tuple[str, ...]
    rows: Callable[[City], Iterator[Cells]]

    @property
    def coded(self) -> list[bool]:
        """Which columns hold the pack's own words, that `SAID` translates."""
        return [label in {TIER, KIND, ROLE} for label in self.columns]

    @property
    def classes(self) -> list[str]:
        """Columns of long texts are wide, and those of few signs do not break."""
        return [
            "wide" if label in LONG else "number" if label in {WEIGHT, *SHORT} else "words" for label in self.columns
        ]


def _words(words: Sequence[str]) -> str:
    return "、".join(words)


def _departments(city: City) -> Iterator[Cells]:
    for d in sorted(city.pack.departments, key=lambda d: d.code):
        yield d.code, d.name, _words(d.short_names), d.line


def _bodies(city: City) -> Iterator[Cells]:
    for form in city.pack.bodies:
        yield form.line, form.kind, _words(form.words), form.tier or ""


def _prefixes(city: City) -> Iterator[Cells]:
    for prefix, issuer in sorted(city.knowledge.issuers.items()):
        place = city.pack.district(issuer.district) if issuer.district else None
        yield prefix, city.names.get(issuer.code or "", ""), place.name if place else ""


def _systems(city: City) -> Iterator[Cells]:
    for system in city.pack.systems:
        yield _words(system.words), system.line, system.tier or "", f"{system.weight:g}"


def _topics(city: City) -> Iterator[Cells]:
    for topic in city.pack.topics:
        yield topic.line, _words(topic.words), f"{topic.weight:g}"


def _burdens(city: City) -> Iterator[Cells]:
    for kind in city.pack.burden_types:
        yield kind.code, kind.name, kind.definition, kind.rule


def _burden_cues(city: City) -> Iterator[Cells]:
    names = {kind.code: kind.name for kind in city.pack.burden_types}
    for cue in city.pack.burden_cues:
        yield names.get(cue.group, cue.group), _words(cue.words), f"{cue.weight:g}"


def _scope(city: City) -> Iterator[Cells]:
    for cue in city.pack.scope_cues:
        yield cue.group, _words(cue.words), f"{cue.weight:g}"


def _tiers(city: City) -> Iterator[Cells]:
    for tier in city.pack.tier_words:
        yield tier.reach, tier.kind, _words(tier.words)


def _cues(city: City) -> Iterator[Cells]:
    for cue in city.pack.cues:
        yield cue.name, _words(cue.words)


def _rules(city: City) -> Iterator[Cells]:
    for rule in city.pack.rules:
        yield rule.id, rule.role, f"{rule.weight:g}", rule.pattern


def _certificates(city: City) -> Iterator[Cells]:
    for one in city.pack.certificates:
        yield one.number, one.name, one.responsible, one.proper_channel


LINE, WORDS, WEIGHT, TIER = N_("条线"), N_("词语"), N_("分量"), N_("层级")
KIND, ROLE, CODE, NUMBER = N_("类别"), N_("角色"), N_("代码"), N_("编号")
SHORT_NAMES, DEFINITION, PATTERN, CHANNEL = N_("简称"), N_("定义"), N_("句式"), N_("正当渠道")
LONG: Final = frozenset({WORDS, SHORT_NAMES, DEFINITION, PATTERN, CHANNEL})
SHORT: Final = frozenset({CODE, NUMBER, TIER, KIND, ROLE})
TABLES: Final[Mapping[str, Table]] = {
    "departments": Table(N_("部门名称"), (CODE, N_("名称"), SHORT_NAMES, LINE), _departments),
    "names": Table(N_("条线称呼"), (LINE, KIND, WORDS, TIER), _bodies),
    "prefixes": Table(N_("发文代字"), (N_("代字"), N_("发文单位"), N_("地区")), _prefixes),
    "systems": Table(N_("信息系统"), (WORDS, LINE, TIER, WEIGHT), _systems),
    "topics": Table(N_("事项用语"), (LINE, WORDS, WEIGHT), _topics),
    "burdens": Table(N_("负担类型"), (CODE, N_("名称"), DEFINITION, N_("违反的规定")), _burdens),
    "burden-cues": Table(N_("负担用语"), (N_("负担类型"), WORDS, WEIGHT), _burden_cues),
    "scope": Table(N_("受理范围用语"), (KIND, WORDS, WEIGHT), _scope),
    "tiers": Table(N_("层级用语"), (TIER, KIND, WORDS), _tiers),
    "cues": Table(N_("句式用词"), (N_("词组"), WORDS), _cues),
    "rules": Table(N_("句式规则"), (NUMBER, ROLE, WEIGHT, PATTERN), _rules),
    "certificates": Table(N_("不应出具的证明"), (NUMBER, N_("名称"), N_("责任单位"), CHANNEL), _certificates),
}


# ── looking up ──


@router.get("/knowledge")
async def show_knowledge(at: Classifier) -> Response:
    """One table of what the classifier knows, all of it or the rows in which a word occurs."""
    state = ListState.from_query(PATH, at.request.query_params)
    kept = tuple((name, value) for name, value in state.filters if name in {"table", "text"})
    state = ListState(PATH, kept, page=state.page, size=state.size)
    chosen = state.value("table")
    key = chosen if chosen in TABLES else next(iter(TABLES))
    rows = await asyncio.to_thread(_search, TABLES[key], at.city, state.value("text"))
    facts = {
        "listing": Listing(state, rows[state.offset : state.offset + state.size], len(rows)),
        "tables": TABLES,
        "chosen": key,
        "said": SAID,
        "words": words_for(at),
        "version": at.city.knowledge.version,
        "tab": "tables",
    }
    return await page(at, "knowledge.html", "reference", facts)


def _search(table: Table, city: City, text: str) -> list[Cells]:
    """The rows in which a word occurs; thousands of cells are folded, so this has a thread of its own."""
    wanted = fold_word(text)
    return [row for row in table.rows(city) if any(wanted in fold_word(cell) for cell in row)]


# ── trying a sentence ──


@router.get("/knowledge/sentence")
async def show_sentence(at: Classifier) -> Response:
    """The form for a sentence."""
    return await _sentence_page(at, None)


async def _sentence_page(
    at: Office, decision: Mapping[str, Any] | None, *, messages: tuple[Flash, ...] = (), status: int = 200
) -> Response:
    words = words_for(at)
    facts = {
        "typed": {name: at.form.get(name) for name in ("text", "title", "district")},
        "districts": [(d.code, d.name) for d in sorted(at.city.pack.districts, key=lambda d: d.code)],
        "decision": decision,
        "spans": words.spans(decision) if decision else [],
        "burden_names": {kind.code: kind.name for kind in at.city.pack.burden_types},
        "longest": LONGEST_TEXT,
        "words": words,
        "tab": "sentence",
    }
    return await page(at, "knowledge_sentence.html", "reference", facts, messages=messages, status=status)


@router.post("/knowledge/sentence")
async def try_sentence(at: Classifier) -> Response:
    """What would be decided of a text; nothing of it is kept."""

    async def act() -> Response:
        report = _read_sentence(at)
        decision = await asyncio.to_thread(classify_with_precedents, at.city, report, thresholds_of(at.runtime))
        return await _sentence_page(at, decision.to_dict())

    async def show_again(message: Flash, status: int) -> Response:
        return await _sentence_page(at, None, messages=(message,), status=status)

    return await attempt(at, act, show_again)


def _read_sentence(at: Office) -> ReportText:
    text, title, district = at.form.get("text"), at.form.get("title"), at.form.get("district")
    faults: list[str] = []
    if not 1 <= len(text) <= LONGEST_TEXT:
        faults.append(N_("请填写要试判的文字，不要过长。"))
    if len(title) > LONGEST_TITLE:
        faults.append(N_("标题最多 200 字。"))
    if faults:
        raise BadFields(faults)
    known = at.city.pack.district(district) if district else None
    return ReportText(text, known.code if known else None, title=title or None)


# ── trying a change ──


@router.get("/knowledge/change")
async def show_change(at: CaseReader) -> Response:
    """The form for a changed word."""
    return await _change_page(at, None)


@router.post("/knowledge/change")
async def try_change(at: CaseReader) -> Response:
    """One step through past reports with a word more or less; the page asks for the next one by itself."""

    async def act() -> Response:
        change, months = _read_change(at)
        step = await rehearse(
            at.runtime.database, at.city, change, thresholds_of(at.runtime),
            months=months, now=at.now, after=at.form.get("after") or None,
        )  # fmt: skip
        return await _change_page(at, step)

    async def show_again(message: Flash, status: int) -> Response:
        return await _change_page(at, None, messages=(message,), status=status)

    return await attempt(at, act, show_again)


async def _change_page(
    at: Office, step: Step | None, *, messages: tuple[Flash, ...] = (), status: int = 200
) -> Response:
    sums = {name: _sum(at, name) for name in ("read", "holding", "otherwise")}
    if step is not None:
        sums["read"] += step.read
        sums["holding"] += step.holding
        sums["otherwise"] += len(step.otherwise)
    lines = sorted({d.line for d in at.city.departments.values()})
    facts = {
        "typed": {name: at.form.get(name) for name in ("kind", "word", "target", "remove", "months")},
        "kinds": WORD_KINDS,
        "targets": [
            *((d.code, d.name) for d in sorted(at.city.pack.departments, key=lambda d: d.code)),
            *((line, "") for line in lines),
            *((kind.code, kind.name) for kind in at.city.pack.burden_types),
        ],
        "months": MONTHS,
        "step": step,
        "sums": sums,
        "words": words_for(at),
        "tab": "change",
    }
    return await page(at, "knowledge_change.html", "reference", facts, part="step", messages=messages, status=status)


def _sum(at: Office, name: str) -> int:
    """What the steps before have found; it is only shown."""
    try:
        return at.form.number(f"so_far_{name}", 0, 999_999_999) or 0
    except ValueError:
        return 0


def _read_change(at: Office) -> tuple[WordChange, int]:
    """The change and over how many months; raises BadFields, what does not fit the pack is refused by the verb."""
    kind = next((known for known in WordKind if known == at.form.get("kind")), None)
    months = next((known for known in MONTHS if str(known) == at.form.get("months")), MONTHS[0])
    typed = at.form.get("target")
    if kind is None or not typed or not at.form.get("word"):
        raise BadFields([N_("请选择种类，并填写词语和归属。")])
    target = find_department(typed, at.city) if kind is WordKind.DEPARTMENT else typed.split(maxsplit=1)[0]
    return WordChange(kind, at.form.get("word"), target or typed, remove=at.form.get("remove") == "yes"), months
