"""How a simulated department system behaves over time: slow, broken, switched off; how it answers. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from app.demo.profiles import Profile


class Manner(StrEnum):
    """How it answers what it is assigned."""

    PROMPT = "prompt"
    TYPICAL = "typical"
    DECLINE = "decline"
    LATE = "late"
    SILENT = "silent"


_DAY: Final = (1.0, 1.0)
# A typical one is as its seed says; a silent one makes no plan at all.
PROFILES: Final[Mapping[Manner, Profile]] = {
    Manner.PROMPT: Profile(_DAY, _DAY, _DAY, returns=0.0, extends=0.0, waits=0.0, repeats=0.0),
    Manner.DECLINE: Profile(_DAY, _DAY, _DAY, returns=1.0, extends=0.0, waits=0.0, repeats=0.0),
    Manner.LATE: Profile(_DAY, _DAY, _DAY, returns=0.0, extends=0.0, waits=1.0, repeats=0.0),
}


class Conditions(BaseModel):
    """What holds at a time.

    Attributes:
        delay: seconds until a webhook is answered.
        error_rate: share of webhooks that are answered 500.
        down: connections are closed without an answer.
        wait: seconds before each callback.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    answers: Manner = Manner.PROMPT
    delay: float = Field(0.0, ge=0, le=120)
    error_rate: float = Field(0.0, ge=0, le=1)
    down: bool = False
    wait: float = Field(1.0, ge=0, le=86_400)


class Phase(BaseModel):
    """From so many seconds after the start: what is said here changes, all else is as at the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: float = Field(alias="from", ge=0)
    answers: Manner | None = None
    delay: float | None = Field(None, ge=0, le=120)
    error_rate: float | None = Field(None, ge=0, le=1)
    down: bool | None = None
    wait: float | None = Field(None, ge=0, le=86_400)


@dataclass(frozen=True, slots=True)
class Script:
    """Conditions at the start, the phases after it, and windows in which it is switched off whatever they say."""

    start: Conditions
    phases: Sequence[Phase] = ()
    windows: Sequence[tuple[float, float]] = ()

    def at(self, seconds: float) -> Conditions:
        """What holds that many seconds after the start."""
        begun = [phase for phase in self.phases if phase.start <= seconds]
        changes = max(begun, key=lambda phase: phase.start).model_dump(exclude_none=True) if begun else {}
        changes.pop("start", None)
        if any(first <= seconds < last for first, last in self.windows):
            changes["down"] = True
        return self.start.model_copy(update=changes)


def read_phases(text: str) -> list[Phase]:
    """Phases as a JSON list such as `[{"from": 30, "down": true}, {"from": 60}]`; raises ValidationError."""
    return TypeAdapter(list[Phase]).validate_json(text)


def read_window(text: str) -> tuple[float, float]:
    """`30-60`: from second 30 to 60; raises ValueError."""
    first, mark, last = text.partition("-")
    window = (float(first), float(last))
    if not mark or not 0 <= window[0] < window[1]:
        raise ValueError(text)
    return window
