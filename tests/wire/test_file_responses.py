"""What bytes and headers tell of a file: is it a video, is it whole, which part is it."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_async._download.content_range import ContentRange, read_content_range
from sora_async._download.error_response import read_link
from sora_async._download.part_file import missing_bytes
from sora_async._wire.media_types import describe_content, find_video_type, is_text
from sora_async.testing import make_video

URL = "https://api.example/v1/videos/x/content"
LATER = "Wed, 14 Jan 2026 08:00:00 GMT"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (make_video(100), "video/mp4"),
        (make_video(100, kind="mov"), "video/quicktime"),
        (make_video(100, kind="webm"), "video/webm"),
        (b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat", "video/quicktime"),
        (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska", "video/x-matroska"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "video/x-msvideo"),
        (b"OggS\x00\x02", "video/ogg"),
        (b"FLV\x01\x05", "video/x-flv"),
        (b"\x00\x00\x01\xba\x44", "video/mpeg"),
        (b"G" + bytes(187) + b"G", "video/mp2t"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6", "video/x-ms-wmv"),
    ],
)
def test_a_video_is_known_by_its_first_bytes(head: bytes, kind: str) -> None:
    assert find_video_type(head) == kind


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"", "an empty body"),
        (b" \n", "an empty body"),
        (b"<!doctype html><html><head>", "a web page"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Error><Code>AccessDenied', "a text with markup"),
        (b'{"error": {}}', "JSON"),
        (b" [1]", "JSON"),
        (b"\x89PNG\r\n\x1a\n", "a picture or a sound"),
        (b"GIF89a", "a picture or a sound"),
        (b"\xff\xd8\xff\xe0", "a picture or a sound"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "a picture or a sound"),
        (b"\x00\x00\x00\x1cftypavif", "a picture or a sound"),
        (b"\x00\x00\x00\x1cftypM4A ", "a picture or a sound"),
        (b"Not Found", "a file that is not a video"),
        (b"G" + bytes(188), "a file that is not a video"),
    ],
)
def test_what_is_no_video_is_named(head: bytes, what: str) -> None:
    assert find_video_type(head) is None
    assert describe_content(head) == what


def test_a_picture_is_no_text_and_a_page_is() -> None:
    assert not is_text(b"\x89PNG\r\n\x1a\n")
    assert is_text(b"") and is_text(b"<html>") and is_text(b'{"a": 1}') and is_text(b"[]")


@given(st.binary(max_size=600))
def test_no_bytes_are_too_strange_to_be_looked_at(head: bytes) -> None:
    assert find_video_type(head) is None or not is_text(head)
    assert describe_content(head)
    assert missing_bytes(lambda at, n: head[at : at + n], len(head)) >= 0


@pytest.mark.parametrize("kind", ["mp4", "mov"])
@pytest.mark.parametrize("size", [64, 1000, 100_000])
def test_a_cut_file_lacks_what_was_cut_off(kind: str, size: int) -> None:
    whole = make_video(size, kind=kind)  # type: ignore[arg-type]

    def lacks(data: bytes) -> int:
        return missing_bytes(lambda at, n: data[at : at + n], len(data))

    assert lacks(whole) == 0
    assert lacks(whole[:-1]) == 1
    assert lacks(whole[: size - size // 8]) == size // 8
    assert lacks(whole + b"\0" * 7) == 0  # some tools leave padding


@pytest.mark.parametrize(
    "data",
    [
        b"\x1a\x45\xdf\xa3" + bytes(100),
        struct.pack(">I4s", 16, b"ftyp") + bytes(8) + struct.pack(">I4s", 0, b"mdat") + bytes(50),
        struct.pack(">I4s", 16, b"ftyp") + bytes(8) + b"\xff\xff\xff\xff\xff\xff\xff\xff" * 4,
        b"short",
    ],
    ids=["webm", "up to the end", "junk", "short"],
)
def test_a_file_without_such_an_account_lacks_nothing(data: bytes) -> None:
    assert missing_bytes(lambda at, n: data[at : at + n], len(data)) == 0


@pytest.mark.parametrize(
    "body",
    [
        {"url": "https://cdn.example/a.mp4?sig=1"},
        {"video_url": "https://cdn.example/a.mp4?sig=1"},
        {"data": {"url": "https://cdn.example/a.mp4?sig=1"}},
        {"download_url": "https://cdn.example/a.mp4?sig=1"},
        {"data": {"signed_url": "https://cdn.example/a.mp4?sig=1"}},
        {
            "code": 0,
            "data": {"id": "x", "status": "completed", "link": "https://cdn.example/a.mp4?sig=1"},
        },
        "https://cdn.example/a.mp4?sig=1",
    ],
)
def test_a_link_is_found_wherever_it_is(body: object) -> None:
    assert read_link(json.dumps(body).encode(), url=URL) == "https://cdn.example/a.mp4?sig=1"


def test_a_link_may_be_plain_text() -> None:
    assert read_link(b"https://cdn.example/a.mp4\n", url=URL) == "https://cdn.example/a.mp4"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"<html>",
        b'{"url": ""}',
        b'{"url": "ftp://a/b"}',
        b"\xff\xfe",
        b"{}",
    ],
)
def test_what_names_no_link_gives_none(body: bytes) -> None:
    assert read_link(body, url=URL) is None


def test_the_content_address_itself_is_no_link() -> None:
    assert read_link(json.dumps({"url": URL}).encode(), url=URL) is None


def test_a_whole_file_tells_its_length_and_validator() -> None:
    headers = {"Content-Length": "100", "ETag": '"a"'}

    part = read_content_range(200, headers)

    assert part == ContentRange(status=200, first=0, total=100, validator='"a"', is_encoded=False)


@pytest.mark.parametrize(
    ("status", "headers", "first", "total"),
    [
        (206, {"Content-Range": "bytes 10-99/100"}, 10, 100),
        (206, {"Content-Range": "Bytes  10-99/*"}, 10, None),
        (206, {"Content-Range": "items 1-2/3"}, None, None),
        (206, {}, None, None),
        (416, {"Content-Range": "bytes */100"}, None, 100),
        (416, {}, None, None),
        (200, {"Content-Length": "١٢"}, 0, None),
        (200, {"Content-Length": "-5"}, 0, None),
        (200, {"Content-Length": "9" * 5000}, 0, None),
        (200, {}, 0, None),
    ],
)
def test_which_part_it_is_is_told_by_the_headers(
    status: int, headers: dict[str, str], first: int | None, total: int | None
) -> None:
    part = read_content_range(status, headers)

    assert (part.first, part.total) == (first, total)


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP"])
def test_an_encoded_body_has_no_length_and_no_version_of_ours(encoding: str) -> None:
    headers = {"Content-Encoding": encoding, "Content-Length": "9", "ETag": '"a"'}

    part = read_content_range(200, headers)

    assert (part.is_encoded, part.total, part.validator) == (True, None, None)
    assert not read_content_range(200, {"Content-Encoding": "identity"}).is_encoded


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"ETag": '"abc"'}, '"abc"'),
        ({"ETag": 'W/"abc"'}, None),
        ({"ETag": "abc"}, None),
        ({"ETag": '"a\r\nb"'}, None),
        (
            {"Last-Modified": "Wed, 14 Jan 2026 07:59:59 GMT", "Date": LATER},
            "Wed, 14 Jan 2026 07:59:59 GMT",
        ),
        ({"Last-Modified": LATER, "Date": LATER}, None),
        ({"Last-Modified": "Wed, 14 Jan 2026 07:59:59 GMT"}, None),
        ({"Last-Modified": "yesterday", "Date": LATER}, None),
        (
            {"ETag": 'W/"a"', "Last-Modified": "Wed, 14 Jan 2026 07:00:00 GMT", "Date": LATER},
            "Wed, 14 Jan 2026 07:00:00 GMT",
        ),
        ({"Last-Modified": "Wed, 14 Jan 2026 07:00:00", "Date": LATER}, None),
    ],
)
def test_only_what_tells_versions_apart_is_a_validator(
    headers: dict[str, str], validator: str | None
) -> None:
    assert read_content_range(200, headers).validator == validator
