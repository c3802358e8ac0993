"""Every act of the interface as a move, with its weight and what may follow. A test holds it to the interface."""

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from app.lifecycle import OVER
from tests.lives import case_moves, duty_moves, session_moves
from tests.lives.attempt import Attempt, Chance, Make

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
    "review": Move(duty_moves.review, 14, ASKED | LEFT),
    "pause": Move(duty_moves.pause, 3),
    "resume": Move(duty_moves.resume, 8),
    "report": Move(case_moves.report, 2, SENT_OUT | INVITED | RELAPSED),
    "verification": Move(case_moves.verification, 12, BACK_WITH_DEPARTMENTS | STRUCK_OFF | {"verification.disputed"}),
    "look-back": Move(case_moves.look_back, 10, RELAPSED),
    "ruling": Move(case_moves.ruling, 3, TAKEN_BACK | SENT_OUT | INVITED | OFF_THE_AGENDA),
    "close": Move(case_moves.close, 1, STRUCK_OFF | RULED | OFF_THE_AGENDA),
    "unresolved": Move(case_moves.unresolved, 2, TAKEN_BACK),
    "reopen": Move(case_moves.reopen, 2, RULED | PUT_BACK),
    "merge": Move(case_moves.merge, 1, RULED | STRUCK_OFF | ASKED | OFF_THE_AGENDA | {"case.took_over"}),
    "split": Move(
        case_moves.split,
        3,
        RULED | PUT_BACK | SENT_OUT | INVITED | ASKED | STRUCK_OFF | {"reports.taken_back", "case.opened"},
    ),
    "disclosure": Move(case_moves.disclosure, 1),
    "contact view": Move(case_moves.contact_view, 1),
    "contact erasure": Move(case_moves.contact_erasure, 1),
    "instruction": Move(case_moves.instruction, 5),
    "urging": Move(case_moves.urging, 2),
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
        SENT_OUT
        | RULED
        | OFF_THE_AGENDA
        | {"consultation.scheduled", "consultation.rescheduled", "precedent.kept", "precedent.withdrawn"},
    ),
}

ROUTES = frozenset(
    [f"/v1/assignments/{{id}}/{word.replace('_', '-')}" for word in duty_moves.DEPARTMENT_ACTS]
    + [f"/v1/assignments/{{id}}/{word}" for word in ("evidence", "review", "pause", "resume")]
    + ["/v1/reports", "/v1/reports/{number}/verification", "/v1/reports/{number}/look-back"]
    + [f"/v1/reports/{{number}}/{word}" for word in ("disclosure", "contact-view", "contact-erasure")]
    + [
        f"/v1/cases/{{number}}/{word}"
        for word in ("ruling", "close", "unresolved", "reopen", "merge", "split", "urging")
    ]
    + [f"/v1/cases/{{number}}/{word}" for word in ("urging", "supervision", "supervision/release")]
    + ["/v1/consultations"]
    + [f"/v1/consultations/{{id}}/{word}" for word in ("batch", "invitations", "response", "opinions", "schedule")]
    + [f"/v1/consultations/{{id}}/{word}" for word in ("extension", "withdrawal", "cancellation", "conclusion")]
)


# How some lives begin, before chance has them: moves on a case that was dispatched, and days that go by. They lead to
# what chance alone hardly reaches within a life.
BEGINNINGS: tuple[tuple[str | int, ...], ...] = (
    (),
    ("feedback", "review", "verification", "verification", 31),
    ("acceptance", "pause"),
    (30, "supervision_reply"),
    (30, 6, 6, 6),
)


def make(name: str, chance: Chance, case: str) -> Attempt | None:
    """What somebody tries, with what may follow from it; None where there is nothing to try it on."""
    move = MOVES[name]
    attempt = move.make(chance, case)
    return None if attempt is None else replace(attempt, follows=move.follows)


def lead(name: str, chance: Chance, case: str) -> Attempt | None:
    """The same where the tables allow it and all goes well, a department's act by its name; None where they do not."""
    for _ in range(24):
        if name in duty_moves.DEPARTMENT_ACTS:
            duties = [duty for duty in chance.world.duties(case) if duty["status"] not in OVER]
            attempt = duty_moves.department_act(chance, duties[0], name) if duties else None
            attempt = attempt and replace(attempt, follows=MOVES["act"].follows)
        else:
            attempt = make(name, chance, case)
        if attempt is not None and attempt.legal is not False and False not in attempt.body.values():
            return attempt
    return None


def draw(chance: Chance, case: str) -> Attempt | None:
    """Mostly something the tables allow: of a few that come to mind the first that is."""
    attempt, dice = None, chance.dice
    for _ in range(12):
        attempt = make(draw_name(dice), chance, case) or attempt
        if attempt is not None and (attempt.legal is not False or dice.random() < 0.1):
            break
    return attempt


def draw_name(dice: random.Random) -> str:
    return dice.choices(list(MOVES), [move.weight for move in MOVES.values()])[0]
