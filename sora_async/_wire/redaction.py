"""Cutting our own secrets out of what a server sends back, before anything is made of it."""

import functools
from urllib.parse import quote

HIDDEN = "[key]"
_HIDDEN_BYTES = HIDDEN.encode()

SHORTEST = 8
"""Characters of a secret that is looked for; a shorter one may be a part of any word."""


def _spellings(secret: str) -> set[str]:
    """Return a secret as it is, as JSON may have escaped it, and as it is in a URL."""
    return {secret, secret.replace("/", "\\/"), quote(secret, safe="")}


@functools.lru_cache(maxsize=16)
def _sought(secrets: tuple[str, ...]) -> tuple[str, ...]:
    long_enough = [secret for secret in secrets if len(secret) >= SHORTEST]
    return tuple(one for secret in long_enough for one in _spellings(secret))


@functools.lru_cache(maxsize=16)
def _sought_bytes(secrets: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(one.encode() for one in _sought(secrets))


def without_query(url: str) -> str:
    """Return a URL for people: what follows the path of a signed link is a secret."""
    return url.partition("?")[0].partition("#")[0]


def hide_in_body(body: bytes, secrets: tuple[str, ...]) -> bytes:
    """Return a body with every secret cut out; the same one where it has none."""
    for secret in _sought_bytes(secrets):
        body = body.replace(secret, _HIDDEN_BYTES)
    return body


def hide_in_text(text: str | None, secrets: tuple[str, ...]) -> str | None:
    """Return a text with every secret cut out, also those that a body's escapes had hidden."""
    for secret in _sought(secrets):
        text = text and text.replace(secret, HIDDEN)
    return text
