"""Tasks as gateways and providers spell them that do not copy OpenAI's object."""

import json
from collections.abc import Mapping
from typing import Any, Final

from .http_message import Message, make_message
from .openai_formats import STATUS_WORDS
from .task_state import Phase, TaskFacts, TaskState


def tasks_error(status: int, message: str, *, code: str | None = None, **_: str | None) -> Message:
    """Return an error as evolink sends it: OpenAI's envelope without ``param``."""
    error = {"code": code or str(status), "message": message, "type": "invalid_request_error"}
    return make_message({"error": error}, status=status)


def render_tasks(state: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """
    Return *state* as services with ``GET /v1/tasks/{id}`` do.

    Source: docs.evolink.ai, "Get task detail"; APIMart and ToAPIs have the same paths.
    """
    info: dict[str, Any] = {"can_cancel": state.phase in ("queued", "running")}
    if state.phase in ("queued", "running"):
        info |= {"estimated_time": 165, "video_duration": _number(facts.create.seconds)}
    body: dict[str, Any] = {
        "created": int(facts.created_at),
        "id": facts.task_id,
        "model": facts.create.model,
        "object": "video.generation.task",
        "progress": round((state.progress or 0.0) * 100),
        "status": "pending" if state.phase == "queued" else _PROCESSING_WORDS[state.phase],
        "task_info": info,
        "type": "video",
    }
    if facts.endpoint == "create":
        body["usage"] = {"billing_rule": "per_call", "credits_reserved": 8}
    if state.phase == "succeeded" and url is not None:
        body["results"] = [url]
    if state.phase == "failed":
        body["error"] = {"code": state.code, "message": state.message}
    return body


def xai_error(status: int, message: str, *, code: str | None = None, **_: str | None) -> Message:
    """Return an error as xAI sends it."""
    text = code or "The request could not be processed"
    return make_message({"code": text, "error": message}, status=status)


def render_xai(state: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """
    Return *state* as xAI does, without an id.

    Source: docs.x.ai, "Video generation"; the object of a failure is an assumption.
    """
    if state.phase == "succeeded":
        video: dict[str, Any] = {"duration": _number(facts.create.seconds)}
        if url is not None:
            video = {"url": url, **video, "respect_moderation": True}
        return {"status": "done", "video": video, "model": facts.create.model}
    if state.phase == "failed":
        error = {"code": state.code, "message": state.message}
        return {"status": "failed", "error": error, "model": facts.create.model}
    return {"status": "pending", "progress": round((state.progress or 0.0) * 100)}


def gemini_error(status: int, message: str, **_: str | None) -> Message:
    """Return an error as Google's services send it."""
    word = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND"}.get(status)
    error = {"code": status, "message": message, "status": word or "FAILED_PRECONDITION"}
    return make_message({"error": error}, status=status)


def render_gemini(state: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """Return *state* as Gemini's OpenAI endpoint does: the file is on its own origin."""
    body: dict[str, Any] = {
        "id": facts.task_id,
        "object": "video",
        "model": facts.create.model,
        "created_at": int(facts.created_at),
        "status": "processing" if state.phase == "queued" else _PROCESSING_WORDS[state.phase],
    }
    if state.phase == "succeeded" and url is not None:
        own = f"{facts.api_url}/v1beta/files/{facts.quoted_id}:download?alt=media"
        body["url"] = own if url == facts.file_url else url
    if state.phase == "failed":
        body["error"] = {"code": state.code, "message": state.message}
    return body


def ark_error(
    status: int, message: str, *, param: str | None = None, code: str | None = None
) -> Message:
    """Return an error as Volcengine Ark sends it."""
    words = {401: "AuthenticationError", 404: "NotFound"}
    word = words.get(status, "InvalidParameter")
    error = {"code": code or word, "message": message, "param": param or "", "type": word}
    return make_message({"error": error}, status=status)


def render_ark(state: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """Return *state* as Volcengine Ark does."""
    body = _describe_as_ark(state, facts)
    if state.phase == "succeeded":
        body |= {
            "content": {"video_url": url},
            "usage": {"completion_tokens": 246840, "total_tokens": 246840},
            "seed": 10,
            "resolution": "720p",
            "duration": _number(facts.create.seconds),
            "ratio": "16:9",
            "framespersecond": 24,
        }
    if state.phase == "failed":
        body["error"] = {"code": state.code, "message": state.message}
    return body


def _describe_as_ark(state: TaskState, facts: TaskFacts) -> dict[str, Any]:
    """Return the fields that a task has in each phase; MiniMax's V2 has the same."""
    has_ended = state.phase in ("succeeded", "failed")
    return {
        "id": facts.task_id,
        "model": facts.create.model,
        "status": state.phase,
        "created_at": int(facts.created_at),
        "updated_at": int(facts.ended_at if has_ended else facts.now),
    }


def minimax_error(status: int, message: str, **_: str | None) -> Message:
    """Return an error as MiniMax's V2 sends it."""
    word = {401: "authorized_error", 429: "rate_limit_error", 500: "server_error"}.get(status)
    error = {"type": word or "bad_request_error", "message": message, "http_code": str(status)}
    body = {"type": "error", "error": error, "request_id": "021785229015510a2c883cf675b9804d"}
    return make_message(body, status=status)


def render_minimax(state: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """Return *state* as MiniMax's V2 does, of which a poll has an envelope around it."""
    body = _describe_as_ark(state, facts) | {
        "resolution": "768P",
        "duration": _number(facts.create.seconds),
        "usage": {},
        "ratio": "16:9",
        "task_type": "generation",
        "modality": "video",
    }
    if state.phase == "succeeded":
        body |= {"content": {"url": url}, "usage": {"output_seconds": 5, "total_tokens": 246840}}
    if state.phase == "failed":
        body["error"] = {"code": state.code, "message": state.message}
    return body


def read_ark_create(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a create of Ark as one of OpenAI's: the prompt is a text among ``content``."""
    content = fields.get("content")
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, Mapping)]
    prompt = " ".join(text for text in texts if isinstance(text, str))
    return {**fields, "prompt": prompt, "seconds": fields.get("duration")}


def render_newapi(state: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """
    Return *state* as new-api does at ``/v1/video/generations``: with an error in each response.

    Source: newapi.ai, "Get video generation task".
    """
    is_failed = state.phase == "failed"
    return {
        "task_id": facts.task_id,
        "status": STATUS_WORDS[state.phase],
        "url": url if state.phase == "succeeded" and url is not None else "",
        "format": "mp4",
        "metadata": {"duration": _number(facts.create.seconds), "fps": 30, "seed": 20231234},
        "error": {
            "code": state.code if is_failed else 0,
            "message": state.message if is_failed else "",
        },
    }


def kie_error(status: int, message: str, **_: str | None) -> Message:
    """Return an error as kie.ai sends it."""
    return make_message({"code": status, "msg": message, "data": None}, status=status)


def render_kie_created(_state: TaskState, facts: TaskFacts, _url: str | None) -> dict[str, Any]:
    """Return the object of kie.ai's response to a create."""
    return {"code": 200, "msg": "success", "data": {"taskId": facts.task_id}}


def render_kie(state: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """Return *state* as kie.ai does: in an envelope, the URL in JSON inside of a text."""
    is_done, is_failed = state.phase == "succeeded", state.phase == "failed"
    data = {
        "taskId": facts.task_id,
        "model": facts.create.model,
        "param": json.dumps({"input": {"prompt": facts.create.prompt}}),
        "resultJson": json.dumps({"resultUrls": [url]}) if is_done and url is not None else "",
        "failCode": state.code if is_failed else None,
        "failMsg": state.message if is_failed else None,
        "costTime": round((facts.ended_at - facts.created_at) * 1000) if is_done else None,
        "completeTime": round(facts.ended_at * 1000) if is_done else None,
        "createTime": round(facts.created_at * 1000),
        "state": KIE_WORDS[state.phase],
    }
    return {"code": 200, "msg": "success", "data": data}


def read_kie_create(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a create of kie.ai as one of OpenAI's: the arguments are in ``input``."""
    given = fields.get("input")
    return {**fields, **given} if isinstance(given, Mapping) else fields


def _number(text: str) -> int | str:
    """Return the length of a video as a number, if it is one."""
    return int(text) if text.isdecimal() else text


_PROCESSING_WORDS: Final[Mapping[Phase, str]] = {
    "queued": "queued",
    "running": "processing",
    "succeeded": "completed",
    "failed": "failed",
}
KIE_WORDS: Final[Mapping[Phase, str]] = {
    "queued": "queuing",
    "running": "generating",
    "succeeded": "success",
    "failed": "fail",
}
"""kie.ai's words for the phases, in responses and in webhooks."""
