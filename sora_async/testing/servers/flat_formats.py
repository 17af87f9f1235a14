"""Tasks as flat objects, the way OpenAI and most of those who copy it spell them."""

import base64
import uuid
from collections.abc import Mapping
from typing import Any, Final

from .task_state import Phase, TaskFacts, TaskState


def spell_relay(snapshot: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """Return *snapshot* as relays of new-api's kind do: with ``video_url``, null until the end."""
    body: dict[str, Any] = {
        "id": facts.task_id,
        "object": "video",
        "model": facts.order.model,
        "status": _WORDS[snapshot.phase],
        **_spell_progress(snapshot),
        "created_at": int(facts.created),
        "seconds": facts.order.seconds,
        "size": facts.order.size,
        "video_url": url,
    }
    if snapshot.phase == "succeeded":
        body["completed_at"] = int(facts.ended)
    if snapshot.phase == "failed":
        body["error"] = {"code": snapshot.code, "message": snapshot.message}
    if facts.remixed_from is not None:
        body["remixed_from_video_id"] = facts.remixed_from
    return body


def spell_openai(snapshot: TaskState, facts: TaskFacts, _url: str | None) -> dict[str, Any]:
    """Return *snapshot* as OpenAI itself does: every field is always there, and none is a URL."""
    is_done = snapshot.phase == "succeeded"
    error = {"code": snapshot.code, "message": snapshot.message}
    return {
        "id": facts.task_id,
        "completed_at": int(facts.ended) if is_done else None,
        "created_at": int(facts.created),
        "error": error if snapshot.phase == "failed" else None,
        "expires_at": int(facts.ended) + 3600 if is_done else None,
        "model": facts.order.model,
        "object": "video",
        **_spell_progress(snapshot),
        "prompt": facts.order.prompt,
        "remixed_from_video_id": facts.remixed_from,
        "seconds": facts.order.seconds,
        "size": facts.order.size,
        "status": _WORDS[snapshot.phase],
    }


def spell_vllm(snapshot: TaskState, facts: TaskFacts, _url: str | None) -> dict[str, Any]:
    """Return *snapshot* as vLLM-Omni does, which tells of no progress and never of a URL."""
    is_done = snapshot.phase == "succeeded"
    code = snapshot.code or ""
    error = {"code": int(code) if code.isdecimal() else code, "message": snapshot.message}
    return {
        "model": facts.order.model,
        "prompt": facts.order.prompt,
        "id": facts.task_id,
        "object": "video",
        "status": _WORDS[snapshot.phase],
        "size": facts.order.size,
        "progress": 100 if is_done else 0,
        "seconds": facts.order.seconds,
        "quality": "default",
        "completed_at": int(facts.ended) if snapshot.phase in ("succeeded", "failed") else None,
        "created_at": int(facts.created),
        "remixed_from_video_id": None,
        "error": error if snapshot.phase == "failed" else None,
        "media_type": "video/mp4",
        "expires_at": None,
        "file_name": f"{facts.task_id}.mp4" if is_done else None,
        "inference_time_s": facts.ended - facts.created if is_done else None,
        "stage_durations": {},
        "peak_memory_mb": 0.0,
    }


def spell_sglang(snapshot: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """Return *snapshot* as SGLang does: "queued" until the end, and then with ``url``."""
    is_done = snapshot.phase == "succeeded"
    return {
        "id": facts.task_id,
        "object": "video",
        "model": facts.order.model,
        "status": "queued" if snapshot.phase == "running" else _WORDS[snapshot.phase],
        "progress": 100 if is_done else 0,
        "created_at": int(facts.created),
        "size": facts.order.size,
        "seconds": facts.order.seconds,
        "quality": "standard",
        "url": url,
        "remixed_from_video_id": None,
        "completed_at": int(facts.ended) if is_done else None,
        "expires_at": None,
        # It has the exception's text and no code.
        "error": {"message": snapshot.message} if snapshot.phase == "failed" else None,
        "file_path": f"outputs/{facts.task_id}.mp4" if is_done and url is None else None,
        "peak_memory_mb": None,
        "inference_time_s": facts.ended - facts.created if is_done else None,
    }


def spell_litellm(snapshot: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """Return *snapshot* as LiteLLM passes OpenAI's on: the id of a poll's reply is of no use."""
    body = spell_openai(snapshot, facts, url)
    del body["prompt"]
    if facts.endpoint == "poll":
        body["id"] = pack_id(f"deploy-{facts.poll}", facts.task_id)
    return body


def spell_openrouter(snapshot: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """Return *snapshot* as OpenRouter does, which gives addresses and hardly anything else."""
    path = f"/api/v1/videos/{facts.quoted_id}"
    body: dict[str, Any] = {
        "id": facts.task_id,
        "polling_url": facts.api_url + path if facts.is_absolute else path,
        "status": "pending" if snapshot.phase == "queued" else _WORDS[snapshot.phase],
    }
    if snapshot.phase == "succeeded":
        body["generation_id"] = f"gen-{facts.task_id}"
        if url is not None:
            own = f"{facts.api_url}{path}/content?index=0"
            body["unsigned_urls"] = [own if url == facts.file_url else url]
        body["usage"] = {"cost": 0.5, "is_byok": False}
    if snapshot.phase == "failed":
        body["error"] = snapshot.message
    return body


def pack_id(model_id: str, task_id: str) -> str:
    """Return an id as LiteLLM makes them: the address of a task, in base64."""
    text = f"litellm:custom_llm_provider:openai;model_id:{model_id};video_id:{task_id}"
    return f"video_{base64.b64encode(text.encode()).decode()}"


def make_uuid(number: int) -> str:
    """Return the UUID of the fake's task *number*."""
    return str(uuid.UUID(int=number))


def _spell_progress(snapshot: TaskState) -> dict[str, int]:
    """Return the field ``progress`` from 0 to 100; none where a running task has none."""
    if snapshot.phase == "running" and snapshot.progress is None:
        return {}
    return {"progress": round((snapshot.progress or 0.0) * 100)}


_WORDS: Final[Mapping[Phase, str]] = {
    "queued": "queued",
    "running": "in_progress",
    "succeeded": "completed",
    "failed": "failed",
}
