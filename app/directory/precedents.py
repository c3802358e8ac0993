"""先例 in memory: what was settled, found by document, system or wording. Pure; it judges no likeness.

A book is built whenever a precedent or a standing ruling comes, goes or changes, and shared by all threads (read only).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from typing import Any, TypeVar

# So many are looked at under one name or key, the newest first: a bound whatever the office has settled.
PER_NAME, PER_KEY = 100, 24
# What a decision that cites a precedent notes, before its number.
NOTE = "precedent:"
_Key = TypeVar("_Key", str, int)


@dataclass(frozen=True, slots=True)
class RulingKnown:
    """A standing ruling (常规裁定) in force; `until` is its last day, None where it has none."""

    id: str
    until: date | None = None

    def holds_on(self, day: date) -> bool:
        return self.until is None or day <= self.until


@dataclass(frozen=True, slots=True)
class PrecedentKnown:
    """A precedent in force.

    Attributes:
        likeness: what counts of the report it settled, as kept; its `keys` are those of the words alone.
        obligations: department, wording and working days of each task; None for the usual ones.
    """

    number: str
    lead: str
    supporting: tuple[str, ...]
    obligations: tuple[tuple[str, str | None, int | None], ...]
    likeness: Mapping[str, Any]
    ruling: RulingKnown | None = None

    @property
    def settlement(self) -> tuple[str, frozenset[str]]:
        """What two precedents have in common where they settle a matter alike."""
        return self.lead, frozenset(self.supporting)

    @property
    def departments(self) -> tuple[str, ...]:
        return (self.lead, *self.supporting)


@dataclass(frozen=True, slots=True)
class PrecedentBook:
    """All precedents in force; `version` is '' where there are none, and another whenever anything in it is."""

    version: str = ""
    by_number: Mapping[str, PrecedentKnown] = field(default_factory=dict, repr=False)
    by_name: Mapping[str, Sequence[PrecedentKnown]] = field(default_factory=dict, repr=False)
    by_key: Mapping[int, Sequence[PrecedentKnown]] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.by_number)


def compile_book(precedents: Iterable[PrecedentKnown]) -> PrecedentBook:
    """The book of these precedents; about 50 ms for 5,000."""
    newest_first = sorted(precedents, key=lambda known: known.number, reverse=True)
    if not newest_first:
        return PrecedentBook()
    return PrecedentBook(
        version=_version_of(newest_first),
        by_number={known.number: known for known in newest_first},
        by_name=_index(newest_first, lambda said: [*said["documents"], *said["systems"]], PER_NAME),
        by_key=_index(newest_first, lambda said: said["keys"], PER_KEY),
    )


def _version_of(precedents: Iterable[PrecedentKnown]) -> str:
    """A precedent never changes but for its standing ruling."""
    said = "|".join(f"{known.number}:{known.ruling.id if known.ruling else ''}" for known in precedents)
    return "p" + blake2b(said.encode(), digest_size=5).hexdigest()


def _index(
    precedents: Iterable[PrecedentKnown], names: Callable[[Mapping[str, Any]], Iterable[_Key]], most: int
) -> dict[_Key, list[PrecedentKnown]]:
    found: dict[_Key, list[PrecedentKnown]] = {}
    for known in precedents:
        for name in names(known.likeness):
            entries = found.setdefault(name, [])
            if len(entries) < most:
                entries.append(known)
    return found


def cited_in(decision: Mapping[str, Any]) -> list[str]:
    """The numbers of the precedents that a stored decision cites."""
    return [note.removeprefix(NOTE) for note in decision.get("notes", ()) if note.startswith(NOTE)]
