"""Cutting our own key out of what a server sends back, before anything is made of it."""

HIDDEN = "[key]"

SHORTEST = 8
"""Characters of a key that is looked for; a shorter one may be a part of any word."""


def _spellings(api_key: str) -> tuple[str, str]:
    """Return the key as it is and as JSON may have escaped it."""
    return api_key, api_key.replace("/", "\\/")


def holds_key(body: bytes, api_key: str) -> bool:
    """Return whether a body has the key in it."""
    return len(api_key) >= SHORTEST and any(one.encode() in body for one in _spellings(api_key))


def hide_key(body: bytes, api_key: str) -> bytes:
    """Return a body with the key cut out."""
    for one in _spellings(api_key):
        body = body.replace(one.encode(), HIDDEN.encode())
    return body


def show_key(url: str, api_key: str) -> str:
    """Return a URL with the key put back: it is of no use without."""
    return url.replace(HIDDEN, api_key)
