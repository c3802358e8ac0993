"""How the office reviews what came back, decides what the points dispute, and comes back to what is unresolved."""

from typing import Any

from app.demo.chance import weighted
from app.demo.profiles import BECAUSE, DISPUTED, REVISITED, SENDS_BACK
from app.demo.ruling import close, send
from app.demo.scene import Scene, shorten

Record = dict[str, Any]


async def review(scene: Scene, record: Record) -> None:
    """Accept or send back each answer; settle a dispute; where a point stayed silent, end it with words."""
    number = record["case"]["number"]
    waiting = [duty for duty in record["assignments"] if duty["status"] == "responded"]
    if waiting:
        await _review_each(scene, record, waiting)
    elif any(report["verification"] == "not_relieved" for report in record["reports"]):
        await _settle_dispute(scene, record)
    else:
        await close(scene, record, "relieved", scene.phrase("silent_statements", number))


async def _review_each(scene: Scene, record: Record, waiting: list[Record]) -> None:
    number = record["case"]["number"]
    sent_before = sum(act["kind"] in {"feedback", "upstream_reply"} for act in record["acts"]) > len(waiting)
    for duty in sorted(waiting, key=lambda d: str(d["department"])):
        fault = not sent_before and scene.happens(SENDS_BACK, "review", number, duty["department"])
        comment = scene.phrase("incomplete", number, duty["department"]) if fault else ""
        verdict = f"退回重办：{comment}" if fault else "审核通过"
        await decide(scene, duty, number, not fault, comment, f"的反馈{verdict}")


async def decide(scene: Scene, duty: Record, number: str, accepted: bool, comment: str, told: str) -> None:
    """Review an answer, or decide a wish for more time."""
    body = {"accepted": accepted, "comment": comment, "version": duty["version"]}
    if await scene.call("POST", f"/v1/assignments/{duty['id']}/review", "office", body):
        scene.tell("督", f"{number} {scene.name(duty['department'])}{shorten(told, 60)}")


async def _settle_dispute(scene: Scene, record: Record) -> None:
    """The points have said no twice: nothing goes round for ever."""
    about = (record["case"]["number"], record["case"]["version"])
    decision = weighted(DISPUTED, scene.seed, "disputed", *about)
    scene.counts[f"disputed: {decision}"] += 1
    match decision:
        case "send back":
            for duty in [d for d in record["assignments"] if d["status"] == "approved"]:
                await decide(scene, duty, about[0], False, scene.phrase("disputes", *about), "仍未减下来，退回重办")
        case "unresolved":
            await _leave_unresolved(scene, record, "disputed_unresolved")
        case "rule":
            await _send_again(scene, record, "reasons_disputed")
        case _:
            await close(scene, record, "answered", scene.phrase("disputed_answers", *about))


async def revisit(scene: Scene, record: Record) -> None:
    """The clock of what could not be lifted is about to run out: try again, wait on, or let a leader end it."""
    about = (record["case"]["number"], record["case"]["version"])
    decision = weighted(REVISITED, scene.seed, "revisited", *about)
    scene.counts[f"revisited: {decision}"] += 1
    match decision:
        case "rule":
            await _send_again(scene, record, "reasons_revisited")
        case "unresolved":
            await _leave_unresolved(scene, record, "revisit_statements")
        case _:
            reason = scene.phrase("ending_reasons", *about)
            await close(scene, record, "unresolved", scene.phrase("endings", *about), holder="leader", reason=reason)


async def _leave_unresolved(scene: Scene, record: Record, words: str) -> None:
    number, version = record["case"]["number"], record["case"]["version"]
    body = {
        "because": weighted(BECAUSE, scene.seed, "office's because", number, version),
        "statement": scene.phrase(words, number, version),
        "version": version,
    }
    if await scene.call("POST", f"/v1/cases/{number}/unresolved", "office", body):
        scene.tell("督", f"{number} 挂账待解：{shorten(body['statement'])}")


async def _send_again(scene: Scene, record: Record, words: str) -> None:
    """To those who had it last, or the machine's receivers where nobody had it."""
    number, version = record["case"]["number"], record["case"]["version"]
    last = [d for d in record["assignments"] if d["status"] not in {"superseded", "returned"}]
    leads = sorted({d["department"] for d in last if d["role"] == "lead"} or {d["department"] for d in last})
    upward = any(d["on_behalf_of"] for d in last if d["department"] in leads[:1])
    category = "provincial" if upward else "municipal_district"
    reason = scene.phrase(words, number, version)
    if not leads or not await send(scene, record, leads[:1], category, reason):
        await close(scene, record, "answered", scene.phrase("answers", number))
