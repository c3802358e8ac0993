"""The departments at work: hear of an event, plan, and carry the plan out by callbacks, one step after the other."""

from typing import Any
from urllib.parse import quote

from app.demo.answers import make_file
from app.demo.plans import Plan, Step, plan_for
from app.demo.profiles import profile_of
from app.demo.scene import Scene, shorten
from app.demo.systems import Systems

REPEATS_AFTER_HOURS = 0.5


class Departments:
    """All of them; what each is like follows from its code."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.systems = Systems(scene, self.hear)
        self._said: set[str] = set()

    def hear(self, code: str, event: dict[str, Any]) -> None:
        """Make a plan about an event, and begin with it."""
        self._go_on(code, event, plan_for(self._scene.seed, self._scene.city, code, event))

    def _go_on(self, code: str, event: dict[str, Any], plan: Plan) -> None:
        if not plan:
            return
        step, *following = plan

        async def act() -> None:
            await self._take(code, event, step, tuple(following))

        number = event["data"]["case"]["number"]
        self._scene.later(step.hours, act, "department", number, code, event["type"], step.action)

    async def _take(self, code: str, event: dict[str, Any], step: Step, following: Plan) -> None:
        scene, number = self._scene, event["data"]["case"]["number"]
        if step.once in self._said:
            self._go_on(code, event, following)
            return
        if step.once:
            self._said.add(step.once)
        webhook_id, data = f"demo_{event['id']}_{step.action}", step.content(scene.today)
        if step.file:
            data |= await self._upload(code, number, data["assignment"], step.file)
        status = await self.systems.call_back(code, webhook_id, step.action, data)
        if status != 200:
            self._said.discard(step.once or "")
            self._go_on(code, event, step.otherwise)
            return
        scene.counts[step.action] += 1
        scene.tell("办", f"  {number} {scene.name(code)} {shorten(step.words, 60)}")
        if scene.happens(profile_of(scene.seed, code).repeats, "repeats", number, code, step.action):
            self._repeat(code, number, webhook_id, step.action, data)
        self._go_on(code, event, following)

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
