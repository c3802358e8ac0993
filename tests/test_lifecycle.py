"""The tables of moves: complete when loaded, refused when something could get stuck, and the only way to change."""

from enum import StrEnum

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


@pytest.mark.parametrize("machine", [CASE, CONSULTATION, *ASSIGNMENT.values()], ids=lambda m: m.name)
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
