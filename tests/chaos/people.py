"""Reporters who post until they are answered, departments that act by signed callbacks, the office that reviews.

Everybody keeps a book of what the service acknowledged; the account holds the database against it.
"""

import asyncio
import contextlib
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.models import new_id
from tests.bench.intake import TEXTS
from tests.chaos.departments import Departments

TRY_SECONDS = 40.0
PAUSE_SECONDS = 0.2
# Answers that say: later. Anything else at or above 500 is a defect.
LATER = {503, 507}
FEEDBACK = {"measures": "已发文取消该项要求。", "public_reply": "已取消,不再要求报送。"}


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A report that was answered 201."""

    key: str
    point: str
    text: str
    report: str
    case: str


@dataclass
class Book:
    """What the service told the people.

    Attributes:
        answers: how often each answer came, by what was asked and status; 0 where there was none.
        changed: retries that got another answer than the first time.
        callbacks: webhook-id → status it was answered with in the end.
        sent_again: events that the office took out of quarantine: later ones of their case went ahead.
    """

    reports: list[Acknowledged] = field(default_factory=list)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    changed: list[str] = field(default_factory=list)
    callbacks: dict[str, int] = field(default_factory=dict)
    reviews: dict[str, int] = field(default_factory=dict)
    sent_again: set[str] = field(default_factory=set)
    longest_silence: float = 0.0


class People:
    """All who use the service from outside.

    Args:
        ports: answers the ports to try.
        keys: reporters' keys by point; `office` is the office's key.
    """

    def __init__(
        self,
        ports: Callable[[], list[int]],
        keys: Mapping[str, str],
        office: str,
        departments: Departments,
        chance: random.Random,
    ) -> None:
        self._ports, self._keys, self._office = ports, dict(keys), office
        self._departments, self._chance = departments, chance
        self._serial = itertools.count(1)
        self._client = httpx.AsyncClient(timeout=TRY_SECONDS, limits=httpx.Limits(max_connections=200))
        self.book = Book()
        self._acting: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Whether a department or the office is about something that it was told of."""
        return bool(self._acting) or not self._departments.news.empty()

    async def aclose(self) -> None:
        await self._client.aclose()

    async def report_until(self, stop: asyncio.Event, pause: float) -> None:
        """Post reports one after another; each is posted again, under its key, until it is acknowledged."""
        while not stop.is_set():
            await self._report(next(self._serial))
            await asyncio.sleep(pause * self._chance.random() * 2)

    async def _report(self, number: int) -> None:
        point = self._chance.choice(sorted(self._keys))
        text = TEXTS[number % len(TEXTS)].format(n=number)
        key = new_id()
        headers = {"Authorization": f"Bearer {self._keys[point]}", "Idempotency-Key": key}
        answer = await self._insist("report", "/v1/reports", json.dumps({"text": text}).encode(), headers)
        if answer.status_code != 201:
            return
        receipt = answer.json()
        self.book.reports.append(Acknowledged(key, point, text, receipt["report"], receipt["case"]))
        if self._chance.random() < 0.05:
            again = await self._insist("again", "/v1/reports", json.dumps({"text": text}).encode(), headers)
            if again.content != answer.content:
                self.book.changed.append(key)

    async def act_on_news(self) -> None:
        """Departments and office do their part whenever a system has received something; runs until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                department, event = await self._departments.news.get()
                acting = tasks.create_task(self._act(department, event))
                self._acting.add(acting)
                acting.add_done_callback(self._acting.discard)

    async def _act(self, department: str, event: dict[str, Any]) -> None:
        duty = event["data"].get("assignment")
        if not duty or duty["kind"] != "assignment" or duty["role"] != "lead":
            return
        if event["type"] == "assignment.created":
            if await self._call_back(department, event, "acceptance", {}) != 200:
                return
            if await self._call_back(department, event, "feedback", FEEDBACK) == 200:
                await self._review(duty["id"], "first", accepted=False)
        elif event["type"] == "assignment.returned_to_department" and (
            await self._call_back(department, event, "feedback", FEEDBACK) == 200
        ):
            await self._review(duty["id"], "second", accepted=True)

    async def _call_back(self, department: str, event: dict[str, Any], word: str, data: dict[str, Any]) -> int:
        """Send one signed event, with one id and one body, until it is answered."""
        webhook_id = f"cb-{event['id']}-{word}"
        content = {"type": f"assignment.{word}", "data": {"assignment": event["data"]["assignment"]["id"], **data}}
        body = json.dumps(content, ensure_ascii=False).encode()
        answer = await self._insist(
            "callback",
            f"/v1/callbacks/{department}",
            body,
            lambda: self._departments.sign_callback(webhook_id, body),
        )
        self.book.callbacks[webhook_id] = answer.status_code
        return answer.status_code

    async def _review(self, assignment: str, turn: str, *, accepted: bool) -> None:
        key = f"review-{assignment}-{turn}"
        body = json.dumps({"accepted": accepted, "comment": "请附取消文件。"}).encode()
        headers = {"Authorization": f"Bearer {self._office}", "Idempotency-Key": key}
        answer = await self._insist("review", f"/v1/assignments/{assignment}/review", body, headers)
        self.book.reviews[key] = answer.status_code

    async def send_again(self, addresses: str) -> None:
        """As the office would: look at what stands in quarantine for decent systems and send it again.

        What was in hand of three workers that were killed one after another looks like what killed them.
        """
        headers = {"Authorization": f"Bearer {self._office}"}
        port = self._chance.choice(self._ports())
        with contextlib.suppress(httpx.HTTPError):
            url = f"http://127.0.0.1:{port}/v1/deliveries"
            found = await self._client.get(url, params={"status": "quarantined", "limit": 200}, headers=headers)
            for row in found.json() if found.status_code == 200 else []:
                if row["url"].endswith(addresses):
                    again = await self._client.post(f"{url}/{row['id']}/redelivery", headers=headers)
                    if again.status_code == 200:
                        self.book.sent_again.add(row["event"])

    async def _insist(
        self, what: str, path: str, body: bytes, headers: Mapping[str, str] | Callable[[], Mapping[str, str]]
    ) -> httpx.Response:
        """Post the same again and again, to whichever process is up, until there is an answer that is not `later`."""
        began = asyncio.get_running_loop().time()
        while True:
            given = headers() if callable(headers) else headers
            url = f"http://127.0.0.1:{self._chance.choice(self._ports())}{path}"
            try:
                answer = await self._client.post(
                    url, content=body, headers={"Content-Type": "application/json", **given}
                )
            except httpx.HTTPError:
                self.book.answers[what, 0] += 1
            else:
                self.book.answers[what, answer.status_code] += 1
                if answer.status_code < 500 and not _in_flight(answer):
                    self.book.longest_silence = max(
                        self.book.longest_silence, asyncio.get_running_loop().time() - began
                    )
                    return answer
                if answer.status_code >= 500 and answer.status_code not in LATER:
                    await asyncio.sleep(1)
            await asyncio.sleep(PAUSE_SECONDS * (0.5 + self._chance.random()))


def _in_flight(answer: httpx.Response) -> bool:
    """Another process changed the same row at the same moment: the same request is to be made again."""
    return answer.status_code == 409 and answer.json().get("code") == "concurrent_change"
