"""Proxies: an argument of the client, or what the environment names, as curl reads it."""

from urllib.request import getproxies, proxy_bypass

from yarl import URL

from .._wire.origins import encode_link, find_link_problem, is_loopback
from ..errors import InvalidArgumentError


def check_proxy(proxy: object, *, name: str = "proxy") -> URL | None:
    """
    Return the address of a proxy, None for none.

    Args:
        proxy: Such as ``"http://user:password@127.0.0.1:8080"``; without a scheme it is an
            ``http`` one, as for curl.
        name: Where it was given, for the error.

    Raises:
        InvalidArgumentError: It is no address of an HTTP proxy. The message does not show it, as
            it may hold a password.
    """
    if proxy is None:
        return None
    if not isinstance(proxy, str | URL):
        raise InvalidArgumentError(f"{name}: expected a str, got {type(proxy).__name__}")
    text = str(proxy).strip()
    url = text if "://" in text else f"http://{text}"
    scheme = url.partition("://")[0].lower()
    if scheme.startswith("socks"):
        raise InvalidArgumentError(
            f"{name}: a SOCKS proxy cannot be used; give an http:// proxy, or pass session= with "
            "a connector of aiohttp-socks"
        )
    address = url.rpartition("@")[2] if "@" in url else url.partition("://")[2]
    if find_link_problem(f"{scheme}://{address}") is not None:
        raise InvalidArgumentError(
            f"{name}: expected http://[user:password@]host:port; the value is not shown, as it "
            "may hold a password"
        )
    return URL(encode_link(url), encoded=True)


def find_proxy(url: URL) -> URL | None:
    """
    Return the proxy that the environment names for an address, None when it names none.

    aiohttp's own ``trust_env`` also reads ``~/.netrc``, and then either sends what it finds
    there or refuses a request that has an ``Authorization`` of its own: it is not used.

    Raises:
        InvalidArgumentError: The variable does not hold the address of an HTTP proxy.
    """
    host = url.host or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    scheme = url.scheme if url.scheme in proxies else "all"
    return check_proxy(proxies.get(scheme), name=f"the variable {scheme.upper()}_PROXY")
