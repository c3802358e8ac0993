"""Every spelling of a denied address is refused, when registered and when connecting; rebinding gains nothing.

The name server here is a real one on a UDP socket, asked by a resolver of a few lines.
"""

import asyncio
import ipaddress
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import httpcore
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from app.deliver.dial import GuardedBackend
from app.deliver.guard import AddressRefused, Guard, UrlRefused, read_literal

# The most that a deployment can allow; what is refused here is refused everywhere.
WIDEST = Guard.of(["0.0.0.0/0", "::/0"])
NEVER = [ipaddress.ip_network(n) for n in ("127.0.0.0/8", "0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4")]
METADATA = [IPv4Address(a) for a in ("169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192")]
FULL_WIDTH = str.maketrans("0123456789abcdefx", "０１２３４５６７８９ａｂｃｄｅｆｘ")
CIRCLED = str.maketrans("123456789", "①②③④⑤⑥⑦⑧⑨")
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@st.composite
def denied(draw: DrawFn) -> IPv4Address:
    """An address that no setting opens."""
    network = draw(st.sampled_from(NEVER))
    inside = st.integers(int(network.network_address), int(network.broadcast_address))
    return draw(st.one_of(st.sampled_from(METADATA), inside.map(IPv4Address)))


def _digits(draw: DrawFn, value: int) -> str:
    """One number as a C library reads it: decimal, octal or hexadecimal, with zeros in front."""
    zeros = "0" * draw(st.integers(0, 3))
    match draw(st.sampled_from(["decimal", "octal", "hex", "HEX"])):
        case "decimal":
            return str(value)
        case "octal":
            return f"0{zeros}{value:o}"
        case "hex":
            return f"0x{zeros}{value:x}"
        case _:
            return f"0X{zeros}{value:X}"


@st.composite
def spellings_v4(draw: DrawFn) -> tuple[IPv4Address, str]:
    """A denied address in one to four parts, each in its own base, in letters of any width, with dots of any kind."""
    address = draw(denied())
    value, parts = int(address), draw(st.integers(1, 4))
    heads = [(value >> shift) & 0xFF for shift in (24, 16, 8)][: parts - 1]
    numbers = [*heads, value & ((1 << (8 * (5 - parts))) - 1)]
    text = draw(st.sampled_from([".", ".", ".", "。", "．", "｡"])).join(_digits(draw, n) for n in numbers)
    table = draw(st.sampled_from([None, None, FULL_WIDTH, CIRCLED, RAISED]))
    text = text.translate(table) if table else text
    return address, text + draw(st.sampled_from(["", "", ".", "..", "。"]))


CLOTHES: list[Callable[[IPv4Address], IPv6Address]] = [
    lambda a: IPv6Address(0xFFFF << 32 | int(a)),
    lambda a: IPv6Address(int(a)),
    lambda a: IPv6Address(int(IPv6Address("64:ff9b::")) | int(a)),
    lambda a: IPv6Address(int(IPv6Address("64:ff9b:1::")) | int(a)),
    lambda a: IPv6Address(0x2002 << 112 | int(a) << 80 | 1),
    lambda a: IPv6Address(0x20010000 << 96 | int(a) << 64 | 0x1234),  # Teredo, the server
    lambda a: IPv6Address(0x20010000 << 96 | 0x08080808 << 64 | (int(a) ^ 0xFFFFFFFF)),  # Teredo, the client
    lambda a: IPv6Address(int(IPv6Address("2400:3200::5efe:0:0")) | int(a)),
    lambda a: IPv6Address(int(IPv6Address("2400:3200::200:5efe:0:0")) | int(a)),
]


@st.composite
def spellings_v6(draw: DrawFn) -> tuple[IPv6Address, str]:
    """A denied IPv4 address in the clothes of IPv6, long or short, capital or not, its end dotted or not."""
    inner = draw(denied())
    address = draw(st.sampled_from(CLOTHES))(inner)
    text = draw(st.sampled_from([address.compressed, address.exploded]))
    if draw(st.booleans()):
        last = IPv4Address(int(address) & 0xFFFFFFFF)
        text = ":".join(address.exploded.split(":")[:6]) + f":{last}"
    return address, draw(st.sampled_from([text, text.upper()]))


def is_refused(host: str, *, user: str = "") -> bool:
    try:
        WIDEST.check_url(f"https://{user}{host}/hook")
    except (UrlRefused, AddressRefused):
        return True
    return False


@pytest.mark.parametrize("host", ["8.8.8.8", "134744072", "0x8.0x8.2056", "[2400:3200::1]", "oa.changsha.gov.cn"])
def test_what_may_be_reached_is_accepted_in_any_spelling(host: str) -> None:
    assert not is_refused(host)


@settings(max_examples=300, deadline=None)
@given(spellings_v4())
@example((IPv4Address("127.0.0.1"), "127.1"))
@example((IPv4Address("169.254.169.254"), "0xa9fea9fe"))
def test_no_spelling_of_a_denied_ipv4_address_is_accepted(case: tuple[IPv4Address, str]) -> None:
    address, text = case
    assert is_refused(text), f"{address} as {text}"
    assert is_refused(text, user="oa.changsha.gov.cn@"), text


@settings(max_examples=300, deadline=None)
@given(spellings_v6())
def test_no_spelling_of_a_denied_address_in_ipv6_is_accepted(case: tuple[IPv6Address, str]) -> None:
    address, text = case
    assert is_refused(f"[{text}]"), f"{address} as {text}"
    with pytest.raises(AddressRefused):
        WIDEST.vet(["8.8.8.8", str(address)])


@settings(max_examples=100, deadline=None)
@given(spellings_v4(), st.integers(0, 3))
def test_what_the_system_would_read_as_an_address_is_judged_as_that_address(
    case: tuple[IPv4Address, str], place: int
) -> None:
    """Whatever reaches the connection as a host: the literal that is read is the one the system would connect to."""
    address, text = case
    if not text.isascii() or text.endswith("."):
        return
    literal = read_literal(text)
    assert literal == socket.inet_ntoa(socket.inet_aton(text)) or text == str(address)
    resolved = ["8.8.8.8"] * place + [literal or ""] + ["1.1.1.1"] * (3 - place)
    with pytest.raises(AddressRefused):
        WIDEST.vet(resolved)


# ── a name server that changes its mind ──


class NameServer:
    """Answers each question for A records with the next list of addresses; after the last one, with that again."""

    def __init__(self) -> None:
        self.script: list[list[str]] = []
        self.asked = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                question, client = self._socket.recvfrom(512)
            except OSError:
                return
            addresses = self.script[min(self.asked, len(self.script) - 1)]
            self.asked += 1
            header = question[:2] + struct.pack(">HHHHH", 0x8180, 1, len(addresses), 0, 0)
            records = (b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + socket.inet_aton(a) for a in addresses)
            self._socket.sendto(header + question[12:] + b"".join(records), client)

    def close(self) -> None:
        self._socket.close()

    async def resolve(self, host: str, _: int) -> list[str]:
        """What a stub resolver does: one question, no memory, for each answer lives zero seconds."""
        name = b"".join(bytes([len(label)]) + label.encode() for label in host.split(".")) + b"\x00"
        question = b"\x07\x07" + struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0) + name + struct.pack(">HH", 1, 1)
        return await asyncio.to_thread(self._ask, question)

    def _ask(self, question: bytes) -> list[str]:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as asking:
            asking.settimeout(5)
            asking.sendto(question, ("127.0.0.1", self.port))
            answer = asking.recv(4096)
        records = answer[len(question) :]
        return [socket.inet_ntoa(records[n + 12 : n + 16]) for n in range(0, len(records), 16)]


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


class Recording(GuardedBackend):
    """Says where it would connect to, and does not."""

    def __init__(self, guard: Guard, resolve: Any) -> None:
        super().__init__(guard, resolve)
        self.connected: list[list[str]] = []

    async def _connect_to_first(self, addresses: list[str], *_: Any) -> httpcore.AsyncNetworkStream:
        self.connected.append(addresses)
        raise httpcore.ConnectError


GOOD, BAD = ["8.8.8.8", "1.1.1.1", "10.1.2.3"], ["127.0.0.1", "169.254.169.254", "0.0.0.0", "100.100.100.200"]
ANSWERS = st.lists(st.lists(st.sampled_from(GOOD + BAD), max_size=4), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=ANSWERS)
@example(script=[["8.8.8.8"], ["127.0.0.1"]])
@example(script=[["8.8.8.8", "127.0.0.1"]])
def test_each_connection_goes_to_addresses_of_its_own_answer_all_of_them_vetted(
    name_server: NameServer, script: list[list[str]]
) -> None:
    """Each look-up is judged whole and used once: between check and connection nothing is asked again."""
    name_server.script, name_server.asked = script, 0
    backend = Recording(Guard.of(["10.0.0.0/8"]), name_server.resolve)

    async def connect() -> list[str]:
        kinds = []
        for _ in script:
            try:
                await backend.connect_tcp("oa.rebinding.cn", 443, timeout=5)
            except (AddressRefused, httpcore.ConnectError) as error:
                kinds.append(type(error).__name__)
        return kinds

    kinds = asyncio.run(connect())
    passes = [bool(answer) and not set(answer) & set(BAD) for answer in script]
    assert kinds == ["ConnectError" if good else "AddressRefused" for good in passes]
    assert backend.connected == [answer for answer, good in zip(script, passes, strict=True) if good]
    assert name_server.asked == len(script)
