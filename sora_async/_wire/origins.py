"""
Origins, hosts and links, compared and joined as the URL standard says.

It serves the code that sends the API key, that follows redirects (``_http/transport.py``,
``_download/http_stream.py``) and that refuses links into a private network, so that no two of
them can read one address differently.

Source: WHATWG URL Standard, "Host parsing" and "Origin"; :rfc:`3986`, section 5.
"""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urljoin, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}

_FORBIDDEN_IN_HOST = re.compile(r"[\x00-\x20\x7f#/<>?@\\^|%\[\]]")
"""Source: WHATWG URL Standard, "forbidden domain code point"; ``:`` is checked apart."""

_UNSAFE_IN_URL = re.compile(r"[^\x21-\x7e]+")
"""What a URL cannot hold as it is. All else goes out byte for byte: a signature covers it."""

_NAT64 = IPv6Network("64:ff9b::/96")
"""An IPv4 address is in its last 32 bits. Source: :rfc:`6052`."""


class Origin(NamedTuple):
    """
    Scheme, host and port of a URL, in the one spelling that the URL standard gives them.

    Attributes:
        scheme: ``http`` or ``https``.
        host: In lower case, as ASCII; an IP address in its shortest form, IPv6 without brackets.
        port: The port, the scheme's own where the URL names none.
    """

    scheme: str
    host: str
    port: int

    @property
    def is_local(self) -> bool:
        """Whether it is this machine, to which a key may travel in the clear."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        """Return it as the beginning of a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def origin_of(url: str) -> Origin | None:
    """
    Return the origin of an http(s) URL, None if it has none or carries a user name.

    Args:
        url: Any text.
    """
    parts = _split(url)
    if parts is None:
        return None
    host, port = normalize_host(parts.hostname or ""), parts.port
    scheme = parts.scheme.lower()
    if host is None or scheme not in _DEFAULT_PORTS or "@" in parts.netloc or port == 0:
        return None
    return Origin(scheme, host, port or _DEFAULT_PORTS[scheme])


def is_same_origin(url: str, other: str) -> bool:
    """Return whether two URLs have one origin; two that have none are not alike."""
    origin = origin_of(url)
    return origin is not None and origin == origin_of(other)


def normalize_host(host: str) -> str | None:
    """
    Return a host in its one spelling, None if it is no host.

    ``LOCALHOST`` and ``localhost`` are one, and so are ``127.0.0.1``, ``127.1``, ``0x7f.1`` and
    ``2130706433``, as for whoever connects.
    """
    if ":" in host:
        try:
            return str(IPv6Address(host.partition("%")[0]))
        except ValueError:
            return None
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    host = host.lower()
    if not host.strip(".") or _FORBIDDEN_IN_HOST.search(host):
        return None
    last = host.rstrip(".").rpartition(".")[2]
    if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
        return _parse_ipv4(host)
    return host


def _parse_ipv4(host: str) -> str | None:
    """Return an IPv4 address of one to four decimal, octal or hexadecimal numbers."""
    numbers = []
    for text in host.removesuffix(".").split("."):
        number = _parse_number(text)
        if number is None:
            return None
        numbers.append(number)
    *first, last = numbers
    if len(first) > 3 or any(number > 255 for number in first) or last >= 256 ** (4 - len(first)):
        return None
    value = last + sum(number * 256 ** (3 - place) for place, number in enumerate(first))
    return str(IPv4Address(value))


def _parse_number(text: str) -> int | None:
    base, digits = 10, text
    if text[:2] == "0x":
        base, digits = 16, text[2:] or "0"
    elif len(text) > 1 and text[0] == "0":
        base, digits = 8, text[1:]
    # int() would take "_" and signs too.
    is_number = digits.isascii() and digits.isalnum() and len(digits) <= 20
    try:
        return int(digits, base) if is_number else None
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """
    Return whether a host is this machine.

    ``0.0.0.0`` and ``::`` are: whoever connects to them connects to this machine.
    """
    name = normalize_host(host)
    if name is None:
        return False
    address = _to_address(name)
    if address is not None:
        embedded = _embedded_ipv4(address)
        one = embedded or address
        return one.is_loopback or one.is_unspecified
    name = name.rstrip(".")
    return name == "localhost" or name.endswith(".localhost")


def is_public(address: str) -> bool:
    """
    Return whether an IP address is one of the internet.

    An IPv6 address that holds an IPv4 address, mapped or for a tunnel, is as public as that.
    What is no IP address is not public: a socket may read more into it than we do.

    Source: the special-purpose address registries, as :mod:`ipaddress` has them; :rfc:`6890`.
    """
    try:
        one = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    embedded = _embedded_ipv4(one)
    if embedded is not None:
        return is_public(str(embedded))
    is_site_local = isinstance(one, IPv6Address) and one.is_site_local
    return one.is_global and not (one.is_multicast or one.is_reserved or is_site_local)


def is_private_host(host: str) -> bool:
    """Return whether the text of a host alone tells that it is in a private network."""
    name = normalize_host(host)
    if name is None or is_loopback(name):
        return True
    address = _to_address(name)
    return address is not None and not is_public(name)


def _to_address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _embedded_ipv4(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address holds, None if it holds none."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def is_readable(url: str) -> bool:
    """Return whether a text can be split into the parts of a URL at all."""
    return _split(url) is not None


def find_link_problem(url: str) -> str | None:
    """Return why a link cannot be followed, whatever the network; None if it can."""
    parts = _split(url)
    if parts is None:
        return "an address that cannot be read"
    if parts.scheme.lower() not in _DEFAULT_PORTS:
        return f"an address of the kind {parts.scheme[:20]!r}, and not http(s)"
    if "@" in parts.netloc or "\\" in url:
        return "an address that a browser and this client may read differently"
    if origin_of(url) is None:
        return "an address without a valid host and port"
    return None


def join_link(base: str, link: str) -> str | None:
    """
    Return a link against the address it was found at; None if that gives no http(s) URL.

    An absolute link stays byte for byte as it is, so that a signature stays valid.
    """
    if _split(link) is None:
        return None
    try:
        url = link if origin_of(link) else urljoin(base, link)
    except ValueError:
        return None
    return url if origin_of(url) else None


def encode_link(url: str) -> str:
    """
    Return a link as it goes out: only what no URL can hold is percent-encoded.

    What is encoded already stays as it is: to encode it again breaks a signature. The host of a
    link that is not ASCII is spelled as :func:`normalize_host` does.
    """
    if url.isascii() and not _UNSAFE_IN_URL.search(url):
        return url
    parts, origin = _split(url), origin_of(url)
    if parts is not None and origin is not None and not parts.netloc.isascii():
        rest = url.partition("://")[2]
        url = str(origin) + rest[len(parts.netloc) :]
    return _UNSAFE_IN_URL.sub(lambda unsafe: quote(unsafe[0], safe="", errors="replace"), url)


def _split(url: str) -> SplitResult | None:
    """
    Return the parts of a URL, None if it cannot be split.

    ``urlsplit`` raises ValueError of a bracket alone or of letters that NFKC turns into ``/``.
    """
    try:
        parts = urlsplit(url)
        _ = parts.hostname, parts.port
    except ValueError:
        return None
    return parts
