"""Where the video is: the many places a server may put its URL, and the decoys beside them."""

from collections.abc import Mapping
from typing import Any

from .._units import read_url

_PLACES: tuple[tuple[str | int, ...], ...] = (
    ("video_url",),
    ("url",),
    ("result_url",),
    ("video", "url"),
    ("output",),
    ("output", "url"),
    ("output", "video_url"),
    ("output", "videos", 0, "url"),
    ("outputs", "video_url"),
    ("data", "output"),
    ("data", "video_url"),
    ("data", "url"),
    ("data", "result_url"),
    ("result", "video_url"),
    ("metadata", "url"),
    ("unsigned_urls", 0),
    ("urls", 0),
    ("detail", "url"),
    ("detail", "video_url"),
    ("detail", "draft_info", "downloadable_url"),
    ("detail", "draft_info", "url"),
    ("detail", "generations", 0, "url"),
    ("detail", "pending_info", "generations", 0, "url"),
)
"""In reading order. Source: the answers of about a dozen services, in ``tests/replies``."""

_STILLS = (".gif", ".png", ".jpg", ".jpeg", ".webp", ".avif")


def find_video_url(body: Mapping[str, Any], *, task_id: str, has_succeeded: bool) -> str | None:
    """
    Return the first usable URL of a finished video, None when there is none yet.

    Args:
        body: The task, out of its envelope.
        task_id: The id that was asked for; an address that ends in it is
            the task's own and not its video.
        has_succeeded: Whether the status word says so. Before, the
            service's own ``/content`` address is a promise and no video.
    """
    for place in _PLACES:
        if place[0] in body:
            url = read_url(_follow(body, place))
            if url is not None and _is_video(url, task_id=task_id, has_succeeded=has_succeeded):
                return url
    return read_url(body.get("fail_reason")) if has_succeeded else None


def _follow(value: object, place: tuple[str | int, ...]) -> object:
    for step in place:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _is_video(url: str, *, task_id: str, has_succeeded: bool) -> bool:
    path = url.partition("?")[0].partition("#")[0]
    if path.lower().endswith(_STILLS) or path.endswith("/" + task_id):
        return False
    return has_succeeded or not path.endswith("/content")
