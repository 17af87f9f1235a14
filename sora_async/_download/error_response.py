"""What an answer says that is no video: a link to one, or an error of ours."""

from .._wire.json import parse_json
from .._wire.media_types import describe_content
from .._wire.response import Response, decode_response
from .._wire.task_decoder import open_envelope
from .._wire.video_url import find_video_url
from ..errors import (
    NotAVideoError,
    RateLimitError,
    ResponseError,
    ServiceUnavailableError,
    SoraError,
    TaskFailedError,
    VideoGoneError,
)
from ..models.json_fields import read_mapping, read_url
from .state import DownloadState, ErrorResponse, UrlInstead

_LINK_KEYS = ("download_url", "downloadUrl", "signed_url", "presigned_url", "link", "href")
"""Beside the many places of a task's URL, where an answer of ``/content`` may have one."""


def read_error_response(
    state: DownloadState, response: Response, *, is_own: bool, secrets: tuple[str, ...]
) -> ErrorResponse | UrlInstead:
    """
    Return what an answer says that is no video.

    What the service's ``/content`` says is read like any reply of the service, the failed task
    itself included. A storage's words are for its operator, and of them only the class is taken.

    Args:
        state: What is known of the download.
        response: The answer, with as much of its body as was read.
        is_own: Whether the service itself gave it.
        secrets: What the request may have been sent with and must not be shown.
    """
    is_good, is_service = 200 <= response.status < 300, is_own and state.is_content
    link = read_link(response.body, url=response.url) if is_good and is_service else None
    if link is not None:
        return UrlInstead(link)
    said = _decode(response, task_id=state.request.task_id, secrets=secrets)
    is_passing = isinstance(said, RateLimitError | ServiceUnavailableError)
    is_gone = response.status == 410
    error: SoraError | None = said if is_passing or (is_service and not is_gone) else None
    if error is None and is_good:
        reason = f"{describe_content(response.body)} came, and no video"
        error = state.error(NotAVideoError, reason)
    return ErrorResponse(
        status=response.status,
        error=error or state.error(VideoGoneError, f"the link answered {response.status}"),
        is_own=is_own,
        retry_after=said.retry_after if isinstance(said, ResponseError) else None,
    )


def _decode(response: Response, *, task_id: str, secrets: tuple[str, ...]) -> SoraError | None:
    """Return the error that an answer is, None if it is none that we know."""
    try:
        task = decode_response(response, task_id=task_id, secrets=secrets)
    except ResponseError as error:
        return error.with_traceback(None)
    except SoraError:
        return None
    return TaskFailedError(task) if task.failure is not None else None


def read_link(body: bytes, *, url: str) -> str | None:
    """
    Return the URL of the file that an answer names instead of being it, None if it names none.

    Args:
        body: JSON, or the URL alone as text.
        url: What was asked for; never the file.
    """
    try:
        value = parse_json(body)
    except ValueError:
        return read_url(body.decode("utf-8", "replace"))
    if not isinstance(value, dict):
        return read_url(value)
    inner = open_envelope(value)
    found = find_video_url(inner, url=url, has_succeeded=True)
    places = (value, inner, read_mapping(value.get("data")))
    links = (read_url(place.get(key)) for place in places for key in _LINK_KEYS)
    return found or next(filter(None, links), None)
