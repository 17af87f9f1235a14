"""Where the video is: the many places a server may put its URL, and the decoys beside them."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

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

_PLACES_AFTER_SUCCESS: tuple[tuple[str | int, ...], ...] = (
    *_PLACES,
    ("video_url", "url"),
    ("output", 0),
    ("output", 0, "url"),
    ("videos", 0, "url"),
    ("generations", 0, "url"),
    ("task_result", "videos", 0, "url"),
)
"""Places that may hold an input or a still while a task is running."""

_NO_VIDEOS = re.compile(
    r"\.(gif|png|jpe?g|webp|avif|bmp|heic|svg|txt|log|json|html?)", re.IGNORECASE
)
"""How the name of a file ends that is no video."""

_OWN_ADDRESS = re.compile(r"/v\d+/videos?/[^/.]+(/[a-z_]+)?/?")
"""The end of an address of the service itself: a running task may send one as its own."""


def find_video_url(body: Mapping[str, Any], *, url: str, has_succeeded: bool) -> str | None:
    """
    Return the first usable URL of a finished video, None when there is none yet.

    Args:
        body: The task, out of its envelope.
        url: The address that was asked; never a video.
        has_succeeded: Whether the status word says so. Before, the
            service's own ``/content`` address is a promise and no video.
    """
    for place in _PLACES_AFTER_SUCCESS if has_succeeded else _PLACES:
        if place[0] in body:
            found = read_url(_follow(body, place))
            if found is not None and _is_video(found, own=url, has_succeeded=has_succeeded):
                return found
    return read_url(body.get("fail_reason")) if has_succeeded else None


def _follow(value: object, place: tuple[str | int, ...]) -> object:
    for step in place:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _is_video(url: str, *, own: str, has_succeeded: bool) -> bool:
    path = url.partition("?")[0].partition("#")[0]
    name = path.rpartition("/")[2]
    if _NO_VIDEOS.fullmatch(name[name.rfind(".") :]):
        return False
    if has_succeeded:
        return unquote(urlsplit(path).path).rstrip("/") != unquote(urlsplit(own).path)
    own_address = _OWN_ADDRESS.search(path)
    return own_address is None or own_address.end() != len(path)
