"""The office's leader: sets terms, has the yearly notice loaded, decides on what stayed unanswered up to level 3."""

from datetime import date, timedelta
from typing import Any

from app.demo.chance import roll, weighted
from app.demo.notice import simulated_days
from app.demo.plans import another_department
from app.demo.profiles import DECIDES, NOTICE_FROM_DAY
from app.demo.ruling import close, send
from app.demo.scene import Scene
from app.demo.schedule import DAY_HOURS

Record = dict[str, Any]
NOVEMBER = 11
# After so many working days in office: what kind of clock, how long, for which cases; None withdraws the rule.
TERMS: tuple[tuple[float, dict[str, Any]], ...] = (
    (15, {"kind": "feedback", "urgency": "urgent", "working_days": 7, "reason": "紧急事项从快办理。"}),
    (15, {"kind": "feedback", "burden_type": "FORMS", "working_days": 12, "reason": "报表类问题核实较快。"}),
    (60, {"kind": "triage", "working_days": 3, "reason": "研判量大，适当放宽。"}),
    (120, {"kind": "feedback", "burden_type": "FORMS", "working_days": None, "reason": "恢复统一时限。"}),
)


class Leader:
    """Looks at the list of level 3 once a working day."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._taken: set[tuple[str, int]] = set()
        self._asked_for: set[int] = set()

    def begin(self) -> None:
        """Take office: set terms, now and later."""
        for number, (days, term) in enumerate(TERMS):
            self._scene.later(days * DAY_HOURS, self._setting(term), "leader", "term", number)

    def _setting(self, term: dict[str, Any]) -> Any:
        async def set_term() -> None:
            if await self._scene.call("POST", "/v1/terms", "leader", term):
                self._scene.counts["terms set"] += 1

        return set_term

    async def look(self) -> None:
        """Load the notice when it is out; take up what stands at level 3 and does not rest."""
        await self._load_notice()
        page = await self._scene.call("GET", "/v1/cases?limit=100&supervision_level=3", "leader")
        for number in sorted(case["number"] for case in (page["cases"] if page else [])):
            record = await self._scene.call("GET", f"/v1/cases/{number}", "leader")
            if record is not None and not self._rests(record):
                self._decide_later(number, len(record["instructions"]))

    def _rests(self, record: Record) -> bool:
        made = [date.fromisoformat(i["look_again_on"]) for i in record["instructions"]]
        return bool(made) and max(made) > self._scene.today

    def _decide_later(self, number: str, before: int) -> None:
        scene = self._scene
        if (number, before) in self._taken:
            return
        self._taken.add((number, before))

        async def decide() -> None:
            await self._decide(number, before)

        scene.later(scene.between((1, 12), "leader", number, before), decide, "leader", number)

    async def _decide(self, number: str, before: int) -> None:
        scene = self._scene
        decision = weighted(DECIDES, scene.seed, "decides", number, before)
        days = roll(scene.seed, "looks again", number, before).randint(5, 14)
        body = {
            "decision": decision,
            "note": scene.phrase("instructions", number, before),
            "look_again_on": (scene.today + timedelta(days=days)).isoformat(),
        }
        if not await scene.call("POST", f"/v1/cases/{number}/supervision", "leader", body):
            return
        scene.tell("督", f"{number} 负责人批示：{body['note']}")
        record = await scene.call("GET", f"/v1/cases/{number}", "leader")
        if record is not None:
            await self._carry_out(decision, record)

    async def _carry_out(self, decision: str, record: Record) -> None:
        """By the usual acts."""
        scene, number = self._scene, record["case"]["number"]
        late = [d for d in record["assignments"] if d["status"] in {"dispatched", "accepted", "reworking"}]
        departments = sorted({d["department"] for d in late})
        if not departments:
            return
        if decision == "ruling":
            category = "provincial" if late[0]["on_behalf_of"] else "municipal_district"
            reason = scene.phrase("reasons_disputed", number)
            await send(scene, record, departments[:1], category, reason, urgency="urgent")
        elif decision == "meeting":
            other = another_department(scene.seed, scene.city, departments[0], number)
            body = {"cases": [number], "departments": sorted({other, *departments})}
            if await scene.call("POST", "/v1/consultations", "office", body):
                scene.tell("商", f"{number} 按负责人批示召集会商")
        elif decision == "closing":
            await close(scene, record, "answered", scene.phrase("closings_leader", number))

    async def _load_notice(self) -> None:
        scene, today = self._scene, self._scene.today
        year = today.year + 1
        if today.month != NOVEMBER or today.day < NOTICE_FROM_DAY or year in self._asked_for:
            return
        self._asked_for.add(year)
        known = await scene.call("GET", f"/v1/calendar?year={year}", "leader")
        days = simulated_days(year)
        if known is None or known["known"] or not days:
            return
        if await scene.call("POST", "/v1/calendar", "leader", {"year": year, "days": days}):
            scene.counts["notices"] += 1
            scene.tell("督", f"{year} 年放假安排（模拟）已导入，暂按周末推算的期限重新计算")
