"""The shapes that go into and come out of the classifier, as the contract has them. No rules here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Category(StrEnum):
    """The four categories of the routing policy."""

    PROVINCIAL = "provincial"
    MUNICIPAL_DISTRICT = "municipal_district"
    MULTI_DEPARTMENT = "multi_department"
    UNCLEAR = "unclear"


class Route(StrEnum):
    """上报, 交办, 会商, 分办."""

    ESCALATION = "escalation"
    ASSIGNMENT = "assignment"
    CONSULTATION = "consultation"
    TRIAGE = "triage"


ROUTES: Mapping[Category, Route] = {
    Category.PROVINCIAL: Route.ESCALATION,
    Category.MUNICIPAL_DISTRICT: Route.ASSIGNMENT,
    Category.MULTI_DEPARTMENT: Route.CONSULTATION,
    Category.UNCLEAR: Route.TRIAGE,
}


class UnclearReason(StrEnum):
    """Why a report goes to triage. A decision below the office's threshold is `NO_DEPARTMENT` (nobody can be named with
    enough confidence), with the note `low_confidence` and the decision among the suggestions."""

    NO_DEPARTMENT = "no_department"
    TIER_UNKNOWN = "tier_unknown"
    NON_DEPARTMENT_SOURCE = "non_department_source"
    TOWNSHIP_SOURCE = "township_source"
    CONFLICT_OF_INTEREST = "conflict_of_interest"
    OUT_OF_SCOPE = "out_of_scope"


class Role(StrEnum):
    """牵头 or 协办."""

    LEAD = "lead"
    SUPPORTING = "supporting"


@dataclass(frozen=True, slots=True)
class ReportText:
    """What is classified. `district` is a code or a name; `declared_departments` are codes the reporter ticked."""

    text: str
    district: str | None = None
    unit: str | None = None
    title: str | None = None
    declared_departments: tuple[str, ...] = ()
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The office's settings: below `decide` a report goes to triage; burden types below `burden` are left out."""

    decide: float = 0.6
    burden: float = 0.5


@dataclass(frozen=True, slots=True)
class Source:
    """A department that causes the burden; confidence 0 to 1."""

    code: str
    name: str
    tier: str
    line: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Receiver:
    """A department that gets the case."""

    code: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class BurdenFound:
    """A burden type with confidence 0 to 1, and the rule it breaks as the pack words it."""

    code: str
    confidence: float
    rule: str = ""


@dataclass(frozen=True, slots=True)
class CertificateFound:
    """A certificate that a village must not be asked for, by its number in the pack's list, and where to get it."""

    number: str
    name: str
    proper_channel: str


@dataclass(frozen=True, slots=True)
class NumberFound:
    """A document number as written, and the code of its issuer where that is known."""

    text: str
    issuer: str | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the machine supposes but does not decide."""

    category: Category
    receivers: tuple[str, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """A rule that fired and its characters: `text == sent[start:end]`. From the title: start = end = 0."""

    rule: str
    text: str
    start: int
    end: int
    supports: str
    weight: float
    field: str = "text"


@dataclass(frozen=True, slots=True)
class Decision:
    """Who is responsible, by which route, and why. `summary` is a Chinese sentence for people; `notes` are
    `low_confidence` and `certificate:N`, N a number in the pack's list of certificates not to be asked for."""

    category: Category
    route: Route
    reason: UnclearReason | None
    sources: tuple[Source, ...]
    receivers: tuple[Receiver, ...]
    burden_types: tuple[BurdenFound, ...]
    document_numbers: tuple[NumberFound, ...]
    confidence: float
    suggestions: tuple[Suggestion, ...]
    evidence: tuple[Evidence, ...]
    knowledge_version: str
    summary: str = ""
    notes: tuple[str, ...] = field(default=())
    certificates: tuple[CertificateFound, ...] = field(default=())
    id: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The contract's JSON shape, keys in its order; plus `summary`, `notes` and
        `certificates`."""
        return {
            "id": self.id,
            "category": self.category.value,
            "route": self.route.value,
            "reason": self.reason.value if self.reason else None,
            "sources": [
                {"code": s.code, "name": s.name, "tier": s.tier, "line": s.line, "confidence": s.confidence}
                for s in self.sources
            ],
            "receivers": [{"code": r.code, "name": r.name, "role": r.role.value} for r in self.receivers],
            "burden_types": [{"code": b.code, "confidence": b.confidence, "rule": b.rule} for b in self.burden_types],
            "document_numbers": [{"text": n.text, "issuer": n.issuer} for n in self.document_numbers],
            "confidence": self.confidence,
            "suggestions": [
                {"category": s.category.value, "receivers": list(s.receivers), "confidence": s.confidence}
                for s in self.suggestions
            ],
            "evidence": [_evidence_dict(item) for item in self.evidence],
            "knowledge_version": self.knowledge_version,
            "summary": self.summary,
            "notes": list(self.notes),
            "certificates": [
                {"number": c.number, "name": c.name, "proper_channel": c.proper_channel} for c in self.certificates
            ],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Decision":
        """Reads back what `to_dict` wrote. Raises KeyError or ValueError on any other shape."""
        return cls(
            category=Category(data["category"]),
            route=Route(data["route"]),
            reason=UnclearReason(data["reason"]) if data["reason"] else None,
            sources=tuple(Source(**item) for item in data["sources"]),
            receivers=tuple(Receiver(r["code"], r["name"], Role(r["role"])) for r in data["receivers"]),
            burden_types=tuple(BurdenFound(**item) for item in data["burden_types"]),
            document_numbers=tuple(NumberFound(**item) for item in data["document_numbers"]),
            confidence=data["confidence"],
            suggestions=tuple(
                Suggestion(Category(s["category"]), tuple(s["receivers"]), s["confidence"]) for s in data["suggestions"]
            ),
            evidence=tuple(Evidence(**item) for item in data["evidence"]),
            knowledge_version=data["knowledge_version"],
            summary=data.get("summary", ""),
            notes=tuple(data.get("notes", ())),
            certificates=tuple(CertificateFound(**item) for item in data.get("certificates", ())),
            id=data.get("id"),
        )


def _evidence_dict(item: Evidence) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "rule": item.rule,
        "text": item.text,
        "start": item.start,
        "end": item.end,
        "supports": item.supports,
        "weight": item.weight,
    }
    if item.field != "text":
        shape["field"] = item.field
    return shape
