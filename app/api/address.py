"""Where a request comes from, as far as limits care: an IPv4 address, or the /64 of IPv6 that one subscriber has."""

from ipaddress import IPv4Address, ip_address, ip_network

from starlette.requests import HTTPConnection

LONGEST = 45


def client_address(request: HTTPConnection, *, trusted_proxy: bool) -> str:
    """The peer; behind a trusted proxy the last entry of X-Forwarded-For, which is the one that the proxy has written.

    Entries before it come from whoever called the proxy and may say anything.
    """
    peer = request.client.host if request.client else ""
    last = ",".join(request.headers.getlist("x-forwarded-for")).rpartition(",")[2].strip() if trusted_proxy else ""
    return _place_of(last) or _place_of(peer) or "unknown"


def _place_of(host: str) -> str | None:
    try:
        address = ip_address(host[:LONGEST].partition("%")[0])
    except ValueError:
        return None
    address = getattr(address, "ipv4_mapped", None) or address
    return str(address) if isinstance(address, IPv4Address) else str(ip_network((address, 64), strict=False))
