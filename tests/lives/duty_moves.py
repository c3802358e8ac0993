"""What is done to a duty: a department's acts and its files, the office's review, pauses."""

from collections.abc import Callable
from typing import Any, NamedTuple

from app.lifecycle import ASSIGNMENT, OVER, WITH_DEPARTMENT
from app.models import AssignmentKind, AssignmentStatus, ExtensionState, Role
from tests.feedback.files import PDF
from tests.lives.attempt import Actor, Attempt, Audience, Chance
from tests.lives.world import Row

A = AssignmentStatus
ORDINARY, ESCALATION = AssignmentKind.ASSIGNMENT, AssignmentKind.ESCALATION
BODIES: dict[str, Callable[[Chance], dict[str, Any]]]


class Act(NamedTuple):
    """`target` is the state it asks for; `likely` those in which it is mostly tried; `only` the kind that it is for."""

    own: tuple[str, ...]
    target: AssignmentStatus | None
    likely: frozenset[AssignmentStatus]
    only: AssignmentKind | None = None


DEPARTMENT_ACTS = {
    "acceptance": Act(("assignment.accepted",), A.ACCEPTED, frozenset({A.DISPATCHED})),
    "return": Act(
        ("assignment.returned", "assignment.return_refused"), A.RETURNED, frozenset({A.DISPATCHED, A.ACCEPTED})
    ),
    "progress": Act(("assignment.progressed",), None, WITH_DEPARTMENT),
    "feedback": Act(
        ("assignment.responded",), A.RESPONDED, frozenset({A.DISPATCHED, A.ACCEPTED, A.REWORKING}), ORDINARY
    ),
    "extension": Act(("assignment.extension_requested",), None, WITH_DEPARTMENT),
    "forwarding": Act(
        ("escalation.forwarded",), A.FORWARDED, frozenset({A.DISPATCHED, A.ACCEPTED, A.REWORKING}), ESCALATION
    ),
    "upstream_reply": Act(("escalation.answered",), A.RESPONDED, frozenset({A.FORWARDED}), ESCALATION),
    "supervision_reply": Act(("supervision.replied",), None, WITH_DEPARTMENT),
}


def _return(chance: Chance) -> dict[str, Any]:
    if chance.is_likely(0.4):
        return {"reason": "insufficient_facts", "explanation": "请补充是哪份通知。"}
    proposed = chance.dice.choice(["CS-JY", "CS-MZ", "CS-WJ"])
    reason = {"reason": "not_our_duty", "explanation": "不归我们管。"}
    return reason | {"legal_basis": "三定规定", "proposed_department": proposed}


def _feedback(chance: Chance) -> dict[str, Any]:
    body: dict[str, Any] = {"measures": "已经取消。", "public_reply": "已经取消,不再报。"}
    if chance.is_likely(0.3):
        body |= {"resolved": False, "because": "law_requires", "explanation": "法律有规定。"}
    return body


def _upstream(chance: Chance) -> dict[str, Any]:
    agreed = chance.is_likely(0.6)
    said = "同意取消。" if agreed else "不同意。"
    return {"answer": said, "public_reply": f"省里{said}", "agreed": agreed}


def _extension(chance: Chance) -> dict[str, Any]:
    if chance.is_likely(0.3):
        return {"reason": "须修订文件。", "until": chance.day(chance.dice.randint(1, 30))}
    return {"reason": "须修订文件。", "working_days": chance.dice.randint(1, 10)}


BODIES = {
    "acceptance": lambda _: {},
    "return": _return,
    "progress": lambda _: {"note": "正在办理。"},
    "feedback": _feedback,
    "extension": _extension,
    "forwarding": lambda chance: {
        "reference": "函1", "forwarded_on": chance.day(), "forwarded_to": "省级部门",
    },
    "upstream_reply": _upstream,
    "supervision_reply": lambda chance: {
        "explanation": "正在会签。", "promised_on": chance.day(chance.dice.randint(0, 4)),
    },
}  # fmt: skip


def act(chance: Chance, case: str) -> Attempt | None:
    """One of a department's acts, by the interface or as its signed event; mostly one that its duty is ready for."""
    duty = chance.pick(chance.world.duties(case), lambda a: a["status"] not in OVER)
    if duty is None:
        return None
    ready = [w for w, a in DEPARTMENT_ACTS.items() if duty["status"] in a.likely and a.only in {None, duty["kind"]}]
    late = chance.world.all("deadlines", lambda d: d["assignment_id"] == duty["id"] and _may_promise(d))
    ready = [word for word in ready if late or word != "supervision_reply"]
    words = ready if ready and chance.is_likely(0.8) else list(DEPARTMENT_ACTS)
    return department_act(chance, duty, chance.dice.choice(words))


def _may_promise(clock: Row) -> bool:
    return bool(clock["ended_at"] is None and clock["overdue_at"] and not clock["promised_until"])


def department_act(chance: Chance, duty: Row, word: str) -> Attempt:
    said, name, body = DEPARTMENT_ACTS[word], word.replace("_", "-"), BODIES[word](chance)
    files = chance.world.all("evidence", lambda e: e["assignment_id"] == duty["id"] and e["act_id"] is None)
    if files and word in {"feedback", "upstream_reply"}:
        body["evidence"] = [files[0]["id"]]
    return Attempt(
        move=word,
        path=f"/v1/assignments/{duty['id']}/{name}",
        actor=Actor(Role.DEPARTMENT, duty["department_code"]),
        audience=Audience.DUTY,
        body=body,
        own=frozenset(said.own),
        cases=(duty["case_id"],),
        subject=duty["id"],
        duty=duty["id"],
        target=said.target,
        legal=_allows(duty, word, said),
        callback=f"assignment.{word}",
    )


def _allows(duty: Row, word: str, said: Act) -> bool | None:
    if said.target is None:
        return False if duty["status"] in OVER | {A.RETURNED} else None
    if said.only not in {None, duty["kind"]} or not ASSIGNMENT[duty["kind"]].allows(duty["status"], said.target):
        return False
    return None if word == "return" else True


def evidence(chance: Chance, case: str) -> Attempt | None:
    """A file. It is no act until an answer names it, and leaves no event."""
    duty = chance.pick(chance.world.duties(case), lambda a: a["status"] in WITH_DEPARTMENT)
    if duty is None:
        return None
    return Attempt(
        move="evidence",
        path=f"/v1/assignments/{duty['id']}/evidence",
        actor=Actor(Role.DEPARTMENT, duty["department_code"]),
        audience=Audience.DUTY,
        body={},
        own=frozenset(),
        cases=(case,),
        duty=duty["id"],
        legal=None if duty["status"] in WITH_DEPARTMENT else False,
        content=PDF,
    )


def review(chance: Chance, case: str) -> Attempt | None:
    duties = chance.world.duties(case)
    asked = ExtensionState.REQUESTED
    duty = chance.pick(duties, lambda a: a["status"] == A.RESPONDED or a["extension"] == asked)
    if duty is None:
        return None
    # With the version that was read, as the page sends it: what asked for more time may have answered meanwhile.
    body = {"accepted": chance.is_likely(0.7), "comment": "请补充。", "version": duty["version"]}
    own, target = "assignment.extension_decided", None
    if duty["extension"] != asked:
        own = "feedback.approved" if body["accepted"] else "assignment.returned_to_department"
        target = A.APPROVED if body["accepted"] else A.REWORKING
    legal = None
    if target is not None and not ASSIGNMENT[duty["kind"]].allows(duty["status"], target):
        legal = False
    elif duty["status"] == A.RESPONDED:
        legal = True
    return _office(chance, duty, "review", body, own, target, legal)


def pause(chance: Chance, case: str) -> Attempt | None:
    duty = chance.pick(chance.world.duties(case), lambda a: a["status"] in WITH_DEPARTMENT and not a["paused_until"])
    if duty is None:
        return None
    body = {"blocker": "awaiting_information", "who": "观测点", "why": "等待补充材料。"}
    legal = None if duty["status"] in WITH_DEPARTMENT and not duty["paused_until"] else False
    days = {"working_days": chance.dice.randint(1, 8)}
    return _office(chance, duty, "pause", body | days, "assignment.paused", None, legal)


def resume(chance: Chance, case: str) -> Attempt | None:
    duty = chance.pick(chance.world.duties(case), lambda a: a["paused_until"])
    if duty is None:
        return None
    return _office(chance, duty, "resume", {}, "assignment.resumed", None, bool(duty["paused_until"]))


def _office(
    chance: Chance, duty: Row, word: str, body: dict[str, Any], own: str, target: str | None, legal: bool | None
) -> Attempt:
    return Attempt(
        move=word,
        path=f"/v1/assignments/{duty['id']}/{word}",
        actor=chance.clerk(),
        audience=Audience.OFFICE,
        body=body,
        own=frozenset({own}),
        cases=(duty["case_id"],),
        subject=duty["id"],
        duty=duty["id"],
        target=target,
        legal=legal,
    )
