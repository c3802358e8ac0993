"""Compares two decisions on each of many reports: what would change, for which departments, with examples. No files.

Departments stand in the order of their codes. Nothing is ranked: how many reports concern a department says nothing
about how it works.
"""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from app.classify.decision import Decision, ReportText

EXCERPT = 60


@dataclass(frozen=True, slots=True)
class Example:
    """A report that would be decided otherwise, with what is decided now and what would be."""

    id: str
    excerpt: str
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(slots=True)
class Change:
    """How many reports a department has now and would have, how many of those are new to it or no longer its own."""

    before: int = 0
    after: int = 0
    gained: int = 0
    lost: int = 0


@dataclass(slots=True)
class BackTest:
    """What would change, added up report by report."""

    examples_wanted: int = 5
    reports: int = 0
    decided_otherwise: int = 0
    suggested_otherwise: int = 0
    other_burdens: int = 0
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    receiving: dict[str, Change] = field(default_factory=dict)
    suggested: dict[str, Change] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)

    def add(self, report: ReportText, before: Decision, after: Decision) -> None:
        """Take one report along."""
        self.reports += 1
        decided = _decided(before) != _decided(after)
        suggested = before.suggestions != after.suggestions
        self.decided_otherwise += decided
        self.suggested_otherwise += suggested and not decided
        self.other_burdens += {b.code for b in before.burden_types} != {b.code for b in after.burden_types}
        if before.category is not after.category:
            self.moves[before.category.value, after.category.value] += 1
        _count(self.receiving, *({receiver.code for receiver in d.receivers} for d in (before, after)))
        _count(self.suggested, *({code for s in d.suggestions for code in s.receivers} for d in (before, after)))
        if (decided or suggested) and len(self.examples) < self.examples_wanted:
            excerpt = " ".join(f"{report.title or ''} {report.text}".split())[:EXCERPT]
            self.examples.append(Example(report.id or "", excerpt, _shown(before), _shown(after)))

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values; departments only where something changed, in the order of their codes."""
        return self.counts() | {
            "examples": [{"id": e.id, "text": e.excerpt, "before": e.before, "after": e.after} for e in self.examples]
        }

    def counts(self) -> dict[str, Any]:
        """The same without a word of any report."""
        return {
            "reports": self.reports,
            "decided_otherwise": self.decided_otherwise,
            "suggested_otherwise": self.suggested_otherwise,
            "other_burden_types": self.other_burdens,
            "category_changes": [
                {"before": before, "after": after, "reports": count}
                for (before, after), count in sorted(self.moves.items())
            ],
            "receiving": _changed(self.receiving),
            "suggested": _changed(self.suggested),
        }


def _decided(decision: Decision) -> tuple[Any, ...]:
    return decision.category, decision.reason, {(receiver.code, receiver.role) for receiver in decision.receivers}


def _count(table: dict[str, Change], before: set[str], after: set[str]) -> None:
    for code in before | after:
        change = table.setdefault(code, Change())
        change.before += code in before
        change.after += code in after
        change.gained += code in after - before
        change.lost += code in before - after


def _changed(table: dict[str, Change]) -> dict[str, dict[str, int]]:
    return {code: asdict(change) for code, change in sorted(table.items()) if change.gained or change.lost}


def _shown(decision: Decision) -> dict[str, Any]:
    return {
        "category": decision.category.value,
        "reason": decision.reason.value if decision.reason else None,
        "receivers": [receiver.code for receiver in decision.receivers],
        "suggestions": [code for suggestion in decision.suggestions for code in suggestion.receivers],
        "confidence": decision.confidence,
    }
