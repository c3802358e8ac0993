"""Where webhooks may go: which URLs are accepted, and which network addresses may be connected to.

Pure: names are resolved elsewhere (`dial`), the addresses come in. Private ranges are a matter of the deployment, for
a government intranet is one; loopback, link-local and metadata addresses stay denied whatever the setting says.
"""

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, quote, urlsplit

from app.problems import InvalidInput

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL_LENGTH = 1000
DEFAULT_PORTS = {"http": 80, "https": 443}

LOOPBACK = tuple(ip_network(text) for text in ("127.0.0.0/8", "::1/128"))
ALWAYS_DENIED = tuple(
    (ip_network(text), reason)
    for text, reason in (
        ("0.0.0.0/8", "unspecified"),
        ("::/128", "unspecified"),
        ("169.254.0.0/16", "link-local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("224.0.0.0/4", "multicast"),
        ("ff00::/8", "multicast"),
        ("240.0.0.0/4", "reserved or broadcast"),
        # Metadata services that lie outside the link-local range: Alibaba, Azure, Oracle, AWS, Google.
        ("100.100.100.200/32", "metadata"),
        ("168.63.129.16/32", "metadata"),
        ("192.0.0.192/32", "metadata"),
        ("fd00:ec2::254/128", "metadata"),
        ("fd20:ce::254/128", "metadata"),
        # Local-use NAT64 (RFC 8215): where the inner address sits is each network's own secret.
        ("64:ff9b:1::/48", "translated"),
    )
)
NAT64 = ip_network("64:ff9b::/96")
COMPATIBLE = ip_network("::/96")
# ISATAP interface identifiers carry an IPv4 address in their last half (RFC 5214).
ISATAP_MARKS = (0x00005EFE, 0x02005EFE)


class UrlRefused(InvalidInput):
    """An address that webhooks cannot go to, as far as its text tells."""

    code = "webhook_url_refused"
    title_zh, title_en = "不能向此地址推送", "Webhooks cannot go to this address"


class AddressRefused(InvalidInput):
    """The host resolves to an address that the deployment does not allow."""

    code = "webhook_address_refused"
    title_zh, title_en = "此地址不在允许的网络内", "This address is not in an allowed network"

    def __init__(self, reason: str) -> None:
        super().__init__(
            "该主机解析到不允许推送的网络地址。内网地址须先由管理员列入 YILONG_DELIVERY_ALLOWED_NETWORKS;"
            "本机、链路本地和云元数据地址一律不允许。",
            "The host resolves to a network address that webhooks may not go to. An intranet range must first be "
            "listed in YILONG_DELIVERY_ALLOWED_NETWORKS; loopback, link-local and metadata addresses never are.",
        )
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Guard:
    """What a deployment allows.

    Attributes:
        networks: private ranges that webhooks may go to.
        allow_loopback: also this machine itself; for trying out and tests only.
        inside_only: nowhere but to the listed networks: public addresses are refused like any other.
    """

    networks: tuple[Network, ...] = ()
    allow_loopback: bool = False
    inside_only: bool = False

    @classmethod
    def of(cls, networks: Iterable[str], *, allow_loopback: bool = False, inside_only: bool = False) -> "Guard":
        """Read networks such as `10.0.0.0/8`; raises ValueError that names the one which is none."""
        return cls(tuple(ip_network(text.strip()) for text in networks), allow_loopback, inside_only)

    def reason_against(self, address: Address) -> str | None:
        """Why an address may not be connected to, in a word; None where it may."""
        if isinstance(address, IPv6Address) and address.scope_id:
            return "scoped"
        inner = embedded_addresses(address)
        reasons = (self.reason_against(each) for each in inner)
        own = None if _is_only_a_spelling(address) else self._reason_against_itself(address)
        return own or next((reason for reason in reasons if reason), None)

    def _reason_against_itself(self, address: Address) -> str | None:
        if any(address in network for network in LOOPBACK):
            return None if self.allow_loopback else "loopback"
        for network, reason in ALWAYS_DENIED:
            if address in network:
                return reason
        if any(address in network for network in self.networks):
            return None
        if address.is_global:
            return "outside" if self.inside_only else None
        return "private"

    def vet(self, addresses: Sequence[str]) -> list[str]:
        """The same addresses, where every one of them may be connected to.

        Raises:
            AddressRefused: one may not, or there is none. All must pass: a name with one good and one bad address
                would otherwise get through by luck.
        """
        if not addresses:
            raise AddressRefused("nowhere")
        for text in addresses:
            reason = self.reason_against(ip_address(text))
            if reason:
                raise AddressRefused(reason)
        return list(addresses)

    def check_url(self, url: str) -> "Target":
        """Read a URL at registration; an address written as a number is judged at once.

        Raises UrlRefused or AddressRefused. A name is resolved and judged at each connection.
        """
        target = read_url(url)
        literal = read_literal(target.host)
        if literal:
            self.vet([literal])
        elif target.host == "localhost" or target.host.endswith(".localhost"):
            self.vet(["127.0.0.1"])
        return target


def _is_only_a_spelling(address: Address) -> bool:
    """Mapped and translated forms are IPv4 addresses in other clothes: only the inner one counts."""
    return isinstance(address, IPv6Address) and (address.ipv4_mapped is not None or address in NAT64)


def embedded_addresses(address: Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 address carries: mapped, compatible, NAT64, 6to4, Teredo, ISATAP."""
    if isinstance(address, IPv4Address):
        return []
    value = int(address)
    last = IPv4Address(value & 0xFFFFFFFF)
    found = []
    if address.ipv4_mapped is not None or address in NAT64:
        found.append(last)
    if address in COMPATIBLE and value > 1:
        found.append(last)
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address.teredo is not None:
        found.extend(address.teredo)
    if (value >> 32) & 0xFFFFFFFF in ISATAP_MARKS:
        found.append(last)
    return found


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in the parts that the connection and the request line need; `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def read_url(url: str) -> Target:
    """Take a URL apart: http or https, no user, no fragment, at most 1000 characters; raises UrlRefused."""
    if len(url) > MAX_URL_LENGTH:
        raise UrlRefused("地址不得超过 1000 个字符。", "The URL may have at most 1000 characters.")
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in url):
        raise UrlRefused(
            "地址中不得有空格、反斜杠或控制字符。", "The URL must not contain spaces, backslashes or controls."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").rstrip(".").encode("idna").decode().lower()
    except ValueError as error:
        raise _unreadable() from error
    _refuse_extras(parts, url)
    if not host or port == 0 or (":" not in host and not _is_hostname(host)):
        raise _unreadable()
    path = quote(parts.path or "/", safe="/:@!$&'()*+,;=-._~%")
    query = "?" + quote(parts.query, safe="/?:@!$&'()*+,;=-._~%") if parts.query else ""
    return Target(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], path + query)


def _refuse_extras(parts: SplitResult, url: str) -> None:
    if parts.scheme not in DEFAULT_PORTS:
        raise UrlRefused("地址须以 http:// 或 https:// 开头。", "The URL must begin with http:// or https://.")
    if "@" in parts.netloc:
        raise UrlRefused(
            "地址中不得带用户名或密码；请用签名验证来源。",
            "The URL must not carry a user; verify the signature instead.",
        )
    if "#" in url:
        raise UrlRefused("地址中不得带 # 片段。", "The URL must not have a #fragment.")


def _unreadable() -> UrlRefused:
    return UrlRefused(
        "地址无法识别。请写成 https://主机名[:端口]/路径。", "The URL cannot be read. Write https://host[:port]/path."
    )


def _is_hostname(host: str) -> bool:
    labels = host.split(".")
    return all(label and all(c.isalnum() or c in "-_" for c in label) for label in labels)


def read_literal(host: str) -> str | None:
    """The address a host is when it is written as a number, in any spelling the system knows: `127.1`, `0x7f.1`…"""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, ValueError):
        return None
