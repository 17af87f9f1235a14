"""How much of a response a wait keeps: thousands of waits may be open on a server that pads."""

from typing import Any

import attrs

from ..models import VideoTask

MAX_KEPT_BODY = 64 * 1024
"""Bytes of a body that a wait keeps between two polls. The largest seen of a real service, with
all of its ``detail``, has 4 kB."""

MAX_KEPT_TEXT = 10_000
"""Characters of each text of a snapshot whose body is larger."""


def limit_size(task: VideoTask) -> VideoTask:
    """
    Return a snapshot without its body, and with its texts cut, if the body is very large.

    What was dropped is said in *raw*; ``get_task`` returns it whole.

    Args:
        task: The snapshot of a poll.
    """
    body = task._raw
    if not isinstance(body, bytes) or len(body) <= MAX_KEPT_BODY:
        return task
    note = f"a body of {len(body)} bytes, of which a wait keeps none; get_task() returns it"
    cut: dict[str, Any] = {
        name: text[:MAX_KEPT_TEXT]
        for name in ("status", "model", "prompt", "enhanced_prompt", "size")
        if isinstance(text := getattr(task, name), str)
    }
    return attrs.evolve(task, raw={"dropped": note}, **cut)
