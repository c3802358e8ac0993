"""The coordinating office: looks at its desk a few times a day, takes up what waits, rules, reviews, concludes."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from app.deadlines import due_by
from app.demo.chance import between, weighted
from app.demo.profiles import (
    GRANTS,
    SENDS_BACK,
    TAKES_UP,
    WAITS_FOR_OPINIONS_DAYS,
)
from app.demo.ruling import rule
from app.demo.scene import Scene, shorten
from app.demo.schedule import DAY_HOURS

LOOK_EVERY_HOURS = 3.0
LEDGER_EVERY = 3
DUE_SOON_DAYS = 8
DESK = ("triage", "consulting", "in_review")
OUT = ("dispatched", "in_progress", "awaiting_province")
Record = dict[str, Any]


class Office:
    """One clerk's desk. A case is taken up once for each version it arrives with."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._seen: dict[str, int] = {}
        self._looks = 0
        self._acts: dict[str, Callable[[Record], Awaitable[None]]] = {
            "triage": self._rule,
            "consulting": self._conclude,
            "in_review": self._review,
        }

    def open(self) -> None:
        """Begin to look at the desk, for ever."""
        self._scene.later(LOOK_EVERY_HOURS, self._look, "office", "look")

    async def _look(self) -> None:
        for case in await self._list(DESK):
            if self._seen.get(case["number"]) != case["version"]:
                self._seen[case["number"]] = case["version"]
                self._take_up_later(case)
        if self._looks % LEDGER_EVERY == 0:
            await self._read_ledger()
        self._looks += 1
        self.open()

    async def _list(self, statuses: tuple[str, ...]) -> list[Record]:
        """All cases in these states, by number."""
        query = "&".join(f"status={status}" for status in statuses)
        cases: list[Record] = []
        cursor = ""
        while True:
            page = await self._scene.call("GET", f"/v1/cases?limit=100&{query}{cursor}", "office")
            if page is None:
                break
            cases += page["cases"]
            if not page["next_cursor"]:
                break
            cursor = f"&cursor={page['next_cursor']}"
        return sorted(cases, key=lambda case: str(case["number"]))

    def _take_up_later(self, case: Record) -> None:
        scene, about = self._scene, ("office", case["number"], case["status"], case["version"])

        async def take_up() -> None:
            record = await scene.call("GET", f"/v1/cases/{case['number']}", "office")
            # Where something happened to it meanwhile, it is on the desk again under its new version.
            if record is not None and record["case"]["version"] == case["version"]:
                await self._acts[case["status"]](record)

        hours = between(weighted(TAKES_UP, scene.seed, *about), scene.seed, "hours", *about)
        scene.later(hours, take_up, *about)

    async def _rule(self, record: Record) -> None:
        await rule(self._scene, record)

    # ── sessions ──

    async def _conclude(self, record: Record) -> None:
        scene = self._scene
        session_id = next(c["id"] for c in record["consultations"] if c["status"] == "convened")
        session = await scene.call("GET", f"/v1/consultations/{session_id}", "office")
        if session is None:
            return
        if not self._all_said(session):
            self._seen.pop(record["case"]["number"], None)  # to be looked at again
            return
        ranked = sorted(session["invitations"], key=lambda i: (i["position"] != "lead", i["department"]))
        concerned = [i for i in ranked if i["position"] != "not_concerned"] or ranked
        parts = [{"department": i["department"], "lead": n == 0} for n, i in enumerate(concerned)]
        waiting = [item["case"] for item in session["agenda"] if item["outcome"] is None]
        body = {
            "conclusions": [{"case": case, "parts": parts} for case in waiting],
            "minutes": scene.phrase("minutes", session["number"]),
        }
        if await scene.call("POST", f"/v1/consultations/{session_id}/conclusion", "office", body):
            scene.counts["consultations"] += 1
            lead, *others = (scene.name(i["department"]) for i in concerned)
            with_others = f",{'、'.join(others)}配合" if others else ""
            scene.tell("商", f"{record['case']['number']} 会商结论:{lead}牵头{with_others}")

    def _all_said(self, session: Record) -> bool:
        """Whether all have said what their part is, or have had the time to."""
        if all(i["position"] for i in session["invitations"]):
            return True
        began = datetime.fromisoformat(session["convened_at"])
        return self._scene.course.after(began, WAITS_FOR_OPINIONS_DAYS * DAY_HOURS) <= self._scene.clock.now()

    # ── what comes back ──

    async def _review(self, record: Record) -> None:
        """Accept or send back each answer; where a point stayed silent, end it with words."""
        scene, number = self._scene, record["case"]["number"]
        waiting = [duty for duty in record["assignments"] if duty["status"] == "responded"]
        if not waiting:
            await self._close(number, "relieved", "silent_statements", "观测点未答复,按审核结果办结")
            return
        sent_before = sum(act["kind"] in {"feedback", "upstream_reply"} for act in record["acts"]) > len(waiting)
        for duty in sorted(waiting, key=lambda d: str(d["department"])):
            fault = not sent_before and scene.happens(SENDS_BACK, "review", number, duty["department"])
            comment = scene.phrase("incomplete", number, duty["department"]) if fault else ""
            verdict = f"退回重办:{comment}" if fault else "审核通过,请观测点核实"
            await self._decide(duty, number, not fault, comment, f"的反馈{verdict}")

    async def _close(self, number: str, outcome: str, words: str, told: str) -> None:
        body = {"outcome": outcome, "statement": self._scene.phrase(words, number)}
        if await self._scene.call("POST", f"/v1/cases/{number}/close", "office", body):
            self._scene.tell("销", f"{number} {told}")

    async def _decide(self, duty: Record, number: str, accepted: bool, comment: str, told: str) -> None:
        scene = self._scene
        body = {"accepted": accepted, "comment": comment, "version": duty["version"]}
        if await scene.call("POST", f"/v1/assignments/{duty['id']}/review", "office", body):
            scene.tell("督", f"{number} {scene.name(duty['department'])}{shorten(told, 60)}")

    async def _read_ledger(self) -> None:
        """What is out with the departments, due soon and changed: some of them ask for more time."""
        scene = self._scene
        soon = due_by(scene.clock.now(), DUE_SOON_DAYS, scene.city.calendar).at
        for case in await self._list(OUT):
            number = case["number"]
            if self._seen.get(number) == case["version"] or datetime.fromisoformat(case["due_at"]) > soon:
                continue
            self._seen[number] = case["version"]
            record = await scene.call("GET", f"/v1/cases/{number}", "office")
            for duty in record["assignments"] if record else []:
                if duty["extension"] == "requested":
                    granted = scene.happens(GRANTS, "grants", number, duty["department"])
                    comment = scene.phrase("extension_granted" if granted else "extension_refused", number)
                    await self._decide(duty, number, granted, comment, f"延期申请:{comment}")
