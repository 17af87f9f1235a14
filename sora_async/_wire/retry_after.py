"""How long a server asks to wait before the next request, in every spelling seen."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ..models.json_fields import read_moment, read_number
from .vocabulary import VOCABULARY, Vocabulary, walk

MAX_HINT = 3600.0
"""Seconds that are believed; a longer hint is cut to this."""


def parse_retry_after(value: str, *, sent: datetime) -> float | None:
    """
    Return the seconds that a ``Retry-After`` header asks us to wait.

    Both forms are read: a number of seconds, and an HTTP date. A date in the
    past is 0.0. A value of neither form is None: a header we cannot read must
    not end a wait that would have gone on without it.

    Source: :rfc:`9110`, section 10.2.3.

    Args:
        value: The header's value, as received.
        sent: When the response was sent, by the *server's* clock where its
            ``Date`` header tells it: a skew between its clock and ours
            then cancels out.
    """
    seconds = read_number(value)
    if seconds is not None:
        return max(0.0, seconds)
    moment = _parse_http_date(value) or read_moment(value)
    return None if moment is None else max(0.0, (moment - sent).total_seconds())


def _parse_http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError, TypeError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def read_retry_after(
    headers: Mapping[str, str], body: object, *, received: datetime
) -> float | None:
    """
    Return the seconds to wait that a response asks for, None when it asks for none.

    The finer spelling wins: ``retry-after-ms``, ``Retry-After``, ``llm_provider-retry-after``,
    then a field of the body (seconds).

    Args:
        headers: The response's headers; the look-up ignores case.
        body: The response's JSON, or None.
        received: When the response came, by our clock; used when the server sent no ``Date``.
    """
    hint = _read_header(headers, received=received)
    return read_hint(body) if hint is None else hint


def _read_header(headers: Mapping[str, str], *, received: datetime) -> float | None:
    milliseconds = read_pause(headers.get("retry-after-ms"), scale=1000)
    if milliseconds is not None:
        return milliseconds
    for name in ("Retry-After", "llm_provider-retry-after", "x-retry-after"):
        value = headers.get(name)
        if value is not None:
            sent = _parse_http_date(headers.get("Date", "")) or received
            hint = parse_retry_after(value, sent=sent)
            if hint is not None:
                return min(MAX_HINT, hint)
    return None


def read_poll_after(headers: Mapping[str, str], *, received: datetime) -> float | None:
    """
    Return the seconds to the next poll that the headers of a good response ask for.

    ``openai-poll-after-ms`` is the finest; ``Retry-After`` and its variants come with a 200 or
    202, too. A hint that makes no sense is none.
    """
    hint = read_pause(headers.get("openai-poll-after-ms"), scale=1000)
    return _read_header(headers, received=received) if hint is None else hint


def read_hint(body: object, vocabulary: Vocabulary = VOCABULARY) -> float | None:
    """Return the seconds to wait that a body asks for, None when it asks for none."""
    hints = (read_pause(found) for found in walk(body, vocabulary.poll_after))
    return next((hint for hint in hints if hint is not None), None)


def read_pause(value: object, *, scale: float = 1.0) -> float | None:
    """Return a number of seconds, cut to what is believed; None for what makes no sense."""
    number = read_number(value)
    return None if number is None or number < 0 else min(MAX_HINT, number / scale)
