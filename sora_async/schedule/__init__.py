"""
When to ask again: pure decisions, no clock and no sleep.

Moments come in as arguments, on any clock that only goes forward; chance comes
in as the jitter. The generators and the full jitter are those of ``backoff``.
"""

from .backoff import MAX_INTERVAL as MAX_INTERVAL
from .backoff import Jitter, ramp, spread, spread_phase
from .fixed import Schedule
from .history import History, Policy
from .learned import DEFAULT_SCHEDULE, LearningSchedule

__all__ = [
    "DEFAULT_SCHEDULE",
    "History",
    "Jitter",
    "LearningSchedule",
    "Policy",
    "Schedule",
    "ramp",
    "spread",
    "spread_phase",
]

for _value in (History, LearningSchedule, Policy, Schedule, ramp, spread, spread_phase):
    # A traceback, a pickle and the reference name the module that people import from.
    _value.__module__ = __name__
del _value
