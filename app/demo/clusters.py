"""How the office treats suggested pairs: merges what is one burden, now and then by mistake, and splits it again."""

from typing import Any

from app.demo.profiles import MERGES, MERGES_WRONGLY, SPLITS_AFTER_DAYS, SPLITS_AGAIN
from app.demo.scene import Scene
from app.demo.schedule import DAY_HOURS

Record = dict[str, Any]


class Clusters:
    """Looks once at each new case, whether it is one that is there already."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._compared: set[str] = set()

    async def compare(self, cases: list[Record]) -> None:
        """Compare those that were not compared yet, in the order of their numbers."""
        for number in sorted(case["number"] for case in cases if case["number"] not in self._compared):
            self._compared.add(number)
            found = await self._scene.call("GET", f"/v1/cases/{number}/similar", "office")
            for pair in sorted(found["similar"] if found else [], key=lambda p: str(p["case"])):
                self._scene.counts["suggested pairs"] += 1
                if await self._merge(*sorted((number, pair["case"]))):
                    break

    async def _merge(self, older: str, newer: str) -> bool:
        scene, same = self._scene, self._is_one(older, newer)
        if not scene.happens(MERGES if same else MERGES_WRONGLY, "merges", older, newer):
            return False
        body = {"cases": [newer], "reason": scene.phrase("merge_reasons", older, newer)}
        if not await scene.call("POST", f"/v1/cases/{older}/merge", "office", body):
            return False
        scene.counts["merged"] += 1
        scene.tell("转", f"{newer} 与 {older} 是同一负担，并案办理")
        if not same or scene.happens(SPLITS_AGAIN, "splits", older, newer):
            self._split_later(older, newer)
        return True

    def _is_one(self, older: str, newer: str) -> bool:
        """What a person sees who reads both: one burden, and of one place where it is imposed there."""
        scene = self._scene
        one, other = (scene.letters.get(scene.opened.get(number, "")) for number in (older, newer))
        if one is None or other is None or one.burden is not other.burden:
            return False
        return one.burden.tier in {"municipal", "province"} or one.point.district == other.point.district

    def _split_later(self, survivor: str, merged: str) -> None:
        scene = self._scene

        async def split() -> None:
            record = await scene.call("GET", f"/v1/cases/{survivor}", "office")
            reports = [r["number"] for r in record["reports"] if r["came_from"] == merged] if record else []
            if not reports or record["case"]["status"] == "closed":
                return
            reason = scene.phrase("split_reasons", survivor, merged)
            body = {"reports": reports, "reason": reason, "version": record["case"]["version"]}
            if await scene.call("POST", f"/v1/cases/{survivor}/split", "office", body):
                scene.counts["split"] += 1
                scene.tell("转", f"{merged} 与 {survivor} 不是一件事，恢复单独办理")

        days = scene.between(SPLITS_AFTER_DAYS, "splits after", survivor, merged)
        scene.later(days * DAY_HOURS, split, "office", "split", survivor, merged)
