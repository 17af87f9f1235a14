"""
The API page's ``detail`` tree, typed: what a relay passes on from its own upstream.

Nothing here decides anything: phase, progress, failure and URL of a
:class:`~sora_async.VideoTask` are read elsewhere. The names are the server's.
Every field is optional; a value of another type than ours reads as None and is
still in :attr:`VideoTask.raw <sora_async.VideoTask.raw>`; keys without a field are in *extra*.

Source: example 1 of the API page "query task" for the fields of
:class:`PendingInfo` and what it holds, recorded responses for the rest.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from .repr import brief

__all__ = [
    "Detail",
    "DraftInfo",
    "Encoding",
    "Generation",
    "InpaintItem",
    "ModerationResult",
    "PendingInfo",
    "TaskInput",
]


@attrs.frozen(kw_only=True)
class TaskInput:
    """What the task was asked to make, as the relay understood it."""

    __repr__ = brief

    size: str | None = None
    model: str | None = None
    images: tuple[str, ...] = ()
    prompt: str | None = None
    orientation: str | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class InpaintItem:
    """One input image or video, and the frames it was used for."""

    __repr__ = brief

    type: str | None = None
    preset_id: str | None = None
    crop_bounds: Any = None
    frame_index: int | None = None
    cameo_file_id: str | None = None
    generation_id: str | None = None
    upload_media_id: str | None = None
    source_end_frame: int | None = None
    uploaded_file_id: str | None = None
    source_start_frame: int | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ModerationResult:
    """What the upstream's moderation said; *type* is "passed" where nothing was found."""

    __repr__ = brief

    code: str | None = None
    type: str | None = None
    task_id: str | None = None
    is_output_rejection: bool | None = None
    results_by_frame_index: Mapping[str, Any] = attrs.field(factory=dict)
    extra: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Generation:
    """One video that came out of the task."""

    __repr__ = brief

    id: str | None = None
    url: str | None = None
    task_id: str | None = None
    width: int | None = None
    height: int | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class PendingInfo:
    """
    The upstream's own record of a task that is under way.

    Attributes:
        status: The upstream's word; it tells queued from running and no more.
        progress_pct: The part done, 0.0 to 1.0; None while queued.
        progress_pos_in_queue: How many tasks are before this one.
        estimated_queue_wait_time: As sent; its unit is not documented.
        n_frames: The length of the video in frames.
        width: Pixels.
        height: Pixels.
        created_at: When the upstream took the task, in UTC.
        failure_reason: Not None when the task has failed.
    """

    __repr__ = brief

    id: str | None = None
    seed: int | None = None
    type: str | None = None
    user: str | None = None
    model: str | None = None
    title: str | None = None
    width: int | None = None
    height: int | None = None
    prompt: str | None = None
    sdedit: Any = None
    status: str | None = None
    actions: Any = None
    guidance: Any = None
    n_frames: int | None = None
    priority: int | None = None
    operation: str | None = None
    preset_id: str | None = None
    created_at: datetime | None = None
    n_variants: int | None = None
    project_id: str | None = None
    request_id: str | None = None
    generations: tuple[Generation, ...] = ()
    tracking_id: str | None = None
    progress_pct: float | None = None
    remix_config: Any = None
    inpaint_items: tuple[InpaintItem, ...] = ()
    interpolation: Any = None
    is_storyboard: bool | None = None
    failure_reason: str | None = None
    organization_id: str | None = None
    moderation_result: ModerationResult | None = None
    needs_user_review: bool | None = None
    queue_status_message: str | None = None
    progress_pos_in_queue: int | None = None
    num_unsafe_generations: int | None = None
    estimated_queue_wait_time: float | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Encoding:
    """One encoding of the finished video; *path* is its URL, and may be a still or a GIF."""

    __repr__ = brief

    path: str | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class DraftInfo:
    """
    The upstream's record of a task that has ended.

    Attributes:
        kind: "sora_draft", or what rule a refused task broke.
        reason_str: Why a refused task was refused, in words.
        encodings: By the upstream's names ("source", "md", "gif", ...).
        created_at: In UTC.
    """

    __repr__ = brief

    id: str | None = None
    url: str | None = None
    kind: str | None = None
    tags: tuple[str, ...] = ()
    title: str | None = None
    width: int | None = None
    height: int | None = None
    prompt: str | None = None
    task_id: str | None = None
    encodings: Mapping[str, Encoding | None] = attrs.field(factory=dict)
    created_at: datetime | None = None
    generation_id: str | None = None
    draft_reviewed: bool | None = None
    creation_config: Mapping[str, Any] = attrs.field(factory=dict)
    generation_type: str | None = None
    downloadable_url: str | None = None
    reason_str: str | None = None
    markdown_reason_str: str | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Detail:
    """The whole tree: *pending_info* while the task is under way, *draft_info* at its end."""

    __repr__ = brief

    id: str | None = None
    url: str | None = None
    input: TaskInput | None = None
    status: str | None = None
    gif_url: str | None = None
    video_url: str | None = None
    draft_info: DraftInfo | None = None
    generations: tuple[Generation, ...] = ()
    pending_info: PendingInfo | None = None
    thumbnail_url: str | None = None
    failure_reason: str | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict)
