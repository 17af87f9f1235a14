"""What all errors have, and the one of an argument."""
# slots=False, here and in all of the tree: TimeoutError has a C layout of its own, which no slotted
# base mixes with. A class without fields of its own is left as it is, and all have one __repr__:
# each class that attrs makes takes a quarter of a millisecond of every import, and a third of that
# is its __repr__.

from typing import ClassVar

import attrs

from ..models.repr import brief


@attrs.define(slots=False, repr=False)
class SoraError(Exception):
    """
    The root: catch it to catch all that this package raises.

    Attributes:
        transient: Whether the same request may succeed later.
    """

    __repr__ = brief

    transient: ClassVar[bool] = False


@attrs.define(slots=False, repr=False)
class InvalidArgumentError(SoraError, ValueError):
    """
    An argument that cannot be used; nothing was sent.

    Attributes:
        message: Which argument, what is wrong with it, and what would be right.
    """

    message: str

    def __str__(self) -> str:
        """Return the message."""
        return self.message
