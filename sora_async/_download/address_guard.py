"""What names the place of a downloaded file, without the secrets that its URL carries."""

import hashlib


def without_query(url: str) -> str:
    """Return a URL for people: what follows the path of a signed link is a secret."""
    return url.partition("?")[0].partition("#")[0]


def place_of(url: str) -> str:
    """Return what names the place of a file on disk, where a path may be a secret as well."""
    return hashlib.sha256(without_query(url).encode("utf-8", "replace")).hexdigest()[:32]
