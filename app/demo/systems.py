"""The departments' own systems: each verifies what it is sent, drops what came twice, and calls back, signed.

It is broken, slow or switched off now and then. What a department answers is not decided here.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from app.deliver.endpoints import register_endpoint
from app.deliver.guard import Guard
from app.deliver.signing import BadSignature
from app.demo.correspondent import Correspondent, Reception
from app.demo.profiles import BROKEN, TOO_LATE, is_down
from app.demo.scene import Scene
from app.directory.pack import Tier
from app.runtime import Runtime

Hear = Callable[[str, dict[str, Any]], None]


class Systems:
    """Stands for the systems of all departments; `hear` is told of each event once."""

    def __init__(self, scene: Scene, hear: Hear, *, calm: bool = False) -> None:
        self._scene, self._hear = scene, hear
        self._correspondents: dict[str, Correspondent] = {}
        self._seen: set[str] = set()
        self._stumbled: set[str] = set()
        self.calm = calm

    async def connect(self, runtime: Runtime, address: str) -> None:
        """Register every department of city and districts at `address`/CODE."""
        guard = Guard.of([], allow_loopback=True)
        codes = sorted(d.code for d in self._scene.city.pack.departments if d.tier is not Tier.PROVINCE)
        async with runtime.database.write() as session:
            for code in codes:
                _, secret = await register_endpoint(
                    session, code, f"{address}/{code}", runtime.sealer, guard, runtime.clock.now()
                )
                self._correspondents[code] = Correspondent(code, (secret,))
        self._scene.counts["systems"] = len(codes)

    def take(self, code: str, headers: Mapping[str, str], body: bytes) -> Reception:
        """Receive one webhook."""
        scene = self._scene
        if code not in self._correspondents:
            return Reception(404)
        now = scene.clock.now()
        if not self.calm and is_down(scene.seed, code, now, scene.city.calendar):
            scene.counts["unreachable"] += 1
            return Reception(None)
        try:
            webhook_id = self._correspondents[code].open(headers, body, now)
        except BadSignature:
            scene.counts["bad signatures"] += 1
            return Reception(401)
        if webhook_id in self._seen:
            scene.counts["duplicates"] += 1
            return Reception(200)
        return self._take_new(code, webhook_id, json.loads(body))

    def _take_new(self, code: str, webhook_id: str, event: dict[str, Any]) -> Reception:
        scene, about = self._scene, (event["data"]["case"]["number"], event["type"], code)
        if webhook_id not in self._stumbled and scene.happens(BROKEN, "broken", *about):
            self._stumbled.add(webhook_id)
            scene.counts["failures"] += 1
            scene.tell("送", f"  {about[0]} {scene.name(code)} 的系统出错(500)，稍后自动重推")
            return Reception(500)
        self._seen.add(webhook_id)
        scene.counts["webhooks"] += 1
        scene.tell("送", f"  {about[0]} {scene.name(code)} 收到 {event['type']}，签名已验证")
        self._hear(code, event)
        late = scene.happens(TOO_LATE, "slow", *about)
        scene.counts["slow answers"] += late
        return Reception(200, late)

    async def call_back(self, code: str, webhook_id: str, action: str, data: dict[str, Any]) -> int:
        """Send one signed event; the answer's status. The same id and data again get the same answer."""
        scene = self._scene
        answer = await self._correspondents[code].call_back(scene.wire, scene.clock.now(), webhook_id, action, data)
        scene.counts["callbacks"] += 1
        if not answer.is_success:
            scene.note_refusal(action, "/v1/callbacks", answer.status, answer.json())
        return answer.status
