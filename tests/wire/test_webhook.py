"""What the body of a webhook says of a task."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import JSON_VALUES

from sora_async import Phase
from sora_async._wire.webhook import find_phase, find_task_id

KEYS = st.sampled_from(["id", "task_id", "request_id", "data", "type", "status", "task_status"])


@pytest.mark.parametrize(
    ("body", "task_id", "phase"),
    [
        # OpenAI: an event about a video.
        (
            {"id": "evt_1", "type": "video.completed", "data": {"id": "video_1"}},
            "video_1",
            Phase.SUCCEEDED,
        ),
        ({"id": "evt_1", "type": "video.failed", "data": {"id": "v"}}, "v", Phase.FAILED),
        ({"id": "evt_1", "type": "video.remixed", "data": {"id": "v"}}, "v", None),
        # Replicate, Luma, OpenRouter: the task itself.
        ({"id": "p", "status": "succeeded"}, "p", Phase.SUCCEEDED),
        ({"id": "p", "state": "a word of tomorrow"}, "p", None),
        # Kling and Ark.
        ({"task_id": "k", "task_status": "failed"}, "k", Phase.FAILED),
        # kie.ai; a call's own id is not the task's.
        ({"request_id": "call", "code": 200, "data": {"task_id": "kie"}}, "kie", None),
        # fal.
        ({"request_id": "r", "status": "OK"}, "r", None),
        ({"data": {"id": "v", "status": "in_progress"}}, "v", Phase.RUNNING),
        ({"id": ""}, None, None),
        ({"id": "x" * 513}, None, None),
        ({"id": 7, "data": []}, None, None),
        ({}, None, None),
    ],
)
def test_the_task_and_its_phase_are_found(
    body: dict[str, Any], task_id: str | None, phase: Phase | None
) -> None:
    assert (find_task_id(body), find_phase(body)) == (task_id, phase)


@settings(max_examples=200)
@given(st.dictionaries(KEYS | st.text(), JSON_VALUES | st.dictionaries(KEYS, JSON_VALUES)))
def test_no_body_raises(body: dict[str, Any]) -> None:
    task_id, phase = find_task_id(body), find_phase(body)

    assert task_id is None or isinstance(task_id, str)
    assert phase is None or isinstance(phase, Phase)
