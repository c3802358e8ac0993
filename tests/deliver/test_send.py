"""One attempt against a real server on a socket, kind or hostile."""

import asyncio
import socket
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from app.deliver.guard import Guard
from app.deliver.send import Fault, Message, Outcome, Sender, to_safe_text
from tests.receiver import TEST_SECRET, Answer, DepartmentReceiver, packed_bomb

pytestmark = pytest.mark.alone

BODY = '{"id":"e1","type":"assignment.created","data":{"说明":"交办"}}'.encode()


@pytest.fixture
def receiver() -> Iterator[DepartmentReceiver]:
    with DepartmentReceiver() as running:
        yield running


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    made = Sender(Guard(allow_loopback=True), connect_seconds=0.3, total_seconds=0.8)
    yield made
    await made.aclose()


async def post(sender: Sender, url: str, *, secrets: tuple[str, ...] = (TEST_SECRET,)) -> Outcome:
    return await sender.post(Message("e1", url, secrets, BODY), datetime.now(UTC))


async def test_what_arrives_is_byte_for_byte_what_was_given_and_verifies(
    sender: Sender, receiver: DepartmentReceiver
) -> None:
    outcome = await post(sender, receiver.url + "?部门=民政")
    request = receiver.requests[0]
    assert (outcome.http_status, outcome.fault, outcome.answer) == (200, None, '{"ok":true}')
    assert request.body == BODY
    assert request.verified
    assert request.path == "/hook?%E9%83%A8%E9%97%A8=%E6%B0%91%E6%94%BF"
    assert request.webhook_id == "e1"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("Yilong/")
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (200, None),
        (202, None),
        (204, None),
        (302, Fault.REDIRECT),
        (307, Fault.REDIRECT),
        (400, Fault.STATUS),
        (404, Fault.STATUS),
        (410, Fault.GONE),
        (429, Fault.STATUS),
        (500, Fault.STATUS),
        (503, Fault.STATUS),
    ],
)
async def test_only_2xx_is_delivered_and_only_410_is_final(
    sender: Sender, receiver: DepartmentReceiver, status: int, fault: Fault | None
) -> None:
    receiver.script(Answer(status, b"" if status == 204 else b"x"))
    outcome = await post(sender, receiver.url)
    assert (outcome.http_status, outcome.fault) == (status, fault)
    assert outcome.final is (fault in {None, Fault.GONE})


async def test_a_redirect_is_not_followed(sender: Sender, receiver: DepartmentReceiver) -> None:
    receiver.script(Answer(302, headers={"Location": receiver.url + "/elsewhere"}))
    await post(sender, receiver.url)
    await asyncio.sleep(0.1)
    assert len(receiver.requests) == 1


async def test_retry_after_is_read(sender: Sender, receiver: DepartmentReceiver) -> None:
    receiver.script(Answer(429, headers={"Retry-After": "120"}))
    assert (await post(sender, receiver.url)).retry_after == timedelta(seconds=120)


@pytest.mark.parametrize("behaviour", ["hang", "drip"])
async def test_a_server_that_gives_no_status_in_time_is_left(
    sender: Sender, receiver: DepartmentReceiver, behaviour: str
) -> None:
    receiver.script(Answer(instead=behaviour))
    started = time.monotonic()
    outcome = await post(sender, receiver.url)
    assert outcome.fault is Fault.TIMEOUT
    assert outcome.http_status is None
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize(("status", "fault"), [(200, None), (500, Fault.STATUS)])
async def test_a_dripping_body_is_cut_off_and_the_status_counts(
    sender: Sender, receiver: DepartmentReceiver, status: int, fault: Fault | None
) -> None:
    receiver.script(Answer(status, instead="drip-body"))
    started = time.monotonic()
    outcome = await post(sender, receiver.url)
    assert outcome.fault is fault
    assert time.monotonic() - started < 1.5


async def test_a_flood_is_read_to_16_kb_and_the_connection_is_not_used_again(
    sender: Sender, receiver: DepartmentReceiver
) -> None:
    receiver.script(Answer(instead="flood"))
    outcome = await post(sender, receiver.url)
    assert outcome.delivered
    assert len(outcome.answer or "") == 1024
    assert outcome.milliseconds < 700
    assert (await post(sender, receiver.url)).answer == '{"ok":true}'


async def test_a_compressed_answer_is_never_unpacked(sender: Sender, receiver: DepartmentReceiver) -> None:
    assert len(packed_bomb()) < 20_000
    receiver.script(Answer(instead="bomb"))
    tracemalloc.start()
    outcome = await post(sender, receiver.url)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert outcome.delivered
    assert receiver.requests[0].headers["accept-encoding"] == "identity"
    assert outcome.answer is not None
    assert len(outcome.answer) <= 1024
    assert peak < 5_000_000


async def test_a_reset_connection_is_a_fault_and_the_next_attempt_gets_through(
    sender: Sender, receiver: DepartmentReceiver
) -> None:
    receiver.script(Answer(instead="reset"))
    assert (await post(sender, receiver.url)).fault is Fault.BROKEN
    assert (await post(sender, receiver.url)).delivered


async def test_a_closed_port_is_a_fault(sender: Sender) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert (await post(sender, f"http://127.0.0.1:{port}/")).fault is Fault.CONNECT


async def test_a_server_that_never_accepts_is_left_after_the_connect_bound(sender: Sender) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        started = time.monotonic()
        outcome = await post(sender, f"http://127.0.0.1:{port}/")
        for filler in fillers:
            filler.close()
    assert outcome.fault is Fault.TIMEOUT
    assert time.monotonic() - started < 0.7


async def test_plain_http_where_tls_is_expected_is_a_tls_fault(sender: Sender, receiver: DepartmentReceiver) -> None:
    outcome = await post(sender, receiver.url.replace("http:", "https:"))
    assert outcome.fault is Fault.TLS


async def test_proxy_variables_are_ignored(
    sender: Sender, receiver: DepartmentReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await post(sender, receiver.url)).delivered


async def test_an_unknown_name_is_a_fault(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    assert (await post(sender, "http://no-such-host.invalid/")).fault is Fault.NAME


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://[::ffff:7f00:1]:{port}/"])
async def test_without_leave_nothing_reaches_this_machine(receiver: DepartmentReceiver, url: str) -> None:
    strict = Sender(Guard.of(["0.0.0.0/0", "::/0"]), total_seconds=1)
    outcome = await post(strict, url.format(port=receiver.port))
    await strict.aclose()
    assert outcome.fault is Fault.REFUSED
    assert receiver.requests == []


async def test_a_name_server_that_changes_its_mind_gains_nothing(receiver: DepartmentReceiver) -> None:
    """Rebinding: the first answer is public, every later one is this machine. There is no later question."""
    asked = []

    async def resolve(host: str, _: int) -> list[str]:
        asked.append(host)
        return ["192.0.2.1"] if len(asked) == 1 else ["127.0.0.1"]

    sender = Sender(Guard.of(["192.0.2.0/24"]), connect_seconds=0.2, total_seconds=0.5, resolve=resolve)
    first = await post(sender, f"http://oa.example.cn:{receiver.port}/")
    second = await post(sender, f"http://oa.example.cn:{receiver.port}/")
    await sender.aclose()
    assert first.fault in {Fault.TIMEOUT, Fault.CONNECT}
    assert second.fault is Fault.REFUSED
    assert asked == ["oa.example.cn"] * 2
    assert receiver.requests == []


async def test_a_name_with_one_good_and_one_bad_address_is_refused(receiver: DepartmentReceiver) -> None:
    async def resolve(_: str, __: int) -> list[str]:
        return ["127.0.0.1", "169.254.169.254"]

    sender = Sender(Guard(allow_loopback=True), total_seconds=1, resolve=resolve)
    outcome = await post(sender, f"http://oa.example.cn:{receiver.port}/")
    await sender.aclose()
    assert outcome.fault is Fault.REFUSED
    assert receiver.requests == []


async def test_the_vetted_address_is_connected_to_and_the_name_is_kept(receiver: DepartmentReceiver) -> None:
    async def resolve(_: str, __: int) -> list[str]:
        return ["::1", "127.0.0.1"]

    sender = Sender(Guard(allow_loopback=True), resolve=resolve)
    outcome = await post(sender, f"http://oa.example.cn:{receiver.port}/")
    await sender.aclose()
    assert outcome.delivered
    assert receiver.requests[0].headers["host"] == f"oa.example.cn:{receiver.port}"


async def test_connections_are_used_again(sender: Sender, receiver: DepartmentReceiver) -> None:
    started = time.monotonic()
    for _ in range(50):
        assert (await post(sender, receiver.url)).delivered
    assert time.monotonic() - started < 2


def test_foreign_bytes_become_text_that_can_be_stored_and_shown() -> None:
    text = to_safe_text("好\x00\u202e\r\n".encode() + b"\xff\xed\xa0\x80")
    assert "\x00" not in text
    assert "\u202e" not in text
    assert text.startswith("好")
    assert "\n" in text
    text.encode()


async def test_a_connection_nobody_came_back_for_is_closed(
    sender: Sender, receiver: DepartmentReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.deliver.dial.IDLE_SECONDS", 0.05)
    with DepartmentReceiver() as other:
        await post(sender, receiver.url)
        assert receiver.open_connections == 1
        await asyncio.sleep(0.1)
        await post(sender, other.url)
        await asyncio.sleep(0.1)
        assert receiver.open_connections == 0


async def test_a_connection_the_server_has_closed_meanwhile_is_not_used_again(
    sender: Sender, receiver: DepartmentReceiver
) -> None:
    await post(sender, receiver.url)
    receiver.hang_up()
    await asyncio.sleep(0.05)
    assert (await post(sender, receiver.url)).delivered
    assert receiver.connections == 2
