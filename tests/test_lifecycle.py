"""The tables of moves: complete when loaded, refused when something could get stuck, and the only way to change."""

from dataclasses import replace
from enum import StrEnum
from typing import Any

import pytest

from app.lifecycle import (
    ASSIGNMENT,
    CASE,
    CONSULTATION,
    BrokenTable,
    IllegalMove,
    Machine,
    State,
    advance,
    case_status_for,
)
from app.models import Assignment, AssignmentKind, AssignmentStatus, CaseStatus, DeadlineKind, Party


class Light(StrEnum):
    RED = "red"
    GREEN = "green"
    OFF = "off"


CLOCKED = State(Party.OFFICE, frozenset({DeadlineKind.TRIAGE}))
GOOD = {Light.RED: CLOCKED, Light.GREEN: CLOCKED, Light.OFF: State()}
MOVES = {(Light.RED, Light.GREEN), (Light.GREEN, Light.OFF)}

BROKEN = {
    "cannot be reached": (GOOD, {(Light.RED, Light.OFF), (Light.GREEN, Light.OFF)}),
    "has no exit": (GOOD, {(Light.RED, Light.GREEN), (Light.RED, Light.OFF)}),
    "has no clock": (GOOD | {Light.GREEN: State(Party.OFFICE)}, MOVES),
    "has a clock but no owner": (GOOD | {Light.OFF: State(None, frozenset({DeadlineKind.REVIEW}))}, MOVES),
    "there is no end": (GOOD | {Light.OFF: CLOCKED}, MOVES | {(Light.OFF, Light.RED)}),
    "red never comes to an end": (GOOD, {(Light.RED, Light.GREEN), (Light.GREEN, Light.RED), (Light.OFF, Light.RED)}),
    "unknown state": ({Light.RED: CLOCKED, Light.OFF: State()}, MOVES | {(Light.RED, Light.OFF)}),
}


def make(states: dict[Light, State], moves: set[tuple[Light, Light]]) -> Machine[Light]:
    return Machine(name="light", states=states, initial=frozenset({Light.RED}), moves=frozenset(moves))


def test_a_sound_table_loads() -> None:
    assert make(GOOD, MOVES).allows(Light.RED, Light.GREEN)


@pytest.mark.parametrize("fault", BROKEN)
def test_a_table_that_can_get_stuck_does_not_load(fault: str) -> None:
    states, moves = BROKEN[fault]
    with pytest.raises(BrokenTable, match=fault):
        make(states, moves)


def test_a_table_that_begins_in_an_unknown_state_does_not_load() -> None:
    with pytest.raises(BrokenTable, match="it begins in green"):
        Machine(
            name="light",
            states={Light.RED: CLOCKED, Light.OFF: State()},
            initial=frozenset({Light.RED, Light.GREEN}),
            moves=frozenset({(Light.RED, Light.OFF)}),
        )


MACHINES: list[Machine[Any]] = [CASE, CONSULTATION, *ASSIGNMENT.values()]
OPEN = [(m, name) for m in MACHINES for name, state in m.states.items() if state.is_open]


@pytest.mark.parametrize(("machine", "name"), OPEN, ids=lambda v: getattr(v, "name", str(v)))
def test_our_own_tables_do_not_load_with_any_open_state_spoilt(machine: Machine[StrEnum], name: StrEnum) -> None:
    state = machine.states[name]
    no_clock = {**machine.states, name: State(state.owner)}
    with pytest.raises(BrokenTable, match=f"{name} has no clock"):
        replace(machine, states=no_clock)
    no_owner = {**machine.states, name: State(None, state.clocks)}
    with pytest.raises(BrokenTable, match=f"{name} has a clock but no owner"):
        replace(machine, states=no_owner)
    no_exit = frozenset(move for move in machine.moves if move[0] != name or move[1] == name)
    with pytest.raises(BrokenTable, match=f"{name} has no exit"):
        replace(machine, moves=no_exit)
    no_way_in = frozenset(move for move in machine.moves if move[1] != name)
    with pytest.raises(BrokenTable, match=f"{name} cannot be reached"):
        replace(machine, moves=no_way_in, initial=machine.initial - {name})


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: m.name)
def test_every_open_state_has_owner_clock_and_exit(machine: Machine[StrEnum]) -> None:
    for name, state in machine.states.items():
        if state.is_open:
            assert state.owner
            assert state.clocks
            assert any(source == name and target != name for source, target in machine.moves)


def test_a_move_that_is_not_in_the_table_is_refused_and_changes_nothing() -> None:
    assignment = Assignment(kind=AssignmentKind.ASSIGNMENT)
    advance(assignment, AssignmentStatus.DISPATCHED)
    with pytest.raises(IllegalMove):
        advance(assignment, AssignmentStatus.FORWARDED)
    assert assignment.status is AssignmentStatus.DISPATCHED
    assert assignment.version == 1


def duties(*statuses: AssignmentStatus) -> list[Assignment]:
    return [Assignment(kind=AssignmentKind.ESCALATION, status=status) for status in statuses]


A, C = AssignmentStatus, CaseStatus


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([A.DISPATCHED], C.DISPATCHED),
        ([A.DISPATCHED, A.ACCEPTED], C.IN_PROGRESS),
        ([A.DISPATCHED, A.RESPONDED], C.IN_PROGRESS),
        ([A.FORWARDED], C.AWAITING_PROVINCE),
        ([A.FORWARDED, A.ACCEPTED], C.IN_PROGRESS),
        ([A.RESPONDED, A.APPROVED], C.IN_REVIEW),
        ([A.APPROVED, A.APPROVED], C.VERIFYING),
        ([A.RETURNED, A.ACCEPTED], C.TRIAGE),
        ([A.SUPERSEDED, A.ACCEPTED], C.IN_PROGRESS),
        ([A.SUPERSEDED], C.CONSULTING),
    ],
)
def test_a_case_stands_where_its_duties_stand(statuses: list[AssignmentStatus], expected: CaseStatus) -> None:
    assert case_status_for(duties(*statuses), fallback=C.CONSULTING) is expected


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([(A.APPROVED, False)], C.UNRESOLVED),
        ([(A.APPROVED, True), (A.APPROVED, False)], C.UNRESOLVED),
        ([(A.APPROVED, False), (A.RESPONDED, True)], C.IN_REVIEW),
        ([(A.APPROVED, False), (A.ACCEPTED, None)], C.IN_PROGRESS),
        ([(A.RESPONDED, False)], C.IN_REVIEW),
        ([(A.UNRESOLVED, False), (A.DISPATCHED, None)], C.DISPATCHED),
        ([(A.UNRESOLVED, False), (A.APPROVED, True)], C.VERIFYING),
        ([(A.UNRESOLVED, False)], C.CONSULTING),
    ],
)
def test_an_approved_answer_that_cannot_lift_the_burden_leaves_the_case_unresolved(
    answers: list[tuple[AssignmentStatus, bool | None]], expected: CaseStatus
) -> None:
    rows = [Assignment(kind=AssignmentKind.ASSIGNMENT, status=status, resolved=said) for status, said in answers]
    assert case_status_for(rows, fallback=C.CONSULTING) is expected
