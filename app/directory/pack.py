"""A city's pack: departments, districts, observation points, prefixes, catalogues and the classifier's words.

Loads and validates a folder of CSV and TOML files that a domain person edits. Pure: knows no database and no network.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from app.directory.pack_files import PackError, PackFolder, Problem
from app.directory.weights import Weights

__all__ = [
    "BUNDLED_PACK",
    "BurdenType",
    "Certificate",
    "CueList",
    "Department",
    "District",
    "Issuer",
    "NameForm",
    "ObservationPoint",
    "Pack",
    "PackError",
    "Place",
    "Prefix",
    "Problem",
    "Rule",
    "System",
    "Tier",
    "TierWords",
    "Topic",
    "WordGroup",
    "load_pack",
]

BUNDLED_PACK: Path = Path(__file__).parent.parent / "packs" / "changsha"


class Tier(StrEnum):
    """层级 of a department. A central ministry counts as `province`: only the province can report further up."""

    PROVINCE = "province"
    MUNICIPAL = "municipal"
    DISTRICT = "district"


@dataclass(frozen=True, slots=True)
class Department:
    """单位. `counterpart` is a code, or a pattern with `{D}` for the district's code; None where there is none."""

    code: str
    name: str
    short_names: tuple[str, ...]
    tier: Tier
    district: str | None
    line: str
    counterpart: str | None
    vertical: bool
    enterprise: bool
    certainty: str
    note: str


@dataclass(frozen=True, slots=True)
class District:
    """区县市. `number_letters` open its document numbers; `aliases` are other names of the same unit (湘江新区)."""

    code: str
    name: str
    bare: str
    kind: str
    number_letters: tuple[str, ...]
    register: str
    aliases: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class ObservationPoint:
    """观测点: a village or community that reports directly."""

    code: str
    name: str
    district: str
    kind: str
    township: str
    note: str


@dataclass(frozen=True, slots=True)
class Place:
    """The province or the city itself: how it is named and how its document numbers open."""

    code: str
    name: str
    bare: str
    number_letters: tuple[str, ...]
    register: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """机关代字. `department` is None where only the place is known; `elsewhere` marks issuers outside the city."""

    prefix: str
    kind: str
    tier: Tier
    department: str | None
    district: str | None
    elsewhere: bool
    note: str


@dataclass(frozen=True, slots=True)
class NameForm:
    """How people name a line's departments. `kind`: org, bare, old, adhoc, inherent, outpost, central."""

    line: str
    kind: str
    words: tuple[str, ...]
    tier: Tier | None


@dataclass(frozen=True, slots=True)
class System:
    """A named system or app, its line and, where its name settles it, its tier."""

    words: tuple[str, ...]
    line: str
    tier: Tier | None
    weight: float


@dataclass(frozen=True, slots=True)
class Topic:
    """Matters that have an owner: each word points at a line with a weight."""

    words: tuple[str, ...]
    line: str
    weight: float


@dataclass(frozen=True, slots=True)
class WordGroup:
    """Words of one meaning with a weight (burden cues, scope cues)."""

    group: str
    words: tuple[str, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class TierWords:
    """Words that tell a tier and no line. `reach`: province, city, own, unknown; `kind`: org (省厅), vague (省里)."""

    words: tuple[str, ...]
    reach: str
    kind: str


@dataclass(frozen=True, slots=True)
class CueList:
    """A named list of words that rules refer to as `{name}`."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern over a sentence with the mentions replaced by letters, and the role it speaks for."""

    id: str
    role: str
    weight: float
    pattern: str
    line: int


@dataclass(frozen=True, slots=True)
class BurdenType:
    """负担类型 with the rule it breaks."""

    code: str
    name: str
    name_en: str
    definition: str
    rule: str
    typical_lines: tuple[str, ...]
    boundary: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that a village must not be asked for, and the proper channel."""

    number: str
    list: str
    name: str
    responsible: str
    line: str
    proper_channel: str
    certainty: str


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who issues official documents: the name in red at their head, and the letters 代字 that open their numbers."""

    name: str
    letters: str


@dataclass(frozen=True, slots=True)
class Pack:
    """Everything the service knows about one city. `version` changes with any edit of any file."""

    name: str
    title: str
    version: str
    province: Place
    city: Place
    coordinating_line: str
    fallback_receiver: str
    dispute_burden: str
    issuer: Issuer
    departments: tuple[Department, ...]
    districts: tuple[District, ...]
    observation_points: tuple[ObservationPoint, ...]
    prefixes: tuple[Prefix, ...]
    prefix_letters: tuple[NameForm, ...]
    bodies: tuple[NameForm, ...]
    systems: tuple[System, ...]
    topics: tuple[Topic, ...]
    tier_words: tuple[TierWords, ...]
    burden_types: tuple[BurdenType, ...]
    burden_cues: tuple[WordGroup, ...]
    scope_cues: tuple[WordGroup, ...]
    certificates: tuple[Certificate, ...]
    cues: tuple[CueList, ...]
    rules: tuple[Rule, ...]
    source_weights: Weights
    text_weights: Weights
    certainty_weights: Weights
    counterpart_exceptions: Mapping[tuple[str, str], str]
    by_code: Mapping[str, Department] = field(repr=False)

    def department(self, code: str) -> Department | None:
        """The department with this code, or None."""
        return self.by_code.get(code)

    def district(self, name_or_code: str) -> District | None:
        """The district of this code, name or alias, or None."""
        for district in self.districts:
            if name_or_code in (district.code, district.name, district.bare) or name_or_code in district.aliases:
                return district
        return None

    def municipal_counterpart(self, code: str, matter_line: str | None = None) -> Department | None:
        """Who at the city answers for a provincial department; a matter of another line may have its own (12345)."""
        department = self.by_code.get(code)
        if department is None:
            return None
        special = self.counterpart_exceptions.get((code, matter_line or "*"))
        found = special or self.counterpart_exceptions.get((code, "*")) or department.counterpart
        return self.by_code.get(found) if found else None

    def receiver_of_province(self, code: str, matter_line: str | None = None) -> Department:
        """As `municipal_counterpart`, but never None: without a counterpart the city's party office receives."""
        return self.municipal_counterpart(code, matter_line) or self.by_code[self.fallback_receiver]

    def counterpart_in(self, code: str, district: str) -> Department | None:
        """The department of the same line in a district (code or name), from any tier. None where there is none."""
        department = self.by_code.get(code)
        unit = self.district(district)
        if department is None or unit is None:
            return None
        if department.tier is Tier.PROVINCE:
            municipal = self.municipal_counterpart(code)
            return self.counterpart_in(municipal.code, unit.code) if municipal else None
        if department.tier is Tier.DISTRICT:
            return self.by_code.get(f"{unit.code}-{code.partition('-')[2]}")
        return self.by_code.get(department.counterpart.replace("{D}", unit.code)) if department.counterpart else None


def load_pack(folder: Path) -> Pack:
    """Reads and validates a pack folder. Raises PackError naming file, line and field of every mistake."""
    from app.directory.pack_build import build_pack  # the builder needs the shapes above

    source = PackFolder(Path(folder))
    if not source.path.is_dir():
        raise PackError([Problem(str(folder), 0, "", "资料包文件夹不存在，请检查路径")])
    return build_pack(source)
