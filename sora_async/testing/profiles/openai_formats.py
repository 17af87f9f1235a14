"""Tasks as flat objects: OpenAI's format and the variants of those who copied it."""

import base64
import uuid
from collections.abc import Mapping
from typing import Any, Final

from .task_state import Phase, TaskFacts, TaskState


def render_relay(state: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """Return *state* as relays built on new-api do: ``video_url`` is null until the end."""
    body: dict[str, Any] = {
        "id": facts.task_id,
        "object": "video",
        "model": facts.create.model,
        "status": STATUS_WORDS[state.phase],
        **_progress_field(state),
        "created_at": int(facts.created_at),
        "seconds": facts.create.seconds,
        "size": facts.create.size,
        "video_url": url,
    }
    if state.phase == "succeeded":
        body["completed_at"] = int(facts.ended_at)
    if state.phase == "failed":
        body["error"] = {"code": state.code, "message": state.message}
    if facts.remixed_from is not None:
        body["remixed_from_video_id"] = facts.remixed_from
    return body


def render_openai(state: TaskState, facts: TaskFacts, _url: str | None) -> dict[str, Any]:
    """Return *state* as OpenAI does: every field is always present, and none is a URL."""
    is_done = state.phase == "succeeded"
    error = {"code": state.code, "message": state.message}
    return {
        "id": facts.task_id,
        "completed_at": int(facts.ended_at) if is_done else None,
        "created_at": int(facts.created_at),
        "error": error if state.phase == "failed" else None,
        "expires_at": int(facts.ended_at) + 3600 if is_done else None,
        "model": facts.create.model,
        "object": "video",
        **_progress_field(state),
        "prompt": facts.create.prompt,
        "remixed_from_video_id": facts.remixed_from,
        "seconds": facts.create.seconds,
        "size": facts.create.size,
        "status": STATUS_WORDS[state.phase],
    }


def render_vllm(state: TaskState, facts: TaskFacts, _url: str | None) -> dict[str, Any]:
    """Return *state* as vLLM-Omni does, without progress and without a URL."""
    is_done = state.phase == "succeeded"
    code = state.code or ""
    error = {"code": int(code) if code.isdecimal() else code, "message": state.message}
    return {
        "model": facts.create.model,
        "prompt": facts.create.prompt,
        "id": facts.task_id,
        "object": "video",
        "status": STATUS_WORDS[state.phase],
        "size": facts.create.size,
        "progress": 100 if is_done else 0,
        "seconds": facts.create.seconds,
        "quality": "default",
        "completed_at": int(facts.ended_at) if state.phase in ("succeeded", "failed") else None,
        "created_at": int(facts.created_at),
        "remixed_from_video_id": None,
        "error": error if state.phase == "failed" else None,
        "media_type": "video/mp4",
        "expires_at": None,
        "file_name": f"{facts.task_id}.mp4" if is_done else None,
        "inference_time_s": facts.ended_at - facts.created_at if is_done else None,
        "stage_durations": {},
        "peak_memory_mb": 0.0,
    }


def render_sglang(state: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """Return *state* as SGLang does: "queued" until the end, and then with ``url``."""
    is_done = state.phase == "succeeded"
    return {
        "id": facts.task_id,
        "object": "video",
        "model": facts.create.model,
        "status": "queued" if state.phase == "running" else STATUS_WORDS[state.phase],
        "progress": 100 if is_done else 0,
        "created_at": int(facts.created_at),
        "size": facts.create.size,
        "seconds": facts.create.seconds,
        "quality": "standard",
        "url": url,
        "remixed_from_video_id": None,
        "completed_at": int(facts.ended_at) if is_done else None,
        "expires_at": None,
        # It has the text of the exception and no code.
        "error": {"message": state.message} if state.phase == "failed" else None,
        "file_path": f"outputs/{facts.task_id}.mp4" if is_done and url is None else None,
        "peak_memory_mb": None,
        "inference_time_s": facts.ended_at - facts.created_at if is_done else None,
    }


def render_litellm(state: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """Return *state* as LiteLLM does: the id in the response to a poll cannot be polled."""
    body = render_openai(state, facts, url)
    del body["prompt"]
    if facts.endpoint == "poll":
        body["id"] = pack_id(f"deploy-{facts.poll}", facts.task_id)
    return body


def render_openrouter(state: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """Return *state* as OpenRouter does: URLs and hardly anything else."""
    path = f"/api/v1/videos/{facts.quoted_id}"
    body = _render_with_urls(state, facts, url, path)
    return {**body, "status": "pending"} if state.phase == "queued" else body


def render_ofox(state: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """Return *state* as ofox does: OpenRouter's object under ``/v1``."""
    return _render_with_urls(state, facts, url, f"/v1/videos/{facts.quoted_id}")


def _render_with_urls(
    state: TaskState, facts: TaskFacts, url: str | None, path: str
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": facts.task_id,
        "polling_url": facts.api_url + path if facts.absolute_urls else path,
        "status": STATUS_WORDS[state.phase],
    }
    if state.phase == "succeeded":
        body["generation_id"] = f"gen-{facts.task_id}"
        if url is not None:
            own = f"{facts.api_url}{path}/content?index=0"
            body["unsigned_urls"] = [own if url == facts.file_url else url]
        body["usage"] = {"cost": 0.5, "is_byok": False}
    if state.phase == "failed":
        body["error"] = state.message
    return body


def pack_id(model_id: str, task_id: str) -> str:
    """Return an id in LiteLLM's format: provider, model and task, in base64."""
    text = f"litellm:custom_llm_provider:openai;model_id:{model_id};video_id:{task_id}"
    return f"video_{base64.b64encode(text.encode()).decode()}"


def unpack_id(packed: str) -> str:
    """Return the task's own id, as LiteLLM's list has it; other ids are returned as they are."""
    try:
        text = base64.b64decode(packed.removeprefix("video_"), validate=True).decode()
    except ValueError:
        return packed
    return text.rpartition("video_id:")[2]


def make_uuid(number: int) -> str:
    """Return the UUID of task *number*."""
    return str(uuid.UUID(int=number))


def _progress_field(state: TaskState) -> dict[str, int]:
    """Return the field ``progress`` from 0 to 100; none where a running task shows none."""
    if state.phase == "running" and state.progress is None:
        return {}
    return {"progress": round((state.progress or 0.0) * 100)}


STATUS_WORDS: Final[Mapping[Phase, str]] = {
    "queued": "queued",
    "running": "in_progress",
    "succeeded": "completed",
    "failed": "failed",
}
"""OpenAI's words for the phases, in responses and in the types of webhook events."""
