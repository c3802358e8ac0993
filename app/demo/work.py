"""How the departments of the demonstration work: what each does, some seconds later, about an event it was sent."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

from app.demo.scene import Scene

Action = tuple[str, dict[str, Any], str]
Answer = Callable[[Scene, str, dict[str, Any]], AsyncIterator[Action]]
RETURNED, PROGRESSED, REFUSED_ABOVE = 0.06, 0.3, 0.15


async def answer_event(scene: Scene, code: str, event: dict[str, Any]) -> AsyncIterator[Action]:
    """The callbacks a department sends about an event: type, data and a line for the reader, each after its time."""
    answer = ANSWERS.get(event["type"])
    if answer is not None:
        async for action in answer(scene, code, event):
            yield action


async def _assignment(scene: Scene, code: str, event: dict[str, Any]) -> AsyncIterator[Action]:
    duty, about = event["data"]["assignment"], _about(event, code)
    await scene.wait(0.4, 1.5, "accept", *about)
    if scene.happens(RETURNED, "return", *about):
        explanation = "所述情况不具体,无法核实,请补充时间、地点和来文。"
        yield (
            "assignment.return",
            _on(duty, reason="insufficient_facts", explanation=explanation),
            f"退回:{explanation}",
        )
        return
    yield "assignment.acceptance", _on(duty, version=duty["version"]), "签收"
    if scene.happens(PROGRESSED, "progress", *about):
        await scene.wait(0.5, 1.5, "progress", *about)
        note = scene.phrase("progress", *about)
        yield "assignment.progress", _on(duty, note=note), f"进展:{note}"
    await scene.wait(0.8, 3.0, "feedback", *about)
    yield _feedback(scene, duty, about)


async def _escalation(scene: Scene, code: str, event: dict[str, Any]) -> AsyncIterator[Action]:
    duty, about = event["data"]["assignment"], _about(event, code)
    above = duty["on_behalf_of"][0]["name"]
    await scene.wait(0.4, 1.5, "forward", *about)
    today = scene.clock.now().astimezone(scene.city.calendar.zone).date()
    reference = f"长上报〔{today.year}〕{event['data']['case']['number'][-4:].lstrip('0')}号"
    forwarding = _on(duty, reference=reference, forwarded_on=today.isoformat(), forwarded_to=above)
    yield "assignment.forwarding", forwarding, f"已上报{above},{reference}"
    await scene.wait(1.5, 4.0, "upstream", *about)
    yield _upstream(scene, duty, about)


async def _again(scene: Scene, code: str, event: dict[str, Any]) -> AsyncIterator[Action]:
    duty, about = event["data"]["assignment"], _about(event, code)
    await scene.wait(0.8, 2.5, "again", *about)
    yield (_upstream if duty["kind"] == "escalation" else _feedback)(scene, duty, about)


async def _invitation(scene: Scene, code: str, event: dict[str, Any]) -> AsyncIterator[Action]:
    session, about = event["data"]["consultation"], _about(event, code)
    await scene.wait(0.5, 2.0, "opinion", *about)
    leads = code == min(session["invited"])
    position, words = ("lead", "愿意牵头") if leads else ("supporting", "配合办理")
    basis = scene.phrase("bases", *about)
    yield (
        "consultation.opinion",
        {"consultation": session["id"], "position": position, "basis": basis},
        f"会商意见:{words}",
    )


ANSWERS: dict[str, Answer] = {
    "assignment.created": _assignment,
    "escalation.created": _escalation,
    "assignment.returned_to_department": _again,
    "consultation.invited": _invitation,
}


def _about(event: dict[str, Any], code: str) -> tuple[object, ...]:
    version = event["data"].get("assignment", {}).get("version", 0)
    return event["data"]["case"]["number"], event["type"], code, version


def _on(duty: dict[str, Any], **content: Any) -> dict[str, Any]:
    return {"assignment": duty["id"], **content}


def _feedback(scene: Scene, duty: dict[str, Any], about: tuple[object, ...]) -> Action:
    measures, reply = scene.phrase("measures", *about), scene.phrase("public_replies", *about)
    yesterday = scene.clock.now().astimezone(scene.city.calendar.zone).date() - timedelta(days=1)
    content = _on(duty, measures=measures, public_reply=reply, completed_on=yesterday.isoformat())
    return "assignment.feedback", content, f"反馈:{measures}"


def _upstream(scene: Scene, duty: dict[str, Any], about: tuple[object, ...]) -> Action:
    refused = scene.happens(REFUSED_ABOVE, "refused", *about)
    words = scene.phrase("refusals" if refused else "upstream", *about)
    content = _on(duty, answer=words, public_reply=words, agreed=not refused)
    return "assignment.upstream_reply", content, words
