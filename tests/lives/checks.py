"""What must hold after every step, whoever did what: the ledger only grows, statuses move by the tables, it adds up."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import permutations
from typing import Any

from app.deliver.notices import TOLD, Notice, read_line
from app.disclosure import STAGES
from app.ledger.reconcile import reconcile, verify_chains
from app.lifecycle import ASSIGNMENT, CASE, CONSULTATION, Machine
from tests.city import CityUnderTest
from tests.lives.attempt import Attempt, Audience, Often
from tests.lives.world import Row, World

ONLY_GROW = ("events", "acts", "replies", "rulings", "instructions")
MACHINES: Mapping[str, Callable[[Row], Machine[Any]]] = {
    "cases": lambda _: CASE,
    "consultations": lambda _: CONSULTATION,
    "assignments": lambda duty: ASSIGNMENT[duty["kind"]],
}
TOLD_TO_PEOPLE = re.compile(
    rf"[A-Z]+-\d{{4}}-\d{{6}} ({'|'.join(TOLD.values())})[一二三级]*( ({'|'.join(STAGES.values())}))?"
    r"( (最迟至)?\d{1,2}月\d{1,2}日(到期|开会|前答复)?){0,2} https://a/v1/(cases/[A-Z]+-\d{4}-\d{6}|consultations/[0-9a-f]{32})"
)
DEPARTMENTS_OWN = frozenset({Audience.DUTY, Audience.SEAT})


async def holds(city: CityUnderTest) -> list[str]:
    """The ledger's own proof: what does not reconcile, and which chains are broken."""
    async with city.runtime.database.snapshot() as session:
        offenders = (await reconcile(session)).offenders
        _, broken = await verify_chains(session)
    return [str(fault) for fault in (*offenders, *broken)]


def only_grew(before: World, after: World) -> list[str]:
    """Nothing that was recorded is changed or gone, no report is lost, versions count events."""
    faults = [
        f"{table} {key} was changed"
        for table in ONLY_GROW
        for key, row in before.rows[table].items()
        if _without_erasure(after.rows[table].get(key)) != _without_erasure(row)
    ]
    for key, row in before.rows["reports"].items():
        now = after.rows["reports"].get(key)
        if now is None or now["text"] != row["text"] or now["number"] != row["number"]:
            faults.append(f"report {row['number']} was lost or changed")
    told = Counter(event["case_id"] for event in after.events_since(before))
    for (case_id,), case in after.rows["cases"].items():
        earlier = before.rows["cases"].get((case_id,), {"last_seq": 0})["last_seq"]
        if case["last_seq"] - earlier != told[case_id]:
            faults.append(f"{case['number']}: version {earlier} → {case['last_seq']}, events {told[case_id]}")
    return faults


def _without_erasure(row: Row | None) -> dict[str, Any] | None:
    return None if row is None else {name: value for name, value in row.items() if name != "written_in"}


def moved_by_the_tables(before: World, after: World, most: int) -> list[str]:
    """Each status was reached from the one before by `most` moves of its table, or stayed."""
    faults = []
    for table, machine_of in MACHINES.items():
        for key, row in after.rows[table].items():
            old = before.rows[table].get(key)
            machine = machine_of(row)
            reached = {old["status"]} if old is not None else set(machine.initial)
            for _ in range(most):
                reached |= {target for source, target in machine.moves if source in reached}
            if row["status"] not in reached:
                faults.append(f"{table} {key}: {old['status'] if old else 'new'} → {row['status']}")
    return faults


def tells_people_little(before: World, after: World) -> list[str]:
    """What a channel to people would say of each event: number, stage, days and a link, and not one word more."""
    sent = [event for event in after.events_since(before) if event["body"] is not None]
    lines = [
        read_line(Notice(after.number(event["case_id"]), event["type"], event["body"]), "https://a") for event in sent
    ]
    return [f"told people: {line.text}" for line in lines if not TOLD_TO_PEOPLE.fullmatch(line.text)]


def was_not_passed_around(after: World) -> list[str]:
    """A case is returned once, a duty asks for more time once."""
    duty_case = {a["id"]: a["case_id"] for a in after.all("assignments")}
    returned = Counter(
        duty_case[a["assignment_id"]] for a in after.all("acts", lambda a: a["kind"] == "return" and a["applied"])
    )
    asked = Counter(a["assignment_id"] for a in after.all("acts", lambda a: a["kind"] == "extension"))
    return [f"twice: {found}" for found, times in (returned + asked).items() if times > 1]


def kept_the_promise(before: World, after: World, attempts: Iterable[Attempt]) -> list[str]:
    """No act of a department moves the day by which reporters were promised an answer."""
    if not all(attempt.audience in DEPARTMENTS_OWN for attempt in attempts):
        return []
    return [
        f"{case['number']}: promise moved"
        for key, case in after.rows["cases"].items()
        if key in before.rows["cases"] and case["answer_due_at"] != before.rows["cases"][key]["answer_due_at"]
    ]


def left_their_events(before: World, after: World, accepted: Sequence[Attempt]) -> list[str]:
    """One legal move, one event: each accepted act left its own event exactly once, and others only follow from it.

    An act that concerns several cases or is told to several departments leaves it once on each, never twice the same.
    """
    events = after.events_since(before)
    follows = frozenset().union(*(attempt.follows for attempt in accepted))
    faults = [f"recorded twice: {said}" for said, times in Counter(map(_identity, events)).items() if times > 1]
    if len(accepted) > 1:
        faults = []
    gone = _left_an_agenda(before, after) if len(accepted) > 1 else set()
    may = follows | {event_type for attempt in accepted for event_type in attempt.own}
    faults += [f"nobody did {event['type']}" for event in events if event["type"] not in may]
    for own, group in _by_own(accepted).items():
        found = [event for event in events if event["type"] in own]
        faults += [f"{own} missing: {attempt}" for attempt in group if own and not _is_told(found, attempt, gone)]
        once = [attempt for attempt in group if attempt.often is Often.ONCE and own]
        if once and own.isdisjoint(follows) and len(once) == len(group) and len(found) != len(group):
            faults.append(f"{len(group)} × {sorted(own)} left {len(found)} events")
    return faults


def _by_own(accepted: Sequence[Attempt]) -> dict[frozenset[str], list[Attempt]]:
    groups: dict[frozenset[str], list[Attempt]] = {}
    for attempt in accepted:
        groups.setdefault(attempt.own, []).append(attempt)
    return groups


def _left_an_agenda(before: World, after: World) -> set[str]:
    """Cases that are on no agenda any more: what is said to a session at the same time need not reach them."""
    waited, wait = (
        {i["case_id"] for i in world.all("agenda_items", lambda i: i["outcome"] is None)} for world in (before, after)
    )
    return waited - wait


def _is_told(found: Sequence[Row], attempt: Attempt, gone: set[str]) -> bool:
    about = [e for e in found if attempt.subject is None or attempt.subject in map(str, e["facts"].values())]
    if attempt.often is Often.ONCE:
        return bool(about)
    return bool(about) and {event["case_id"] for event in about} >= set(attempt.cases) - gone


def _identity(event: Row) -> tuple[str, ...]:
    return event["case_id"], event["type"], str(event["department_code"]), str(sorted(event["facts"].items()))


def is_in_some_order(before: World, accepted: Sequence[Attempt]) -> bool:
    """Whether acts that were accepted at once could have been done one after another: the table has such a path."""
    for duty in {attempt.duty for attempt in accepted if attempt.duty and attempt.target}:
        row = before.one("assignments", duty)
        wanted = [attempt.target for attempt in accepted if attempt.duty == duty and attempt.target]
        if not any(_walks(ASSIGNMENT[row["kind"]], row["status"], order) for order in permutations(wanted)):
            return False
    return True


def _walks(machine: Machine[Any], status: StrEnum, targets: Sequence[str]) -> bool:
    for target in targets:
        if not machine.allows(status, target):
            return False
        status = target  # type: ignore[assignment]
    return True
