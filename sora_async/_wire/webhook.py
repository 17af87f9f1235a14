"""The task and the phase that the body of a webhook names."""

from collections.abc import Mapping
from typing import Any

from ..models import Phase
from ..models.json_fields import read_mapping
from .task_decoder import normalise, open_envelope, read_word
from .vocabulary import IDS, PHASE_WORDS, REQUEST_IDS

MAX_ID_LENGTH = 512
"""Characters of the longest id that is read: no service has one of more than some 200."""

_TASK_IDS = [name for name in IDS if name != "name"]

_ID_PLACES = (
    # The id of an event ("evt_...") and that of a call stand outside of "data".
    *(("data", name) for name in _TASK_IDS),
    *((name,) for name in _TASK_IDS),
    *((name,) for name in REQUEST_IDS),
)
"""Where services put the task's id; the first place that holds one counts."""


def find_task_id(body: Mapping[str, Any]) -> str | None:
    """Return the id of the task that a webhook is about; None where it names none."""
    for *parents, key in _ID_PLACES:
        place = body
        for parent in parents:
            place = read_mapping(place.get(parent))
        task_id = place.get(key)
        if isinstance(task_id, str) and 0 < len(task_id) <= MAX_ID_LENGTH:
            return task_id
    return None


def find_phase(body: Mapping[str, Any]) -> Phase | None:
    """Return the phase that a webhook tells by a status word, or by ``"type": "video.failed"``."""
    word = read_word(open_envelope(body)) or read_word(read_mapping(body.get("data")))
    kind = body.get("type")
    if not word and isinstance(kind, str):
        word = normalise(kind.rpartition(".")[2])
    return PHASE_WORDS.get(word)
