"""The chain: each kind of tampering is named at its first broken link, and the databases refuse to tamper at all."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from app import audit
from app.ledger.chain_file import NotAChainFile, verify_lines, write_chains
from app.ledger.reconcile import verify_chains
from app.models import Case, Event
from app.notary import Notary, new_secret
from tests.city import CityUnderTest

NOW = datetime(2026, 3, 2, 1, 30, 0, 123456, tzinfo=UTC)
PLAIN = "区民政局要求每周报一次独居老人走访台账,还要逐户拍照上传。"


def make_chain(length: int = 4) -> tuple[Case, list[Event]]:
    case = Case(id="c" * 32, last_seq=0, last_hash="")
    events = [
        audit.append(case, "case.opened", actor="office:x", now=NOW, facts={"n": n}, message={"case": n})
        for n in range(length)
    ]
    return case, events


def verify(case: Case, events: list[Event]) -> audit.BrokenLink | None:
    return audit.verify_chain(case.id, events, case.last_seq, case.last_hash)


def test_an_untouched_chain_holds_and_survives_erasing_a_body() -> None:
    case, events = make_chain()
    assert verify(case, events) is None
    events[1].body = events[1].body_salt = None
    assert verify(case, events) is None


def flip(events: list[Event]) -> list[Event]:
    events[1].facts = '{"n":7}'
    return events


def change_body(events: list[Event]) -> list[Event]:
    events[1].body = (events[1].body or "") + " "
    return events


def rehash_one(events: list[Event]) -> list[Event]:
    events[1].facts = '{"n":7}'
    events[1].hash = audit.hash_of(events[1])
    return events


def rechain_all(events: list[Event]) -> list[Event]:
    previous = events[0].hash
    for event in events[1:]:
        event.actor, event.previous_hash = "office:y", previous
        event.hash = previous = audit.hash_of(event)
    return events


def after(event: Event) -> Event:
    case = Case(id=event.case_id, last_seq=event.seq, last_hash=event.hash)
    return audit.append(case, "case.opened", actor="office:x", now=NOW, facts={})


TAMPERING: dict[str, tuple[Callable[[list[Event]], list[Event]], int, str]] = {
    "flip": (flip, 2, "changed"),
    "body": (change_body, 2, "body was changed"),
    "delete": (lambda e: [e[0], *e[2:]], 2, "missing"),
    "reorder": (lambda e: [e[0], e[2], e[1], e[3]], 2, "out of order"),
    "truncate": (lambda e: e[:-1], 4, "head"),
    "re-hash one": (rehash_one, 3, "does not follow"),
    "re-chain all": (rechain_all, 5, "head"),
    "append": (lambda e: [*e, after(e[-1])], 5, "after the case's head"),
}


@pytest.mark.parametrize("kind", TAMPERING)
def test_tampering_is_named_at_its_first_broken_link(kind: str) -> None:
    tamper, seq, fault = TAMPERING[kind]
    case, events = make_chain()
    broken = verify(case, tamper(events))
    assert broken is not None
    assert broken.seq == seq
    assert fault in broken.fault


async def test_the_database_refuses_to_change_or_delete_an_event_but_lets_a_body_be_erased(
    city: CityUnderTest,
) -> None:
    await (await city.reporter()).post("/v1/reports", json={"text": PLAIN})
    for statement in (delete(Event), update(Event).values(actor="x"), update(Event).values(body="x", body_salt="y")):
        with pytest.raises(DBAPIError):
            async with city.runtime.database.write() as session:
                await session.execute(statement)
    async with city.runtime.database.write() as session:
        await session.execute(update(Event).values(body=None, body_salt=None))
    async with city.runtime.database.snapshot() as session:
        count, broken = await verify_chains(session)
    assert count == 2
    assert broken == []


async def test_a_report_keeps_its_words(city: CityUnderTest) -> None:
    await (await city.reporter()).post("/v1/reports", json={"text": PLAIN})
    with pytest.raises(DBAPIError):
        async with city.runtime.database.write() as session:
            await session.execute(text("UPDATE reports SET text = 'x'"))


async def test_exported_chains_verify_elsewhere_and_a_changed_line_is_named(city: CityUnderTest) -> None:
    await (await city.reporter()).post("/v1/reports", json={"text": PLAIN})
    async with city.runtime.database.snapshot() as session:
        lines = [line async for line in write_chains(session, Notary(new_secret()))]
    whole = verify_lines(lines)
    assert (whole.events, whole.holds) == (2, True)
    broken = verify_lines([line.replace("assignment.created", "assignment.removed") for line in lines])
    assert (broken.events, [link.seq for link in broken.links]) == (2, [2])


@pytest.mark.parametrize("line", ["", "x", "{}", "[]", '{"case":"c","events":[{}],"last_seq":1,"last_hash":"x"}'])
def test_a_file_that_is_no_chain_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(NotAChainFile, match="1"):
        verify_lines([line])
