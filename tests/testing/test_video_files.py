"""The files of the fake: any size, ranges and validators, and all that goes wrong with them."""

import hashlib

import aiohttp
import pytest
from support import KEY

from sora_async.testing import FakeSora, completed, html, make_video, queued, video_file
from sora_async.testing.answers.video_files import ServedVideo

BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
def sora(sora: FakeSora) -> FakeSora:
    """A fake service whose task_1 has its video on the CDN."""
    sora.script("task_1", completed())
    return sora


async def get(url: str, **headers: str) -> tuple[int, aiohttp.typedefs.LooseHeaders, bytes]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status, response.headers, await response.read()


def on_cdn(sora: FakeSora) -> str:
    return f"{sora.cdn_url}/videos/task_1.mp4"


@pytest.mark.parametrize("kind", ["mp4", "mov", "webm"])
@pytest.mark.parametrize("size", [64, 100, 200, 65_536, 65_537, 200_000])
def test_any_part_of_a_video_file_is_a_part_of_the_whole(kind: str, size: int) -> None:
    film = ServedVideo(size=size, kind=kind)

    whole = film.read(0, size)

    assert len(whole) == size
    for start in (0, 1, size // 2, size - 1, size):
        assert film.read(start, size + 5) == whole[start:]
    assert film.read(3, 17) == whole[3:17]


def test_no_two_blocks_and_no_two_versions_of_a_file_are_alike() -> None:
    first, second = make_video(1 << 20), make_video(1 << 20, version=2)

    blocks = {hashlib.sha256(first[at : at + 65_536]).digest() for at in range(0, 1 << 20, 65_536)}

    assert len(blocks) == 16
    assert sum(a == b for a, b in zip(first, second, strict=True)) < 30_000


def test_a_video_file_has_room_for_its_head() -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        make_video(63)


async def test_the_whole_file_comes_with_length_type_and_validator(sora: FakeSora) -> None:
    sora.script_file("task_1", video_file(70_000))

    status, headers, body = await get(on_cdn(sora))

    assert (status, body) == (200, make_video(70_000))
    assert headers["Content-Type"] == "video/mp4"
    assert headers["Content-Length"] == "70000"
    assert headers["ETag"] == '"mp4-70000-1"'
    assert headers["Accept-Ranges"] == "bytes"


async def test_a_range_comes_if_the_validator_is_the_files(sora: FakeSora) -> None:
    sora.script_file("task_1", video_file(70_000))
    asked = {"Range": "bytes=69990-"}

    same = await get(on_cdn(sora), **asked, **{"If-Range": '"mp4-70000-1"'})
    other = await get(on_cdn(sora), **asked, **{"If-Range": '"mp4-70000-2"'})
    bare = await get(on_cdn(sora), **asked)

    assert (same[0], same[2]) == (206, make_video(70_000)[-10:])
    assert same[1]["Content-Range"] == "bytes 69990-69999/70000"
    assert (other[0], len(other[2])) == (200, 70_000)
    assert (bare[0], len(bare[2])) == (206, 10)


async def test_a_date_is_a_validator_and_a_weak_etag_is_none(sora: FakeSora) -> None:
    sora.script_file("task_1", video_file(validator="date"), video_file(validator="weak"))
    _, dated, _ = await get(on_cdn(sora))
    _, weak, _ = await get(on_cdn(sora))
    sora.script_file("task_1", video_file(validator="date"), video_file(validator="weak"))

    asked = {"Range": "bytes=99990-"}
    by_date = await get(on_cdn(sora), **asked, **{"If-Range": dated["Last-Modified"]})
    by_weak = await get(on_cdn(sora), **asked, **{"If-Range": weak["ETag"]})

    assert (by_date[0], by_weak[0]) == (206, 200)


async def test_no_byte_is_left_behind_the_end(sora: FakeSora) -> None:
    sora.script_file("task_1", video_file(1000))

    status, headers, _ = await get(on_cdn(sora), Range="bytes=1000-")

    assert (status, headers["Content-Range"]) == (416, "bytes */1000")


async def test_a_server_may_ignore_ranges(sora: FakeSora) -> None:
    sora.script_file("task_1", video_file(1000, ranges=False, validator=None))

    status, headers, _ = await get(on_cdn(sora), Range="bytes=500-")

    assert (status, headers["Accept-Ranges"], headers.get("ETag")) == (200, "none", None)


@pytest.mark.parametrize("framing", ["chunked", "close"])
async def test_the_end_may_be_told_otherwise(sora: FakeSora, framing: str) -> None:
    sora.script_file("task_1", video_file(100_000, framing=framing))

    whole = await get(on_cdn(sora))
    part = await get(on_cdn(sora), Range="bytes=90000-")

    assert (whole[0], whole[1].get("Content-Length"), whole[2]) == (200, None, make_video())
    assert (part[0], part[2]) == (206, make_video()[90_000:])


@pytest.mark.parametrize("way", ["reset_after", "close_after"])
async def test_it_breaks_after_so_many_bytes(sora: FakeSora, way: str) -> None:
    sora.script_file("task_1", video_file(100_000, **{way: 70_000}))
    received = b""

    with pytest.raises(aiohttp.ClientPayloadError):
        async with aiohttp.ClientSession() as session, session.get(on_cdn(sora)) as response:
            while chunk := await response.content.readany():
                received += chunk

    assert received == make_video(100_000)[:70_000]


async def test_an_unframed_body_just_ends(sora: FakeSora) -> None:
    sora.script_file("task_1", video_file(100_000, framing="close", close_after=7000))

    _, _, body = await get(on_cdn(sora))

    assert body == make_video()[:7000]


async def test_it_stalls_after_so_many_bytes(sora: FakeSora) -> None:
    sora.script_file("task_1", video_file(100_000, stall_after=10))

    with pytest.raises(TimeoutError):
        async with aiohttp.ClientSession() as session:
            limit = aiohttp.ClientTimeout(total=60)
            async with session.get(on_cdn(sora), timeout=limit) as response:
                await response.read()


async def test_it_may_claim_a_wrong_length(sora: FakeSora) -> None:
    sora.script_file("task_1", video_file(1000, claimed=800), video_file(1000, claimed=1200))

    _, _, short = await get(on_cdn(sora))
    with pytest.raises(aiohttp.ClientPayloadError):
        await get(on_cdn(sora))

    assert short == make_video(1000)[:800]


async def test_the_api_serves_the_file_by_a_script_of_its_own(sora: FakeSora) -> None:
    sora.script("task_1", queued())
    sora.script_file("task_1", html(), video_file(1000), at="content")
    url = f"{sora.url}/v1/videos/task_1/content"

    first, second, third = [await get(url, **BEARER) for _ in range(3)]
    _, _, on_the_cdn = await get(on_cdn(sora))

    assert first[1]["Content-Type"].startswith("text/html")
    assert second[2] == third[2] == make_video(1000)
    assert on_the_cdn != second[2]


async def test_a_script_is_not_empty_and_a_file_breaks_in_one_way(sora: FakeSora) -> None:
    with pytest.raises(ValueError, match="one or more"):
        sora.script_file("task_1")
    with pytest.raises(ValueError, match="only one of"):
        video_file(reset_after=1, stall_after=1)


def test_it_shows_how_it_was_made() -> None:
    assert repr(video_file(1000, reset_after=7)) == "video_file(1000, reset_after=7)"
