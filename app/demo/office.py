"""The coordinating office: rules what the machine left open, concludes sessions, reviews feedback."""

import asyncio
from typing import Any

from app.demo.department import DepartmentSystems
from app.demo.scene import Scene, shorten

LOOK_EVERY_SECONDS = 0.5
SENT_BACK = 0.1
DESK = ("triage", "consulting", "in_review")


class Office:
    """One clerk's desk: takes up what waits, each matter some seconds after it arrived."""

    def __init__(self, scene: Scene, systems: DepartmentSystems) -> None:
        self._scene, self._systems = scene, systems
        self._in_hand: dict[tuple[str, int], asyncio.Task[None]] = {}

    async def work(self) -> None:
        """Look at the desk for ever; a case is taken up once for each version it arrives with."""
        query = "&".join(f"status={status}" for status in DESK)
        try:
            while True:
                page = await self._scene.call("GET", f"/v1/cases?limit=100&{query}", "office")
                for case in page["cases"] if page else []:
                    key = (case["number"], case["version"])
                    if key not in self._in_hand:
                        self._in_hand[key] = asyncio.create_task(self._take_up(case))
                await asyncio.sleep(LOOK_EVERY_SECONDS * self._scene.tempo)
        finally:
            for task in self._in_hand.values():
                task.cancel()
            await asyncio.gather(*self._in_hand.values(), return_exceptions=True)

    async def _take_up(self, case: dict[str, Any]) -> None:
        number, status = case["number"], case["status"]
        least, most = (2.5, 4.0) if status == "consulting" else (0.8, 2.5)
        await self._scene.wait(least, most, "office", number, status, case["version"])
        record = await self._scene.call("GET", f"/v1/cases/{number}", "office")
        if record is None or record["case"]["version"] != case["version"]:
            return  # something happened to it meanwhile; it is on the desk again under its new version
        match status:
            case "triage":
                await self._rule(record)
            case "consulting":
                await self._conclude(record)
            case _:
                await self._review(record)

    async def _rule(self, record: dict[str, Any]) -> None:
        """Follow the machine's best suggestion or the duty that was returned; else close with an honest answer."""
        scene, number, version = self._scene, record["case"]["number"], record["case"]["version"]
        receivers, category = _choose(record)
        if not receivers:
            statement = scene.phrase("answers", number)
            body = {"outcome": "answered", "statement": statement, "version": version}
            if await scene.call("POST", f"/v1/cases/{number}/close", "office", body):
                scene.tell("销", f"{number} 统筹部门答复办结:{shorten(statement)}")
            return
        await self._systems.connect(receivers)
        reason = scene.phrase("reasons", number)
        roles = [{"code": code, "role": "supporting" if i else "lead"} for i, code in enumerate(receivers)]
        body = {"category": category, "receivers": roles, "reason": reason, "version": version}
        if await scene.call("POST", f"/v1/cases/{number}/ruling", "office", body):
            scene.counts["rulings"] += 1
            scene.tell("转", f"{number} 统筹部门裁定:{'、'.join(map(scene.name, receivers))}。{reason}")

    async def _conclude(self, record: dict[str, Any]) -> None:
        scene = self._scene
        session_id = next(c["id"] for c in record["consultations"] if c["status"] == "convened")
        session = await scene.call("GET", f"/v1/consultations/{session_id}", "office")
        if session is None:
            return
        ranked = sorted(session["invitations"], key=lambda i: (i["position"] != "lead", i["department"]))
        parts = [{"department": i["department"], "lead": n == 0} for n, i in enumerate(ranked)]
        body = {
            "conclusions": [{"case": item["case"], "parts": parts} for item in session["agenda"]],
            "minutes": scene.phrase("minutes", session["number"]),
        }
        if await scene.call("POST", f"/v1/consultations/{session_id}/conclusion", "office", body):
            scene.counts["consultations"] += 1
            lead, *others = (scene.name(i["department"]) for i in ranked)
            scene.tell("商", f"{record['case']['number']} 会商结论:{lead}牵头,{'、'.join(others)}配合")

    async def _review(self, record: dict[str, Any]) -> None:
        scene, number = self._scene, record["case"]["number"]
        sent_before = any(act["kind"] in {"feedback", "upstream_reply"} for act in record["acts"][1:])
        for duty in record["assignments"]:
            if duty["status"] != "responded":
                continue
            accepted = sent_before or not scene.happens(SENT_BACK, "review", number, duty["department"])
            comment = "" if accepted else scene.phrase("incomplete", number)
            body = {"accepted": accepted, "comment": comment, "version": duty["version"]}
            if await scene.call("POST", f"/v1/assignments/{duty['id']}/review", "office", body):
                verdict = "审核通过,请观测点核实" if accepted else f"退回重办:{comment}"
                scene.tell("督", f"{number} {scene.name(duty['department'])}的反馈{verdict}")


def _choose(record: dict[str, Any]) -> tuple[list[str], str]:
    """Whom the office gives a case that is on its desk, and as what; nobody where nothing points anywhere."""
    returned = [a for a in record["assignments"] if a["status"] == "returned"]
    if returned:
        category = "provincial" if returned[0]["on_behalf_of"] else "municipal_district"
        return [returned[0]["department"]], category
    for suggestion in record["reports"][0]["decision"]["suggestions"]:
        if suggestion["receivers"] and suggestion["category"] != "unclear":
            receivers = suggestion["receivers"]
            several = suggestion["category"] == "multi_department"
            if not several or len(receivers) > 1:
                return receivers if several else receivers[:1], suggestion["category"]
    return [], "unclear"
