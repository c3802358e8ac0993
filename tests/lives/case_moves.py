"""What is done to a case as a whole: reports and the points' answers, the office's decisions, merging, a leader's."""

from dataclasses import replace
from typing import Any

from app.lifecycle import CASE
from app.models import CaseStatus, Role, VerificationStatus
from tests.lives.attempt import LEADER, REASON, Actor, Attempt, Audience, Chance, Often
from tests.lives.world import Row

C = CaseStatus
POINTS = ("FR-01", "YH-01")
TEXTS = (
    "区民政局要求每周报一次独居老人走访台账,第{n}张表。",
    "省科协下的数,每村拉{n}个人注册小程序,注册了不点开还不算。",
    "区农业农村局和区卫健局两套打分表七成一样,一个礼拜来了{n}拨,资料要分开做。",
    "工作群里一天到晚要截图接龙,第{n}次了,也不知道是哪个单位要的。",
)


def report(chance: Chance, _: str) -> Attempt:
    """Few texts, so that some join a case and some bring one back."""
    text = chance.dice.choice(TEXTS).format(n=chance.dice.randint(1, 3))
    return Attempt(
        move="report",
        path="/v1/reports",
        actor=Actor(Role.REPORTER, chance.dice.choice(POINTS)),
        audience=Audience.POINT,
        body={"text": text},
        own=frozenset({"case.opened", "report.joined"}),
        legal=True,
    )


def verification(chance: Chance, case: str) -> Attempt | None:
    asked = VerificationStatus.ASKED
    found = chance.pick(chance.world.reports(case), lambda r: r["verification"] == asked)
    if found is None:
        return None
    legal = found["verification"] == asked and chance.world.one("cases", case)["status"] == C.VERIFYING
    return _of_report(found, "verification", {"relieved": chance.is_likely(0.6)}, "verification.answered", legal)


def look_back(chance: Chance, case: str) -> Attempt | None:
    """A point says, some weeks after the end, whether the relief holds; it may answer by any of its reports."""
    questions = chance.world.all("look_backs", lambda q: q["case_id"] == case and q["asked_at"] and not q["ended_at"])
    asked = {q["report_id"] for q in questions}
    found = chance.pick(chance.world.reports(case), lambda r: r["id"] in asked)
    if found is None:
        return None
    legal = True if found["id"] in asked else (None if asked else False)
    return _of_report(found, "look-back", {"holds": chance.is_likely(0.5)}, "look_back.answered", legal)


def _of_report(found: Row, word: str, body: dict[str, Any], own: str, legal: bool | None) -> Attempt:
    return Attempt(
        move=word,
        path=f"/v1/reports/{found['number']}/{word}",
        actor=Actor(Role.REPORTER, found["observation_point_code"]),
        audience=Audience.POINT,
        body=body,
        own=frozenset({own}),
        cases=(found["case_id"],),
        subject=found["number"],
        legal=legal,
    )


def ruling(chance: Chance, case: str) -> Attempt:
    category, codes = chance.dice.choice(
        [("municipal_district", ["FR-MZ"]), ("municipal_district", ["FR-MZ", "CS-JY"]), ("provincial", ["CS-MZ"]),
         ("multi_department", ["FR-MZ", "CS-JY"])]
    )  # fmt: skip
    roles = ["lead", "supporting"]
    body: dict[str, Any] = {
        "category": category,
        "receivers": [{"code": code, "role": role} for code, role in zip(codes, roles, strict=False)],
        "reason": REASON,
    }
    if chance.is_likely(0.3):
        body["urgency"] = chance.dice.choice(["urgent", "normal"])
    if chance.is_likely(0.2):
        body["working_days"] = chance.dice.randint(1, 20)
    target = C.CONSULTING if category == "multi_department" else C.DISPATCHED
    return _on_case(chance, case, "ruling", body, "case.ruled", _case_allows(chance, case, target))


def _case_allows(chance: Chance, case: str, target: CaseStatus) -> bool:
    """By the table; but what is struck off comes back by reopening, a relapse or a split only."""
    found = chance.world.one("cases", case)
    return found["status"] != C.CLOSED and CASE.allows(found["status"], target)


def close(chance: Chance, case: str) -> Attempt:
    outcome = chance.dice.choice(["unresolved", "relieved", "answered", "not_a_burden"])
    body = {"outcome": outcome, "statement": "经研究办结。"}
    if chance.is_likely(0.5):
        body["reason"] = REASON
    attempt = _on_case(chance, case, "close", body, "case.struck_off", None)
    legal = _case_allows(chance, case, C.CLOSED)
    if chance.world.one("cases", case)["status"] == C.UNRESOLVED:
        legal = attempt.actor == LEADER and "reason" in body
    return _with_legal(attempt, legal)


def _with_legal(attempt: Attempt, legal: bool | None) -> Attempt:

    return replace(attempt, legal=legal)


def unresolved(chance: Chance, case: str) -> Attempt:
    body = {"because": "needs_funds", "statement": "经费尚未落实。"}
    legal = _case_allows(chance, case, C.UNRESOLVED)
    return _on_case(chance, case, "unresolved", body, "case.left_unresolved", legal)


def reopen(chance: Chance, case: str) -> Attempt:
    found = chance.world.one("cases", case)
    legal = found["status"] == C.CLOSED and not found["merged_into"]
    return _on_case(chance, case, "reopen", {"reason": REASON}, "case.put_back", legal)


def merge(chance: Chance, case: str) -> Attempt | None:
    others = [c for c in chance.world.all("cases") if c["id"] != case]
    if not others:
        return None
    chosen = chance.pick(others, lambda c: c["status"] != C.CLOSED)
    assert chosen is not None
    pair = (chosen, chance.world.one("cases", case))
    attempt = _on_case(
        chance, case, "merge", {"cases": [chosen["number"]], "reason": REASON}, "case.merged",
        all(c["status"] != C.CLOSED for c in pair),
    )  # fmt: skip

    return replace(attempt, cases=(case, chosen["id"]), subject=pair[1]["number"])


def split(chance: Chance, case: str) -> Attempt | None:
    on_it = chance.world.reports(case)
    if not on_it:
        return None
    chosen = chance.dice.sample(on_it, chance.dice.randint(1, max(1, len(on_it) - 1)))
    rest = [r for r in on_it if r not in chosen]
    is_open = chance.world.one("cases", case)["status"] != C.CLOSED
    legal = is_open and any(r["came_from"] is None for r in rest)
    body = {"reports": [r["number"] for r in chosen], "reason": REASON}
    return _on_case(chance, case, "split", body, "reports.split_off", legal)


def instruction(chance: Chance, case: str) -> Attempt:
    """A leader's decision; legal on a case that stands at the highest level only."""
    clocks = chance.world.all("deadlines", lambda d: d["case_id"] == case and d["ended_at"] is None and d["level"] >= 3)
    merged = chance.world.one("cases", case)["merged_into"]
    later = chance.dice.randint(1, 20)
    body = {"decision": chance.dice.choice(["meeting", "other"]), "note": "限期办结。"}
    body["look_again_on"] = chance.day(later)
    attempt = _on_case(chance, case, "supervision", body, "supervision.decided", bool(clocks) and not merged)

    return replace(attempt, actor=LEADER, audience=Audience.LEADER)


def urging(chance: Chance, case: str) -> Attempt:
    """Whom it may tell depends on the day, on what was told on it, and on pauses."""
    attempt = _on_case(chance, case, "urging", {}, "assignment.urged", None)
    return replace(attempt, often=Often.EACH_SEAT)


def release(chance: Chance, case: str) -> Attempt:
    """Nothing is quarantined here, so there is nothing to release."""
    return _on_case(chance, case, "supervision/release", {}, "supervision.released", False)


def _on_case(chance: Chance, case: str, word: str, body: dict[str, Any], own: str, legal: bool | None) -> Attempt:
    return Attempt(
        move=word,
        path=f"/v1/cases/{chance.world.number(case)}/{word}",
        actor=chance.clerk(),
        audience=Audience.OFFICE,
        body=body,
        own=frozenset({own}),
        cases=(case,),
        often=Often.ONCE,
        legal=legal,
    )


def disclosure(chance: Chance, case: str) -> Attempt | None:
    """The office masks more of a report; what the rules mask it may show again with a reason."""
    found = chance.pick(chance.world.reports(case))
    if found is None:
        return None
    words = found["text"]
    body: dict[str, Any] = {"text": f"{words[:3]}〔隐去〕{words[7:]}"}
    legal = chance.is_likely(0.8)
    if not legal:
        body["text"] = "另写一段。"
    attempt = _of_report(found, "disclosure", body, "report.disclosure_changed", legal)
    return replace(attempt, actor=chance.clerk(), audience=Audience.OFFICE)


def contact_view(chance: Chance, case: str) -> Attempt | None:
    return _of_contact(chance, case, "contact-view", "report.contact_viewed")


def contact_erasure(chance: Chance, case: str) -> Attempt | None:
    return _of_contact(chance, case, "contact-erasure", "report.contact_erased")


def _of_contact(chance: Chance, case: str, word: str, own: str) -> Attempt | None:
    """A leader opens or erases what was left to reach a reporter; legal while it is there."""
    kept = {row["report_id"] for row in chance.world.all("report_contacts")}
    found = chance.pick(chance.world.reports(case), lambda r: r["id"] in kept)
    if found is None:
        return None
    attempt = _of_report(found, word, {"reason": REASON}, own, found["id"] in kept)
    # What stands in the event is one number or a list of them.
    return replace(attempt, actor=LEADER, audience=Audience.LEADER, subject=None)
