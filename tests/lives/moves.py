"""Every act of the interface as a move, with its weight, and what may follow from it. A test holds it to the interface."""

from collections.abc import Mapping
from typing import NamedTuple

from tests.lives import case_moves, duty_moves, session_moves
from tests.lives.attempt import Make

SENT_OUT = frozenset({"assignment.created", "escalation.created"})
TAKEN_BACK = frozenset({"assignment.closed"})
INVITED = frozenset({"consultation.invited"})
OFF_THE_AGENDA = frozenset({"consultation.cancelled"})
STRUCK_OFF = frozenset({"case.struck_off", "case.closed"})
RULED = frozenset({"case.ruled"})
ASKED = frozenset({"verification.asked"})
LEFT = frozenset({"case.left_unresolved"}) | TAKEN_BACK
PUT_BACK = frozenset({"case.put_back", "case.reopened"})
BACK_WITH_DEPARTMENTS = frozenset({"assignment.returned_to_department"})

RELAPSED = frozenset({"case.relapsed", "case.reopened"}) | SENT_OUT


class Move(NamedTuple):
    """`follows`: types of events that may come of it besides its own; any other is a fault."""

    make: Make
    weight: int = 1
    follows: frozenset[str] = frozenset()


MOVES: Mapping[str, Move] = {
    "act": Move(duty_moves.act, 24, TAKEN_BACK | INVITED),
    "evidence": Move(duty_moves.evidence, 1),
    "review": Move(duty_moves.review, 10, ASKED | LEFT),
    "pause": Move(duty_moves.pause, 3),
    "resume": Move(duty_moves.resume, 3),
    "report": Move(case_moves.report, 3, SENT_OUT | INVITED | RELAPSED),
    "verification": Move(case_moves.verification, 7, BACK_WITH_DEPARTMENTS | STRUCK_OFF | {"verification.disputed"}),
    "look-back": Move(case_moves.look_back, 2, RELAPSED),
    "ruling": Move(case_moves.ruling, 3, TAKEN_BACK | SENT_OUT | INVITED | OFF_THE_AGENDA),
    "close": Move(case_moves.close, 1, STRUCK_OFF | RULED | OFF_THE_AGENDA),
    "unresolved": Move(case_moves.unresolved, 2, TAKEN_BACK),
    "reopen": Move(case_moves.reopen, 2, RULED | PUT_BACK),
    "merge": Move(case_moves.merge, 2, RULED | STRUCK_OFF | ASKED | OFF_THE_AGENDA | {"case.took_over"}),
    "split": Move(
        case_moves.split,
        3,
        RULED | PUT_BACK | SENT_OUT | INVITED | ASKED | STRUCK_OFF | {"reports.taken_back", "case.opened"},
    ),
    "instruction": Move(case_moves.instruction, 2),
    "release": Move(case_moves.release, 1),
    "convene": Move(session_moves.convene, 2, TAKEN_BACK),
    "batch": Move(session_moves.batch, 2, INVITED | {"consultation.rescheduled", "consultation.scheduled"}),
    "invitations": Move(session_moves.invitations, 2, frozenset({"consultation.scheduled"})),
    "response": Move(session_moves.response, 2),
    "opinions": Move(session_moves.opinions, 2),
    "schedule": Move(session_moves.schedule, 2, frozenset({"consultation.rescheduled"})),
    "session extension": Move(session_moves.extension, 1),
    "withdrawal": Move(session_moves.withdrawal, 1),
    "cancellation": Move(session_moves.cancellation, 1),
    "conclusion": Move(
        session_moves.conclusion,
        5,
        SENT_OUT | RULED | OFF_THE_AGENDA | {"consultation.scheduled", "consultation.rescheduled"},
    ),
}
