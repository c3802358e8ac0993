"""What a department does about an event it was sent: a plan of callbacks, each after so many office hours. Pure.

A new event type needs one entry in PLANS; what is not there is only taken note of.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Protocol

from app.demo import answers, province
from app.demo.chance import between, happens, roll, weighted
from app.demo.letters import phrase
from app.demo.profiles import (
    CANNOT_LIFT,
    COMES_TO_MEETING,
    MOVES_AT,
    NO_OPINION,
    POSITIONS,
    PROGRESSES,
    REPLIES_TO_NOTICE,
    RETURN_REASONS,
    Profile,
    profile_of,
)
from app.demo.schedule import DAY_HOURS
from app.directory.pack import Department

Event = dict[str, Any]


class Directory(Protocol):
    """What a plan needs of a city: its departments by code."""

    @property
    def departments(self) -> Mapping[str, Department]: ...


NEEDS_TIME_DAYS, ASKS_AFTER_DAYS, EXTRA_DAYS = 13.0, 9.0, (5, 8, 10)


@dataclass(frozen=True, slots=True)
class Step:
    """One callback: hours after the one before, its type, what it says on the day it is sent, a line for the reader.

    `otherwise` is done in its place where it is refused; nothing of the plan follows then. `file` is uploaded first and
    goes with it. What has the same name in `once` is said once only.
    """

    hours: float
    action: str
    content: Callable[[date], dict[str, Any]]
    words: str
    otherwise: tuple["Step", ...] = field(default=())
    file: str | None = None
    once: str | None = None


Plan = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Desk:
    """One event on one department's desk. `about` names it the same way in every run."""

    seed: int
    city: Directory
    code: str
    event: Event
    profile: Profile

    @property
    def duty(self) -> dict[str, Any]:
        duty: dict[str, Any] = self.event["data"]["assignment"]
        return duty

    @property
    def about(self) -> tuple[object, ...]:
        version = self.event["data"].get("assignment", {}).get("version", 0)
        return self.event["data"]["case"]["number"], self.event["type"], self.code, version

    def on(self, **content: Any) -> dict[str, Any]:
        return {"assignment": self.duty["id"], **content}

    def between(self, bounds: tuple[float, float], what: str) -> float:
        return between(bounds, self.seed, what, *self.about)

    def happens(self, share: float, what: str) -> bool:
        return happens(share, self.seed, what, *self.about)

    def phrase(self, kind: str) -> str:
        return phrase(self.seed, kind, *self.about)

    @property
    def waits_to_be_chased(self) -> bool:
        """The same for every message about a case, so that its notices find the department in the same mood."""
        number = self.event["data"]["case"]["number"]
        return happens(self.profile.waits, self.seed, "waits", number, self.code)


def plan_for(seed: int, city: Directory, code: str, event: Event, profile: Profile | None = None) -> Plan:
    """What follows for the department, which is as `profile` or else the seed says; empty where it takes note only."""
    make = PLANS.get(event["type"])
    return make(Desk(seed, city, code, event, profile or profile_of(seed, code))) if make else ()


# ── an ordinary assignment ──


def _assignment(desk: Desk) -> Plan:
    profile = desk.profile
    sign = desk.between(profile.sign, "sign")
    work = _sign(desk, sign) if desk.waits_to_be_chased else (*_sign(desk, sign), *_work(desk))
    if desk.happens(profile.returns, "return"):
        return (_return(desk, sign, work),)
    return work


def _sign(desk: Desk, hours: float) -> Plan:
    version = desk.duty["version"]
    return (Step(hours, "assignment.acceptance", lambda _: desk.on(version=version), "签收"),)


def _work(desk: Desk) -> Plan:
    profile = desk.profile
    days = desk.between(profile.answer, "answer")
    steps: list[Step] = []
    if desk.happens(PROGRESSES, "progress"):
        steps.append(_progress(desk, min(days, 5.0) * DAY_HOURS * 0.5))
    if days > NEEDS_TIME_DAYS and desk.happens(profile.extends, "extend"):
        steps.append(_extension(desk, ASKS_AFTER_DAYS * DAY_HOURS - sum(step.hours for step in steps)))
    steps.append(_feedback(desk, max(days * DAY_HOURS - sum(step.hours for step in steps), 1.0)))
    return tuple(steps)


def _progress(desk: Desk, hours: float) -> Step:
    note = desk.phrase("progress")
    return Step(hours, "assignment.progress", lambda _: desk.on(note=note), f"进展：{note}")


def _extension(desk: Desk, hours: float) -> Step:
    reason, extra = desk.phrase("extension_reasons"), roll(desk.seed, "extra", *desk.about).choice(EXTRA_DAYS)
    content = desk.on(reason=reason, working_days=extra)
    return Step(hours, "assignment.extension", lambda _: content, f"申请延期 {extra} 个工作日：{reason}")


def _feedback(desk: Desk, hours: float) -> Step:
    if desk.happens(CANNOT_LIFT, "cannot lift"):
        words, said = answers.not_lifted(desk)
        return Step(hours, "assignment.feedback", lambda today: desk.on(**said(today)), f"反馈暂不能解决：{words}")
    words, said = answers.lifted(desk)
    return Step(
        hours,
        "assignment.feedback",
        lambda today: desk.on(**said(today)),
        f"反馈：{words}",
        file=answers.file_name(desk),
    )


def _return(desk: Desk, hours: float, otherwise: Plan) -> Step:
    reason = weighted(RETURN_REASONS, desk.seed, "reason", *desk.about)
    words = {"not_our_duty": "duty", "insufficient_facts": "facts", "duplicate": "duplicate"}[reason]
    explanation = desk.phrase(f"explanations_{words}")
    content = desk.on(reason=reason, explanation=explanation)
    if reason == "not_our_duty":
        proposed = another_department(desk.seed, desk.city, desk.code, *desk.about)
        content |= {"legal_basis": desk.phrase("legal_bases"), "proposed_department": proposed}
    return Step(hours, "assignment.return", lambda _: content, f"退回：{explanation}", otherwise)


def another_department(seed: int, city: Directory, code: str, *about: object) -> str:
    """Another one of the same place, whom a department proposes or the office brings to the table."""
    own = city.departments[code]
    others = [
        d.code
        for d in city.departments.values()
        if d.tier == own.tier and d.district == own.district and d.code != own.code
    ]
    return roll(seed, "proposes", *about).choice(sorted(others))


# ── an escalation, and what comes back ──


def _escalation(desk: Desk) -> Plan:
    if desk.waits_to_be_chased:
        return _sign(desk, desk.between(desk.profile.sign, "sign"))
    sign = desk.between((0.5, 14), "sign")
    return (*_sign(desk, sign), _forwarding(desk, desk.between((0.5, 4.5), "forward") * DAY_HOURS), _upstream(desk))


def _forwarding(desk: Desk, hours: float) -> Step:
    above = desk.duty["on_behalf_of"][0]["name"]
    number = desk.event["data"]["case"]["number"][-4:].lstrip("0")

    def content(today: date) -> dict[str, Any]:
        reference = f"长上报〔{today.year}〕{number}号"
        return desk.on(reference=reference, forwarded_on=today.isoformat(), forwarded_to=above)

    return Step(hours, "assignment.forwarding", content, f"已上报{above}")


def _upstream(desk: Desk, days: float | None = None) -> Step:
    agreed, words = province.answer(desk.seed, *desk.about)
    content = desk.on(answer=words, public_reply=words, agreed=agreed)
    after = province.answers_after_days(desk.seed, *desk.about) if days is None else days
    return Step(after * DAY_HOURS, "assignment.upstream_reply", lambda _: content, words, file=answers.file_name(desk))


def _again(desk: Desk) -> Plan:
    days = desk.between(desk.profile.rework, "again")
    if desk.duty["kind"] == "escalation":
        return (_upstream(desk, days),)
    return (_feedback(desk, days * DAY_HOURS),)


def _chased(desk: Desk) -> Plan:
    """A notice of lateness or of a level: moves whoever waited for one; the others are at work, and may say so."""
    clock, waiting = desk.event["data"]["deadline"], desk.duty["status"] in {"dispatched", "accepted"}
    if clock["kind"] not in {"feedback", "forwarding"} or not waiting:
        return ()
    number, level = desk.event["data"]["case"]["number"], clock.get("level", 0)
    moves = desk.waits_to_be_chased and level == weighted(MOVES_AT, desk.seed, "moves at", number, desk.code)
    if not moves:
        replies = happens(REPLIES_TO_NOTICE, desk.seed, "replies", level, *desk.about)
        return (_reply(desk),) if replies else ()
    hours = desk.between((2, 24), "moves")
    if desk.duty["kind"] == "escalation":
        return (_forwarding(desk, hours), _upstream(desk))
    return (_feedback(desk, hours),)


def _reply(desk: Desk) -> Step:
    words, days = desk.phrase("supervision_replies"), roll(desk.seed, "promises", *desk.about).randint(1, 3)

    def content(today: date) -> dict[str, Any]:
        return desk.on(explanation=words, promised_on=(today + timedelta(days=days)).isoformat())

    return Step(desk.between((1, 9), "replies"), "assignment.supervision_reply", content, f"答复督办：{words}")


# ── a consultation ──


def _invitation(desk: Desk) -> Plan:
    session, number = desk.event["data"]["consultation"], desk.event["data"]["case"]["number"]
    if desk.happens(NO_OPINION, "no opinion"):
        return _meeting(desk)
    position = weighted(POSITIONS, desk.seed, "position", number, desk.code)
    if "invited" in session and desk.code == roll(desk.seed, "leads", number).choice(sorted(session["invited"])):
        position = "lead"
    words = {"lead": "愿意牵头", "supporting": "配合办理", "not_concerned": "与本单位无关"}[position]
    content = {"consultation": session["id"], "position": position, "basis": desk.phrase("bases"), "cases": [number]}
    hours = desk.between((0.5, 5), "opinion") * DAY_HOURS
    once = f"opinion/{session.get('moved_from') or session['number']}/{number}/{desk.code}"
    return (*_meeting(desk), Step(hours, "consultation.opinion", lambda _: content, f"会商意见：{words}", once=once))


def _rescheduled(desk: Desk) -> Plan:
    """A date to answer, or another session under which the case is talked of now: its opinion is stated there."""
    return _invitation(desk) if desk.event["data"]["consultation"].get("moved_from") else _meeting(desk)


def _meeting(desk: Desk) -> Plan:
    session = desk.event["data"]["consultation"]
    if not session["meeting_at"]:
        return ()
    about = (session["number"], session["meeting_at"], desk.code)
    answer = weighted(COMES_TO_MEETING, desk.seed, "comes", *about)
    if answer is None:
        return ()
    content = {"consultation": session["id"], "answer": answer}
    content |= {"reason": desk.phrase("declines")} if answer == "declined" else {}
    content |= {"deputy": desk.phrase("deputies")} if answer == "deputy" else {}
    words = {"accepted": "参加", "deputy": "派代表参加", "declined": "不参加"}[answer]
    hours = between((0.5, 9), desk.seed, "comes after", *about)
    once = "/".join(about)
    return (Step(hours, "consultation.response", lambda _: content, f"会商{words}", once=once),)


PLANS: Mapping[str, Callable[[Desk], Plan]] = {
    "assignment.created": _assignment,
    "escalation.created": _escalation,
    "assignment.returned_to_department": _again,
    "assignment.overdue": _chased,
    "assignment.supervised": _chased,
    "consultation.invited": _invitation,
    "consultation.rescheduled": _rescheduled,
}
