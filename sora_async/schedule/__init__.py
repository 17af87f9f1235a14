"""
When to poll again: pure decisions, without a clock and without sleeping.

Moments are arguments, on any clock that only goes forward; the only randomness is the
jitter. The interval generators and the full jitter are those of ``backoff``.
"""

from .backoff import MAX_INTERVAL as MAX_INTERVAL
from .backoff import Jitter, ramp, spread, spread_phase
from .fixed import Schedule
from .history import History, Outage, Policy
from .learned import DEFAULT_SCHEDULE, LearningSchedule

__all__ = [
    "DEFAULT_SCHEDULE",
    "History",
    "Jitter",
    "LearningSchedule",
    "Outage",
    "Policy",
    "Schedule",
    "ramp",
    "spread",
    "spread_phase",
]

for _value in (History, LearningSchedule, Outage, Policy, Schedule, ramp, spread, spread_phase):
    # A traceback, a pickle and the reference name the module that people import from.
    _value.__module__ = __name__
del _value
