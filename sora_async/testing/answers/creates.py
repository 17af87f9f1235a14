"""The answer to a create that makes its task, however it ends on the wire."""

import attrs

from ..scenario import Scenario
from .answer import Answer, named, queued


@named
def accepted(answer: Answer | None = None, *, scenario: Scenario | None = None) -> Answer:
    """
    Make the task that a create asks for, and then answer as *answer* does.

    It is for :meth:`FakeSora.on_create`: ``accepted(reset())`` is a task that was made, and paid
    for, by a create that never heard of it.

    Args:
        answer: What is answered; None means what creates are usually answered.
        scenario: What the task goes through; None means the fake's *default_scenario*.
    """
    return attrs.evolve(answer or queued(), is_accepted=True, scenario=scenario)
