"""The 45 observation points: they report, and say in the end whether the burden is really gone."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from app.demo.department import DepartmentSystems
from app.demo.mail import Letter
from app.demo.scene import CATEGORIES, Scene, shorten

LOOK_EVERY_SECONDS = 0.5
LOOKS_AT_ONCE = 12
LETTERS_AT_ONCE = 3
NOT_GONE = 0.12


class Points:
    """What the points know: the reports they sent and that were not answered yet."""

    def __init__(self, scene: Scene, systems: DepartmentSystems) -> None:
        self._scene, self._systems = scene, systems
        self._waiting: dict[str, str] = {}
        self._rounds: dict[str, int] = {}

    async def send(self, letters: Iterator[Letter], ending: asyncio.Event) -> None:
        """Send one letter after the other until the end; the one on its way is always finished."""
        for number, letter in enumerate(letters):
            pause = letter.after * self._scene.tempo if number >= LETTERS_AT_ONCE else 0.0
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ending.wait(), pause)
            if ending.is_set():
                return
            await self._send(letter)

    async def _send(self, letter: Letter) -> None:
        scene, point = self._scene, letter.point
        # A dry run tells who will be asked, so that their systems are connected in time.
        preview = await scene.call("POST", "/v1/classifications", point.code, {"text": letter.text})
        if preview:
            await self._systems.connect(r["code"] for r in preview["receivers"])
        receipt = await scene.call("POST", "/v1/reports", point.code, {"text": letter.text})
        if receipt is None:
            return
        scene.counts["reports"] += 1
        scene.counts[receipt["decision"]["category"]] += 1
        self._waiting[receipt["report"]] = point.code
        district = scene.city.pack.district(point.district)
        scene.tell("收", f"{district.name if district else ''}{point.name}:{shorten(letter.text, 48)}")
        scene.tell("分", f"  {receipt['case']} {self._outcome(receipt)}")

    def _outcome(self, receipt: dict[str, Any]) -> str:
        decision = receipt["decision"]
        receivers = "、".join(r["name"] for r in decision["receivers"])
        due = (receipt["due_at"] or "")[5:10]
        kind = CATEGORIES[decision["category"]]
        if receipt["joined"]:
            return f"与在账事项相同,并入办理({kind})"
        match decision["route"]:
            case "escalation":
                return f"{kind} → 交 {receivers} 上报,{due} 前"
            case "assignment":
                return f"{kind} → 交办 {receivers},{due} 前反馈"
            case "consultation":
                return f"{kind} → 会商:{receivers}"
            case _:
                return f"{kind} → 送统筹部门分办({decision['reason']})"

    async def answer(self) -> None:
        """Look at what became of the reports, in turn, and answer when asked."""
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS * self._scene.tempo)
            for report in list(self._waiting)[:LOOKS_AT_ONCE]:
                holder = self._waiting.pop(report)
                seen = await self._scene.call("GET", f"/v1/reports/{report}", holder)
                if seen is None or seen["status"] != "closed":
                    self._waiting[report] = holder  # to the end of the line
                if seen and seen["verification"] == "asked":
                    await self._verify(report, holder)

    async def _verify(self, report: str, holder: str) -> None:
        scene = self._scene
        turn = self._rounds[report] = self._rounds.get(report, 0) + 1
        relieved = turn > 1 or not scene.happens(NOT_GONE, "gone", report)
        comment = scene.phrase("gone" if relieved else "not_gone", report, turn)
        body = {"relieved": relieved, "comment": comment or None}
        answer = await scene.call("POST", f"/v1/reports/{report}/verification", holder, body)
        if answer is None:
            return
        if answer["status"] == "closed":
            scene.tell(
                "销", f"{answer['case']} 负担已减,销号并答复:{shorten(answer['replies'][-1]['text'].splitlines()[1])}"
            )
        else:
            scene.tell("督", f"{answer['case']} 观测点核实:{'已减' if relieved else '没有减下来,退回重办'} {comment}")
