"""The departments at work: hear of an event, plan, and carry the plan out by callbacks, one step after the other."""

from typing import Any
from urllib.parse import quote

from app.demo.answers import make_file
from app.demo.plans import Event, Step, plan_for
from app.demo.profiles import profile_of
from app.demo.scene import Scene, shorten
from app.demo.systems import Systems
from app.demo.work import Work

REPEATS_AFTER_HOURS = 0.5


class Departments:
    """All of them; what each is like follows from its code."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.systems = Systems(scene, self.hear)
        self._work = Work(scene.later, self._send)

    def hear(self, code: str, event: Event) -> None:
        """Make a plan about an event, and begin with it."""
        self._work.go_on(code, event, plan_for(self._scene.seed, self._scene.city, code, event))

    async def _send(self, code: str, event: Event, step: Step) -> bool:
        scene, number = self._scene, event["data"]["case"]["number"]
        webhook_id, data = f"demo_{event['id']}_{step.action}", step.content(scene.today)
        if step.file:
            data |= await self._upload(code, number, data["assignment"], step.file)
        if await self.systems.call_back(code, webhook_id, step.action, data) != 200:
            return False
        scene.counts[step.action] += 1
        scene.tell("办", f"  {number} {scene.name(code)} {shorten(step.words, 60)}")
        if scene.happens(profile_of(scene.seed, code).repeats, "repeats", number, code, step.action):
            self._repeat(code, number, webhook_id, step.action, data)
        return True

    async def _upload(self, code: str, number: str, assignment: str, name: str) -> dict[str, Any]:
        scene, path = self._scene, f"/v1/assignments/{assignment}/evidence?name={quote(name)}"
        kept = await scene.upload(path, code, make_file(f"Simulated evidence of {code} on {number}, {scene.today}"))
        return {"evidence": [kept["id"]]} if kept else {}

    def _repeat(self, code: str, number: str, webhook_id: str, action: str, data: dict[str, Any]) -> None:
        """Its system did not see the answer and sends the same once more: nothing may happen twice."""
        scene = self._scene

        async def again() -> None:
            scene.counts["repeated callbacks"] += 1
            await self.systems.call_back(code, webhook_id, action, data)

        scene.later(REPEATS_AFTER_HOURS, again, "department", number, code, action, "again")
