"""One run on one database: rounds over every operation and every caller, each with a share, until the time is up."""

import json
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from schemathesis import Case
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

from app.clock import FixedClock
from app.deliver.signing import sign
from app.main import PUBLIC
from tests.access.routes import Route, routes_of
from tests.access.scene import DEPARTMENTS, Half, Scene
from tests.city import CityUnderTest
from tests.fuzz import hostile
from tests.fuzz.account import Account
from tests.fuzz.drafts import Drafts, operations_of
from tests.fuzz.judge import Sent, faults_of
from tests.fuzz.known import Holder, Known, kind_of_parameter, with_known
from tests.fuzz.samples import pair, sample
from tests.fuzz.wire import Answer, Wire, prepared, send, wire_of
from tests.fuzz.world import callers_of, faults_in, give_key, world
from tests.sweep import the_sweep

# How often each way of making a request is taken by somebody who may, and how often somebody calls who may not.
WAYS = {"plain": 20, "real": 20, "bound": 40, "random": 3, "random bad": 2, "hostile": 30}
STRANGERS = 0.04
# A key of the generator's would meet its own request again, and be answered from memory.
KEEPS_KEY = 0.1
CALLBACKS = "POST /v1/callbacks/"
PROBLEM_CODE = re.compile(rb'"code": ?"(\w+)"')
NOBODY = Holder("nobody", None)


# What each database gets within `make test`: always the same requests, fewer of them where the machine is slow.
MINUTE: Final[Mapping[str, Any]] = {"seconds": 55.0, "least": 2, "most": 12, "stay": 6}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: at least `least` rounds, then up to `most` while there are seconds left; a new world every `stay`."""

    kind: str
    seconds: float
    seed: int = 1
    least: int = 2
    most: int = 10**9
    stay: int = 8
    only: tuple[str, ...] = ("",)


@dataclass
class Field:
    """One world under fire."""

    scene: Scene
    holders: list[Holder]
    routes: dict[str, Route]
    drafts: dict[str, Drafts]
    account: Account
    dice: random.Random
    known: Known

    @property
    def city(self) -> CityUnderTest:
        return self.scene.city

    def allows(self, label: str, holder: Holder) -> bool:
        route = self.routes.get(label)
        return route is None or not route.permissions or route.path in PUBLIC or route.allows(holder.role)

    async def call(self, label: str, holder: Holder, how: str) -> None:
        """One request of one kind by one caller; what is wrong with its answer goes to the account."""
        case = self._draft(label, how)
        if case is None:
            how, case = "real", self.drafts[label].good(self.dice)
        half, plain = self.dice.choice(sorted(DEPARTMENTS)), how == "plain"
        if how in {"plain", "real", "hostile"}:
            signer = Holder(f"department {half}", None) if label.startswith(CALLBACKS) else holder
            self._fill(label, signer, case, plain=plain)
        self._point(holder, case, keeps_key=0 if plain else KEEPS_KEY)
        if plain and (matched := pair(label, self.scene, self.dice)):
            place, case.body = matched
            case.path_parameters = dict.fromkeys(case.path_parameters, place)
        request = prepared(case)
        wire, spoilt = wire_of(request, holder.key), ""
        if how == "hostile":
            spoilt, wire = hostile.spoil(self.dice, wire)
        if label.startswith(CALLBACKS) and self.dice.random() < 0.8:
            wire = self._signed(half, wire)
        answer = await self._exchange(wire)
        elsewhere = spoilt == "odd_path" or case.method != case.operation.method.upper()
        allowed = self.allows(label, holder if spoilt != "odd_key" else NOBODY)
        self._keep(label, holder, f"{how} {spoilt}".strip(), wire, answer)
        for fault in faults_of(Sent(case, request, allowed, not spoilt, elsewhere), answer):
            self.account.find(label, fault, holder.name, f"{how} {spoilt}".strip(), wire)
        if answer.status == 401 and holder.key and spoilt != "odd_key" and not label.startswith(CALLBACKS):
            await give_key(self.scene, holder)
        if 200 <= answer.status < 300 and not elsewhere:
            self.known.learn(holder, case.path, answer.body)

    def _draft(self, label: str, how: str) -> Case[Any] | None:
        drafts = self.drafts[label]
        if how == "bound":
            return drafts.next_bound()
        if how.startswith("random"):
            return drafts.next_random(GenerationMode.NEGATIVE if how.endswith("bad") else GenerationMode.POSITIVE)
        return drafts.good(self.dice)

    def _fill(self, label: str, holder: Holder, case: Case[Any], *, plain: bool) -> None:
        """A body that is taken, or else the generated one, with real objects; not `plain`: and something odd."""
        dice, made = self.dice, case.body
        known = sample(label, self.routes.get(label), self.scene, dice)
        if isinstance(known, bytes):
            case.body = known
            return
        if known is not None and (plain or dice.random() < 0.85):
            if isinstance(made, dict) and made and not plain and dice.random() < 0.3:
                name = dice.choice(sorted(made))
                known = known | {name: made[name]}
            made = known
        if isinstance(made, dict):
            if dice.random() < 0.8:
                made = {name: member for name, member in made.items() if name != "version"}
            if not plain and dice.random() < 0.25 and (places := list(hostile.leaves(made))):
                made = hostile.replaced(made, dice.choice(places), dice.choice(hostile.ODD_TEXTS))
            share = 0.95 if label.startswith(CALLBACKS) else 0.3 if plain else 0.6
            case.body = with_known(made, dice, holder, self.known, share)

    def _point(self, holder: Holder, case: Case[Any], *, keeps_key: float) -> None:
        """Real names in the path and the query most of the time, and a key for retries seldom."""
        dice = self.dice
        for name in list(case.path_parameters):
            real = self.known.pick(dice, holder, kind_of_parameter(case.path, name))
            if real is not None and dice.random() < 0.85:
                case.path_parameters = {**case.path_parameters, name: real}
        if case.query and dice.random() < 0.5:
            case.query = with_known(case.query, dice, holder, self.known, 0.5)
        # What is bad about a header has to stay: the answer is judged by it.
        if dice.random() >= keeps_key and not (case.meta and case.meta.is_negative_at(ParameterLocation.HEADER)):
            for name in [n for n in case.headers if n.lower() == "idempotency-key"]:
                del case.headers[name]

    def _signed(self, half: Half, wire: Wire) -> Wire:
        """Truly signed, at the right address, so that what it says is looked at."""
        message, moment = f"m{self.dice.randrange(400)}", int(self.city.clock.now().timestamp())
        signature = sign([self.scene.secrets[half]], message, moment, wire.body)
        wire = replace(wire, target=f"{CALLBACKS.removeprefix('POST ')}{DEPARTMENTS[half]}".encode())
        for name, value in (("id", message), ("timestamp", str(moment)), ("signature", signature)):
            wire = wire.with_header(f"webhook-{name}".encode(), value.encode())
        return wire

    async def _exchange(self, wire: Wire) -> Answer:
        """Send a second after the one before, so that limits by time are met as by an ordinary sender."""
        clock = self.city.clock
        assert isinstance(clock, FixedClock)
        clock.advance(seconds=1)
        return await send(self.city.application, wire)

    def _keep(self, label: str, holder: Holder, how: str, wire: Wire, answer: Answer) -> None:
        account = self.account
        account.ways[how] += 1
        account.roles[holder.name] += 1
        account.statuses[label][answer.status] += 1
        account.callers[label].add(holder.name)
        account.spent[label] += answer.seconds
        if code := PROBLEM_CODE.search(answer.body):
            account.refusals[label][code[1].decode()] += 1
        if holder.role and holder.role.value == "department":
            the_sweep().look("answers to departments", answer.body)


def turns(field: Field, first: bool) -> list[tuple[str, Holder, str]]:
    """One round: who calls what in which way. In the first everybody calls everything."""
    dice = field.dice
    planned = [
        (label, holder, "plain" if first else dice.choices(list(WAYS), list(WAYS.values()))[0])
        for label in field.drafts
        for holder in field.holders
        if first or field.allows(label, holder) or dice.random() < STRANGERS
    ]
    dice.shuffle(planned)
    return planned


def _is_wanted(label: str, plan: Plan) -> bool:
    return any(part in label for part in plan.only)


async def open_fire(scene: Scene, plan: Plan, account: Account, drafts: dict[str, Drafts]) -> Field:
    """A world's field; `drafts` are made with the first, and used up by all that follow."""
    application = scene.city.application
    if not drafts:
        described = operations_of(json.loads(json.dumps(application.openapi())))
        drafts |= {each.label: Drafts(each, plan.seed) for each in described if _is_wanted(each.label, plan)}
    routes = {str(route): route for route in routes_of(application)}
    dice = random.Random(f"{plan.seed} {account.worlds}")
    account.operations, account.worlds = len(drafts), account.worlds + 1
    holders, known = await callers_of(scene)
    return Field(scene, holders, routes, drafts, account, dice, known)


async def run(plan: Plan) -> Account:
    """Do what the plan says and answer the account."""
    account, began = Account(plan.kind, plan.seed), time.monotonic()
    drafts: dict[str, Drafts] = {}

    def goes_on() -> bool:
        within = account.rounds < plan.most and time.monotonic() - began < plan.seconds
        return within or account.rounds < plan.least

    while goes_on():
        async with world(plan.kind) as scene:
            field = await open_fire(scene, plan, account, drafts)
            for number in range(plan.stay):
                if goes_on():
                    for label, holder, how in turns(field, first=number == 0):
                        await field.call(label, holder, how)
                    account.rounds += 1
            account.ledger += await faults_in(scene)
    account.seconds = time.monotonic() - began
    return account
