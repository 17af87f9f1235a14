"""What passes for a number where one is handed in."""

from typing import TypeGuard


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number; True and False are none, and neither is a text of digits."""
    return isinstance(value, int | float) and not isinstance(value, bool)
