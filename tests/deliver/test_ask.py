"""One question against a real model server on a socket, kind or hostile: bounded, guarded, never an exception."""

import json
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from app.deliver.ask import MOST_ANSWER_BYTES, Asker, Heard, completions_url
from app.deliver.guard import AddressRefused, Guard, UrlRefused
from app.vocabulary import OpinionFault as F
from tests.model_server import JSON, ModelServer, completion
from tests.receiver import Answer

pytestmark = pytest.mark.alone

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "谁布置的?"}]}).encode()
INSIDE = Guard(allow_loopback=True, inside_only=True)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture
async def asker(server: ModelServer) -> AsyncIterator[Asker]:
    made = Asker(INSIDE, server.url, total_seconds=1.0)
    yield made
    await made.aclose()


async def ask(guard: Guard, url: str, **options: object) -> Heard:
    asker = Asker(guard, url, total_seconds=1.0, **options)  # type: ignore[arg-type]
    try:
        return await asker.ask(BODY)
    finally:
        await asker.aclose()


@pytest.mark.parametrize(
    ("url", "full"),
    [
        ("http://m/v1", "http://m/v1/chat/completions"),
        ("http://m/v1/", "http://m/v1/chat/completions"),
        ("http://m/v1/chat/completions", "http://m/v1/chat/completions"),
        ("http://m/v1/chat/completions/", "http://m/v1/chat/completions"),
        ("http://m:8000", "http://m:8000/chat/completions"),
        ("http://m/openai/x?api-version=3", "http://m/openai/x/chat/completions?api-version=3"),
    ],
)
def test_the_base_address_and_the_full_one_mean_the_same(url: str, full: str) -> None:
    assert completions_url(url) == full


async def test_the_answers_bytes_come_back_and_the_request_is_what_was_given(asker: Asker, server: ModelServer) -> None:
    server.script(completion("好"))
    heard = await asker.ask(BODY)
    assert (heard.http_status, heard.fault) == (200, None)
    assert json.loads(heard.body or b"")["choices"][0]["message"]["content"] == "好"
    [request] = server.requests
    assert (request.path, request.body) == ("/v1/chat/completions", BODY)
    assert "authorization" not in request.headers
    assert set(request.headers) == {"host", "content-type", "content-length", "accept", "accept-encoding", "user-agent"}


async def test_the_key_is_sent_and_a_wrong_one_is_a_fault() -> None:
    with ModelServer(key="sk-intranet") as server:
        assert (await ask(INSIDE, server.url, key=" sk-intranet\n")).fault is None
        assert (await ask(INSIDE, server.url, key="other")).fault is F.ERROR_STATUS
        assert (await ask(INSIDE, server.url, key="a\nX-Evil: 1")).fault is F.UNREACHABLE


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (Answer(302, headers={"Location": "/v1/elsewhere", **JSON}), F.ERROR_STATUS),
        (Answer(204, b"", JSON), F.ERROR_STATUS),
        (Answer(400, headers=JSON), F.ERROR_STATUS),
        (Answer(429, headers=JSON), F.ERROR_STATUS),
        (Answer(500, headers=JSON), F.ERROR_STATUS),
        (Answer(headers={"Content-Type": "text/html"}), F.NOT_JSON),
        (Answer(headers={"Content-Type": "text/event-stream"}), F.NOT_JSON),
        (Answer(headers={"Content-Type": "application/jsonp"}), F.NOT_JSON),
        (Answer(headers={}), F.NOT_JSON),
        (Answer(body=b" " * (MOST_ANSWER_BYTES + 1), headers=JSON), F.TOO_LONG),
        (Answer(body=b" " * 30_000_000, headers=JSON), F.TOO_LONG),
        (Answer(instead="reset"), F.UNREACHABLE),
        (Answer(instead="hang"), F.TIMEOUT),
        (Answer(instead="drip"), F.TIMEOUT),
        (Answer(instead="drip-body"), F.NOT_JSON),
        (Answer(instead="drip-body", headers=JSON), F.TIMEOUT),
        (Answer(instead="flood", headers=JSON), F.TOO_LONG),
        (Answer(delay=3, headers=JSON), F.TIMEOUT),
    ],
)
async def test_whatever_is_no_answer_is_a_fault_and_the_next_question_gets_through(
    asker: Asker, server: ModelServer, answer: Answer, fault: F
) -> None:
    server.script(answer)
    started = time.monotonic()
    heard = await asker.ask(BODY)
    assert (heard.fault, heard.body) == (fault, None)
    assert time.monotonic() - started < 2.5
    assert (await asker.ask(BODY)).fault is None
    assert len(server.requests) == 2


async def test_a_compressed_answer_is_never_unpacked(asker: Asker, server: ModelServer) -> None:
    server.script(Answer(instead="bomb", headers=JSON))
    heard = await asker.ask(BODY)
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert (heard.body or b"").startswith(b"\x1f\x8b")


async def test_an_answer_as_large_as_is_allowed_is_read_whole(asker: Asker, server: ModelServer) -> None:
    server.script(Answer(body=b" " * MOST_ANSWER_BYTES, headers=JSON))
    assert len((await asker.ask(BODY)).body or b"") == MOST_ANSWER_BYTES


async def test_a_closed_port_is_a_fault() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert (await ask(INSIDE, f"http://127.0.0.1:{port}/v1")).fault is F.UNREACHABLE


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/v1", "http://localhost:1/v1", "http://127.1/v1", "http://[::1]/v1", "http://8.8.8.8/v1",
            "http://10.0.0.9/v1", "http://169.254.169.254/v1"],
)  # fmt: skip
def test_an_address_that_is_not_allowed_is_refused_at_once(url: str) -> None:
    with pytest.raises(AddressRefused):
        Asker(Guard(inside_only=True), url, total_seconds=1)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://m/v1", "http://u:p@m/v1", "http://m/v1#x", "http:///v1", "m"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(UrlRefused):
        Asker(INSIDE, url, total_seconds=1)


@pytest.mark.parametrize("address", ["127.0.0.1", "8.8.8.8", "10.1.2.3", "169.254.169.254", "::ffff:127.0.0.1"])
async def test_a_name_is_judged_by_what_it_resolves_to_and_nothing_is_sent(server: ModelServer, address: str) -> None:
    async def resolve(_: str, __: int) -> list[str]:
        return [address]

    heard = await ask(Guard(inside_only=True), f"http://model.intranet:{server.port}/v1", resolve=resolve)
    assert heard.fault is F.ADDRESS_REFUSED
    assert server.requests == []


async def test_a_name_in_an_allowed_place_is_reached_at_the_vetted_address(server: ModelServer) -> None:
    async def resolve(_: str, __: int) -> list[str]:
        return ["127.0.0.1"]

    heard = await ask(INSIDE, f"http://model.intranet:{server.port}/v1", resolve=resolve)
    assert heard.fault is None
    assert server.requests[0].headers["host"] == f"model.intranet:{server.port}"


async def test_proxy_variables_are_ignored(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await ask(INSIDE, server.url)).fault is None
