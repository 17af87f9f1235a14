"""Which arguments count as numbers."""

from typing import TypeGuard


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number; True and False are none, and neither is a text of digits."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole_number(value: object) -> TypeGuard[int]:
    """Whether a value is an int; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)
