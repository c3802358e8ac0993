"""A document as it stands on paper, whatever it is about; kept as canonical JSON. Pure; it words and draws nothing."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

from app.audit import to_canonical_json

Kind = Literal["heading", "subheading", "paragraph", "table"]


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of the body; `columns` and `rows` are a table's."""

    kind: Kind
    text: str = ""
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True)
class Annex:
    """附件: begins on a page of its own."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a document says. `mark` is the name in red at its head, `dated` its 成文日期 as ISO date.

    `sealed`: it takes a seal, for which room is left; minutes take none. `urgency` and `copies` may be empty.
    """

    kind: str
    mark: str
    number: str
    title: str
    addressee: str
    blocks: Sequence[Block]
    signer: str
    dated: str
    urgency: str = ""
    copies: str = ""
    annexes: Sequence[Annex] = ()
    sealed: bool = True

    @property
    def day(self) -> date:
        return date.fromisoformat(self.dated)

    def to_json(self) -> str:
        """The same text for the same sheet."""
        return to_canonical_json(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Sheet":
        """What `to_json` made."""
        known: dict[str, Any] = json.loads(text)
        known["blocks"] = _blocks(known["blocks"])
        known["annexes"] = [Annex(annex["title"], _blocks(annex["blocks"])) for annex in known["annexes"]]
        return cls(**known)


def _blocks(known: Sequence[Mapping[str, Any]]) -> list[Block]:
    return [_block(block["kind"], block["text"], block["columns"], block["rows"]) for block in known]


def _block(kind: Kind, text: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Block:
    return Block(kind, text, tuple(columns), tuple(tuple(row) for row in rows))


def digest_of(content: str) -> str:
    """What the chain keeps of a document's content."""
    return hashlib.sha256(content.encode()).hexdigest()


def heading(text: str) -> Block:
    return Block("heading", text)


def subheading(text: str) -> Block:
    return Block("subheading", text)


def paragraphs(text: str) -> list[Block]:
    """A text as people typed it: one block for each line that says something."""
    return [Block("paragraph", line.strip()) for line in text.splitlines() if line.strip()]


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Block:
    return _block("table", "", columns, rows)
