"""A video that is in the response itself is written to disk like any other."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_async import ConnectionFailedError, DownloadError, SoraClient, VideoTooLargeError
from sora_async._download.data_url import DataResponse
from sora_async.testing import FakeSora, http_error, make_video, raw

FILM = make_video(600_000)
TEXT = base64.b64encode(FILM).decode()


def completed_with(url: str) -> dict[str, str]:
    return {"id": "task_1", "status": "completed", "video_url": url}


async def test_a_video_in_the_response_becomes_the_file(
    sora: FakeSora, client: SoraClient, tmp_path: Path
) -> None:
    sora.script("task_1", raw(completed_with(f"data:video/mp4;base64,{TEXT}")))

    file = await client.download("task_1", tmp_path / "v.mp4")

    assert file.path.read_bytes() == FILM
    assert (file.size, file.content_type) == (len(FILM), "video/mp4")
    assert {request.endpoint for _, request in sora.requests} == {"poll"}


async def test_its_size_is_limited_like_that_of_any_other(
    sora: FakeSora, client: SoraClient, tmp_path: Path
) -> None:
    sora.script("task_1", raw(completed_with(f"data:video/mp4;base64,{TEXT}")))

    with pytest.raises(VideoTooLargeError):
        await client.download("task_1", tmp_path / "v.mp4", max_size=1000)

    assert not (tmp_path / "v.mp4").exists()


async def test_data_that_is_no_video_is_not_shown_in_the_error(
    sora: FakeSora, client: SoraClient, tmp_path: Path
) -> None:
    sora.script("task_1", raw(completed_with("data:video/mp4;base64,QUJDREVGR0g=")))
    sora.script_file("task_1", http_error(404), at="content")

    with pytest.raises(DownloadError) as caught:
        await client.download("task_1", tmp_path / "v.mp4", timeout=300)

    assert "QUJD" not in str(caught.value)
    assert not (tmp_path / "v.mp4").exists()


@given(st.binary(max_size=2000), st.booleans())
async def test_the_bytes_are_those_of_the_base64(data: bytes, is_quoted: bool) -> None:
    text = base64.b64encode(data).decode()
    if is_quoted:
        text = text.replace("+", "%2B").replace("=", "%3D")

    response = DataResponse(f"data:video/mp4;base64,{text}")

    assert b"".join(await response.read_at_least(1 << 20)) == data
    assert await response.read_at_least(1) == []
    assert response.url == "data:video/mp4;base64"


async def test_data_that_is_no_base64_is_a_broken_response() -> None:
    with pytest.raises(ConnectionFailedError, match="no base64"):
        await DataResponse("data:video/mp4;base64,A").read_at_least(1)
