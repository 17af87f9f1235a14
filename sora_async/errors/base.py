"""The root of all errors, and the error of an argument."""
# slots=False in the whole tree: TimeoutError has a C layout that a slotted base cannot be combined
# with. A class without fields is not decorated, and all share one __repr__: each class that attrs
# makes adds a quarter of a millisecond to every import, a third of it for its __repr__.

from typing import ClassVar

import attrs

from ..models.repr import brief


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
        """Return the message."""
        return self.message
