"""What is learned from the tasks that were waited for, and what it says of those to come: pure."""

from ._lines import Mark
from ._memory import Memory, kinds_of
from ._outlook import Outlook
from ._records import Kind
from ._sight import LONGEST_NEGLECT, Ending, Sight, is_stalled, remaining, urgency

__all__ = [
    "LONGEST_NEGLECT",
    "Ending",
    "Kind",
    "Mark",
    "Memory",
    "Outlook",
    "Sight",
    "is_stalled",
    "kinds_of",
    "remaining",
    "urgency",
]
