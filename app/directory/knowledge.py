"""Compiles a pack into the tables the classifier reads: words, places, lines, document prefixes, rules."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from app.directory.folding import fold_word
from app.directory.linear import LinearModel
from app.directory.pack import Department, District, NameForm, Pack, Tier
from app.directory.patterns import compile_pattern, needed_characters, signs, words_pattern
from app.directory.precedents import PrecedentBook

# Lists that help to find names, and say nothing of the part a name plays.
_NAMING = ("township_words", "outside_words", "not_place", "org_before", "org_after", "not_org_after")


class Entry(NamedTuple):
    """What a word of the lexicon means. `reach` is a tier, or `city`/`own`/`unknown`; the reporter settles these."""

    kind: str
    line: str = ""
    reach: str = ""
    form: str = ""
    code: str = ""
    weight: float = 0.0


class PlaceName(NamedTuple):
    """A place in front of a department's name: its reach and, for a named district, its code."""

    reach: str
    district: str | None
    named: bool


class Issuer(NamedTuple):
    """Who stands behind a document prefix. `district` set: counts only for reporters of that district."""

    code: str | None
    district: str | None
    elsewhere: bool


class CompiledRule(NamedTuple):
    """A rule ready to run over a masked text; every group of the expression is a mention that gets the vote. A text
    without one of each of `needs` (as `signs`) cannot match."""

    id: str
    role: str
    weight: float
    expression: re.Pattern[str]
    needs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The classifier's tables, built once per pack version and shared by all threads (read only). `learned` is what the
    office activated of its own rulings, `precedents` what its consultations settled."""

    pack: Pack
    version: str
    words: Mapping[str, tuple[Entry, ...]] = field(repr=False)
    lengths: Mapping[str, tuple[int, ...]] = field(repr=False)
    places: Mapping[str, PlaceName] = field(repr=False)
    place_before: re.Pattern[str] = field(repr=False)
    issuers: Mapping[str, Issuer] = field(repr=False)
    registers: Mapping[str, Issuer] = field(repr=False)
    groups: Mapping[str, str] = field(repr=False)
    units: Mapping[tuple[str, str, str], str] = field(repr=False)
    rules: tuple[CompiledRule, ...] = field(repr=False)
    expressions: Mapping[str, re.Pattern[str]] = field(repr=False)
    role_lists: Mapping[str, tuple[int, re.Pattern[str]]] = field(repr=False)
    endings: Mapping[str, re.Pattern[str]] = field(repr=False)
    broken_rules: Mapping[str, str] = field(repr=False)
    learned: LinearModel | None = field(default=None, repr=False)
    precedents: PrecedentBook = field(default_factory=PrecedentBook, repr=False)

    def unit(self, line: str, tier: str, district: str | None) -> Department | None:
        """The department of a line (by any of its names) at a tier and district. None where there is none."""
        place = (district or "") if tier == Tier.DISTRICT else ""
        code = self.units.get((line, tier, place)) or self.units.get((self.groups.get(line, line), tier, place))
        return self.pack.by_code[code] if code else None

    def group(self, line: str) -> str:
        """The line that stands for all lines connected by counterparts."""
        return self.groups.get(line, line)


def compile_knowledge(pack: Pack) -> Knowledge:
    """Builds the tables; about 0.3 s and 20 MB for the Changsha pack."""
    lists = {cue.name: words_pattern(tuple(fold_word(word) for word in cue.words)) for cue in pack.cues}
    firsts = {cue.name: frozenset(fold_word(word)[:1] for word in cue.words) for cue in pack.cues}
    groups = _group_lines(pack)
    words = _words(pack, groups)
    places = _places(pack)
    return Knowledge(
        pack=pack,
        version=pack.version,
        words=words,
        lengths=_lengths(words),
        places=places,
        place_before=_place_before(places),
        issuers=_issuers(pack),
        registers=_registers(pack),
        groups=groups,
        units=_units(pack, groups),
        rules=tuple(
            CompiledRule(
                rule.id,
                rule.role,
                rule.weight,
                compile_pattern(rule.pattern, lists),
                _needs(rule.pattern, firsts),
            )
            for rule in pack.rules
        ),
        expressions={name: re.compile(pattern) for name, pattern in lists.items()},
        role_lists={
            name: (signs(firsts[name]), re.compile(pattern)) for name, pattern in lists.items() if name not in _NAMING
        },
        endings={"org_before": re.compile(lists["org_before"] + "$")},
        broken_rules={kind.code: kind.rule for kind in pack.burden_types},
    )


def _needs(pattern: str, firsts: Mapping[str, frozenset[str]]) -> tuple[int, ...]:
    return tuple(signs(characters) for characters in needed_characters(pattern, firsts))


def with_learned(knowledge: Knowledge, model: LinearModel | None) -> Knowledge:
    """The same tables with another learned model, or none; the version names it."""
    return replace(knowledge, version=_version_of(knowledge.pack, model, knowledge.precedents), learned=model)


def with_precedents(knowledge: Knowledge, book: PrecedentBook) -> Knowledge:
    """The same tables with these precedents in force; the version names them where there are any."""
    return replace(knowledge, version=_version_of(knowledge.pack, knowledge.learned, book), precedents=book)


def _version_of(pack: Pack, model: LinearModel | None, book: PrecedentBook) -> str:
    return "+".join(part for part in (pack.version, model.version if model else "", book.version) if part)


def _group_lines(pack: Pack) -> dict[str, str]:
    """Union of lines that are each other's counterparts, named after the municipal one."""
    parent: dict[str, str] = {}

    def find(line: str) -> str:
        while parent.setdefault(line, line) != line:
            line = parent[line]
        return line

    for department in pack.departments:
        target = pack.by_code.get(department.counterpart or "")
        find(department.line)
        if target is not None and target.line != department.line:
            parent[find(department.line)] = find(target.line)
    return {line: find(line) for line in list(parent)}


def _units(pack: Pack, groups: Mapping[str, str]) -> dict[tuple[str, str, str], str]:
    table: dict[tuple[str, str, str], str] = {}
    for department in pack.departments:
        table.setdefault((department.line, department.tier, department.district or ""), department.code)
    for department in pack.departments:
        table.setdefault((groups[department.line], department.tier, department.district or ""), department.code)
    for code, matter in pack.counterpart_exceptions:
        if matter != "*":  # 12345 has no provincial department of its own: the data bureau answers for it
            department = pack.by_code[code]
            table.setdefault((matter, department.tier, department.district or ""), code)
    return table


def _lengths(words: Mapping[str, tuple[Entry, ...]]) -> dict[str, tuple[int, ...]]:
    """First two characters to the lengths of the words that begin with them, longest first."""
    found: dict[str, set[int]] = {}
    for word in words:
        found.setdefault(word[:2], set()).add(len(word))
    return {start: tuple(sorted(lengths, reverse=True)) for start, lengths in found.items()}


def _words(pack: Pack, groups: Mapping[str, str]) -> dict[str, tuple[Entry, ...]]:
    table: dict[str, list[Entry]] = {}
    for word, entry in _entries(pack, groups):
        folded = fold_word(word)
        if len(folded) >= 2 and entry not in table.setdefault(folded, []):
            table[folded].append(entry)
    return {word: tuple(entries) for word, entries in table.items()}


def _entries(pack: Pack, groups: Mapping[str, str]) -> Iterator[tuple[str, Entry]]:
    listed = {word: form.line for form in pack.bodies for word in form.words}
    for department in pack.departments:
        yield from _department_entries(pack, department, listed, groups)
    for form in pack.bodies:
        yield from _body_entries(form)
    for system in pack.systems:
        for word in system.words:
            yield word, Entry("system", system.line, system.tier or "", weight=system.weight)
    for topic in pack.topics:
        for word in topic.words:
            yield word, Entry("topic", topic.line, weight=topic.weight)
    for group in pack.burden_cues:
        for word in group.words:
            yield word, Entry("burden", code=group.group, weight=group.weight)
    for group in pack.scope_cues:
        for word in group.words:
            yield word, Entry("scope", code=group.group, weight=group.weight)
    for cue in pack.cues:
        kind = {"township_words": "township", "outside_words": "outside", "not_place": "block"}.get(cue.name)
        if kind:
            for word in cue.words:
                yield word, Entry(kind)
    for words in pack.tier_words:
        for word in words.words:
            yield word, Entry("tier", reach=words.reach, form=words.kind)


def _body_entries(form: NameForm) -> Iterator[tuple[str, Entry]]:
    reach = str(form.tier) if form.tier else ""
    if form.kind == "outpost":
        reach = Tier.DISTRICT.value
    for word in form.words:
        provincial = word.endswith("厅") and not word.endswith("办公厅")
        yield word, Entry("stem", form.line, Tier.PROVINCE.value if provincial else reach, form.kind)


def _department_entries(
    pack: Pack, department: Department, listed: Mapping[str, str], groups: Mapping[str, str]
) -> Iterator[tuple[str, Entry]]:
    name = Entry("name", department.line, department.tier, "full", department.code)
    yield department.name, name
    full = department.name.removeprefix("中共")
    yield full, name
    kind = Entry("outside") if department.enterprise else None
    for short in department.short_names:
        if short in listed:  # 市监局 is no 监局 of the city: the list of names knows better
            continue
        stem = _without_place(pack, department, short)
        if kind:
            yield short, kind
        elif stem == short:
            yield from _odd_short_name(department, short, name)
        elif short[0] in "省市区县":
            # 粮储局 is listed as a line of its own, within the group of this department: there the list is finer.
            if groups.get(listed.get(stem, "")) != groups[department.line]:
                yield stem, Entry("stem", department.line, form="org")
        else:
            yield short, name


def _odd_short_name(department: Department, short: str, name: Entry) -> Iterator[tuple[str, Entry]]:
    """Short names without a place in front: 团市委 tells the tier within, 民政厅 by its ending, the rest not at all."""
    inner = next((char for char in short[1:-1] if char in "省市区县"), "")
    reach = {"省": "province", "市": "city", "区": "own", "县": "own"}.get(inner, "")
    if short.endswith("厅"):
        reach = Tier.PROVINCE
    if reach and len(short) <= 4:
        yield short, Entry("stem", department.line, reach, "inherent")


def _without_place(pack: Pack, department: Department, short: str) -> str:
    unit = pack.district(department.district) if department.district else None
    heads = ["省", "市", "区", "县", pack.province.name, pack.province.bare, pack.city.name, pack.city.bare]
    if unit:
        heads += [unit.name, unit.bare, *unit.aliases]
    for head in sorted(heads, key=len, reverse=True):
        if short.startswith(head) and len(short) > len(head) + 1:
            rest = short[len(head) :]
            return rest[1:] if rest.startswith("委") and len(rest) > 3 else rest
    return short


def _places(pack: Pack) -> dict[str, PlaceName]:
    province, city, own = Tier.PROVINCE.value, "city", "own"
    table = {"省": PlaceName(province, None, False), "市": PlaceName(city, None, False)}
    table.update({kind: PlaceName(own, None, False) for kind in ("区", "县")})
    table.update({word: PlaceName(province, None, False) for word in ("国家", "全国", "中央")})
    table.update({word: PlaceName("township", None, True) for word in ("镇", "街道", "乡")})
    table.update({word: PlaceName("self", None, True) for word in ("村", "社区")})
    for word in (pack.province.name, pack.province.bare):
        table[word] = PlaceName(province, None, True)
    for word in (pack.city.name, pack.city.bare):
        table[word] = PlaceName(Tier.MUNICIPAL.value, None, True)
    for unit in pack.districts:
        for word in (unit.name, unit.bare, *unit.aliases):
            table[word] = PlaceName(Tier.DISTRICT.value, unit.code, True)
    return table


def _place_before(places: Mapping[str, PlaceName]) -> re.Pattern[str]:
    """Matches a place directly in front of a stem: 市委 + 组织部, 省里的 + 防返贫系统, 芙蓉区 + 民政局."""
    names = words_pattern(tuple(places))
    return re.compile(rf"({names})(?:里|上|级|一级|直|本级|里头|这边)?的?(?:党工委|工委|管委会|委|人民政府|政府)?$")


def _issuers(pack: Pack) -> dict[str, Issuer]:
    """Document prefixes: those listed, then area letters combined with line letters, listed ones first."""
    table: dict[str, Issuer] = {}
    for prefix in pack.prefixes:
        if prefix.kind == "number":
            table[fold_word(prefix.prefix)] = Issuer(prefix.department, prefix.district, prefix.elsewhere)
    by_line: dict[tuple[str, str, str], str] = {}
    for department in pack.departments:
        by_line.setdefault((department.line, department.tier, department.district or ""), department.code)
    areas: list[tuple[str, Tier, District | None]] = []
    areas += [(letter, Tier.PROVINCE, None) for letter in pack.province.number_letters]
    areas += [(letter, Tier.MUNICIPAL, None) for letter in pack.city.number_letters]
    areas += [(letter, Tier.DISTRICT, unit) for unit in pack.districts for letter in unit.number_letters]
    for area, tier, unit in areas:
        for form in pack.prefix_letters:
            code = by_line.get((form.line, tier, unit.code if unit else ""))
            for word in form.words:
                issuer = Issuer(code, unit.code if unit else None, False)
                table.setdefault(fold_word(area + word), issuer)
    return table


def _registers(pack: Pack) -> dict[str, Issuer]:
    """Registration numbers (HNPR-2023-01005) tell a place, not a department."""
    table = {
        fold_word(pack.province.register): Issuer(None, None, False),
        fold_word(pack.city.register): Issuer(None, None, False),
    }
    for unit in pack.districts:
        if unit.register:
            table[fold_word(f"{unit.register}DR")] = Issuer(None, unit.code, False)
    return table
