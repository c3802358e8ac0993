"""That the fire notices: each fault is put into the application, and the run names it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.access.principal import Principal
from app.api import errors, events
from app.ledger.feed import Feed
from app.problems import InvalidInput
from tests.fuzz.account import Account
from tests.fuzz.hostile import CANARY
from tests.fuzz.run import Field, Plan, open_fire
from tests.fuzz.world import world

FEED = "GET /v1/events"
LIE = {
    "parameters": [{"name": "days", "in": "query", "required": True, "schema": {"type": "integer", "minimum": 1}}],
    "responses": {"default": {"description": "a problem", "content": {"application/json": {}}}},
}


@asynccontextmanager
async def prepared() -> AsyncIterator[Field]:
    """A world in which two operations are called: the feed, and one that takes what it says it does not."""
    async with world("sqlite") as scene:
        application = scene.city.application

        async def lie() -> dict[str, Any]:
            return {}

        known, described = len(application.router.routes), application.openapi_schema
        application.add_api_route("/v1/lies", lie, openapi_extra=LIE)
        application.openapi_schema = None
        try:
            yield await open_fire(scene, Plan("sqlite", 0, only=(FEED, "lies")), Account("sqlite", 1), {})
        finally:
            del application.router.routes[known:]
            application.openapi_schema = described


def answering(body: str) -> Callable[..., Any]:
    async def read_feed(*_: Any, **__: Any) -> Feed:
        return Feed([body], 0)

    return read_feed


def failing(error: Exception) -> Callable[..., Any]:
    async def read_feed(*_: Any, **__: Any) -> Feed:
        raise error

    return read_feed


async def kinds_found(
    field: Field, label: str = FEED, how: str = "plain", times: int = 1, who: str = "department a"
) -> set[str]:
    """What is found at an operation when somebody calls it."""
    field.account.findings.clear()
    (caller,) = (holder for holder in field.holders if holder.name == who)
    for _ in range(times):
        await field.call(label, caller, how)
    return {finding.fault.kind for finding in field.account.findings.values()}


async def test_each_fault_that_is_put_in_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async with prepared() as field:
        assert await kinds_found(field) == set()
        for broken, kind in (
            (answering('{"type":"unheard.of"}'), "Response violates schema"),
            (answering("NaN"), "no strict JSON"),
            (failing(InvalidInput(CANARY, CANARY)), "echoes"),
            (failing(RuntimeError("no such column")), "answers 500"),
        ):
            monkeypatch.setattr(events, "read_feed", broken)
            assert kind in await kinds_found(field), kind
        (finding,) = field.account.findings.values()
        assert not field.account.holds
        check_what_is_told(str(finding), field)
        monkeypatch.setattr(errors, "MEDIA_TYPE", "text/plain")
        monkeypatch.setattr(events, "read_feed", failing(InvalidInput()))
        assert await kinds_found(field) == {"no problem document", "Undocumented Content-Type"}
        # A route that nobody listed is called, and its untrue description found.
        assert "Schema-violating request accepted" in await kinds_found(field, "GET /v1/lies", "bound", times=12)
        # Nobody's permission is asked any more.
        monkeypatch.undo()
        monkeypatch.setattr(Principal, "require", lambda *_: None)
        assert await kinds_found(field, who="auditor") == {"lets in"}


def check_what_is_told(finding: str, field: Field) -> None:
    """A finding tells what was raised, and the command to send it again, without host and key."""
    assert 'curl -sS -X GET -H "Authorization: Bearer $KEY" "$URL"' in finding
    assert "/v1/events" in finding
    assert "RuntimeError no such column" in finding
    assert not [holder for holder in field.holders if holder.key and holder.key in finding]
