"""Single JSON fields, read into plain units."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from support import JSON_VALUES

from sora_async.models import json_fields as units


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (42, 0.42),
        (100, 1.0),
        ("45%", 0.45),
        (" 45 % ", 0.45),
        ("100%", 1.0),
        ("7", 0.07),
        (0, 0.0),
        (0.93, 0.93),
        ("0.5", 0.5),
        ("0.5%", 0.005),
        (37.5, 0.375),
        (1, 0.01),
        (1.0, 0.01),
        (-1, None),
        (101, None),
        (True, None),
        (None, None),
        ("", None),
        ("half", None),
        (math.nan, None),
        (math.inf, None),
        (10**400, None),
        ([50], None),
    ],
)
def test_a_percentage_is_read_in_every_spelling(value: object, expected: float | None) -> None:
    assert units.read_percentage(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.93, 0.93),
        (1, 1.0),
        (1.0, 1.0),
        (0, 0.0),
        (93, 0.93),
        (None, None),
        (-0.1, None),
        (101, None),
    ],
)
def test_a_fraction_above_one_is_a_percentage(value: object, expected: float | None) -> None:
    assert units.read_fraction(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1761622232, datetime(2025, 10, 28, 3, 30, 32, tzinfo=UTC)),
        (1761622232000, datetime(2025, 10, 28, 3, 30, 32, tzinfo=UTC)),
        ("1761622232", datetime(2025, 10, 28, 3, 30, 32, tzinfo=UTC)),
        (1761622232.5, datetime(2025, 10, 28, 3, 30, 32, 500000, tzinfo=UTC)),
        ("2025-10-28T03:30:32Z", datetime(2025, 10, 28, 3, 30, 32, tzinfo=UTC)),
        ("2025-10-28T05:30:32+02:00", datetime(2025, 10, 28, 3, 30, 32, tzinfo=UTC)),
        ("2025-10-28T03:30:32", datetime(2025, 10, 28, 3, 30, 32, tzinfo=UTC)),
        (0, None),
        (-5, None),
        ("0", None),
        ("soon", None),
        ("0001-01-01T00:00:00+23:00", None),
        (1e300, None),
        (10**400, None),
        (math.nan, None),
        ({}, None),
    ],
)
def test_a_moment_is_utc_in_every_spelling(value: object, expected: datetime | None) -> None:
    assert units.read_moment(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("10", 10.0), (10, 10.0), ("10s", 10.0), (4.5, 4.5), (-1, None), ("x", None), (None, None)],
)
def test_a_length_is_in_seconds(value: object, expected: float | None) -> None:
    assert units.read_seconds(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(3, 3), ("3", 3), (0, 0), (2.5, None), (-1, None), (None, None)]
)
def test_a_count_is_whole(value: object, expected: int | None) -> None:
    assert units.read_count(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://cdn.example/v.mp4?sig=1", "https://cdn.example/v.mp4?sig=1"),
        (" HTTP://cdn.example/v.mp4\n", "HTTP://cdn.example/v.mp4"),
        ("https://cdn.example/视频.mp4", "https://cdn.example/视频.mp4"),
        ("https://", None),
        ("https:///v.mp4", None),
        ("https://a b", None),
        ("https://cdn.example/a b.mp4", "https://cdn.example/a%20b.mp4"),
        ("ftp://cdn.example/v.mp4", None),
        ("file:///etc/passwd", None),
        ("javascript:alert(1)", None),
        ("https://cdn.example/\ud800", None),
        ("https://cdn.example/\\x", None),
        ("", None),
        (None, None),
        (["https://cdn.example"], None),
    ],
)
def test_only_an_absolute_http_address_is_a_url(value: object, expected: str | None) -> None:
    assert units.read_url(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("  a\x00b\x1b[31m\n", "a b [31m"),
        (2001, "2001"),
        (1.5, None),
        (10**30, None),
        (True, None),
        ("", None),
        ("\ud800", None),
        ("x" * 600, "x" * 500 + "…"),
    ],
)
def test_a_label_can_be_shown_on_any_screen(value: object, expected: str | None) -> None:
    assert units.read_label(value) == expected


@given(JSON_VALUES)
def test_no_json_value_escapes_a_reader(value: object) -> None:
    """Whatever is read, a reader gives its own kind of value or None."""
    fraction = units.read_fraction(value)
    percentage = units.read_percentage(value)
    moment = units.read_moment(value)

    assert fraction is None or 0 <= fraction <= 1
    assert percentage is None or 0 <= percentage <= 1
    assert moment is None or moment.tzinfo is UTC
    for read in (units.read_count, units.read_seconds, units.read_url, units.read_label):
        read(value)
    assert isinstance(units.read_mapping(value), dict)
