"""What was found in a text: mentions, cues, document numbers. Shapes only."""

from dataclasses import dataclass, field
from typing import NamedTuple

from app.classify.document_numbers import DocumentNumber
from app.directory.knowledge import Entry

# Start, end and meanings of a word of the lexicon.
Hit = tuple[int, int, tuple[Entry, ...]]


@dataclass(slots=True)
class Mention:
    """One actor in the folded text. `slot` is its letter in the rules; `tier` is empty where the name tells none."""

    start: int
    end: int
    slot: str
    line: str = ""
    tier: str = ""
    district: str | None = None
    code: str = ""
    origin: str = ""
    weight: float = 1.0
    form: str = ""
    inherited: bool = False
    joined: bool = False
    votes: dict[str, float] = field(default_factory=dict)
    cues: list[tuple[str, str, float, int, int]] = field(default_factory=list)
    role: str = ""
    margin: float = 0.0

    @property
    def known(self) -> bool:
        """True where the department itself is settled."""
        return bool(self.code)


class Cue(NamedTuple):
    """A word that speaks for a line, a burden type or a scope."""

    start: int
    end: int
    name: str
    weight: float


@dataclass(slots=True)
class Findings:
    """Everything named in one text, in order of appearance."""

    mentions: list[Mention]
    topics: list[Cue]
    burdens: list[Cue]
    scopes: list[Cue]
    numbers: list[DocumentNumber]
    learned: list[Cue] = field(default_factory=list)
