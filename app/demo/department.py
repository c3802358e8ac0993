"""The departments' own systems: one small HTTP server on a loopback socket that stands for all of them.

It does what any department's developer has to do: verify the signature, answer at once, drop what came twice, do the
work afterwards and report it by signed callbacks. It is slow or broken now and then.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import Iterable
from typing import Any

from app.deliver.signing import BadSignature, sign, verify
from app.demo.scene import Scene, shorten
from app.demo.work import answer_event

BROKEN, SLOW, SLOW_SECONDS = 0.04, 0.04, 2.0
LONGEST_HEAD, LONGEST_BODY = 16_384, 65_536
_REQUEST = re.compile(r"POST /([A-Z0-9-]{1,20}) HTTP/1\.[01]")


class DepartmentSystems:
    """Receives webhooks for every department that was connected; use `async with`."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._secrets: dict[str, str] = {}
        self._seen: set[str] = set()
        self._stumbled: set[str] = set()
        self._work: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._port = 0

    async def __aenter__(self) -> "DepartmentSystems":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=LONGEST_HEAD)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        if self._server:
            self._server.close()

    # ── being connected ──

    async def connect(self, departments: Iterable[str]) -> None:
        """Register an endpoint for each department that has none yet; its secret is shown this once."""
        for code in departments:
            if code in self._secrets:
                continue
            body = {"department": code, "url": f"http://127.0.0.1:{self._port}/{code}"}
            made = await self._scene.call("POST", "/v1/endpoints", "administrator", body)
            if made:
                self._secrets[code] = made["secret"]
                self._scene.counts["systems"] += 1

    # ── receiving ──

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request for each connection: enough for a demonstration."""
        with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            request, *lines = head.rstrip().split("\r\n")
            headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
            body = await reader.readexactly(min(int(headers.get("content-length", "0")), LONGEST_BODY))
            status = await self._receive(request, headers, body)
            writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()

    async def _receive(self, request: str, headers: dict[str, str], body: bytes) -> int:
        found = _REQUEST.match(request)
        code = found.group(1) if found else ""
        if code not in self._secrets:
            return 404
        try:
            webhook_id = verify([self._secrets[code]], headers, body, self._scene.clock.now())
        except BadSignature:
            self._scene.counts["bad signatures"] += 1
            return 401
        event = json.loads(body)
        if webhook_id in self._seen:
            self._scene.counts["duplicates"] += 1
            return 200
        if await self._stumbles(webhook_id, event, code):
            return 500
        self._seen.add(webhook_id)
        self._scene.counts["webhooks"] += 1
        task = asyncio.create_task(self._do(code, event))
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return 200

    async def _stumbles(self, webhook_id: str, event: dict[str, Any], code: str) -> bool:
        """Some systems fail at the first attempt, some are slow; the service has to cope with both."""
        scene, about = self._scene, (event["data"]["case"]["number"], event["type"], code)
        if webhook_id not in self._stumbled and scene.happens(BROKEN, "broken", *about):
            self._stumbled.add(webhook_id)
            scene.counts["failures"] += 1
            scene.tell("送", f"  {about[0]} {scene.name(code)} 的系统出错(500),稍后自动重推")
            return True
        if scene.happens(SLOW, "slow", *about):
            scene.counts["slow answers"] += 1
            await asyncio.sleep(SLOW_SECONDS)
        return False

    # ── answering ──

    async def _do(self, code: str, event: dict[str, Any]) -> None:
        number = event["data"]["case"]["number"]
        self._scene.tell("送", f"  {number} {self._scene.name(code)} 收到 {event['type']},签名已验证")
        async for action, data, words in answer_event(self._scene, code, event):
            status = await self._call_back(code, event["id"], action, data)
            if status == 200:
                self._scene.tell("办", f"  {number} {self._scene.name(code)} {shorten(words, 60)}")
            elif status != 409:
                self._scene.tell("！", f"  {number} {action} 得到 {status}")
            if status != 200:
                self._scene.counts[f"callbacks refused {status}"] += 1
                return

    async def _call_back(self, code: str, about: str, action: str, data: dict[str, Any]) -> int:
        """Send one signed event; the answer's status."""
        now = self._scene.clock.now()
        body = json.dumps({"type": action, "timestamp": now.isoformat(), "data": data}, ensure_ascii=False).encode()
        webhook_id, timestamp = f"demo_{about}_{action}", int(now.timestamp())
        headers = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign([self._secrets[code]], webhook_id, timestamp, body),
        }
        answer = await self._scene.wire.send("POST", f"/v1/callbacks/{code}", headers, body)
        self._scene.counts["callbacks"] += 1
        return answer.status
