"""The root of all errors, and the error of an argument."""
# slots=False in the whole tree: TimeoutError has a C layout that a slotted base cannot be combined
# with. A class without fields is not decorated, and all share one __repr__: each class that attrs
# makes adds a quarter of a millisecond to every import, a third of it for its __repr__.

from typing import ClassVar

import attrs

from ..models.repr import brief, shorten


@attrs.define(slots=False, repr=False)
class SoraError(Exception):
    """
    The root: catch it to catch every error of this package.

    Attributes:
        transient: Whether the same request may succeed later.
    """

    __repr__ = brief

    transient: ClassVar[bool] = False


@attrs.define(slots=False, repr=False)
class InvalidArgumentError(SoraError, ValueError):
    """
    An argument that cannot be used; no request was sent.

    Attributes:
        message: Which argument, what is wrong with it, and what would be right.
    """

    message: str

    def __str__(self) -> str:
        return self.message


def check_bool(name: str, value: object) -> bool:
    """Return a bool; anything else is refused, as every text is true, also "false"."""
    if not isinstance(value, bool):
        raise InvalidArgumentError(f"{name}: expected True or False, got {shorten(value)}")
    return value


@attrs.define(slots=False, repr=False)
class UnexpectedError(SoraError):
    """
    A bug ended one of many operations, and none of the others; its cause is the bug.

    It may be a bug of this package or of code that it calls, such as a trace configuration. A
    single wait, create or download raises the bug as it is.

    Attributes:
        kind: The name of the exception's class; its message may hold secrets.
    """

    kind: str

    def __str__(self) -> str:
        return f"unexpected {self.kind}: this is a bug. Report it with the traceback of its cause"


def wrap_unexpected(bug: Exception) -> UnexpectedError:
    """Return the error of one of many operations that a bug has ended."""
    error = UnexpectedError(type(bug).__name__)
    error.__cause__ = bug
    return error
