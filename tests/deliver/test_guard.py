"""Where webhooks may go, as tables; and that the address which was judged is the one connected to."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.deliver.guard import AddressRefused, Guard, Target, UrlRefused, read_literal, read_url

STRICT = Guard()
INTRANET = Guard.of(["10.0.0.0/8", "fd12::/16"])
WIDE_OPEN = Guard.of(["0.0.0.0/0", "::/0"])

SPELLINGS_OF_LOOPBACK = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[2001:db8::5efe:127.0.0.1]",
    "１２７.０.０.１",
    "127。0。0。1",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "api.localhost",
]


@pytest.mark.parametrize("host", SPELLINGS_OF_LOOPBACK)
@pytest.mark.parametrize("guard", [STRICT, INTRANET, WIDE_OPEN], ids=["strict", "intranet", "wide-open"])
def test_no_spelling_of_this_machine_is_accepted(host: str, guard: Guard) -> None:
    with pytest.raises((UrlRefused, AddressRefused)):
        guard.check_url(f"http://{host}/hook")


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "169.254.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "224.0.0.1",
        "239.255.255.250",
        "ff02::1",
        "255.255.255.255",
        "240.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "127.0.0.1",
        "::1",
    ],
)
def test_some_addresses_stay_denied_whatever_the_setting_says(address: str) -> None:
    with pytest.raises(AddressRefused):
        WIDE_OPEN.vet([address])


@pytest.mark.parametrize(
    ("address", "strict", "intranet"),
    [
        ("8.8.8.8", True, True),
        ("2400:3200::1", True, True),
        ("10.1.2.3", False, True),
        ("::ffff:10.1.2.3", False, True),
        ("64:ff9b::10.1.2.3", False, True),
        ("fd12::5", False, True),
        ("192.168.1.1", False, False),
        ("172.16.0.1", False, False),
        ("100.64.0.1", False, False),
        ("fd13::5", False, False),
        ("198.18.0.1", False, False),
        ("2002:c0a8:101::1", False, False),
    ],
)
def test_private_ranges_are_open_only_where_the_deployment_lists_them(
    address: str, strict: bool, intranet: bool
) -> None:
    for guard, allowed in ((STRICT, strict), (INTRANET, intranet)):
        assert (guard.reason_against(ipaddress.ip_address(address)) is None) is allowed


def test_all_resolved_addresses_must_pass() -> None:
    assert STRICT.vet(["8.8.8.8", "1.1.1.1"]) == ["8.8.8.8", "1.1.1.1"]
    for addresses in (["8.8.8.8", "127.0.0.1"], ["10.0.0.1", "8.8.8.8"], []):
        with pytest.raises(AddressRefused):
            STRICT.vet(addresses)


def test_loopback_is_open_only_where_it_is_allowed_for_trying_out() -> None:
    guard = Guard(allow_loopback=True)
    assert guard.vet(["127.0.0.1", "::1"]) == ["127.0.0.1", "::1"]
    assert guard.check_url("http://localhost:8080/hook").port == 8080
    for address in ("0.0.0.0", "169.254.169.254", "10.0.0.1"):
        with pytest.raises(AddressRefused):
            guard.vet([address])


@given(st.ip_addresses(v=4))
def test_an_address_in_ipv6_clothes_is_judged_as_itself(address: ipaddress.IPv4Address) -> None:
    for guard in (STRICT, INTRANET):
        naked = guard.reason_against(address)
        for clothes in (f"::ffff:{address}", f"64:ff9b::{address}"):
            assert guard.reason_against(ipaddress.ip_address(clothes)) == naked
        for clothes in (f"::{address}", f"2002:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}::1"):
            if naked:
                assert guard.reason_against(ipaddress.ip_address(clothes))


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://oa.changsha.gov.cn", Target("https", "oa.changsha.gov.cn", 443, "/")),
        ("http://OA.example.cn:8080/a/b?c=d", Target("http", "oa.example.cn", 8080, "/a/b?c=d")),
        ("http://10.1.2.3/钩子?名=值", Target("http", "10.1.2.3", 80, "/%E9%92%A9%E5%AD%90?%E5%90%8D=%E5%80%BC")),
        ("https://政务.cn/x%20y", Target("https", "xn--zfr164b.cn", 443, "/x%20y")),
        ("https://[2400:3200::1]:8443/", Target("https", "2400:3200::1", 8443, "/")),
    ],
)
def test_a_url_is_taken_apart(url: str, target: Target) -> None:
    assert read_url(url) == target


def test_the_host_header_names_the_port_only_where_it_is_unusual() -> None:
    assert read_url("https://a.cn/").authority == "a.cn"
    assert read_url("https://a.cn:444/").authority == "a.cn:444"
    assert read_url("http://[::1]:80/").authority == "[::1]"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "oa.example.cn/hook",
        "//oa.example.cn/hook",
        "ftp://oa.example.cn/",
        "file:///etc/passwd",
        "gopher://a.cn/",
        "http://",
        "http:///path",
        "http://user@a.cn/",
        "http://user:pw@a.cn/",
        "http://a.cn/#x",
        "http://a.cn:0/",
        "http://a.cn:99999/",
        "http://a.cn:x/",
        "http://a.cn/ b",
        "http://a.cn/\r\nX: y",
        "http://a.cn\\@b.cn/",
        "http://a..cn/",
        "http://[::1/",
        "http://a.cn/" + "x" * 1000,
        "http://" + "a" * 70 + ".cn/",
        "http://a b.cn/",
        "http://a.cn\x00/",
    ],
)
def test_a_url_that_is_not_plain_http_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused) as caught:
        read_url(url)
    assert caught.value.zh
    assert caught.value.en


@given(st.text(max_size=60))
def test_no_text_makes_the_reading_of_a_url_fail_otherwise(text: str) -> None:
    for url in (text, f"http://{text}", f"https://{text}/hook"):
        try:
            STRICT.check_url(url)
        except (UrlRefused, AddressRefused):
            continue


def test_a_name_is_not_a_number() -> None:
    assert read_literal("oa.changsha.gov.cn") is None
    assert read_literal("127.1") == "127.0.0.1"


def test_a_malformed_network_is_named() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99"):
        Guard.of(["10.0.0.0/99"])


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.1.2.3", None),
        ("8.8.8.8", "outside"),
        ("2606:4700::1111", "outside"),
        ("::ffff:8.8.8.8", "outside"),
        ("64:ff9b::808:808", "outside"),
        ("::ffff:10.1.2.3", None),
        ("192.168.1.1", "private"),
        ("127.0.0.1", "loopback"),
        ("169.254.169.254", "link-local"),
    ],
)
def test_a_guard_that_stays_inside_refuses_public_addresses_as_well(address: str, reason: str | None) -> None:
    inside = Guard.of(["10.0.0.0/8"], inside_only=True)
    assert inside.reason_against(ipaddress.ip_address(address)) == reason


def test_a_public_range_that_is_listed_counts_as_inside() -> None:
    inside = Guard.of(["59.231.0.0/16"], inside_only=True)
    assert inside.reason_against(ipaddress.ip_address("59.231.4.5")) is None
