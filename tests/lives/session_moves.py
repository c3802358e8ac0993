"""What is done to a joint consultation: convening, batches, invitations, dates, opinions, conclusion and end."""

from collections.abc import Sequence
from typing import Any

from app.lifecycle import CASE, OPEN_SESSIONS
from app.models import CaseStatus, Role
from tests.lives.attempt import REASON, Actor, Attempt, Audience, Chance, Often
from tests.lives.world import Row

DEPARTMENTS = ("FR-MZ", "CS-JY", "CS-MZ")


def _session(chance: Chance, case: str) -> Row | None:
    return chance.pick(chance.world.sessions_on(case), lambda c: c["status"] in OPEN_SESSIONS)


def _is_open(found: Row) -> bool:
    return found["status"] in OPEN_SESSIONS


def _at(
    chance: Chance,
    found: Row,
    word: str,
    body: dict[str, Any],
    own: Sequence[str],
    *,
    often: Often = Often.EACH_CASE,
    actor: Actor | None = None,
    cases: Sequence[str] | None = None,
    legal: bool | None = None,
    callback: str | None = None,
) -> Attempt:
    return Attempt(
        move=f"session/{word}",
        path=f"/v1/consultations/{found['id']}/{word}",
        actor=actor or chance.clerk(),
        audience=Audience.SEAT if actor else Audience.OFFICE,
        body=body,
        own=frozenset(own),
        cases=tuple(chance.world.agenda(found["id"])) if cases is None else tuple(cases),
        often=often,
        subject=None if own == ("consultation.moved",) else found["number"],
        legal=legal if _is_open(found) else False,
        callback=callback,
    )


def convene(chance: Chance, case: str) -> Attempt:
    cases = [case]
    others = [c["id"] for c in chance.world.all("cases") if c["id"] != case]
    if others and chance.is_likely(0.4):
        cases.append(chance.dice.choice(others))
    found = [chance.world.one("cases", c) for c in cases]
    departments = chance.dice.sample(DEPARTMENTS, chance.dice.randint(2, 3))
    may = [not c["merged_into"] and CASE.allows(c["status"], CaseStatus.CONSULTING) for c in found]
    return Attempt(
        move="convene",
        path="/v1/consultations",
        actor=chance.clerk(),
        audience=Audience.OFFICE,
        body={"cases": [c["number"] for c in found], "departments": departments},
        own=frozenset({"consultation.invited"}),
        cases=tuple(cases),
        often=Often.EACH_SEAT,
        legal=all(may),
    )


def batch(chance: Chance, case: str) -> Attempt | None:
    found = _session(chance, case)
    others = chance.world.all("consultations", lambda c: found is not None and c["id"] != found["id"])
    other = chance.pick(others, lambda c: c["status"] in OPEN_SESSIONS)
    if found is None or other is None:
        return None
    body = {"sessions": [other["number"]], "despite_clash": True}
    legal = _is_open(other)
    cases = chance.world.agenda(other["id"])
    return _at(chance, found, "batch", body, ("consultation.moved",), cases=cases, legal=legal)


def invitations(chance: Chance, case: str) -> Attempt | None:
    found = _session(chance, case)
    if found is None:
        return None
    seats = chance.world.seats(found["id"])
    new = [code for code in (*DEPARTMENTS, "CS-WJ") if code not in seats]
    if new and chance.is_likely(0.5):
        body: dict[str, Any] = {"departments": [chance.dice.choice(new)], "despite_clash": True}
        own = ("consultation.invited",)
    else:
        body = {"withdraw": [chance.dice.choice(seats or list(DEPARTMENTS))], "reason": REASON}
        own = ("consultation.cancelled",)
    return _at(chance, found, "invitations", body, own, often=Often.EACH_SEAT)


def response(chance: Chance, case: str) -> Attempt | None:
    found = _session(chance, case)
    seats = chance.world.seats(found["id"]) if found else []
    if found is None or not seats:
        return None
    body = chance.dice.choice(
        [{"answer": "accepted"}, {"answer": "deputy", "deputy": "李副局长"}, {"answer": "declined", "reason": REASON}]
    )
    seat = Actor(Role.DEPARTMENT, chance.dice.choice(seats))
    return _at(
        chance, found, "response", dict(body), ("consultation.responded",), actor=seat, legal=True,
        callback="consultation.response",
    )  # fmt: skip


def opinions(chance: Chance, case: str) -> Attempt | None:
    found = _session(chance, case)
    seats = chance.world.seats(found["id"]) if found else []
    if found is None or not seats:
        return None
    body = {"position": chance.dice.choice(["lead", "supporting", "not_concerned"]), "basis": "三定规定第三条"}
    seat = Actor(Role.DEPARTMENT, chance.dice.choice(seats))
    return _at(
        chance, found, "opinions", body, ("opinion.stated",), actor=seat, legal=True, callback="consultation.opinion"
    )


def schedule(chance: Chance, case: str) -> Attempt | None:
    found = _session(chance, case)
    if found is None:
        return None
    body = {"meeting_at": chance.meeting(), "place": "301", "reason": REASON, "despite_clash": chance.is_likely(0.5)}
    return _at(chance, found, "schedule", body, ("consultation.scheduled",))


def extension(chance: Chance, case: str) -> Attempt | None:
    found = _session(chance, case)
    if found is None:
        return None
    return _at(chance, found, "extension", {"working_days": 5, "reason": REASON}, ("consultation.extended",))


def withdrawal(chance: Chance, case: str) -> Attempt | None:
    found = _session(chance, case)
    if found is None:
        return None
    legal = case in chance.world.agenda(found["id"])
    body = {"case": chance.world.number(case), "reason": REASON}
    return _at(
        chance, found, "withdrawal", body, ("consultation.cancelled",), cases=(case,), often=Often.EACH_SEAT,
        legal=legal,
    )  # fmt: skip


def cancellation(chance: Chance, case: str) -> Attempt | None:
    found = _session(chance, case)
    if found is None:
        return None
    own = ("consultation.cancelled",)
    return _at(chance, found, "cancellation", {"reason": REASON}, own, often=Often.EACH_SEAT, legal=True)


def conclusion(chance: Chance, case: str) -> Attempt | None:
    """The whole agenda, or a part of it where the rest is adjourned; agreed or ruled."""
    found = _session(chance, case)
    if found is None:
        return None
    seats, agenda = chance.world.seats(found["id"]), chance.world.agenda(found["id"])
    adjourns = len(agenda) > 1 and chance.is_likely(0.4)
    settled = agenda[:1] if adjourns else agenda
    body: dict[str, Any] = {
        "conclusions": [_concluded(chance, c, seats) for c in settled or [case]],
        "minutes": "会议议定如下。",
        "attendance": [{"department": seats[0], "attendance": "absent"}] if seats else [],
    }
    if adjourns:
        body["adjourned"] = {"meeting_at": chance.meeting(), "place": "302", "reason": REASON, "despite_clash": True}
    own = ("consultation.concluded",)
    return _at(chance, found, "conclusion", body, own, cases=settled, often=Often.EACH_SEAT)


def _concluded(chance: Chance, case: str, seats: Sequence[str]) -> dict[str, Any]:
    chosen = list(seats[: chance.dice.randint(1, 2)]) or ["FR-MZ"]
    parts: list[dict[str, Any]] = [{"department": chosen[0], "lead": True, "working_days": 10}]
    parts += [{"department": code} for code in chosen[1:]]
    entry: dict[str, Any] = {"case": chance.world.number(case), "parts": parts}
    if chance.is_likely(0.3):
        entry |= {"manner": "ruled", "reason": REASON}
    if chance.is_likely(0.3) and len(seats) > 1:
        entry["dissent"] = [{"department": seats[-1], "words": "保留意见。"}]
    return entry
