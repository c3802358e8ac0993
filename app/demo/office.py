"""The coordinating office: looks at its desk a few times a day, takes up what waits, and reads its ledger daily."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from app.deadlines import due_by
from app.demo.chance import between, weighted
from app.demo.clusters import Clusters
from app.demo.leader import Leader
from app.demo.pausing import Pauses
from app.demo.profiles import GRANTS, TAKES_UP
from app.demo.reviewing import decide, review, revisit
from app.demo.ruling import rule
from app.demo.scene import Scene
from app.demo.schedule import DAY_HOURS
from app.demo.sittings import Sittings

LOOK_EVERY_HOURS = 3.0
# So many looks at the desk to one at the ledger; live, where a day is half a second, it would keep all others waiting.
LEDGER_EVERY, LEDGER_EVERY_LIVE = 3, 15
DUE_SOON_DAYS, REVISIT_DAYS = 8, 2
DESK = ("triage", "consulting", "in_review")
OUT = ("dispatched", "in_progress", "awaiting_province")
Record = dict[str, Any]


class Office:
    """One clerk's desk, and the leader behind it. A case is taken up once for each version it arrives with."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._seen: dict[str, int] = {}
        self._looks = 0
        self._sittings, self._clusters, self._leader = Sittings(scene), Clusters(scene), Leader(scene)
        self._pauses = Pauses(scene)
        self._acts: dict[str, Callable[[Record], Awaitable[None]]] = {
            "triage": self._rule,
            "consulting": self._consult,
            "in_review": self._review,
            "unresolved": self._revisit,
        }

    def open(self) -> None:
        """Begin to look at the desk, for ever."""
        self._leader.begin()
        self._look_later()

    def _look_later(self) -> None:
        self._scene.later(LOOK_EVERY_HOURS, self._look, "office", "look")

    async def _look(self) -> None:
        for case in await self._list(DESK):
            self._take_up_once(case)
        self._looks += 1
        if self._looks % (LEDGER_EVERY_LIVE if self._scene.aloud else LEDGER_EVERY) == 0:
            await self._read_ledger()
        self._look_later()

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

    def _take_up_once(self, case: Record) -> None:
        if self._seen.get(case["number"]) != case["version"]:
            self._seen[case["number"]] = case["version"]
            self._take_up_later(case)

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

    async def _review(self, record: Record) -> None:
        await review(self._scene, record)

    async def _revisit(self, record: Record) -> None:
        await revisit(self._scene, record)

    async def _consult(self, record: Record) -> None:
        if not await self._sittings.go_on(record):
            self._look_again_tomorrow(record["case"]["number"])

    def _look_again_tomorrow(self, number: str) -> None:
        async def forget() -> None:
            self._seen.pop(number, None)

        self._scene.later(DAY_HOURS / 2, forget, "office", "look again", number)

    # ── what is out ──

    async def _read_ledger(self) -> None:
        """Once a day: sessions to hold as one, cases that are one, clocks that run out soon, what leaders look at."""
        await self._sittings.batch()
        out, standing = await self._list(OUT), await self._list(("unresolved",))
        await self._clusters.compare([*await self._list(("triage", "consulting")), *out])
        soon = self._in_days(DUE_SOON_DAYS)
        for case in out:
            if datetime.fromisoformat(case["due_at"]) <= soon and self._seen.get(case["number"]) != case["version"]:
                self._seen[case["number"]] = case["version"]
                await self._look_at_duties(case["number"])
        for case in standing:
            if datetime.fromisoformat(case["due_at"]) <= self._in_days(REVISIT_DAYS):
                self._take_up_once(case)
        await self._leader.look()

    def _in_days(self, working_days: int) -> datetime:
        return due_by(self._scene.clock.now(), working_days, self._scene.city.calendar).at

    async def _look_at_duties(self, number: str) -> None:
        """Some ask for more time; some wait for others, and their clock may stand still."""
        scene = self._scene
        record = await scene.call("GET", f"/v1/cases/{number}", "office")
        for duty in record["assignments"] if record else []:
            if duty["extension"] == "requested":
                granted = scene.happens(GRANTS, "grants", number, duty["department"])
                comment = scene.phrase("extension_granted" if granted else "extension_refused", number)
                await decide(scene, duty, number, granted, comment, f"延期申请：{comment}")
            else:
                await self._pauses.consider(number, duty)
