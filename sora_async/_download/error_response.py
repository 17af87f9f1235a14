"""What a response without a video says: a URL of one, or an error."""

from .._wire.json import parse_json
from .._wire.media_types import describe_content
from .._wire.response import Response, decode_response
from .._wire.task_decoder import open_envelope
from .._wire.video_url import find_video_urls
from ..errors import (
    InvalidResponseError,
    NotAVideoError,
    RateLimitError,
    ResponseError,
    ServiceUnavailableError,
    SoraError,
    TaskFailedError,
    VideoGoneError,
)
from ..models.json_fields import read_url
from .state import DownloadState, ErrorResponse, UrlInstead


def read_error_response(
    state: DownloadState, response: Response, *, from_service: bool, secrets: tuple[str, ...]
) -> ErrorResponse | UrlInstead:
    """
    Return what a response without a video says.

    The service's ``/content`` is read like any response of the service, a failed task included.
    What a storage host says is for its operator: only the class of its error is used.

    Args:
        state: The state of the download.
        response: The response, with as much of its body as was read.
        from_service: Whether the service itself sent it.
        secrets: What must not be shown, because the request may have had it.
    """
    is_content_response = from_service and state.is_content
    if response.is_good and is_content_response:
        link = read_link(response.body, url=response.url)
        if link is not None:
            return UrlInstead(link)
    decoded = _decode(response, task_id=state.request.task_id, secrets=secrets)
    is_transient = isinstance(decoded, RateLimitError | ServiceUnavailableError)
    if decoded is not None and (is_transient or (is_content_response and response.status != 410)):
        error = decoded
    elif response.is_good:
        reason = f"{describe_content(response.body)} came, and no video"
        error = state.make_error(NotAVideoError, reason)
    else:
        error = state.make_error(VideoGoneError, f"the link answered {response.status}")
    return ErrorResponse(
        status=response.status,
        error=error,
        from_service=from_service,
        retry_after=decoded.retry_after if isinstance(decoded, ResponseError) else None,
    )


def _decode(response: Response, *, task_id: str, secrets: tuple[str, ...]) -> SoraError | None:
    """Return the error that a response is; None if it is none that we know."""
    try:
        task = decode_response(response, task_id=task_id, secrets=secrets)
    except ResponseError as error:
        return error.with_traceback(None)
    except InvalidResponseError as error:
        # A gateway's challenge says nothing of the file.
        return error.with_traceback(None) if error.is_html and error.status == 403 else None
    return TaskFailedError(task) if task.failure is not None else None


def read_link(body: bytes, *, url: str) -> str | None:
    """
    Return the URL of the file that a response names instead of being it; None if it names none.

    Args:
        body: JSON, or the URL alone as text.
        url: The address that was requested; never the file.
    """
    try:
        value = parse_json(body)
    except ValueError:
        return read_url(body.decode("utf-8", "replace"))
    if not isinstance(value, dict):
        return read_url(value)
    inner = open_envelope(value)
    found = find_video_urls(inner, value, url=url)
    return found[0] if found else None
