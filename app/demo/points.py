"""The 45 observation points: they report, look at what became of it, and say whether the burden is really gone."""

from datetime import date, timedelta
from typing import Any

from app.demo.letters import Letter, LetterBox
from app.demo.profiles import (
    ANSWERS_AFTER_HOURS,
    COMES_BACK,
    COMES_BACK_AFTER_DAYS,
    LOOKS_EVERY_DAYS,
    STAYS_SILENT,
    STILL_THERE,
    STILL_THERE_AGAIN,
)
from app.demo.scene import CATEGORIES, Scene, shorten
from app.demo.schedule import DAY_HOURS

SENT_TWICE = 0.02
LIVE_MEAN_SECONDS, LIVE_AT_ONCE = 1.2, 3


class Points:
    """What the points know and do."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        pack = scene.city.pack
        self._answered: dict[str, int] = {}
        self._box = LetterBox(scene.seed, pack.observation_points, {d.code: d for d in pack.districts})

    # ── writing ──

    def expect_day(self, day: date, per_day: float) -> None:
        """Put what a day brings on the schedule."""
        calendar = self._scene.city.calendar
        for number, (moment, letter) in enumerate(self._box.day(day, calendar, per_day)):
            self._expect(letter, moment, day, number)

    def _expect(self, letter: Letter, moment: Any, *name: object) -> None:
        async def send() -> None:
            await self.send(letter)

        self._scene.schedule.add(moment, send, "point", letter.point.code, *name)

    def keep_writing(self, tempo: float) -> None:
        """Live: letters without end, one every moment, the first few at once."""
        scene, today = self._scene, self._today()
        waiting: list[Letter] = []
        sent = 0

        async def send_next() -> None:
            nonlocal sent
            if not waiting:
                waiting.extend(self._box.voices(today, 1_000 + sent))
            sent += 1
            await self.send(waiting.pop(0))
            expect_next()

        def expect_next() -> None:
            pause = scene.between((0.2, 2 * LIVE_MEAN_SECONDS - 0.2), "pause", sent) * tempo
            moment = scene.clock.now() + timedelta(seconds=pause if sent >= LIVE_AT_ONCE else 0)
            scene.schedule.add(moment, send_next, "next letter", sent)

        expect_next()

    async def send(self, letter: Letter) -> None:
        """Send one report. Now and then the connection breaks and it is sent once more: it may not count twice."""
        scene, point = self._scene, letter.point
        ticked = scene.find_department(letter.burden.line, letter.burden.tier, point.district)
        body = letter.body(self._today(), ticked)
        key = f"{point.code}-{scene.counts['reports']}"
        receipt = await scene.call("POST", "/v1/reports", point.code, body, key)
        if receipt is None:
            return
        if scene.happens(SENT_TWICE, "sent twice", receipt["report"]):
            scene.counts["sent twice"] += 1
            await scene.call("POST", "/v1/reports", point.code, body, key)
        scene.counts["reports"] += 1
        scene.counts[receipt["decision"]["category"]] += 1
        scene.counts["joined"] += receipt["joined"]
        scene.letters[receipt["report"]] = letter
        district = scene.city.pack.district(point.district)
        scene.tell("收", f"{district.name if district else ''}{point.name}:{shorten(letter.text, 48)}")
        scene.tell("分", f"  {receipt['case']} {_outcome(receipt)}")
        self._look_later(receipt["report"], 1)

    # ── looking and answering ──

    def _look_later(self, report: str, turn: int) -> None:
        async def look() -> None:
            await self._look(report, turn)

        days = self._scene.between(LOOKS_EVERY_DAYS, "look", report, turn)
        self._scene.later(days * DAY_HOURS, look, "look", report)

    async def _look(self, report: str, turn: int) -> None:
        scene, letter = self._scene, self._scene.letters[report]
        seen = await scene.call("GET", f"/v1/reports/{report}", letter.point.code)
        if seen is None:
            return
        if seen["status"] == "closed":
            self._expect_return(report, letter)
            return
        times = self._answered.get(report, 0)
        if seen["verification"] != "asked" or scene.happens(STAYS_SILENT, "silent", report, times):
            self._look_later(report, turn + 1)
            return

        async def answer() -> None:
            await self._verify(report, letter)
            self._look_later(report, turn + 1)

        scene.later(scene.between(ANSWERS_AFTER_HOURS, "answers", report, times), answer, "answer", report)

    async def _verify(self, report: str, letter: Letter) -> None:
        scene = self._scene
        times = self._answered[report] = self._answered.get(report, 0) + 1
        relieved = not scene.happens(STILL_THERE if times == 1 else STILL_THERE_AGAIN, "gone", report, times)
        comment = scene.phrase("gone" if relieved else "not_gone", report, times)
        body = {"relieved": relieved, "comment": comment or None}
        answer = await scene.call("POST", f"/v1/reports/{report}/verification", letter.point.code, body)
        if answer is None:
            return
        if answer["status"] == "closed":
            scene.tell(
                "销", f"{answer['case']} 负担已减,销号并答复:{shorten(answer['replies'][-1]['text'].splitlines()[1])}"
            )
        else:
            scene.tell("督", f"{answer['case']} 观测点核实:{'已减' if relieved else '没有减下来,退回重办'} {comment}")

    def _expect_return(self, report: str, letter: Letter) -> None:
        """Some burdens come back months later, and are reported again."""
        scene = self._scene
        if not scene.happens(COMES_BACK, "comes back", report):
            return
        today = self._today()
        again = self._box.write(letter.burden, letter.point, today.year, "again", report)
        again = Letter(again.point, again.burden, scene.phrase("again", report) + again.text, hours=again.hours)

        async def send() -> None:
            scene.counts["came back"] += 1
            await self.send(again)

        days = scene.between(COMES_BACK_AFTER_DAYS, "back after", report)
        scene.later(days * DAY_HOURS, send, "point", letter.point.code, "again", report)

    def _today(self) -> date:
        return self._scene.clock.now().astimezone(self._scene.city.calendar.zone).date()


def _outcome(receipt: dict[str, Any]) -> str:
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
