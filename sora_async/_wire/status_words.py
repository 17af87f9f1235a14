"""
What servers call the phases of a task.

The list is open. A word that is not here means "still going": a wait that
takes an unknown word for an end throws away a video that is being made.

Source: ``tests/responses/status_words.json``, gathered from public clients and servers.
"""

from ..models import Phase

QUEUED, RUNNING, SUCCEEDED, FAILED = Phase
"""By names of their own: to look one up in its class takes a call in Python 3.11."""

_WORDS = {
    QUEUED: """
        queued pending not_start not_started notstarted submitted created waiting queueing
        preparing starting unknown
    """,
    RUNNING: """
        in_progress processing running generating preprocessing image_downloading
        video_generating video_generation_completed video_upsampling
    """,
    SUCCEEDED: """
        completed complete succeeded succeed success done finished video_upsampling_completed
    """,
    FAILED: """
        failed failure fail error cancelled canceled expired video_generation_failed
        video_upsampling_failed
    """,
}

PHASE_WORDS = {word: phase for phase, words in _WORDS.items() for word in words.split()}

EXPIRED_WORD = "expired"

CALL_WORDS = frozenset({"success", "fail", "error"})
"""Words that may speak of the call instead of the task. Source: the JSend convention."""


def normalise(word: object) -> str:
    """Return a status word in the spelling of this list, "" for what is no word."""
    if type(word) is not str:
        return ""
    return word if word in PHASE_WORDS else word.strip().lower().replace("-", "_").replace(" ", "_")
