"""Turns the rows of a pack folder into the shapes of `pack.py` and checks that they fit together."""

import re
from typing import Any

from app.directory.pack import (
    BurdenType,
    Certificate,
    CueList,
    Department,
    District,
    Issuer,
    NameForm,
    ObservationPoint,
    Pack,
    Place,
    Prefix,
    Rule,
    System,
    Tier,
    TierWords,
    Topic,
    WordGroup,
)
from app.directory.pack_files import PackError, PackFolder, Problem, Row
from app.directory.weights import read_weights

LETTERS = re.compile(r"[\u4e00-\u9fff]{2,10}")
TIERS = tuple(tier.value for tier in Tier)
NAME_KINDS = ("org", "bare", "old", "adhoc", "inherent", "outpost", "typo")
ROLES = (
    "imposes",
    "forwards",
    "adds",
    "disputes",
    "refuses",
    "suffers",
    "helps",
    "channel",
    "suggested",
    "praised",
    "place",
    "denied",
    "holds",
    "ended",
    "cited",
    "addressee",
    "baseline",
)


def build_pack(source: PackFolder) -> Pack:
    """Reads every file, collects all problems, and raises PackError if there is one."""
    settings = source.settings("pack.toml")
    districts = _districts(source)
    departments = _departments(source, districts)
    by_code = {department.code: department for department in departments}
    city = _place(source, settings, "city")
    line = _setting(source, settings, "routing", "coordinating_line")
    pack = Pack(
        name=_setting(source, settings, "name"),
        title=_setting(source, settings, "title"),
        version=source.fingerprint(),
        province=_place(source, settings, "province"),
        city=city,
        coordinating_line=line,
        fallback_receiver=_setting(source, settings, "routing", "fallback_receiver"),
        dispute_burden=_setting(source, settings, "routing", "dispute_burden"),
        issuer=_issuer(source, settings, city, line, departments),
        departments=departments,
        districts=districts,
        observation_points=_points(source, districts),
        prefixes=_prefixes(source, by_code, districts),
        prefix_letters=_letters(source, departments),
        bodies=_names(source, departments) + _central(source, departments),
        systems=_systems(source, departments),
        topics=_topics(source, departments),
        tier_words=_tier_words(source),
        burden_types=(types := _burden_types(source)),
        burden_cues=_groups(source, "burden_cues.csv", tuple(kind.code for kind in types)),
        scope_cues=_groups(source, "scope_cues.csv", ()),
        certificates=_certificates(source),
        cues=(cues := _cues(source)),
        rules=_rules(source, {cue.name for cue in cues}),
        source_weights=read_weights(source, "source_weights.csv"),
        text_weights=read_weights(source, "text_weights.csv"),
        certainty_weights=read_weights(source, "certainty_weights.csv"),
        counterpart_exceptions=_exceptions(source, by_code),
        by_code=by_code,
    )
    _check_routing(source, pack)
    if source.problems:
        raise PackError(source.problems)
    return pack


def _setting(source: PackFolder, settings: dict[str, Any], *path: str) -> str:
    value: Any = settings
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, str) and value:
        return value
    source.problems.append(Problem("pack.toml", 0, ".".join(path), "不能为空，请填写文字"))
    return ""


def _place(source: PackFolder, settings: dict[str, Any], key: str) -> Place:
    letters = settings.get(key, {}).get("number_letters", []) if isinstance(settings.get(key), dict) else []
    if not isinstance(letters, list) or not all(isinstance(letter, str) for letter in letters):
        source.problems.append(Problem("pack.toml", 0, f"{key}.number_letters", '应为文字列表，如 ["湘"]'))
        letters = []
    read = [_setting(source, settings, key, part) for part in ("code", "name", "bare", "register")]
    return Place(read[0], read[1], read[2], tuple(letters), read[3])


def _issuer(
    source: PackFolder, settings: dict[str, Any], city: Place, line: str, departments: tuple[Department, ...]
) -> Issuer:
    """As `[issuer]` says; where a pack has none, the city's department of the coordinating line and its letters."""
    if "issuer" in settings:
        name, letters = (_setting(source, settings, "issuer", part) for part in ("name", "letters"))
        if letters and not LETTERS.fullmatch(letters):
            source.problems.append(Problem("pack.toml", 0, "issuer.letters", '应为 2 至 10 个汉字，如 "长减负"'))
        return Issuer(name, letters)
    own = next((d for d in departments if d.tier is Tier.MUNICIPAL and d.line == line), None)
    return Issuer(own.name if own else city.name, f"{next(iter(city.number_letters), '')}减负")


def _districts(source: PackFolder) -> tuple[District, ...]:
    found: dict[str, District] = {}
    for row in source.rows(
        "districts.csv", ("code", "name", "bare", "kind", "number_letters", "register_letters", "aliases")
    ):
        code = row.required("code")
        if code in found:
            row.wrong("code", f"代码“{code}”重复，请改成唯一的代码")
        found[code] = District(
            code, row.required("name"), row.required("bare"), row.one_of("kind", ("区", "县", "市")),
            row.words("number_letters"), row.text("register_letters"), row.words("aliases"), row.text("note"),
        )  # fmt: skip
    return tuple(found.values())


def _departments(source: PackFolder, districts: tuple[District, ...]) -> tuple[Department, ...]:
    columns = ("code", "name", "short_names", "tier", "district", "line", "counterpart", "vertical", "enterprise")
    plain: dict[str, Department] = {}
    templates: list[Row] = []
    seen: dict[str, int] = {}
    for row in source.rows("departments.csv", columns):
        code = row.required("code")
        if code in seen:
            row.wrong("code", f"代码“{code}”与第{seen[code]}行重复，请改成唯一的代码")
        seen[code] = row.line
        if "{D}" in code:
            templates.append(row)
            row.one_of("tier", ("district",))
            row.required("line")
        else:
            plain[code] = _department(row, code, None)
            _check_district(row, plain[code], districts)
    expanded = {code: department for code, department in plain.items() if department.tier is not Tier.DISTRICT}
    for unit in districts:
        for row in templates:
            code = row.text("code").replace("{D}", unit.code)
            expanded[code] = plain.get(code) or _department(row, code, unit)
    expanded.update({code: department for code, department in plain.items() if code not in expanded})
    _check_counterparts(source, expanded, seen, districts)
    return tuple(expanded.values())


def _department(row: Row, code: str, unit: District | None) -> Department:
    def fill(text: str) -> str:
        if unit is None:
            return text
        return (
            text.replace("{D}", unit.code).replace("{N}", unit.name).replace("{S}", unit.kind).replace("{B}", unit.bare)
        )

    return Department(
        code=code,
        name=fill(row.required("name")),
        short_names=tuple(fill(name) for name in row.words("short_names")),
        tier=Tier(row.one_of("tier", TIERS)),
        district=unit.code if unit else row.text("district") or None,
        line=row.required("line"),
        counterpart=row.text("counterpart") or None,
        vertical=row.yes("vertical"),
        enterprise=row.yes("enterprise"),
        certainty=row.text("certainty"),
        note=row.text("note"),
    )


def _check_district(row: Row, department: Department, districts: tuple[District, ...]) -> None:
    known = {unit.code for unit in districts}
    if department.tier is Tier.DISTRICT and department.district not in known:
        row.wrong("district", f"区县代码“{department.district or ''}”不在 districts.csv 里，请改正或补登")
    if department.tier is not Tier.DISTRICT and department.district:
        row.wrong("district", "省、市单位不填区县")


def _check_counterparts(
    source: PackFolder, known: dict[str, Department], lines: dict[str, int], districts: tuple[District, ...]
) -> None:
    for department in known.values():
        target = department.counterpart
        if not target:
            continue
        wanted = [target.replace("{D}", unit.code) for unit in districts] if "{D}" in target else [target]
        missing = next((code for code in wanted if code not in known), None)
        if missing:
            message = f"对口单位“{missing}”不在名录里，请改正代码或补登该单位"
            source.problems.append(Problem("departments.csv", lines.get(department.code, 0), "counterpart", message))


def _points(source: PackFolder, districts: tuple[District, ...]) -> tuple[ObservationPoint, ...]:
    found: dict[str, ObservationPoint] = {}
    known = {unit.code for unit in districts}
    for row in source.rows("observation_points.csv", ("code", "name", "district", "kind", "township")):
        code = row.required("code")
        if code in found:
            row.wrong("code", f"代码“{code}”重复，请改成唯一的代码")
        if row.text("district") not in known:
            row.wrong("district", f"区县代码“{row.text('district')}”不在 districts.csv 里，请改正")
        found[code] = ObservationPoint(
            code, row.required("name"), row.text("district"), row.one_of("kind", ("村", "社区")),
            row.text("township"), row.text("note"),
        )  # fmt: skip
    return tuple(found.values())


def _prefixes(source: PackFolder, known: dict[str, Department], districts: tuple[District, ...]) -> tuple[Prefix, ...]:
    units = {unit.code for unit in districts}
    found: dict[str, Prefix] = {}
    for row in source.rows("prefixes.csv", ("prefix", "kind", "tier", "department", "district", "elsewhere")):
        prefix, code, unit = row.required("prefix"), row.text("department"), row.text("district")
        if prefix in found:
            row.wrong("prefix", f"代字“{prefix}”重复，请合并成一行")
        if code and code not in known:
            row.wrong("department", f"单位代码“{code}”不在 departments.csv 里，请改正")
        if unit and unit not in units:
            row.wrong("district", f"区县代码“{unit}”不在 districts.csv 里，请改正")
        found[prefix] = Prefix(
            prefix, row.one_of("kind", ("number", "register")), Tier(row.one_of("tier", TIERS)), code or None,
            unit or None, row.yes("elsewhere"), row.text("note"),
        )  # fmt: skip
    return tuple(found.values())


def _lines(departments: tuple[Department, ...]) -> set[str]:
    return {department.line for department in departments}


def _line(row: Row, lines: set[str]) -> str:
    line = row.required("line")
    if line and line not in lines:
        row.wrong("line", f"条线“{line}”在 departments.csv 里没有单位，请核对写法")
    return line


def _names(source: PackFolder, departments: tuple[Department, ...]) -> tuple[NameForm, ...]:
    lines, found = _lines(departments), []
    for row in source.rows("names.csv", ("line", "kind", "words", "tier")):
        kind = row.one_of("kind", NAME_KINDS)
        tier = row.one_of("tier", ("", *TIERS))
        if kind == "inherent" and not tier:
            row.wrong("tier", "kind 为 inherent 时要写层级")
        row.required("words")
        found.append(NameForm(_line(row, lines), kind, row.words("words"), Tier(tier) if tier else None))
    return tuple(found)


def _central(source: PackFolder, departments: tuple[Department, ...]) -> tuple[NameForm, ...]:
    lines = _lines(departments)
    return tuple(
        NameForm(_line(row, lines), "central", row.words("words"), Tier.PROVINCE)
        for row in source.rows("central.csv", ("words", "line"))
    )


def _letters(source: PackFolder, departments: tuple[Department, ...]) -> tuple[NameForm, ...]:
    lines = _lines(departments)
    return tuple(
        NameForm(_line(row, lines), "letters", row.words("letters"), None)
        for row in source.rows("prefix_letters.csv", ("letters", "line"))
    )


def _systems(source: PackFolder, departments: tuple[Department, ...]) -> tuple[System, ...]:
    lines, found = _lines(departments), []
    for row in source.rows("systems.csv", ("words", "line", "tier", "weight")):
        tier = row.one_of("tier", ("", *TIERS))
        found.append(
            System(row.words("words"), _line(row, lines), Tier(tier) if tier else None, row.number("weight", 1.0))
        )
    return tuple(found)


def _topics(source: PackFolder, departments: tuple[Department, ...]) -> tuple[Topic, ...]:
    lines = _lines(departments)
    return tuple(
        Topic(row.words("words"), _line(row, lines), row.number("weight", 1.0))
        for row in source.rows("topics.csv", ("words", "line", "weight"))
    )


def _tier_words(source: PackFolder) -> tuple[TierWords, ...]:
    return tuple(
        TierWords(
            row.words("words"),
            row.one_of("tier", ("province", "city", "own", "unknown")),
            row.one_of("kind", ("org", "vague")),
        )
        for row in source.rows("tier_words.csv", ("words", "tier", "kind"))
    )


def _burden_types(source: PackFolder) -> tuple[BurdenType, ...]:
    return tuple(
        BurdenType(
            row.required("code"), row.required("name"), row.required("name_en"), row.required("definition"),
            row.text("rule"), row.words("typical_lines"), row.text("boundary"),
        )
        for row in source.rows("burden_types.csv", ("code", "name", "name_en", "definition", "rule"))
    )  # fmt: skip


def _groups(source: PackFolder, name: str, allowed: tuple[str, ...]) -> tuple[WordGroup, ...]:
    found = []
    for row in source.rows(name, ("group", "words", "weight")):
        group = row.one_of("group", allowed) if allowed else row.required("group")
        row.required("words")
        found.append(WordGroup(group, row.words("words"), row.number("weight", 1.0)))
    return tuple(found)


def _certificates(source: PackFolder) -> tuple[Certificate, ...]:
    columns = ("number", "list", "name", "responsible", "line", "proper_channel")
    return tuple(
        Certificate(
            row.required("number"), row.required("list"), row.required("name"), row.text("responsible"),
            row.text("line"), row.text("proper_channel"), row.text("certainty"),
        )
        for row in source.rows("certificates.csv", columns)
    )  # fmt: skip


def _cues(source: PackFolder) -> tuple[CueList, ...]:
    found: dict[str, list[str]] = {}
    for row in source.rows("cues.csv", ("list", "words")):
        row.required("words")
        found.setdefault(row.required("list"), []).extend(row.words("words"))
    return tuple(CueList(name, tuple(dict.fromkeys(words))) for name, words in found.items())


def _rules(source: PackFolder, lists: set[str]) -> tuple[Rule, ...]:
    from app.directory.patterns import check_pattern

    found: dict[str, Rule] = {}
    for row in source.rows("rules.csv", ("id", "role", "weight", "pattern")):
        identity, pattern = row.required("id"), row.required("pattern")
        if identity in found:
            row.wrong("id", f"规则编号“{identity}”重复，请改成唯一的编号")
        trouble = check_pattern(pattern, lists)
        if trouble:
            row.wrong("pattern", trouble)
        found[identity] = Rule(identity, row.one_of("role", ROLES), row.number("weight", 1.0), pattern, row.line)
    return tuple(found.values())


def _exceptions(source: PackFolder, known: dict[str, Department]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for row in source.rows("counterpart_exceptions.csv", ("department", "matter_line", "counterpart")):
        for name in ("department", "counterpart"):
            if row.text(name) not in known:
                row.wrong(name, f"单位代码“{row.text(name)}”不在 departments.csv 里，请改正")
        found[row.text("department"), row.required("matter_line")] = row.text("counterpart")
    return found


def _check_routing(source: PackFolder, pack: Pack) -> None:
    if pack.fallback_receiver and pack.fallback_receiver not in pack.by_code:
        message = f"单位代码“{pack.fallback_receiver}”不在 departments.csv 里，请改正"
        source.problems.append(Problem("pack.toml", 0, "routing.fallback_receiver", message))
    if pack.dispute_burden and pack.dispute_burden not in {kind.code for kind in pack.burden_types}:
        message = f"负担代码“{pack.dispute_burden}”不在 burden_types.csv 里，请改正"
        source.problems.append(Problem("pack.toml", 0, "routing.dispute_burden", message))
    if pack.coordinating_line and pack.coordinating_line not in _lines(pack.departments):
        message = f"条线“{pack.coordinating_line}”在 departments.csv 里没有单位，请核对写法"
        source.problems.append(Problem("pack.toml", 0, "routing.coordinating_line", message))
