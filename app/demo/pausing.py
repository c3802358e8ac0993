"""How the office pauses a department's clock for a blocker, and lets it go on; the worker does where it forgets."""

from typing import Any

from app.demo.chance import roll, weighted
from app.demo.profiles import BLOCKERS, PAUSE_DAYS, PAUSES, RESUMES_EARLY
from app.demo.scene import Scene
from app.demo.schedule import DAY_HOURS

Record = dict[str, Any]


class Pauses:
    """Considers each duty once, when it is signed for and about to be due."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._considered: set[str] = set()

    async def consider(self, number: str, duty: Record) -> None:
        """Pause some of them."""
        scene, about = self._scene, (number, duty["department"])
        if duty["status"] != "accepted" or duty["id"] in self._considered:
            return
        self._considered.add(duty["id"])
        if not scene.happens(PAUSES, "pauses", *about):
            return
        days = roll(scene.seed, "pause days", *about).choice(PAUSE_DAYS)
        body = {
            "blocker": weighted(BLOCKERS, scene.seed, "blocker", *about),
            "who": scene.phrase("blocker_parties", *about),
            "why": scene.phrase("blockers", *about),
            "working_days": days,
            "version": duty["version"],
        }
        if await scene.call("POST", f"/v1/assignments/{duty['id']}/pause", "office", body):
            scene.tell("督", f"{number} {scene.name(duty['department'])} 暂停计时：{body['why']}")
            if scene.happens(RESUMES_EARLY, "resumes", *about):
                self._resume_later(number, duty, days * scene.between((0.2, 0.9), "resumes after", *about))

    def _resume_later(self, number: str, duty: Record, days: float) -> None:
        scene = self._scene

        async def resume() -> None:
            if await scene.call("POST", f"/v1/assignments/{duty['id']}/resume", "office", {}):
                scene.tell("督", f"{number} {scene.name(duty['department'])} 恢复计时")

        scene.later(days * DAY_HOURS, resume, "office", "resume", number, duty["department"])
