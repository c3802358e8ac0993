"""The 45 observation points: they report, look at what became of it, and say whether the burden is really gone."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from app.demo.letters import Letter, LetterBox
from app.demo.profiles import (
    ANSWERS_AFTER_HOURS,
    COMES_BACK,
    COMES_BACK_AFTER_DAYS,
    IN_THE_SAME_WORDS,
    LOOKS_BACK_AFTER_HOURS,
    LOOKS_EVERY_DAYS,
    NO_LOOK_BACK,
    RELAPSED,
    STAYS_SILENT,
    STILL_THERE,
    STILL_THERE_AGAIN,
    UNHURRIED,
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
        self._ended: set[str] = set()
        self._looked_back: set[tuple[str, ...]] = set()
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
        scene, today = self._scene, self._scene.today
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
        body = letter.body(scene.today, ticked)
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
        scene.counts["reopened by report"] += receipt["reopened"]
        scene.letters[receipt["report"]] = letter
        scene.opened.setdefault(receipt["case"], receipt["report"])
        district = scene.city.pack.district(point.district)
        scene.tell("收", f"{district.name if district else ''}{point.name}：{shorten(letter.text, 48)}")
        scene.tell("分", f"  {receipt['case']} {_outcome(receipt)}")
        self._look_later(receipt["report"], 1)

    # ── looking and answering ──

    def _look_later(self, report: str, turn: int, *, unhurried: bool = False) -> None:
        async def look() -> None:
            await self._look(report, turn)

        days = self._scene.between(LOOKS_EVERY_DAYS, "look", report, turn)
        self._scene.later(days * DAY_HOURS * (UNHURRIED if unhurried else 1), look, "look", report)

    async def _look(self, report: str, turn: int) -> None:
        scene, letter = self._scene, self._scene.letters[report]
        seen = await scene.call("GET", f"/v1/reports/{report}", letter.point.code)
        if seen is None:
            return
        if seen["status"] == "closed":
            self._expect_return(report, letter)
            self._await_look_back(report, seen, turn)
            return
        times = self._answered.get(report, 0)
        if seen["verification"] != "asked" or scene.happens(STAYS_SILENT, "silent", report, times):
            self._look_later(report, turn + 1, unhurried=seen["status"] == "unresolved")
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
                "销", f"{answer['case']} 负担已减，销号并答复：{shorten(answer['replies'][-1]['text'].splitlines()[1])}"
            )
        else:
            scene.tell("督", f"{answer['case']} 观测点核实：{'已减' if relieved else '没有减下来，退回重办'} {comment}")

    # ── afterwards ──

    def _await_look_back(self, report: str, seen: dict[str, Any], turn: int) -> None:
        """Answer the question that is open, some while after it was asked; else be there when the next one is."""
        scene, look_backs = self._scene, seen["look_backs"]
        asked = next((q for q in look_backs if q["open"]), None)
        if asked is None:
            planned = min((q["due_at"] for q in look_backs if q["ended_at"] is None), default=None)
            if planned is not None:
                self._look_at(datetime.fromisoformat(planned), report, turn + 1)
            return

        async def answer() -> None:
            about = (report, asked["due_at"][:10])
            holds = not scene.happens(RELAPSED, "relapsed", *about)
            comment = scene.phrase("look_back_gone" if holds else "look_back_again", *about)
            body = {"holds": holds, "comment": comment or None}
            path, letter = f"/v1/reports/{report}/look-back", scene.letters[report]
            if said := await scene.call("POST", path, letter.point.code, body):
                scene.tell("销", f"{said['case']} 回头看：{'没有反弹' if holds else '反弹，重新挂账'} {comment}")
            self._look_later(report, turn + 1)

        # A point that reported twice is asked once, and answers once.
        question = (scene.letters[report].point.code, seen["case"], asked["due_at"])
        answered = question in self._looked_back
        self._looked_back.add(question)
        if answered or scene.happens(NO_LOOK_BACK, "no look back", report, asked["days"]):
            self._look_at(datetime.fromisoformat(asked["answer_by"]), report, turn + 1)
            return
        hours = scene.between(LOOKS_BACK_AFTER_HOURS, "looks back", report, asked["days"])
        scene.later(hours, answer, "look back", report)

    def _look_at(self, moment: datetime, report: str, turn: int) -> None:
        scene = self._scene

        async def look() -> None:
            await self._look(report, turn)

        hours = scene.between(LOOKS_BACK_AFTER_HOURS, "looks after", report, turn)
        scene.schedule.add(scene.course.after(max(moment, scene.clock.now()), hours), look, "look", report)

    def _expect_return(self, report: str, letter: Letter) -> None:
        """Some burdens come back months later, and are reported again: in the same words, or in others."""
        scene = self._scene
        if report in self._ended or not scene.happens(COMES_BACK, "comes back", report):
            return
        self._ended.add(report)
        again = replace(letter, days_ago=0)
        if not scene.happens(IN_THE_SAME_WORDS, "same words", report):
            again = self._box.write(letter.burden, letter.point, scene.today.year, "again", report)
            again = Letter(again.point, again.burden, scene.phrase("again", report) + again.text, hours=again.hours)

        async def send() -> None:
            scene.counts["came back"] += 1
            await self.send(again)

        days = scene.between(COMES_BACK_AFTER_DAYS, "back after", report)
        scene.later(days * DAY_HOURS, send, "point", letter.point.code, "again", report)


def _outcome(receipt: dict[str, Any]) -> str:
    decision = receipt["decision"]
    receivers = "、".join(r["name"] for r in decision["receivers"])
    due = (receipt["due_at"] or "")[5:10]
    kind = CATEGORIES[decision["category"]]
    if receipt["reopened"]:
        return f"已销号的负担又出现，重新挂账({kind})"
    if receipt["joined"]:
        return f"与在账事项相同，并入办理({kind})"
    match decision["route"]:
        case "escalation":
            return f"{kind} → 交 {receivers} 上报，{due} 前"
        case "assignment":
            return f"{kind} → 交办 {receivers},{due} 前反馈"
        case "consultation":
            return f"{kind} → 会商：{receivers}"
        case _:
            return f"{kind} → 送统筹部门分办({decision['reason']})"
