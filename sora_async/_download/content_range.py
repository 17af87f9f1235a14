"""What the headers of a file's answer tell: which part of which file it is."""

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import attrs

from ..models.repr import brief

_RANGE = re.compile(r"\s*bytes\s+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)\s*", re.I | re.A)
_UNSATISFIED = re.compile(r"\s*bytes\s+\*/(\d{1,18})\s*", re.I | re.A)
_LENGTH = re.compile(r"[0-9]{1,18}")
_ETAG = re.compile(r'"[\x21\x23-\x7e]*"')


@attrs.frozen(kw_only=True)
class ContentRange:
    """
    Which part of a file an answer has.

    Attributes:
        status: The HTTP status.
        first: The number of its first byte; None where an answer with a part does not tell.
        total: Bytes of the whole file; None when they are not known.
        validator: What tells this version of the file from every other; None when nothing does.
        is_encoded: Whether its bytes are not the file's, as when it is compressed.
    """

    __repr__ = brief

    status: int
    first: int | None
    total: int | None
    validator: str | None
    is_encoded: bool


def read_content_range(status: int, headers: Mapping[str, str]) -> ContentRange:
    """Return which part of a file an answer has; *headers* are looked up in any case."""
    encoding = headers.get("Content-Encoding", "").strip().lower()
    is_encoded = encoding not in ("", "identity")
    first, total = _read_extent(status, headers)
    return ContentRange(
        status=status,
        first=first,
        total=None if is_encoded else total,
        validator=None if is_encoded else find_validator(headers),
        is_encoded=is_encoded,
    )


def _read_extent(status: int, headers: Mapping[str, str]) -> tuple[int | None, int | None]:
    told = headers.get("Content-Range", "")
    if status == 206:
        found = _RANGE.fullmatch(told)
        if found is None:
            return None, None
        return int(found[1]), None if found[3] == "*" else int(found[3])
    if status == 416:
        found = _UNSATISFIED.fullmatch(told)
        return None, int(found[1]) if found else None
    length = _LENGTH.fullmatch(headers.get("Content-Length", "").strip())
    return 0, int(length[0]) if length else None


def find_validator(headers: Mapping[str, str]) -> str | None:
    """
    Return what may go into ``If-Range``: a strong ETag, or a ``Last-Modified`` that is as good.

    A date is as good when the file had not been touched for a second as the answer was sent: two
    versions of one second would have the same.

    Source: :rfc:`9110`, sections 8.8.2.2 and 13.1.5.
    """
    etag = headers.get("ETag", "").strip()
    if _ETAG.fullmatch(etag):
        return etag
    modified = headers.get("Last-Modified", "").strip()
    moment, sent = _parse_date(modified), _parse_date(headers.get("Date", ""))
    if moment is None or sent is None or (sent - moment).total_seconds() < 1:
        return None
    return modified


def _parse_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError, TypeError):
        return None
    return moment if moment.tzinfo is not None else None
