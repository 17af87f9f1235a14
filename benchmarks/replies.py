"""The bodies that the benchmark's server answers: one pending and one finished for each client.

The page's pending body is the measure; those of other services are the closest thing their clients
read, made as long as the page's. Two fields of a pending body are new in every reply, and none
changes its length: a client that compares bodies gains nothing.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

REPLIES = Path(__file__).parent.parent / "tests" / "responses"
PAGE_ID = "sora-2:task_01k6x15vhrff09dkkqjrzwhm60"

_HEAD = (
    b"HTTP/1.1 %s\r\nDate: Wed, 14 Jan 2026 08:00:00 GMT\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n%s\r\n"
)
_SHORT_ID = PAGE_ID.partition(":")[2]
_MARKS = {
    PAGE_ID.encode(): b"%(id)s",
    _SHORT_ID.encode(): b"%(short)s",
    b'"@progress@"': b"33",
    # As long as the page's own number.
    b'"@fraction@"': b"0.93%(turn)014d",
    b'"@time@"': b"%(time)d",
}
_START = 1_759_763_621_142
"""The page's status_update_time, in milliseconds."""


def make_id(number: int) -> str:
    """Return an id as long as the page's, so that a body with it is as long, too."""
    return f"sora-2:task_01k6x15vhrff{number:014d}"


@attrs.frozen
class Shape:
    """How one service spells its replies; both give the whole message for an id."""

    pending: Callable[[bytes, int], bytes]
    finished: Callable[[bytes], bytes]


def make_refusal(retry_after: int | None = None) -> bytes:
    """Return a 429; that of most services does not say when to come back."""
    hint = b"" if retry_after is None else b"Retry-After: %d\r\n" % retry_after
    body = _dump(read_reply("068_openai_429.json"))
    return _HEAD % (b"429 Too Many Requests", len(body), hint) + body


def make_shapes() -> dict[bytes, Shape]:
    """Return each shape by the path before the id."""
    page = read_reply("001_page_pending_verbatim.json")
    size = len(_dump(page))
    page["status_update_time"] = "@time@"
    page["detail"]["pending_info"]["progress_pct"] = "@fraction@"
    finished = read_reply("002_page_completed_verbatim.json")
    return {
        b"/v1/videos/": Shape(_pending(page, size), _finished(finished)),
        b"/openai/v1/videos/": _openai(size),
        b"/v1/tasks/": _runwayml(size),
        b"/v1/predictions/": _replicate(size),
        b"/owner/app/requests/": _fal(size),
    }


def _openai(size: int) -> Shape:
    running = read_reply("064_openai_in_progress_33.json")
    running |= {"id": PAGE_ID, "progress": "@progress@", "created_at": "@time@"}
    return Shape(
        _pending(running, size, fill="prompt"), _finished(read_reply("065_openai_completed.json"))
    )


def _runwayml(size: int) -> Shape:
    running = {
        "id": PAGE_ID,
        "createdAt": "2026-01-14T08:00:00.000Z",
        "estimatedCost": {"credits": 25},
        "updatedAt": "@time@",
        "progress": "@fraction@",
        "status": "RUNNING",
        "promptText": "make animate",
    }
    kept = {key: running[key] for key in ("id", "createdAt")}
    finished = kept | {"status": "SUCCEEDED", "cost": {"credits": 25}, "output": [_URL]}
    return Shape(_pending(running, size, fill="promptText"), _finished(finished))


def _replicate(size: int) -> Shape:
    running = {
        "id": PAGE_ID,
        "model": "openai/sora-2",
        "version": "hidden",
        "status": "processing",
        "input": {"seconds": 8, "aspect_ratio": "portrait"},
        "output": None,
        "logs": "making the video",
        "error": None,
        "metrics": {"progress": "@fraction@", "updated": "@time@"},
        "created_at": "2026-01-14T08:00:00.000Z",
        "started_at": "2026-01-14T08:00:01.000Z",
        "completed_at": None,
        "urls": {"get": "https://api.example/get", "cancel": "https://api.example/cancel"},
    }
    finished = running | {"status": "succeeded", "output": _URL, "metrics": {"predict_time": 9.5}}
    return Shape(_pending(running, size, fill="logs"), _finished(finished))


def _fal(size: int) -> Shape:
    running = {
        "status": "IN_PROGRESS",
        "request_id": PAGE_ID,
        "response_url": "https://queue.example/response",
        "updated_at": "@time@",
        "progress": "@fraction@",
        "logs": "making the video",
    }
    finished: dict[str, Any] = {
        "status": "COMPLETED",
        "request_id": PAGE_ID,
        "logs": None,
        "metrics": {},
    }
    return Shape(_pending(running, size, fill="logs"), _finished(finished))


_URL = "https://videos.example/files/0001.mp4"


def _pending(
    reply: dict[str, Any], size: int, *, fill: str | None = None
) -> Callable[[bytes, int], bytes]:
    """Return the maker of a pending message, filled up to *size* with what one field says."""
    if fill is not None:
        missing = size - len(_template(reply) % _values(PAGE_ID.encode(), 0))
        text = f" {reply[fill]}" * size
        reply = reply | {fill: reply[fill] + text[:missing]}
    template = _template(reply)
    length = len(template % _values(PAGE_ID.encode(), 0))
    head = (_HEAD % (b"200 OK", length, b"")).replace(b"%", b"%%")
    message = head + template
    return lambda task_id, turn: message % _values(task_id, turn)


def _template(reply: dict[str, Any]) -> bytes:
    body = _dump(reply).replace(b"%", b"%%")
    for mark, pattern in _MARKS.items():
        body = body.replace(mark, pattern)
    return body


def _values(task_id: bytes, turn: int) -> dict[bytes, object]:
    return {
        b"id": task_id,
        b"short": task_id[-len(_SHORT_ID) :],
        b"turn": turn,
        b"time": _START + turn,
    }


def _finished(reply: dict[str, Any]) -> Callable[[bytes], bytes]:
    names = [name for name in ("id", "request_id") if name in reply]

    def finished(task_id: bytes) -> bytes:
        body = _dump(reply | dict.fromkeys(names, task_id.decode()))
        return _HEAD % (b"200 OK", len(body), b"") + body

    return finished


def read_reply(name: str) -> dict[str, Any]:
    """Return one of the bodies that the tests read."""
    reply: dict[str, Any] = json.loads((REPLIES / name).read_bytes())
    return reply


def _dump(reply: dict[str, Any]) -> bytes:
    return json.dumps(reply, separators=(",", ":")).encode()
