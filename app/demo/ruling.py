"""How the office rules on what waits in triage: by the machine's suggestion, by telephone, or by an honest answer."""

from typing import Any

from app.demo.profiles import CONVENES_RETURNED, FOLLOWS_PROPOSAL, KNOWS_ON_THE_TELEPHONE, SAYS_URGENT
from app.demo.scene import Scene, shorten

Record = dict[str, Any]
NO_BURDEN = frozenset({"praise", "grievance", "other"})


async def rule(scene: Scene, record: Record) -> None:
    """Decide one case that is on the desk."""
    returned = next((a for a in record["assignments"] if a["status"] == "returned"), None)
    if returned:
        await _rule_on_return(scene, record, returned)
        return
    number = record["case"]["number"]
    letter = scene.letters.get(record["reports"][0]["number"])
    if letter and letter.burden.answer:
        outcome = "not_a_burden" if letter.burden.answer in NO_BURDEN else "answered"
        await close(scene, record, outcome, scene.phrase(f"closings_{letter.burden.answer}", number))
        return
    receivers, category = _suggested(record) or _told(scene, record) or ([], "")
    if not receivers or not await send(scene, record, receivers, category, scene.phrase("reasons", number)):
        await close(scene, record, "answered", scene.phrase("answers", number))


def _suggested(record: Record) -> tuple[list[str], str] | None:
    """Whom the machine would have named, had it been surer."""
    for suggestion in record["reports"][0]["decision"]["suggestions"]:
        receivers, category = suggestion["receivers"], suggestion["category"]
        if category == "multi_department" and len(receivers) > 1:
            return receivers, category
        if receivers and category in {"provincial", "municipal_district"}:
            return receivers[:1], category
    return None


def _told(scene: Scene, record: Record) -> tuple[list[str], str] | None:
    """The point is rung up: often it can say who wanted it."""
    report = record["reports"][0]["number"]
    letter = scene.letters.get(report)
    if letter is None or not scene.happens(KNOWS_ON_THE_TELEPHONE, "telephone", report):
        return None
    code = scene.find_department(letter.burden.line, letter.burden.tier, letter.point.district)
    if code is None:
        return None
    if letter.burden.tier == "province":
        counterpart = scene.city.seat_of(code)
        return [counterpart], "provincial"
    return [code], "municipal_district"


async def _rule_on_return(scene: Scene, record: Record, duty: Record) -> None:
    """Follow what the department proposes, bring the two together, or give it back with a reason."""
    number = record["case"]["number"]
    category = "provincial" if duty["on_behalf_of"] else "municipal_district"
    said = next(a["content"] for a in reversed(record["acts"]) if a["kind"] == "return")
    proposed = said["proposed_department"]
    if proposed and scene.happens(CONVENES_RETURNED, "convenes", number):
        body = {"cases": [number], "departments": sorted({scene.city.seat_of(proposed), duty["department"]})}
        if await scene.call("POST", "/v1/consultations", "office", body):
            scene.tell("商", f"{number} 退回有争议，统筹部门召集会商")
            return
    if proposed and scene.happens(FOLLOWS_PROPOSAL, "follows", number):
        reason = scene.phrase("reasons_proposed", number)
        if await send(scene, record, [proposed], category, reason):
            return
    await send(scene, record, [duty["department"]], category, scene.phrase("reasons_returned", number))


async def send(
    scene: Scene, record: Record, receivers: list[str], category: str, reason: str, *, urgency: str | None = None
) -> bool:
    """Rule: whom it goes to; whether the service took it."""
    number, version = record["case"]["number"], record["case"]["version"]
    roles = [{"code": code, "role": "supporting" if i else "lead"} for i, code in enumerate(receivers)]
    if urgency is None and scene.happens(SAYS_URGENT, "urgent", number):
        urgency = "urgent"
    body = {"category": category, "receivers": roles, "reason": reason, "urgency": urgency, "version": version}
    if not await scene.call("POST", f"/v1/cases/{number}/ruling", "office", body):
        return False
    scene.counts["rulings"] += 1
    scene.tell("转", f"{number} 统筹部门裁定：{'、'.join(map(scene.name, receivers))}。{reason}")
    return True


async def close(
    scene: Scene, record: Record, outcome: str, statement: str, *, holder: str = "office", reason: str | None = None
) -> bool:
    """End it with words for the reporters; whether the service took it."""
    number, version = record["case"]["number"], record["case"]["version"]
    body = {"outcome": outcome, "statement": statement, "reason": reason, "version": version}
    if not await scene.call("POST", f"/v1/cases/{number}/close", holder, body):
        return False
    scene.tell("销", f"{number} 统筹部门答复办结：{shorten(statement)}")
    return True
