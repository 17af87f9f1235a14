"""How long a server asks us to stay silent, in every spelling seen."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ..models.json_fields import read_mapping, read_moment, read_number

LONGEST_HINT = 3600.0
"""Seconds of silence that we believe in; a longer hint is cut to this."""


def parse_retry_after(value: str, *, sent: datetime) -> float | None:
    """
    Return the seconds that a ``Retry-After`` header asks us to wait.

    Both forms are read: a number of seconds, and an HTTP date. A date in the
    past is 0.0. A value of neither form is None: a header we cannot read must
    not end a wait that would have gone on without it.

    Source: :rfc:`9110`, section 10.2.3.

    Args:
        value: The header's value, as received.
        sent: When the reply was sent, by the *server's* clock where its
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
    Return the seconds of silence that an error reply asks for, None when it asks for none.

    The finer spelling wins: ``retry-after-ms``, ``Retry-After``,
    ``llm_provider-retry-after``, then ``retryAfter`` in the body (seconds).

    Args:
        headers: The reply's headers; the look-up ignores case.
        body: The reply's JSON, or None.
        received: When the reply came, by our clock; used when the server sent no ``Date``.
    """
    milliseconds = read_number(headers.get("retry-after-ms"))
    if milliseconds is not None and milliseconds >= 0:
        return min(LONGEST_HINT, milliseconds / 1000)
    for name in ("Retry-After", "llm_provider-retry-after"):
        value = headers.get(name)
        if value is not None:
            sent = _parse_http_date(headers.get("Date", "")) or received
            hint = parse_retry_after(value, sent=sent)
            if hint is not None:
                return min(LONGEST_HINT, hint)
    outer = read_mapping(body)
    for inner in (outer, read_mapping(outer.get("error"))):
        seconds = read_number(inner.get("retryAfter", inner.get("retry_after")))
        if seconds is not None and seconds >= 0:
            return min(LONGEST_HINT, seconds)
    return None


def read_poll_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to the next poll that a good reply asks for (``openai-poll-after-ms``)."""
    text = headers.get("openai-poll-after-ms")
    if text is None:
        return None
    milliseconds = read_number(text)
    if milliseconds is None or milliseconds < 0:
        return None
    return min(LONGEST_HINT, milliseconds / 1000)
