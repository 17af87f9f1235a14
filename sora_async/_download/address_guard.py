"""Which addresses a link may lead to: http(s) only, and none inside the network we are in."""

import hashlib
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

_NAT64 = IPv6Network("64:ff9b::/96")
"""An IPv4 address is in its last 32 bits. Source: :rfc:`6052`."""


def find_address_problem(url: str) -> str | None:
    """Return why a link cannot be followed, whatever the network; None if it can."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "an address that cannot be read"
    if parts.scheme not in ("http", "https"):
        return f"an address of the kind {parts.scheme[:20]!r}, and not http(s)"
    if not host or port == 0:
        return "an address without a host"
    if "@" in parts.netloc or "\\" in url:
        return "an address that a browser and we may read differently"
    return None


def without_query(url: str) -> str:
    """Return a URL for the eye: what follows the path of a signed link is a secret."""
    return url.partition("?")[0].partition("#")[0]


def place_of(url: str) -> str:
    """Return what names the place of a file on the disk, where a path may be a secret as well."""
    return hashlib.sha256(without_query(url).encode("utf-8", "replace")).hexdigest()[:32]


def is_public(address: str) -> bool:
    """
    Return whether an IP address is one of the internet, and so none of a network's inside.

    An IPv6 address that holds an IPv4 address, mapped or for a tunnel, is as public as that.
    What is no IP address is not public: a socket may read more into it than we do.

    Source: the special-purpose address registries, as :mod:`ipaddress` has them; :rfc:`6890`.
    """
    try:
        one = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = _inner(one)
    if inner is not None:
        return is_public(str(inner))
    is_site_local = isinstance(one, IPv6Address) and one.is_site_local
    return one.is_global and not (one.is_multicast or one.is_reserved or is_site_local)


def _inner(one: IPv4Address | IPv6Address) -> IPv4Address | None:
    if isinstance(one, IPv4Address):
        return None
    if one in _NAT64:
        return IPv4Address(int(one) & 0xFFFFFFFF)
    teredo = one.teredo
    return one.ipv4_mapped or one.sixtofour or (teredo[1] if teredo else None)


def is_inside(host: str) -> bool:
    """Return whether the name or literal of a host alone tells that it is inside a network."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    is_literal = ":" in name or name.rpartition(".")[2].startswith(tuple("0123456789"))
    return is_literal and not is_public(name)
