"""状态机: the tables of moves for cases, assignments and consultations. No other module assigns a status.

A table is checked when it is loaded: every state can be reached, every open state has an owner, a clock and a way to
an end.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from app.models import (
    Assignment,
    AssignmentKind,
    AssignmentStatus,
    Case,
    CaseStatus,
    Consultation,
    ConsultationStatus,
    DeadlineKind,
    Party,
)
from app.problems import Conflict

S = TypeVar("S", bound=StrEnum)


class BrokenTable(ValueError):
    """A table of moves that would let something get stuck."""


class IllegalMove(Conflict):
    code = "illegal_move"
    title_zh, title_en = "当前状态下不能这样办理", "Not possible in the current state"

    def __init__(self, current: str, wanted: str) -> None:
        super().__init__(
            f"当前状态为“{current}”，不能转为“{wanted}”。请重新读取后再办理。",
            f"The state is “{current}”; it cannot become “{wanted}”. Read it again, then act on what it says.",
            current=current,
        )


@dataclass(frozen=True, slots=True)
class State:
    """Who owns a thing in this state and which clocks run. A state without an owner is an end."""

    owner: Party | None = None
    clocks: frozenset[DeadlineKind] = frozenset()

    @property
    def is_open(self) -> bool:
        return self.owner is not None


@dataclass(frozen=True, slots=True)
class Machine(Generic[S]):
    """States and the moves between them; raises BrokenTable when made of a table that can get stuck."""

    name: str
    states: Mapping[S, State]
    initial: frozenset[S]
    moves: frozenset[tuple[S, S]]

    def __post_init__(self) -> None:
        faults = list(self._faults())
        if faults:
            raise BrokenTable(f"{self.name}: " + "; ".join(faults))

    def _faults(self) -> Iterable[str]:
        for source, target in self.moves:
            if source not in self.states or target not in self.states:
                yield f"move {source} → {target} names an unknown state"
        for name in self.initial - set(self.states):
            yield f"it begins in {name}, an unknown state"
        reached = _closure(self.initial, self.moves)
        ending = _closure((n for n, s in self.states.items() if not s.is_open), {(t, s) for s, t in self.moves})
        for name, state in self.states.items():
            if name not in reached:
                yield f"{name} cannot be reached"
            if state.is_open and not any(s == name and t != name for s, t in self.moves):
                yield f"{name} has no exit"
            if name not in ending:
                yield f"{name} never comes to an end"
            if state.is_open and not state.clocks:
                yield f"{name} has no clock"
            if not state.is_open and state.clocks:
                yield f"{name} has a clock but no owner"
        if not any(not state.is_open for state in self.states.values()):
            yield "there is no end"

    def allows(self, source: S, target: S) -> bool:
        return (source, target) in self.moves


def _closure(start: Iterable[S], moves: Iterable[tuple[S, S]]) -> set[S]:
    """All states that can be reached from some, themselves included."""
    reached = set(start)
    edge, moves = set(reached), list(moves)
    while edge:
        edge = {target for source, target in moves if source in edge} - reached
        reached |= edge
    return reached


def _moves(table: Mapping[S, Iterable[S]]) -> frozenset[tuple[S, S]]:
    return frozenset((source, target) for source, targets in table.items() for target in targets)


C = CaseStatus
A = AssignmentStatus
K = DeadlineKind
H = ConsultationStatus

# 台账事项. In a department's states the clocks are those of its assignments, listed here by kind.
CASE: Machine[CaseStatus] = Machine(
    name="case",
    initial=frozenset({C.TRIAGE, C.DISPATCHED, C.CONSULTING}),
    states={
        C.TRIAGE: State(Party.OFFICE, frozenset({K.TRIAGE})),
        C.DISPATCHED: State(Party.DEPARTMENT, frozenset({K.ACCEPTANCE, K.FEEDBACK, K.FORWARDING})),
        C.IN_PROGRESS: State(Party.DEPARTMENT, frozenset({K.FEEDBACK, K.FORWARDING})),
        C.AWAITING_PROVINCE: State(Party.DEPARTMENT, frozenset({K.CHASE})),
        C.CONSULTING: State(Party.OFFICE, frozenset({K.CONSULTATION})),
        C.IN_REVIEW: State(Party.OFFICE, frozenset({K.REVIEW})),
        C.VERIFYING: State(Party.POINT, frozenset({K.VERIFICATION})),
        C.UNRESOLVED: State(Party.OFFICE, frozenset({K.REVISIT})),
        C.CLOSED: State(),
    },
    moves=_moves(
        {
            C.TRIAGE: [C.DISPATCHED, C.CONSULTING, C.CLOSED],
            C.DISPATCHED: [
                C.IN_PROGRESS, C.AWAITING_PROVINCE, C.IN_REVIEW, C.TRIAGE, C.DISPATCHED, C.CONSULTING, C.CLOSED,
            ],
            C.IN_PROGRESS: [C.AWAITING_PROVINCE, C.IN_REVIEW, C.TRIAGE, C.DISPATCHED, C.CONSULTING, C.CLOSED],
            C.AWAITING_PROVINCE: [C.IN_PROGRESS, C.IN_REVIEW, C.TRIAGE, C.DISPATCHED, C.CONSULTING, C.CLOSED],
            C.CONSULTING: [C.DISPATCHED, C.TRIAGE, C.CLOSED],
            C.IN_REVIEW: [
                C.IN_PROGRESS, C.VERIFYING, C.UNRESOLVED, C.TRIAGE, C.DISPATCHED, C.CONSULTING, C.CLOSED,
            ],
            C.VERIFYING: [C.IN_PROGRESS, C.IN_REVIEW, C.CLOSED],
            C.UNRESOLVED: [C.UNRESOLVED, C.DISPATCHED, C.CONSULTING, C.CLOSED],
            C.CLOSED: [C.DISPATCHED, C.TRIAGE],
        }
    ),
)  # fmt: skip


def _assignment_machine(
    name: str, answer_clock: DeadlineKind, extra: Mapping[AssignmentStatus, list[AssignmentStatus]]
) -> Machine[AssignmentStatus]:
    table: dict[A, list[A]] = {
        A.DISPATCHED: [A.ACCEPTED, A.RESPONDED, A.RETURNED, A.SUPERSEDED],
        A.ACCEPTED: [A.RESPONDED, A.RETURNED, A.SUPERSEDED],
        A.RESPONDED: [A.APPROVED, A.REWORKING, A.SUPERSEDED],
        A.REWORKING: [A.RESPONDED, A.SUPERSEDED],
        A.APPROVED: [A.REWORKING, A.UNRESOLVED, A.SUPERSEDED, A.CLOSED],
        A.RETURNED: [A.SUPERSEDED],
    }
    for source, targets in extra.items():
        table[source] = [*table.get(source, []), *targets]
    states = {
        A.DISPATCHED: State(Party.DEPARTMENT, frozenset({K.ACCEPTANCE, answer_clock})),
        A.ACCEPTED: State(Party.DEPARTMENT, frozenset({answer_clock})),
        A.REWORKING: State(Party.DEPARTMENT, frozenset({answer_clock})),
        A.RESPONDED: State(Party.OFFICE, frozenset({K.REVIEW})),
        A.APPROVED: State(Party.POINT, frozenset({K.VERIFICATION})),
        A.RETURNED: State(Party.OFFICE, frozenset({K.TRIAGE})),
        A.UNRESOLVED: State(),
        A.SUPERSEDED: State(),
        A.CLOSED: State(),
    }
    if extra:
        states[A.FORWARDED] = State(Party.DEPARTMENT, frozenset({K.CHASE}))
    return Machine(name=name, initial=frozenset({A.DISPATCHED}), states=states, moves=_moves(table))


# 交办 and 上报: an escalation is done by carrying the matter upward and bringing the answer home.
ASSIGNMENT: Mapping[AssignmentKind, Machine[AssignmentStatus]] = {
    AssignmentKind.ASSIGNMENT: _assignment_machine("assignment", K.FEEDBACK, {}),
    AssignmentKind.ESCALATION: _assignment_machine(
        "escalation",
        K.FORWARDING,
        {
            A.DISPATCHED: [A.FORWARDED],
            A.ACCEPTED: [A.FORWARDED],
            A.REWORKING: [A.FORWARDED],
            A.FORWARDED: [A.RESPONDED, A.SUPERSEDED],
        },
    ),
}

# 会商.
CONSULTATION: Machine[ConsultationStatus] = Machine(
    name="consultation",
    initial=frozenset({H.CONVENED}),
    states={
        H.CONVENED: State(Party.OFFICE, frozenset({K.CONSULTATION})),
        H.SCHEDULED: State(Party.OFFICE, frozenset({K.CONSULTATION})),
        H.CONCLUDED: State(),
        H.CANCELLED: State(),
    },
    moves=_moves(
        {
            H.CONVENED: [H.SCHEDULED, H.CONCLUDED, H.CANCELLED],
            H.SCHEDULED: [H.SCHEDULED, H.CONCLUDED, H.CANCELLED],
        }
    ),
)

DEPARTMENT_CLOCKS = frozenset({K.ACCEPTANCE, K.FEEDBACK, K.FORWARDING, K.CHASE})
DEPARTMENT_STATES = frozenset(s for s, state in CASE.states.items() if state.owner is Party.DEPARTMENT)
WITH_DEPARTMENT = frozenset({A.DISPATCHED, A.ACCEPTED, A.FORWARDED, A.REWORKING})
LIVE = WITH_DEPARTMENT | {A.RESPONDED, A.APPROVED}
OVER = frozenset({A.UNRESOLVED, A.SUPERSEDED, A.CLOSED})
OPEN_SESSIONS = frozenset(s for s, state in CONSULTATION.states.items() if state.is_open)


def machine_of(
    row: Case | Assignment | Consultation,
) -> Machine[CaseStatus] | Machine[AssignmentStatus] | Machine[ConsultationStatus]:
    """The table that governs a row."""
    if isinstance(row, Case):
        return CASE
    if isinstance(row, Assignment):
        return ASSIGNMENT[row.kind]
    return CONSULTATION


def advance(row: Case | Assignment | Consultation, target: StrEnum) -> None:
    """Move a row to another state and, but for a case, count its version up. Raises IllegalMove.

    The one place that assigns a status. A case's version is the number of its last event.
    """
    machine: Machine[StrEnum] = machine_of(row)  # type: ignore[assignment]
    current: StrEnum | None = row.status
    if current is None:
        if target not in machine.initial:
            raise IllegalMove("new", target)
    elif not machine.allows(current, target):
        raise IllegalMove(current, target)
    row.status = target  # type: ignore[assignment]
    if not isinstance(row, Case):
        row.version = (row.version or 0) + 1


def case_status_for(assignments: Iterable[Assignment], *, fallback: CaseStatus) -> CaseStatus:
    """Where a case stands by its assignments: with a department, on its way to the province, or with the office.

    A returned assignment that nothing has replaced brings the case back to the office's desk. Where an accepted answer
    says that the burden cannot be lifted, there is nothing to verify: the case stands unresolved.
    """
    current = [a for a in assignments if a.status not in OVER]
    statuses = [a.status for a in current]
    if not statuses:
        return fallback
    if A.RETURNED in statuses:
        return C.TRIAGE
    waiting = [s for s in statuses if s in WITH_DEPARTMENT]
    if not waiting:
        if A.RESPONDED in statuses:
            return C.IN_REVIEW
        return C.UNRESOLVED if any(a.resolved is False for a in current) else C.VERIFYING
    if all(s is A.FORWARDED for s in waiting):
        return C.AWAITING_PROVINCE
    return C.DISPATCHED if all(s is A.DISPATCHED for s in statuses) else C.IN_PROGRESS
