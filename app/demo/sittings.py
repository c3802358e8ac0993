"""The office's sessions: held as one where they can be, with a date or without, moved, called off; and concluded.

What a case's session needs next follows from how it stands now; nothing is remembered.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from app.demo.chance import roll
from app.demo.letters import read_phrases
from app.demo.profiles import (
    ABSENT,
    ADJOURNS,
    AGREES_ALL_THE_SAME,
    BATCHES,
    CALLS_OFF,
    DISSENTS,
    LETS_GO,
    MEETS,
    MORE_TIME,
    MOVES_MEETING,
    PLACES,
    SEVERAL_DUTIES,
    TAKES_OFF,
    WAITS_FOR_OPINIONS_DAYS,
)
from app.demo.scene import Scene
from app.demo.schedule import DAY_HOURS

Record = dict[str, Any]
OPEN = frozenset({"convened", "scheduled"})
MINUTES_LONG = 60


class Sittings:
    """What the office does about sessions."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    async def batch(self) -> None:
        """Hold sessions as one that meet the same departments."""
        scene = self._scene
        found = await scene.call("GET", "/v1/consultations/proposals", "office")
        for proposal in found["proposals"] if found else []:
            first, others = proposal["consultation"], proposal["sessions"]
            if not scene.happens(BATCHES, "batches", first, *others):
                continue
            if await scene.call("POST", f"/v1/consultations/{first}/batch", "office", {"sessions": others}):
                scene.counts["batched"] += len(others)
                scene.tell("商", f"{first} 合并召开：{'、'.join(others)}")

    async def go_on(self, record: Record) -> bool:
        """Do the next thing about a case's session; whether it is over for this case."""
        scene = self._scene
        session_id = next((c["id"] for c in record["consultations"] if c["status"] in OPEN), None)
        session = session_id and await scene.call("GET", f"/v1/consultations/{session_id}", "office")
        if not session:
            return False
        if session["meeting_at"]:
            start = datetime.fromisoformat(session["meeting_at"])
            if not scene.course.is_over(start + timedelta(minutes=MINUTES_LONG), scene.clock.now()):
                return False
            return await self._conclude(session, met=True)
        if not self._all_said(session):
            return False
        number = session["number"]
        if scene.happens(CALLS_OFF, "calls off", number):
            return await self._act(session, "cancellation", {"reason": scene.phrase("cancellations", number)}, "取消")
        if scene.happens(MEETS, "meets", number) and await self._schedule(session):
            return False
        return await self._conclude(session, met=False)

    def _all_said(self, session: Record) -> bool:
        """Whether all have said what their part is, or have had the time to."""
        if all(i["position"] for i in session["invitations"]):
            return True
        began = datetime.fromisoformat(session["convened_at"])
        return self._scene.course.after(began, WAITS_FOR_OPINIONS_DAYS * DAY_HOURS) <= self._scene.clock.now()

    async def _act(self, session: Record, path: str, body: Record, told: str) -> bool:
        done = await self._scene.call("POST", f"/v1/consultations/{session['id']}/{path}", "office", body)
        if done:
            self._scene.counts[f"session {path}"] += 1
            self._scene.tell("商", f"{session['number']} {told}")
        return bool(done)

    # ── date and place ──

    async def _schedule(self, session: Record) -> bool:
        """Fix a date that suits all; before that let go of who is not concerned, take off what is not ripe."""
        scene, number = self._scene, session["number"]
        await self._trim(session)
        place = roll(scene.seed, "place", number).choice(PLACES)
        times = await self._free_times(session)
        if not times and scene.happens(MORE_TIME, "more time", number):
            body = {"working_days": 5, "reason": scene.phrase("session_extensions", number)}
            await self._act(session, "extension", body, "延长会商时限")
            times = await self._free_times(session)
        if not times:
            return False
        body = {"meeting_at": times[0], "place": place, "minutes_long": MINUTES_LONG}
        if not await self._act(session, "schedule", body, f"定于 {times[0][:16]} 在{place}召开"):
            return False
        if len(times) > 1 and scene.happens(MOVES_MEETING, "moves meeting", number):
            self._move_later(session, times[-1], place)
        return True

    async def _free_times(self, session: Record) -> list[str]:
        path = f"/v1/consultations/{session['id']}/slots?minutes_long={MINUTES_LONG}&limit=4"
        found = await self._scene.call("GET", path, "office")
        return [slot["meeting_at"] for slot in found["slots"]] if found else []

    async def _trim(self, session: Record) -> None:
        scene, number = self._scene, session["number"]
        idle = [i["department"] for i in session["invitations"] if i["position"] == "not_concerned"]
        if idle and len(session["invitations"]) > 2 and scene.happens(LETS_GO, "lets go", number):
            body = {"withdraw": [min(idle)], "reason": scene.phrase("uninvited", number)}
            await self._act(session, "invitations", body, f"不再邀请{scene.name(min(idle))}")
        waiting = waiting_cases(session)
        if len(waiting) > 1 and scene.happens(TAKES_OFF, "takes off", number):
            body = {"case": waiting[-1]["case"], "reason": scene.phrase("withdrawals", number)}
            await self._act(session, "withdrawal", body, f"{waiting[-1]['case']} 移出议程")

    def _move_later(self, session: Record, to: str, place: str) -> None:
        scene, number = self._scene, session["number"]

        async def move() -> None:
            body = {"meeting_at": to, "place": place, "reason": scene.phrase("meeting_reasons", number)}
            await self._act(session, "schedule", body, f"改期至 {to[:16]}")

        scene.later(scene.between((1, 8), "moves after", number), move, "office", "moves", number)

    # ── the conclusion ──

    async def _conclude(self, session: Record, *, met: bool) -> bool:
        scene, number = self._scene, session["number"]
        waiting = waiting_cases(session)
        settled, adjourned = waiting, None
        if met and len(waiting) > 1 and scene.happens(ADJOURNS, "adjourns", number, session["meeting_at"]):
            times = await self._free_times(session)
            if times:
                settled, adjourned = waiting[:1], {"meeting_at": times[-1], "place": session["place"]}
        seats = [i["department"] for i in session["invitations"]]
        body = {
            "conclusions": [self._case_conclusion(number, item, seats) for item in settled],
            "minutes": scene.phrase("minutes", number),
            "attendance": list(self._attendance(session)) if met else [],
            "adjourned": adjourned,
        }
        if not await self._act(session, "conclusion", body, f"形成结论：{'、'.join(i['case'] for i in settled)}"):
            return False
        scene.counts["adjourned"] += adjourned is not None
        return adjourned is None

    def _case_conclusion(self, number: str, item: Record, seats: list[str]) -> Record:
        """Whoever said that it leads does; where nobody or several did, they come to agree, or the office rules."""
        scene, case = self._scene, item["case"]
        said = {p["department"]: p["position"] for p in item["positions"]}
        ranked = sorted(seats, key=lambda code: (said.get(code) != "lead", code))
        concerned = [code for code in ranked if said.get(code) != "not_concerned"] or ranked
        claims = sum(said.get(code) == "lead" for code in seats)
        conclusion: Record = {"case": case, "parts": [self._part(case, c, n == 0) for n, c in enumerate(concerned)]}
        if claims != 1 and not scene.happens(AGREES_ALL_THE_SAME, "agrees", number, case):
            unheard = [code for code in concerned[1:] if said.get(code) == "lead"] or concerned[:1]
            dissent = [code for code in unheard if scene.happens(DISSENTS, "dissents", number, case, code)]
            conclusion |= {"manner": "ruled", "reason": scene.phrase("ruled_reasons", number, case)}
            conclusion |= {
                "dissent": [{"department": c, "words": scene.phrase("dissents", number, case, c)} for c in dissent]
            }
        return conclusion

    def _part(self, case: str, department: str, lead: bool) -> Record:
        scene = self._scene
        part: Record = {"department": department, "lead": lead}
        if lead and scene.happens(SEVERAL_DUTIES, "several duties", case):
            words = roll(scene.seed, "obligations", case).sample(list(read_phrases()["obligations"]), 2)
            part["obligations"] = [
                {"obligation": words[0], "working_days": 5},
                {"obligation": words[1], "working_days": 25},
            ]
        return part

    def _attendance(self, session: Record) -> Iterable[Record]:
        """What the minutes say of those who had not answered."""
        for seat in session["invitations"]:
            if seat["answer"] is None:
                absent = self._scene.happens(ABSENT, "absent", session["number"], seat["department"])
                yield {"department": seat["department"], "attendance": "absent" if absent else "present"}


def waiting_cases(session: Record) -> list[Record]:
    """What is open on its agenda, by the cases' numbers."""
    return sorted((item for item in session["agenda"] if item["outcome"] is None), key=lambda item: str(item["case"]))
