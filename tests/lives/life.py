"""One life: a city with several cases, everybody who may touch them, and steps that each come from one number."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from standardwebhooks import Webhook

from app.clock import FixedClock
from app.close.interim import DELAY_TOLD
from app.deliver.endpoints import register_endpoint
from app.deliver.guard import Guard
from app.flow.clocks import Recounter
from app.flow.digest import Digester
from app.flow.look_back import LookBacks
from app.flow.supervision import Supervisor
from app.models import CaseStatus, Role
from app.supervise import look_back
from app.supervise.notice import TELLING
from app.supervise.recount import RECOUNTING
from tests.city import CityUnderTest
from tests.lives import checks
from tests.lives.attempt import AUDITOR, CLERKS, OUTSIDER, STRANGER, Actor, Attempt, Audience, Chance
from tests.lives.moves import BEGINNINGS, draw, lead, make
from tests.lives.world import Row, World, differences, look
from tests.receiver import TEST_SECRET

# The start of each life: an ordinary Monday, the eve of 国庆, and a year's end whose next calendar is not announced.
STARTS = tuple(
    datetime.fromisoformat(f"{moment}+08:00").astimezone(UTC)
    for moment in ("2026-03-02T09:30", "2026-09-28T15:00", "2026-12-21T10:00")
)
LONGEST_JUMP_DAYS, LOOKED_BACK_AFTER_DAYS = 10, 31
KINDS = {"one": 60, "race": 13, "busy": 3, "repeat": 4, "outsider": 11, "worker": 9}
WORKERS_OWN = (
    TELLING | RECOUNTING | {DELAY_TOLD, look_back.ASKED, look_back.LAPSED, "verification.lapsed", "assignment.resumed"}
)
BESIDE_THE_WORKER = "beside the worker"
REFUSALS = frozenset({403, 404, 409, 422})


class Broken(AssertionError):
    """Something did not hold; says what was done until then."""


@dataclass
class Life:
    """`tally` counts what was tried by move and answer, over many lives."""

    city: CityUnderTest
    clock: FixedClock
    tally: Counter[tuple[str, str]] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)
    world: World = field(default_factory=lambda: World({}))
    systems: set[str] = field(default_factory=set)
    serial: int = 0

    async def begin(self, seed: int) -> None:
        """A moment to start, some reports, and what leads to where chance alone hardly comes."""
        dice = random.Random(seed)
        self.clock.set(dice.choice(STARTS))
        self.world = await look(self.city)
        for _ in range(dice.randint(2, 4)):
            first = make("report", self.chance(dice), "")
            assert first is not None
            await self.one(first)
        cases = self.world.all("cases")
        dispatched = [c for c in cases if c["status"] == CaseStatus.DISPATCHED]
        case = (dispatched or cases)[0]["id"]
        for step in dice.choice(BEGINNINGS):
            if isinstance(step, int):
                self.clock.advance(days=step)
                await self.look_until_nothing_is_due()
            elif (attempt := lead(step, self.chance(dice), case)) is not None:
                await self.one(attempt)

    def chance(self, dice: random.Random) -> Chance:
        return Chance(dice, self.world, self.clock.now())

    async def step(self, seed: int) -> None:
        """One move, several at once, one by somebody it is not for, or the worker after some days. 0 does nothing."""
        if not seed:
            return
        dice = random.Random(seed)
        self.clock.advance(minutes=dice.randint(1, 90))
        kind = dice.choices(list(KINDS), list(KINDS.values()))[0]
        if kind == "worker":
            await self.work(dice)
            return
        cases = self.world.all("cases")
        case = dice.choice(cases[:2] if dice.random() < 0.7 else cases)["id"]
        attempt = draw(self.chance(dice), case)
        if attempt is None:
            return
        if kind == "race":
            await self.race(
                [attempt, *filter(None, (self.rival(dice, attempt, case) for _ in range(dice.randint(1, 2))))]
            )
        elif kind == "busy":
            await self.beside_the_worker(dice, attempt)
        elif kind == "repeat":
            await self.repeat(attempt)
        elif kind == "outsider":
            await self.outsider(dice, attempt)
        else:
            await self.one(attempt, by_callback=dice.random() < 0.3)

    def rival(self, dice: random.Random, attempt: Attempt, case: str) -> Attempt | None:
        """Who acts at the same moment: with something else on the same case, or with the very same act."""
        return attempt if dice.random() < 0.3 else draw(self.chance(dice), case)

    # ── kinds of step ──

    async def one(self, attempt: Attempt, *, by_callback: bool = False) -> None:
        answer = await (self.call(attempt) if by_callback and attempt.callback else self.post(attempt))
        await self.judge([attempt], [answer], "callback" if by_callback and attempt.callback else "one")
        if attempt.legal is not None and (answer.status_code < 400) is not attempt.legal:
            self.fail(f"the tables say {attempt.legal}: {attempt} → {answer.status_code} {answer.text}")

    async def race(self, attempts: Sequence[Attempt]) -> None:
        """Two or three at once. What goes through could have been done in some order; nothing else has happened."""
        for attempt in attempts:
            await self.client(attempt.actor)
        answers = await asyncio.gather(*map(self.post, attempts))
        before = self.world
        await self.judge(attempts, answers, "at once")
        accepted = [a for a, answer in zip(attempts, answers, strict=True) if answer.status_code < 400]
        if not checks.is_in_some_order(before, accepted):
            self.fail(f"no order allows all of {[str(a) for a in accepted]}")

    async def repeat(self, attempt: Attempt) -> None:
        """The same request twice at once, as a caller does that heard no answer: one effect, the same answer."""
        self.serial += 1
        await self.client(attempt.actor)
        if attempt.callback:
            await self.connect(attempt.actor.holder)
            name = f"repeat-{self.serial}"
            answers = await asyncio.gather(*(self.call(attempt, name) for _ in range(2)))
        else:
            key = {"Idempotency-Key": str(UUID(int=self.serial))}
            answers = await asyncio.gather(*(self.post(attempt, key) for _ in range(2)))
        if answers[0].status_code < 400 and answers[0].content != answers[1].content:
            self.fail(f"two answers to one request: {answers[0].text} {answers[1].text}")
        # Each look at a contact is an event of its own: no answer to it is kept for a retry.
        effects = 2 if attempt.path.endswith("/contact-view") else 1
        await self.judge([attempt] * effects, answers[:effects], "repeated")

    async def outsider(self, dice: random.Random, attempt: Attempt) -> None:
        """Somebody the act is not for: refused with 403 or 404, and nothing has changed. Reading is refused too."""
        actor, status = dice.choice(self.outsiders(attempt))
        answer = await self.post(replace(attempt, actor=actor))
        if answer.status_code != status:
            self.fail(f"outsider {actor.holder}: {attempt} → {answer.status_code} {answer.text}")
        if attempt.callback and dice.random() < 0.5:
            called = await self.call(replace(attempt, actor=Actor(Role.DEPARTMENT, OUTSIDER)))
            if called.status_code != 404:
                self.fail(f"outsider by callback: {attempt} → {called.status_code} {called.text}")
        case = attempt.cases[0] if attempt.cases else self.world.all("cases")[0]["id"]
        for person, path in self.private(case):
            read = await (await self.client(person)).get(path)
            if read.status_code != 404:
                self.fail(f"outsider {person.holder} reads {path}: {read.status_code}")
        await self.judge([attempt], [answer], "outsider")

    def outsiders(self, attempt: Attempt) -> list[tuple[Actor, int]]:
        bureau, stranger = Actor(Role.DEPARTMENT, OUTSIDER), Actor(Role.REPORTER, STRANGER)
        if attempt.audience in checks.DEPARTMENTS_OWN:
            involved = {a["department_code"] for a in self.world.all("assignments")} - {attempt.actor.holder}
            others = involved if attempt.audience is Audience.DUTY else set()
            neighbours = [(Actor(Role.DEPARTMENT, code), 404) for code in sorted(others)]
            return [(bureau, 404), (stranger, 403), (CLERKS[0], 403), (AUDITOR, 403), *neighbours]
        if attempt.audience is Audience.POINT:
            strangers = [(stranger, 404)] if attempt.cases else []
            return [(bureau, 403), (CLERKS[0], 403), *strangers]
        office = [(bureau, 403), (stranger, 403), (AUDITOR, 403)]
        return [*office, (CLERKS[0], 403)] if attempt.audience is Audience.LEADER else office

    def private(self, case: str) -> list[tuple[Actor, str]]:
        """What an outsider must not find."""
        number = self.world.number(case)
        bureau, stranger = Actor(Role.DEPARTMENT, OUTSIDER), Actor(Role.REPORTER, STRANGER)
        paths = [(bureau, f"/v1/cases/{number}"), (bureau, f"/v1/cases/{number}/events")]
        paths += [(bureau, f"/v1/consultations/{c['id']}") for c in self.world.sessions_on(case)[:1]]
        return paths + [(stranger, f"/v1/reports/{r['number']}") for r in self.world.reports(case)[:1]]

    def pass_days(self, dice: random.Random) -> None:
        days = LOOKED_BACK_AFTER_DAYS if dice.random() < 0.15 else dice.randint(0, LONGEST_JUMP_DAYS)
        self.clock.advance(days=days, hours=dice.randint(0, 9))

    def looks(self) -> list[Callable[[], Awaitable[bool]]]:
        """What a worker's steps look at; one that has just started, as each time."""
        parts = (self.city.runtime.database, self.city.clock, self.city.runtime.cities)
        digester = Digester(*parts, "http://yilong.test")
        return [Recounter(*parts).look, Supervisor(*parts).look, LookBacks(*parts).look, digester.make]

    async def work(self, dice: random.Random) -> None:
        """Days go by; the worker looks until it finds nothing."""
        self.pass_days(dice)
        await self.look_until_nothing_is_due()

    async def look_until_nothing_is_due(self) -> None:
        looks = self.looks()
        for _ in range(200):
            if not any([await look_once() for look_once in looks]):
                break
        else:
            self.fail("the worker goes round in circles")
        before, self.world = self.world, await look(self.city)
        told = self.world.events_since(before)
        self.log.append(f"worker at {self.clock.now().isoformat()[:16]}: {dict(Counter(e['type'] for e in told))}")
        self.tally["worker", "done"] += 1
        self.prove([f"the worker did {e['type']} as {e['actor']}" for e in told if not is_workers(e)])
        self.prove(checks.moved_by_the_tables(before, self.world, 3))
        await self.prove_the_ledger(before)

    async def beside_the_worker(self, dice: random.Random, attempt: Attempt) -> None:
        """Days go by, and somebody acts while two workers look at the clocks."""
        self.pass_days(dice)
        await self.client(attempt.actor)
        looks = [look_once() for _ in range(2) for look_once in self.looks()[1:3]]
        answer, _ = await asyncio.gather(self.post(attempt), asyncio.gather(*looks))
        await self.judge([replace(attempt, follows=attempt.follows | WORKERS_OWN)], [answer], BESIDE_THE_WORKER)

    # ── judging ──

    async def judge(self, attempts: Sequence[Attempt], answers: Sequence[httpx.Response], kind: str) -> None:
        before, self.world = self.world, await look(self.city)
        for attempt, answer in zip(attempts, answers, strict=True):
            code = "" if answer.status_code < 400 else answer.json().get("code", "")
            self.log.append(f"{kind}: {attempt} → {answer.status_code} {code}")
            self.tally[attempt.move, "done" if answer.status_code < 400 else kind_of_refusal(kind)] += 1
            if answer.status_code >= 400 and answer.status_code not in REFUSALS:
                self.fail(answer.text)
        accepted = [a for a, answer in zip(attempts, answers, strict=True) if answer.status_code < 400]
        if not accepted and kind != BESIDE_THE_WORKER:
            # Every row is what it was when the ledger was proved last.
            self.prove([f"refused, but changed: {line}" for line in differences(before, self.world)])
            return
        if accepted:
            self.prove(checks.left_their_events(before, self.world, accepted))
        else:
            others = [e for e in self.world.events_since(before) if not is_workers(e)]
            self.prove([f"refused, but recorded: {event}" for event in others])
        self.prove(checks.moved_by_the_tables(before, self.world, 2 * len(attempts)))
        if kind != BESIDE_THE_WORKER:
            self.prove(checks.kept_the_promise(before, self.world, accepted))
        self.prove(checks.was_not_passed_around(self.world))
        await self.prove_the_ledger(before)

    async def prove_the_ledger(self, before: World) -> None:
        self.prove(checks.only_grew(before, self.world))
        self.prove(checks.tells_people_little(before, self.world))
        self.prove(await checks.holds(self.city))

    def prove(self, faults: Sequence[str]) -> None:
        if faults:
            self.fail("; ".join(faults))

    def fail(self, what: str) -> None:
        raise Broken("\n".join([what, "what was done:", *self.log]))

    # ── the interface ──

    async def client(self, actor: Actor) -> httpx.AsyncClient:
        return await self.city.client(actor.role, actor.holder)

    async def post(self, attempt: Attempt, headers: dict[str, str] | None = None) -> httpx.Response:
        client = await self.client(attempt.actor)
        if attempt.content is not None:
            return await client.post(attempt.path, content=attempt.content, headers=headers)
        return await client.post(attempt.path, json=attempt.body, headers=headers)

    async def connect(self, code: str) -> None:
        """Give a department a system that may sign, with its first event."""
        if code in self.systems:
            return
        self.systems.add(code)
        runtime = self.city.runtime
        guard = Guard.of([], allow_loopback=True)
        async with runtime.database.write() as session:
            await register_endpoint(
                session, code, "http://127.0.0.1:9/hook", runtime.sealer, guard, self.clock.now(), secret=TEST_SECRET
            )

    async def call(self, attempt: Attempt, name: str | None = None) -> httpx.Response:
        """The same act as the signed event of the department's system."""
        await self.connect(attempt.actor.holder)
        self.serial += 1
        subject = "assignment" if attempt.duty else "consultation"
        found = attempt.duty or attempt.path.split("/")[3]
        data: dict[str, Any] = {subject: found, **attempt.body}
        body = json.dumps({"type": attempt.callback, "data": data}, ensure_ascii=False)
        serial, now = name or f"call-{self.serial}", self.clock.now()
        headers = {
            "webhook-id": serial,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(TEST_SECRET).sign(serial, now, body),
        }
        async with self.city.anonymous() as system:
            path = f"/v1/callbacks/{attempt.actor.holder}"
            return await system.post(path, content=body.encode(), headers=headers)


def kind_of_refusal(kind: str) -> str:
    return "outsider" if kind == "outsider" else "refused"


def is_workers(event: Row) -> bool:
    """Whether an event only says that time has passed."""
    return event["actor"] == "system" and event["type"] in WORKERS_OWN
