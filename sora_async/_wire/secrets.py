"""
Secrets that no repr shows.

Tools that print the local variables of a traceback (rich, ``pytest -l``, Sentry) print their
reprs. So a key is never a plain text in a variable of this package.
"""

from collections.abc import Mapping

from ..errors import InvalidArgumentError


class SecretStr:
    """
    A text that no repr shows.

    Args:
        value: The text; anything else is kept for :func:`check_api_key` to refuse.
    """

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __repr__(self) -> str:
        """Return that there is one."""
        return "<secret>"

    def reveal(self) -> object:
        """Return the text; do not keep it in a variable."""
        return self._value


class Secrets(tuple[str, ...]):
    """Texts that no message and no repr may show."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return how many there are."""
        return f"<{len(self)} secrets>"


class SecretHeaders(dict[str, str]):
    """Headers whose values no repr shows."""

    def __repr__(self) -> str:
        """Return their names."""
        return f"<headers {', '.join(map(str, self))}>"


def check_api_key(key: SecretStr) -> SecretStr | None:
    """
    Return the key as it goes into a header, None where there is none.

    Raises:
        InvalidArgumentError: It cannot be in a header; the key itself is not in the error.
    """
    problem = _find_problem(key.reveal())
    if problem is not None:
        raise InvalidArgumentError(f"api_key: {problem}")
    return None if key.reveal() is None else _strip(key)


def _find_problem(key: object) -> str | None:
    if key is None:
        return None
    if not isinstance(key, str):
        return f"expected a str, got {type(key).__name__}"
    key = key.strip().removeprefix("Bearer ")
    is_sendable = key.isascii() and key.isprintable() and " " not in key
    return None if is_sendable else "has a character that no HTTP header can carry"


def _strip(key: SecretStr) -> SecretStr | None:
    stripped = str(key.reveal()).strip().removeprefix("Bearer ")
    return SecretStr(stripped) if stripped else None


def hide_headers(headers: Mapping[str, str] | None) -> SecretHeaders:
    """
    Return a copy of headers that no repr shows.

    Raises:
        InvalidArgumentError: They are no mapping.
    """
    if headers is None:
        return SecretHeaders()
    if not isinstance(headers, Mapping):
        raise InvalidArgumentError(f"headers: expected a mapping, got {type(headers).__name__}")
    return SecretHeaders(headers)
