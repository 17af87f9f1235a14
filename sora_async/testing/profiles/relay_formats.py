"""The relay of the API page: its two examples, and the objects of its other paths."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from .openai_formats import render_relay
from .task_state import TaskFacts, TaskState


def render_page(state: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """Return *state* as the API page's server does: about 1.8 kB while it is pending."""
    if state.phase == "succeeded":
        return render_relay(state, facts, url)
    return _render_nested(state, facts)


def render_unified(state: TaskState, facts: TaskFacts, url: str | None) -> dict[str, Any]:
    """Return *state* as the same server does at /v1/video/query: nested, also at the end."""
    if state.phase != "succeeded":
        return _render_nested(state, facts)
    bare_id = facts.task_id.rpartition(":")[2]
    media = {} if url is None else {"url": url, "gif_url": f"{url}.gif"}
    return {
        "id": facts.task_id,
        "width": 352,
        "height": 640,
        "detail": {
            "id": bare_id,
            "input": {**_INPUT, "prompt": facts.create.prompt},
            "status": "completed",
            "draft_info": {"id": f"gen_{bare_id}", "kind": "sora_draft", "task_id": bare_id},
            **media,
        },
        "status": "completed",
        "video_url": url,
        "thumbnail_url": None if url is None else f"{url}.webp",
        "status_update_time": _update_time(facts),
    }


def render_unified_created(_state: TaskState, facts: TaskFacts, _url: str | None) -> dict[str, Any]:
    """Return the object of that server's response to /v1/video/create."""
    return {"id": facts.task_id, "status": "pending", "status_update_time": _update_time(facts)}


def _render_nested(state: TaskState, facts: TaskFacts) -> dict[str, Any]:
    status = "failed" if state.phase == "failed" else "pending"
    bare_id = facts.task_id.rpartition(":")[2]
    detail = {
        "id": bare_id,
        "input": {**_INPUT, "prompt": facts.create.prompt},
        "status": status,
        "pending_info": _render_pending_info(state, facts, bare_id),
    }
    if state.phase == "failed":
        detail["draft_info"] = {
            "kind": state.code,
            "task_id": bare_id,
            "reason_str": state.message,
            "markdown_reason_str": None,
            "url": None,
            "downloadable_url": None,
        }
    return {
        "id": facts.task_id,
        "detail": detail,
        "status": status,
        "status_update_time": _update_time(facts),
    }


def _update_time(facts: TaskFacts) -> int:
    # The number of the poll makes it differ between two responses at the same time.
    return int(facts.now * 1000) + facts.poll


def _render_pending_info(state: TaskState, facts: TaskFacts, bare_id: str) -> dict[str, Any]:
    created = datetime.fromtimestamp(facts.created_at, UTC)
    return {
        **_PENDING_INFO,
        "id": bare_id,
        "prompt": facts.create.prompt,
        "status": "processing" if state.phase == "running" else state.phase,
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "progress_pct": state.progress,
        "failure_reason": state.code,
        "moderation_result": {
            "code": None,
            "type": "passed",
            "task_id": bare_id,
            "is_output_rejection": False,
            "results_by_frame_index": {},
        },
    }


def _render_inpaint_item(media: str) -> dict[str, Any]:
    return {
        "type": "image",
        "preset_id": None,
        "crop_bounds": None,
        "frame_index": 0,
        "cameo_file_id": None,
        "generation_id": None,
        "upload_media_id": media,
        "source_end_frame": 0,
        "uploaded_file_id": None,
        "source_start_frame": 0,
    }


_INPUT: Final[Mapping[str, Any]] = {
    "size": "small",
    "model": "sy_ore",
    "images": [
        "https://filesystem.example/cdn/20250612/VfgB5ubjInVt8sG6rzMppxnu7gEfde.png",
        "https://filesystem.example/cdn/20250612/998IGmUiM2koBGZM3UnZeImbPBNIUL.png",
    ],
    "orientation": "portrait",
}

_PENDING_INFO: Final[Mapping[str, Any]] = {
    "seed": None,
    "type": "video_gen",
    "user": "user-a1sGDUIOXV32hNITe59LEkHa",
    "model": "sy_8",
    "title": "New Video",
    "width": 352,
    "height": 640,
    "sdedit": None,
    "actions": None,
    "guidance": None,
    "n_frames": 450,
    "priority": 2,
    "operation": "simple_compose",
    "preset_id": None,
    "n_variants": 1,
    "project_id": None,
    "request_id": None,
    "generations": [],
    "tracking_id": None,
    "remix_config": None,
    "inpaint_items": [
        _render_inpaint_item("media_01k6x15tnzezbst05sth2qgd8r"),
        _render_inpaint_item("media_01k6x15tzafwztz74t018v3enw"),
    ],
    "interpolation": None,
    "is_storyboard": None,
    "organization_id": None,
    "needs_user_review": False,
    "queue_status_message": None,
    "progress_pos_in_queue": None,
    "num_unsafe_generations": 0,
    "estimated_queue_wait_time": None,
}
