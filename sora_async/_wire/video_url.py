"""Where the video is: the many places a server may put its URL, and the decoys beside them."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from ..models.json_fields import read_url

Places = dict[str | int, "Places"]

_HERE: Places = {"": {}}
"""The value itself, in a table of places."""

_PLACES: Places = {
    "video_url": _HERE,
    "url": _HERE,
    "result_url": _HERE,
    "video": {"url": _HERE},
    "output": {**_HERE, "url": _HERE, "video_url": _HERE, "videos": {0: {"url": _HERE}}},
    "outputs": {"video_url": _HERE},
    "data": {"output": _HERE, "video_url": _HERE, "url": _HERE, "result_url": _HERE},
    "result": {"video_url": _HERE},
    "metadata": {"url": _HERE},
    "unsigned_urls": {0: _HERE},
    "urls": {0: _HERE},
    "detail": {
        "url": _HERE,
        "video_url": _HERE,
        "draft_info": {"downloadable_url": _HERE, "url": _HERE},
        "generations": {0: {"url": _HERE}},
        "pending_info": {"generations": {0: {"url": _HERE}}},
    },
}
"""In reading order. Source: the answers of about a dozen services, in ``tests/responses``."""

_PLACES_AFTER_SUCCESS: Places = {
    "video_url": {"url": _HERE},
    "output": {0: {**_HERE, "url": _HERE}},
    "videos": {0: {"url": _HERE}},
    "generations": {0: {"url": _HERE}},
    "task_result": {"videos": {0: {"url": _HERE}}},
}
"""Read after all others; while a task is running they may hold an input or a still."""

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
    texts: list[str] = []
    _collect(texts, body, _PLACES)
    if has_succeeded:
        _collect(texts, body, _PLACES_AFTER_SUCCESS)
    for text in texts:
        found = read_url(text)
        if found is not None and _is_video(found, own=url, has_succeeded=has_succeeded):
            return found
    return read_url(body.get("fail_reason")) if has_succeeded else None


def _collect(texts: list[str], value: object, places: Places) -> None:
    """Add the texts at some places of a value, in the order of the places."""
    if isinstance(value, dict):
        for key in places:
            if key in value:
                _collect(texts, value[key], places[key])
    elif isinstance(value, list):
        for key in places:
            if isinstance(key, int) and key < len(value):
                _collect(texts, value[key], places[key])
    elif isinstance(value, str) and "" in places:
        texts.append(value)


def _is_video(url: str, *, own: str, has_succeeded: bool) -> bool:
    path = url.partition("?")[0].partition("#")[0]
    name = path.rpartition("/")[2]
    if _NO_VIDEOS.fullmatch(name[name.rfind(".") :]):
        return False
    if has_succeeded:
        return unquote(urlsplit(path).path).rstrip("/") != unquote(urlsplit(own).path)
    own_address = _OWN_ADDRESS.search(path)
    return own_address is None or own_address.end() != len(path)
