"""The form by which the office rules on a case, and the candidates that fill it. Reads and checks input only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.classify import Category
from app.dashboard import labels
from app.dashboard.forms import BadFields, Form, whole_number
from app.dashboard.language import N_
from app.dashboard.words import Words
from app.directory.city import City
from app.directory.pack import Tier
from app.models import Act, ActKind, AssignmentRole, SecondOpinion, Urgency

ROWS: Final = 4
LONGEST_TERM: Final = 250
REASON_LENGTHS: Final = (2, 2000)
MOST_CANDIDATES: Final = 9
# The parts that a department named in the text may play and yet be the one to act.
PERHAPS_RESPONSIBLE: Final = frozenset({"source", "imposes", "adds", "disputes", "forwards", "suggested", "cited"})
RULED: Final = (Category.PROVINCIAL, Category.MUNICIPAL_DISTRICT, Category.MULTI_DEPARTMENT)


@dataclass(frozen=True)
class Candidate:
    """A way to rule that somebody has thought of: category, receivers (the first leads), whose idea it is."""

    category: str
    receivers: tuple[str, ...]
    why: str
    confidence: int | None = None


@dataclass
class RulingInput:
    """The form as it is shown: texts just as they were typed."""

    category: str = ""
    receivers: list[str] = field(default_factory=lambda: [""] * ROWS)
    lead: str = "0"
    days: str = ""
    reason: str = ""
    urgency: str = ""

    @classmethod
    def typed(cls, form: Form) -> "RulingInput":
        receivers = form.all("receiver")[:ROWS]
        return cls(
            category=form.get("category"),
            receivers=receivers + [""] * (ROWS - len(receivers)),
            lead=form.get("lead") or "0",
            days=form.get("days"),
            reason=form.get("reason"),
            urgency=form.get("urgency"),
        )

    @classmethod
    def proposed(cls, candidate: Candidate, city: City, reason: str) -> "RulingInput":
        receivers = [entry_of(code, city) for code in candidate.receivers[:ROWS]]
        return cls(candidate.category, receivers + [""] * (ROWS - len(receivers)), reason=reason)


@dataclass(frozen=True)
class Ruling:
    """What the form says, checked as far as its shape goes."""

    category: Category
    receivers: list[tuple[str, AssignmentRole]]
    term: int | None
    reason: str
    urgency: Urgency | None


def entry_of(code: str, city: City) -> str:
    """A department as the form writes it: its code, then its name."""
    return f"{code} {city.names.get(code, '')}".strip()


def find_department(typed: str, city: City) -> str | None:
    """The code that was meant: by code, by `code name`, or by its full or short name where only one has it.

    A name may be given by its pinyin or its initials.
    """
    first = typed.split(maxsplit=1)[0].upper() if typed else ""
    if first in city.departments:
        return first
    named = [d.code for d in city.departments.values() if typed == d.name or typed in d.short_names]
    named = named or city.spelled_as(typed)
    return named[0] if len(named) == 1 else None


def read_departments(typed: Sequence[str], city: City, faults: list[str]) -> list[str | None]:
    """Codes of the rows that were filled, in their order; an empty row is None."""
    codes = [find_department(text, city) if text else None for text in typed]
    if any(text and code is None for text, code in zip(typed, codes, strict=True)):
        faults.append(N_("有承办单位不在部门目录中，请从列表中选择。"))
    filled = [code for code in codes if code]
    if len(set(filled)) != len(filled):
        faults.append(N_("同一单位只能填写一次。"))
    return codes


def read_days(form: Form, name: str, faults: list[str]) -> int | None:
    return read_term(form.get(name), faults)


def read_term(typed: str, faults: list[str]) -> int | None:
    """Working days; None where the usual term applies."""
    try:
        return whole_number(typed, 1, LONGEST_TERM)
    except ValueError:
        faults.append(N_("工作日须为 1 至 250 之间的整数，或留空按常规时限。"))
        return None


def read_text(form: Form, name: str, fault: str, faults: list[str], longest: int = REASON_LENGTHS[1]) -> str:
    """A text that is required; `fault` is what to say where it is missing or too long."""
    text = form.get(name)
    if not REASON_LENGTHS[0] <= len(text) <= longest:
        faults.append(fault)
    return text


def read_ruling(form: Form, city: City) -> Ruling:
    """Raises BadFields with one sentence for each thing that is wrong."""
    faults: list[str] = []
    category = next((known for known in RULED if known == form.get("category")), None)
    if category is None:
        faults.append(N_("请选择类别。"))
    codes = read_departments(form.all("receiver")[:ROWS], city, faults)
    term = read_days(form, "days", faults)
    reason = read_text(form, "reason", N_("请写明理由（2 至 2000 字）。"), faults)
    if faults or category is None:
        raise BadFields(faults)
    urgency = next((known for known in Urgency if known == form.get("urgency")), None)
    lead = next((code for row, code in enumerate(codes) if code and str(row) == form.get("lead")), None)
    lead = lead or next((code for code in codes if code), None)
    roles = (AssignmentRole.SUPPORTING, AssignmentRole.LEAD)
    return Ruling(category, [(code, roles[code == lead]) for code in codes if code], term, reason, urgency)


def candidates_for(
    decision: Mapping[str, Any], acts: Sequence[Act], words: Words, opinion: SecondOpinion | None = None
) -> list[Candidate]:
    """What a returning department proposes, what the machine decided or supposes, whom the text names; then, last, what
    a second opinion supposes."""
    city = words.city
    found: dict[tuple[str, tuple[str, ...]], Candidate] = {}

    def offer(category: str, receivers: Sequence[str], why: str, confidence: float | None = None) -> None:
        known = tuple(code for code in receivers if code in city.departments)
        if known and len(found) < MOST_CANDIDATES:
            percent = None if confidence is None else round(confidence * 100)
            found.setdefault((category, known), Candidate(category, known, why, percent))

    for act in reversed(acts):
        if act.kind is ActKind.RETURN and act.content.get("proposed_department"):
            offer(*_ruling_for(act.content["proposed_department"], city), words.say(N_("退回单位建议")))
    if decision["category"] in labels.CATEGORY_HINT:
        codes = [receiver["code"] for receiver in decision["receivers"]]
        offer(decision["category"], codes, words.say(N_("系统判断")), decision["confidence"])
    for suggestion in decision["suggestions"]:
        offer(suggestion["category"], suggestion["receivers"], words.say(N_("系统建议")), suggestion["confidence"])
    for item in decision["evidence"]:
        role, _, code = item["supports"].partition(" ")
        named = city.departments.get(code)
        if named and role in PERHAPS_RESPONSIBLE and named.line != city.pack.coordinating_line:
            offer(*_ruling_for(code, city), words.say(N_("文中提到")))
    if opinion is not None and opinion.payload:
        offer(opinion.payload["category"], opinion.payload["receivers"], words.say(N_("第二意见")))
    return list(found.values())


def _ruling_for(code: str, city: City) -> tuple[str, tuple[str, ...]]:
    """How a matter of one department is ruled: a provincial one goes to its municipal counterpart."""
    department = city.departments.get(code)
    if department is None or department.tier is not Tier.PROVINCE:
        return Category.MUNICIPAL_DISTRICT, (code,)
    return Category.PROVINCIAL, (city.pack.receiver_of_province(code).code,)
