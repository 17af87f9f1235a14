"""From a task to a file on the disk: breaks, links, the key, the disk, and leaving early."""

import asyncio
import contextlib
import errno
import gc
import json
import os
import random
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
import pytest_asyncio
from support import KEY, client_of

from sora_async import (
    AuthenticationError,
    ConnectionFailedError,
    DiskFullError,
    Download,
    DownloadError,
    DownloadEvent,
    DownloadInterruptedError,
    DownloadTimeoutError,
    FileWriteError,
    InsufficientQuotaError,
    InvalidArgumentError,
    NotAVideoError,
    OutputExistsError,
    PermissionDeniedError,
    Phase,
    RateLimit,
    ResponseError,
    ServiceUnavailableError,
    SoraClient,
    SoraError,
    TaskFailedError,
    TaskNotFoundError,
    UnsafeURLError,
    VideoFile,
    VideoGoneError,
    VideoNotReadyError,
    VideoTask,
    VideoTooLargeError,
)
from sora_async._download.http_stream import AddressNotAllowed, _open_guarded
from sora_async._download.part_file import PartFile
from sora_async.testing import (
    FakeSora,
    Scenario,
    completed,
    drip,
    failed,
    garbage_status_line,
    gzipped,
    html,
    http_error,
    make_video,
    queued,
    raw,
    redirect,
    reset,
    running,
    stall,
    video_file,
)

Clock = Callable[[], float]
SIZE = 300_000
FILM = make_video(SIZE)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "a.mp4"


@pytest_asyncio.fixture
async def done(sora: FakeSora) -> FakeSora:
    """A fake whose task_1 has its video on the CDN."""
    sora.script("task_1", completed())
    sora.script_file("task_1", video_file(SIZE))
    return sora


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def ranges(sora: FakeSora) -> list[str | None]:
    return [request.headers.get("Range") for _, request in sora.cdn_requests]


def contents(sora: FakeSora) -> list[float]:
    return [at for at, request in sora.requests if request.endpoint == "content"]


async def events(download: Download) -> list[DownloadEvent]:
    return [event async for event in download]


def add_url(sora: FakeSora, url: str) -> str:
    return sora.script("task_1", completed(url))


class TestToAFile:
    async def test_an_id_a_task_and_a_wait_all_lead_to_the_file(
        self, sora: FakeSora, client: SoraClient, tmp_path: Path
    ) -> None:
        task_id = sora.add(Scenario(queued=10, running=50))
        sora.script_file(task_id, video_file(SIZE))

        by_wait = await client.download(client.wait_until_complete(task_id), tmp_path / "1.mp4")
        by_id = await client.download(task_id, tmp_path / "2.mp4")
        task = await client.get_task(task_id)
        by_task = await client.download(task, str(tmp_path / "3.mp4"))

        for file in (by_wait, by_id, by_task):
            assert file.path.read_bytes() == FILM
            assert (file.size, file.content_type) == (SIZE, "video/mp4")
            assert file.task is not None and file.task.id == task_id
        assert names(tmp_path) == {"1.mp4", "2.mp4", "3.mp4"}

    @pytest.mark.parametrize("shape", ["page", "relay", "openai", "vllm", "sglang", "litellm"])
    async def test_every_kind_of_server_gives_its_file(self, target: Path, shape: Any) -> None:
        """By a URL, by ``/content``, or by the one where the other refuses."""
        async with FakeSora(api_key=KEY, shape=shape) as sora, client_of(sora) as client:
            task_id = sora.add(Scenario(queued=10, running=50))

            file = await client.download(client.wait_until_complete(task_id), target)

            assert file.content_type == "video/mp4"
            assert file.task is not None and file.task.id == task_id
            assert KEY not in str([request.headers for _, request in sora.cdn_requests])

    async def test_events_count_the_bytes_and_end_with_all_of_them(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        download = client.download("task_1", target)

        seen = await events(download)

        received = [event.received for event in seen]
        assert received[0] == 0 and received[-1] == SIZE and received == sorted(received)
        assert {event.total for event in seen[2:]} == {SIZE}
        assert (await download).size == SIZE
        assert len(done.cdn_requests) == 1
        assert str(seen[-1]) == f"task_1  100%  {SIZE} bytes  0.0 s"
        assert str(attrs.evolve(seen[0], total=None)).startswith("task_1    ?")
        assert download.latest == seen[-1]
        assert "300000 bytes" in repr(download)

    async def test_nothing_is_sent_before_it_is_wanted(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        download = client.download("task_1", target)
        await asyncio.sleep(60)

        assert done.requests == []
        assert (download.task_id, download.path, download.latest) == ("task_1", str(target), None)
        assert repr(download).startswith("<Download 'task_1': not begun")
        with pytest.warns(RuntimeWarning, match="never awaited"):
            del download

    async def test_all_who_wait_get_the_one_file(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        download = client.download("task_1", target)

        first, second, seen = await asyncio.gather(download, download, events(download))

        assert first is second is await download
        assert seen[-1].received == SIZE
        assert len(done.cdn_requests) == 1

    @pytest.mark.parametrize("framing", ["length", "chunked", "close"])
    @pytest.mark.parametrize("kind", ["mp4", "mov", "webm"])
    async def test_however_the_length_is_told_the_file_is_whole(
        self, done: FakeSora, client: SoraClient, target: Path, framing: Any, kind: Any
    ) -> None:
        done.script_file("task_1", video_file(SIZE, framing=framing, kind=kind))

        file = await client.download("task_1", target)

        assert target.read_bytes() == make_video(SIZE, kind=kind)
        assert file.content_type == {"mp4": "video/mp4", "mov": "video/quicktime"}.get(
            kind, "video/webm"
        )

    async def test_a_path_does_not_move_with_the_working_directory(
        self, done: FakeSora, client: SoraClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        download = client.download("task_1", "a.mp4")
        monkeypatch.chdir("/")

        await download

        assert (tmp_path / "a.mp4").read_bytes() == FILM

    async def test_a_compressed_answer_is_unpacked(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        body = raw(FILM, headers={"Content-Type": "video/mp4", "ETag": '"x"'})
        done.script_file("task_1", gzipped(body))

        seen = await events(client.download("task_1", target))

        assert target.read_bytes() == FILM
        assert seen[1].total is None

    async def test_another_variant_need_not_be_a_video(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        picture = b"\xff\xd8\xff\xe0" + bytes(1000)
        done.script_file("task_1", raw(picture), at="content")

        file = await client.download("task_1", target, variant="thumbnail")

        assert (file.size, file.content_type) == (1004, None)
        assert done.requests[-1][1].query == "variant=thumbnail"
        assert done.cdn_requests == []


class TestArguments:
    @pytest.mark.parametrize(
        "arguments",
        [
            {"source": "../x"},
            {"source": 7},
            {"source": VideoTask(id="")},
            {"path": 7},
            {"path": ""},
            {"path": "/"},
            {"path": "a\0b"},
            {"if_exists": "append"},
            {"max_size": 0},
            {"timeout": -1},
            {"variant": ""},
            {"variant": 7},
        ],
        ids=str,
    )
    async def test_what_cannot_be_used_is_refused_at_once(
        self, sora: FakeSora, client: SoraClient, arguments: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidArgumentError):
            client.download(**{"source": "task_1", "path": "a.mp4", **arguments})

        assert sora.requests == []

    def test_there_is_at_least_one_place(self) -> None:
        with pytest.raises(InvalidArgumentError, match="max_downloads"):
            SoraClient(max_downloads=0)


class TestBreaks:
    @pytest.mark.parametrize("way", ["reset_after", "close_after", "stall_after"])
    async def test_a_break_is_gone_on_from(
        self, done: FakeSora, client: SoraClient, target: Path, way: str
    ) -> None:
        done.script_file("task_1", video_file(SIZE, **{way: 120_000}), video_file(SIZE))

        seen = await events(client.download("task_1", target))

        assert target.read_bytes() == FILM
        assert ranges(done) == [None, "bytes=120000-"]
        assert done.cdn_requests[1][1].headers["If-Range"] == f'"mp4-{SIZE}-1"'
        held_up = [event for event in seen if event.last_error is not None]
        assert [event.received for event in held_up] == [120_000]
        assert "retrying: " in str(held_up[0]) and "SORA_BASE_URL" not in str(held_up[0])

    @pytest.mark.parametrize(
        ("options", "later_range"),
        [
            ({"validator": "date"}, "bytes=120000-"),
            ({"validator": "weak"}, None),
            ({"validator": None}, None),
            ({"ranges": False}, "bytes=120000-"),
        ],
        ids=["a date", "a weak validator", "no validator", "a server without ranges"],
    )
    async def test_the_rest_is_asked_for_where_a_validator_can_prove_the_file(
        self, done: FakeSora, client: SoraClient, target: Path, options: Any, later_range: Any
    ) -> None:
        broken = video_file(SIZE, **options, reset_after=120_000)
        done.script_file("task_1", broken, video_file(SIZE, **options))

        seen = await events(client.download("task_1", target))

        assert target.read_bytes() == FILM
        assert ranges(done) == [None, later_range]
        assert seen[-1].received == SIZE

    async def test_a_file_that_has_changed_is_fetched_anew(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file(
            "task_1", video_file(SIZE, reset_after=120_000), video_file(SIZE, version=2)
        )

        await client.download("task_1", target)

        assert target.read_bytes() == make_video(SIZE, version=2)

    async def test_a_server_that_sends_a_part_of_a_changed_file_is_found_out(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        wrong = raw(
            make_video(SIZE, version=2)[120_000:],
            status=206,
            headers={"Content-Range": f"bytes 120000-{SIZE - 1}/{SIZE}", "ETag": '"other"'},
        )
        done.script_file(
            "task_1", video_file(SIZE, reset_after=120_000), wrong, video_file(SIZE, version=2)
        )

        await client.download("task_1", target)

        assert target.read_bytes() == make_video(SIZE, version=2)
        assert ranges(done) == [None, "bytes=120000-", None]

    async def test_all_bytes_and_no_end_is_the_end(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        """The length was told too large: there is nothing to be had behind the end."""
        done.script_file("task_1", video_file(SIZE, claimed=SIZE + 1))
        done.script_file("task_1", http_error(404), at="content")

        with pytest.raises(DownloadInterruptedError, match="in a row"):
            await client.download("task_1", target)

        assert len(ranges(done)) < 20
        assert not target.exists()

    async def test_a_file_that_is_cut_and_tells_its_length_is_found_out(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file("task_1", video_file(SIZE, claimed=SIZE - 5), video_file(SIZE))
        await client.download("task_1", target)
        assert target.read_bytes() == FILM
        target.unlink()

        done.script_file("task_1", video_file(SIZE, claimed=SIZE - 5))
        done.script_file("task_1", video_file(SIZE, claimed=SIZE - 5), at="content")
        with pytest.raises(NotAVideoError, match="lacks 5 bytes"):
            await client.download("task_1", target)

        assert not target.exists()

    async def test_a_body_that_just_ends_is_gone_on_with(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        broken = video_file(SIZE, framing="close", close_after=120_000)
        done.script_file("task_1", broken, video_file(SIZE, framing="close"))

        await client.download("task_1", target)

        assert target.read_bytes() == FILM
        assert ranges(done) == [None, "bytes=120000-"]

    async def test_it_gives_up_after_breaks_without_progress(
        self, done: FakeSora, client: SoraClient, target: Path, now: Clock
    ) -> None:
        done.script_file("task_1", video_file(SIZE, reset_after=0))
        done.script_file("task_1", http_error(404), at="content")

        with pytest.raises(DownloadInterruptedError) as caught:
            await client.download("task_1", target)

        assert 6 <= len(ranges(done)) <= 8  # within 45 s
        assert 90 < now() < 140  # then /content has its 45 s
        assert isinstance(caught.value.__cause__, ConnectionFailedError)
        assert caught.value.transient
        assert names(target.parent) == set()

    async def test_it_does_not_give_up_while_there_is_progress(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        size = 2_000_000
        breaks = [video_file(size, reset_after=100_000) for _ in range(20)]
        done.script_file("task_1", *breaks)

        await client.download("task_1", target)

        assert target.read_bytes() == make_video(size)
        assert len(ranges(done)) == 20

    @pytest.mark.parametrize(
        ("trouble", "pause"),
        [
            (http_error(503), (0, 0.5)),
            (http_error(429, headers={"Retry-After": "20"}), (20, 22.5)),
            (http_error(500, b"<x>"), (0, 0.5)),
            (stall(), (30, 31)),
            # Bytes come, but it would take years to know of what.
            (drip(20), (30, 31)),
        ],
        ids=["503", "429", "500", "no response", "a drip"],
    )
    async def test_what_may_pass_does(
        self, done: FakeSora, client: SoraClient, target: Path, now: Clock, trouble: Any, pause: Any
    ) -> None:
        done.script_file("task_1", trouble, video_file(SIZE))

        await client.download("task_1", target)

        least, most = pause
        assert least <= now() <= most

    async def test_a_break_before_it_is_known_what_came_keeps_what_is_there(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file(
            "task_1",
            video_file(SIZE, reset_after=120_000),
            video_file(SIZE, ranges=False, reset_after=20),
            video_file(SIZE),
        )

        await client.download("task_1", target)

        assert ranges(done) == [None, "bytes=120000-", "bytes=120000-"]
        assert target.read_bytes() == FILM


class TestLaterDownload:
    async def interrupt(self, sora: FakeSora, target: Path) -> None:
        """Leave a part file, as a program that ended in the middle does."""
        sora.script_file("task_1", video_file(SIZE, stall_after=120_000))
        async with client_of(sora) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(10):
                    await client.download("task_1", target)
        assert names(target.parent) == {"a.mp4.part", "a.mp4.part.note"}
        sora.cdn_requests.clear()

    async def test_it_goes_on_with_what_an_earlier_one_left(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        await self.interrupt(done, target)
        done.script_file("task_1", video_file(SIZE))

        seen = await events(client.download("task_1", target))

        assert ranges(done) == ["bytes=120000-"]
        assert seen[0].received == 120_000
        assert target.read_bytes() == FILM
        assert names(target.parent) == {"a.mp4"}

    async def test_not_if_it_was_of_another_task(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        await self.interrupt(done, target)
        done.script("task_2", completed())
        done.script_file("task_2", video_file(SIZE, version=2))

        await client.download("task_2", target)

        assert ranges(done) == [None]
        assert target.read_bytes() == make_video(SIZE, version=2)

    async def test_not_if_the_file_is_another_one_now(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        await self.interrupt(done, target)
        done.script_file("task_1", video_file(SIZE, version=2))

        await client.download("task_1", target)

        assert target.read_bytes() == make_video(SIZE, version=2)

    async def test_damage_costs_what_is_behind_it_only(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        await self.interrupt(done, target)
        part = target.with_name("a.mp4.part")
        part.write_bytes(b"\0" * 120_000)
        done.script_file("task_1", video_file(SIZE))

        await client.download("task_1", target)

        assert ranges(done) == [None]
        assert target.read_bytes() == FILM

    async def test_a_whole_part_file_needs_no_request(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        """The program was killed when all had come, before the file had its name."""
        await self.interrupt(done, target)
        self.complete(target)

        file = await client.download(VideoTask(id="task_1", phase=Phase.SUCCEEDED), target)

        assert (done.cdn_requests, file.size) == ([], SIZE)
        assert target.read_bytes() == FILM

    async def test_a_whole_part_file_that_lacks_its_end_is_of_no_use(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file("task_1", video_file(SIZE, claimed=SIZE - 5))
        done.script_file("task_1", video_file(SIZE, claimed=SIZE - 5), at="content")
        with pytest.raises(NotAVideoError):
            await client.download("task_1", target)
        done.cdn_requests.clear()
        done.script_file("task_1", video_file(SIZE))

        await client.download("task_1", target)

        assert ranges(done) == [None]
        assert target.read_bytes() == FILM

    def complete(self, target: Path) -> None:
        part = PartFile(target, "task_1")
        part.write([FILM[part.size :]])
        part.close()

    async def test_two_to_one_path_do_not_mix(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        first, second = client.download("task_1", target), client.download("task_1", target)

        ends = await asyncio.gather(first, second, return_exceptions=True)

        files = [end for end in ends if isinstance(end, VideoFile)]
        [error] = [end for end in ends if isinstance(end, DownloadError)]
        assert len(files) == 1 and target.read_bytes() == FILM
        assert isinstance(error, FileWriteError) and "another download" in str(error)


class TestLinks:
    @pytest.mark.parametrize("status", [401, 403, 410])
    async def test_an_expired_link_is_renewed(
        self, done: FakeSora, client: SoraClient, target: Path, status: int
    ) -> None:
        url = f"{done.cdn_url}/videos/task_1.mp4?sig="
        done.script("task_1", completed(url + "1"), completed(url + "2"))
        done.script_file("task_1", http_error(status), video_file(SIZE))

        await client.download("task_1", target)

        assert [request.query for _, request in done.cdn_requests] == ["sig=1", "sig=2"]
        assert target.read_bytes() == FILM

    @pytest.mark.parametrize(
        "fault",
        [http_error(500), http_error(404), stall(), reset(), "http://127.0.0.1:1/a.mp4"],
        ids=["5xx", "404", "stall", "reset", "refused"],
    )
    async def test_a_link_that_stays_dead_leads_to_content(
        self, done: FakeSora, client: SoraClient, target: Path, now: Clock, fault: Any
    ) -> None:
        if isinstance(fault, str):
            add_url(done, fault)
        else:
            done.script_file("task_1", fault)
        done.script_file("task_1", video_file(SIZE), at="content")

        await client.download("task_1", target)

        assert len(done.cdn_requests) <= 16  # aiohttp sends a GET twice if it is reset
        assert 45 <= now() < 140
        assert target.read_bytes() == FILM

    async def test_a_link_that_expires_on_the_way_is_renewed_and_gone_on_with(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        url = f"{done.cdn_url}/videos/task_1.mp4?sig="
        done.script("task_1", completed(url + "1"), completed(url + "2"))
        done.script_file(
            "task_1", video_file(SIZE, reset_after=120_000), http_error(403), video_file(SIZE)
        )

        await client.download("task_1", target)

        assert ranges(done) == [None, "bytes=120000-", "bytes=120000-"]
        assert target.read_bytes() == FILM

    @pytest.mark.parametrize(
        "stranger",
        [html(), raw({"error": "expired"}), raw(b"<?xml version='1.0'?><Error/>"), raw(b"")],
    )
    async def test_a_page_in_the_place_of_the_video_is_no_video(
        self, done: FakeSora, client: SoraClient, target: Path, stranger: Any
    ) -> None:
        done.script_file("task_1", stranger)

        file = await client.download("task_1", target)  # of /content, in the end

        assert file.size < 2000
        assert len(done.cdn_requests) == 1

    async def test_a_service_that_has_the_video_nowhere_is_told_of(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script("task_1", completed(f"{done.cdn_url}/videos/task_1.mp4?sig=secret"))
        done.script_file("task_1", http_error(403))
        done.script_file("task_1", http_error(400), at="content")

        with pytest.raises(VideoGoneError) as caught:
            await client.download("task_1", target)

        assert "task_1" in str(caught.value) and "secret" not in str(caught.value)
        assert names(target.parent) == set()

    async def test_where_there_is_no_video_there_is_an_error_that_shows_what_there_is(
        self, done: FakeSora, client: SoraClient, target: Path, now: Clock
    ) -> None:
        done.script("task_1", completed(None))
        done.script_file("task_1", html(), at="content")

        with pytest.raises(NotAVideoError, match="a web page came"):
            await client.download("task_1", target)

        assert 45 <= now() < 50

    async def test_a_task_that_goes_on_has_no_video_yet(
        self, sora: FakeSora, client: SoraClient, target: Path
    ) -> None:
        sora.script("task_1", running(0.5))

        with pytest.raises(VideoNotReadyError, match="wait_until_complete"):
            await client.download("task_1", target)

    async def test_a_failed_task_has_none(
        self, sora: FakeSora, client: SoraClient, target: Path
    ) -> None:
        sora.script("task_1", failed("moderation_blocked", "no"))

        for source in ("task_1", client.wait_until_complete("task_1")):
            with pytest.raises(TaskFailedError):
                await client.download(source, target)

    async def test_an_unknown_task_is_the_services_error(
        self, client: SoraClient, target: Path
    ) -> None:
        with pytest.raises(TaskNotFoundError):
            await client.download("task_1", target)

    async def test_a_service_that_is_away_when_a_link_is_wanted_is_asked_again(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        down = [http_error(503)] * 4
        url = f"{done.cdn_url}/videos/task_1.mp4?sig=2"
        done.script("task_1", completed(), *down, completed(url))
        done.script_file("task_1", http_error(403), video_file(SIZE))

        await client.download("task_1", target)

        assert target.read_bytes() == FILM

    async def test_a_service_that_refuses_to_tell_ends_it(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script("task_1", completed(), http_error(401))
        done.script_file("task_1", http_error(403))

        with pytest.raises(AuthenticationError):
            await client.download("task_1", target)


class TestContent:
    @pytest_asyncio.fixture
    async def done(self, sora: FakeSora) -> FakeSora:
        """A fake whose task_1 has no URL: its file is at ``/content`` only."""
        sora.script("task_1", completed(None))
        return sora

    async def test_a_challenge_page_is_passed_and_a_refusal_of_the_service_is_final(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file("task_1", html(403), html(403), video_file(SIZE), at="content")
        done.script("task_2", completed(None))
        done.script_file("task_2", http_error(403), at="content")

        await client.download("task_1", target)
        with pytest.raises(PermissionDeniedError):
            await client.download("task_2", target.with_name("other.mp4"))

        assert target.read_bytes() == FILM

    async def test_the_file_is_at_the_content_address_and_the_key_goes_there(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file("task_1", video_file(SIZE), at="content")

        await client.download("task_1", target)

        request = done.requests[-1][1]
        assert target.read_bytes() == FILM
        assert request.endpoint == "content"
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        assert request.headers.getall("Accept") == ["*/*"]
        assert request.headers["Accept-Encoding"] == "identity"

    async def test_a_break_is_gone_on_from(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file(
            "task_1", video_file(SIZE, reset_after=120_000), video_file(SIZE), at="content"
        )

        await client.download("task_1", target)

        assert done.requests[-1][1].headers["Range"] == "bytes=120000-"
        assert target.read_bytes() == FILM

    async def test_a_redirect_is_followed_without_the_key(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        url = f"{done.cdn_url}/videos/task_1.mp4?sig=a%2Bb%7E"
        done.script_file("task_1", redirect(url, 302), at="content")
        done.script_file("task_1", video_file(SIZE, reset_after=120_000), video_file(SIZE))

        await client.download("task_1", target)

        assert target.read_bytes() == FILM
        assert [request.query for _, request in done.cdn_requests] == ["sig=a%2Bb%7E"] * 2
        for _, request in done.cdn_requests:
            assert KEY not in str(request.headers)
            assert request.headers["User-Agent"].startswith("sora_async/")
        assert ranges(done) == [None, "bytes=120000-"]

    @pytest.mark.parametrize("body", [{"url": "{url}"}, {"data": {"video_url": "{url}"}}, "{url}"])
    async def test_json_with_a_url_is_followed_without_the_key(
        self, done: FakeSora, client: SoraClient, target: Path, body: Any
    ) -> None:
        url = f"{done.cdn_url}/videos/task_1.mp4"
        done.script_file("task_1", raw(json.dumps(body).replace("{url}", url)), at="content")
        done.script_file("task_1", video_file(SIZE))

        await client.download("task_1", target)

        assert target.read_bytes() == FILM
        assert KEY not in str(done.cdn_requests[0][1].headers)

    @pytest.mark.parametrize(
        "early", [http_error(400), http_error(404), http_error(422), raw({"status": "processing"})]
    )
    async def test_an_early_answer_is_borne_for_a_while(
        self, done: FakeSora, client: SoraClient, target: Path, now: Clock, early: Any
    ) -> None:
        done.script_file("task_1", early, early, early, video_file(SIZE), at="content")

        await client.download("task_1", target)

        assert target.read_bytes() == FILM
        assert 7 < now() < 12

    async def test_a_url_that_comes_late_wins(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script("task_1", *[completed(None)] * 8, completed())
        done.script_file("task_1", http_error(400), at="content")
        done.script_file("task_1", video_file(SIZE))

        await client.download("task_1", target)

        assert target.read_bytes() == FILM

    async def test_a_job_that_failed_may_be_told_here(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        job = {"id": "task_1", "object": "video", "status": "failed", "error": {"code": "oom"}}
        done.script_file("task_1", http_error(500, job), at="content")

        with pytest.raises(TaskFailedError, match="oom"):
            await client.download("task_1", target)

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (http_error(401), AuthenticationError),
            (http_error(402), InsufficientQuotaError),
            (http_error(405), ResponseError),
            (http_error(410), VideoGoneError),
        ],
    )
    async def test_a_refusal_for_good_is_the_services_own_error(
        self, done: FakeSora, client: SoraClient, target: Path, answer: Any, error: Any
    ) -> None:
        done.script_file("task_1", answer, at="content")

        with pytest.raises(error) as caught:
            await client.download("task_1", target)

        assert KEY not in str(caught.value)
        assert len(contents(done)) == 1

    async def test_a_service_that_is_down_is_asked_again_and_then_no_more(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file("task_1", http_error(503), at="content")

        with pytest.raises(DownloadInterruptedError) as caught:
            await client.download("task_1", target)

        assert len(contents(done)) == 8
        assert isinstance(caught.value.__cause__, ServiceUnavailableError)

    async def test_a_silence_asked_for_here_is_kept_by_all(
        self, done: FakeSora, client: SoraClient, target: Path, now: Clock
    ) -> None:
        limit = http_error(429, headers={"Retry-After": "20"})
        done.script_file("task_1", limit, video_file(SIZE), at="content")
        done.script("task_2", running(0.1))
        download = asyncio.ensure_future(client.download("task_1", target).result())
        await asyncio.sleep(1)

        await client.get_task("task_2")

        assert now() == pytest.approx(20, abs=0.1)
        await download

    async def test_each_request_has_its_turn_and_the_bytes_need_none(
        self, done: FakeSora, tmp_path: Path, now: Clock
    ) -> None:
        done.script_file("task_1", video_file(SIZE, stall_after=1000), at="content")
        rate_limit = RateLimit(rate=1, burst=1, max_concurrent=1)

        async with client_of(done, rate_limit=rate_limit) as client:
            task = await client.get_task("task_1")
            downloads = [client.download(task, tmp_path / f"{number}") for number in range(2)]
            running = [asyncio.ensure_future(one.result()) for one in downloads]
            await asyncio.sleep(5)
            await client.get_task("task_1")

            assert contents(done) == pytest.approx([1.0, 2.0])
            assert now() < 7
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)


class TestKey:
    async def test_another_origin_never_sees_it(self, done: FakeSora, target: Path) -> None:
        headers = {"X-Api-Key": "another-secret", "Cookie": "a=b"}
        async with client_of(done, headers=headers) as client:
            await client.download("task_1", target)

        sent = str(done.cdn_requests[0][1].headers)
        assert KEY not in sent and "another-secret" not in sent and "Cookie" not in sent

    async def test_a_session_that_was_given_goes_to_the_service_only(
        self, done: FakeSora, tmp_path: Path
    ) -> None:
        session = aiohttp.ClientSession(headers={"Authorization": "Bearer of-the-session"})
        async with session:
            client = client_of(done, session=session)
            async with client:
                await client.download("task_1", tmp_path / "1.mp4")
                await client.download("task_1", tmp_path / "2.mp4", variant="video")
            assert not session.closed

        assert "Authorization" not in done.cdn_requests[0][1].headers
        assert done.requests[-1][1].headers["Authorization"] == f"Bearer {KEY}"

    async def test_a_session_that_is_closed_is_named(self, done: FakeSora, target: Path) -> None:
        session = aiohttp.ClientSession()
        async with client_of(done, session=session) as client:
            task = await client.get_task("task_1")
            await session.close()

            with pytest.raises(InvalidArgumentError, match="session"):
                await client.download(task, target, variant="video")

    async def test_a_video_on_the_services_own_origin_gets_it(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script("task_2", completed())
        done.script_file("task_2", video_file(SIZE), at="content")
        add_url(done, f"{done.url}/v1/videos/task_2/content")

        await client.download("task_1", target)

        assert done.requests[-1][1].headers["Authorization"] == f"Bearer {KEY}"
        assert target.read_bytes() == FILM

    async def test_a_signed_link_on_that_origin_is_tried_without_it(self, target: Path) -> None:
        """Storage behind the same name takes its signature or a key, and not both."""
        async with FakeSora() as sora, client_of(sora) as client:
            sora.script("task_2", completed())
            sora.script_file("task_2", http_error(400), video_file(SIZE), at="content")
            add_url(sora, f"{sora.url}/v1/videos/task_2/content?sig=1")

            await client.download("task_1", target)

            sent = [request.headers.get("Authorization") for _, request in sora.requests[1:]]
            assert sent == [f"Bearer {KEY}", None]

    async def test_nor_does_one_that_shows_a_whole_address(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        url = f"{done.cdn_url}/videos/task_1.mp4?sig=secret"
        done.script_file("task_1", garbage_status_line(), video_file(SIZE))
        done.script_file("task_1", redirect(url), at="content")
        done.script("task_1", completed(None))

        seen = client.download("task_1", target)
        faults = [event.last_error async for event in seen if event.last_error is not None]

        assert "GARBAGE" in str(faults[0])
        assert all("secret" not in str(fault) for fault in faults)

    async def test_no_error_shows_it_nor_the_signature_of_a_link(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        add_url(done, "http://127.0.0.1:1/a.mp4?sig=secret")
        done.script_file("task_1", http_error(404), at="content")

        with pytest.raises(DownloadInterruptedError) as caught:
            await client.download("task_1", target)

        for error in (caught.value, caught.value.__cause__):
            assert KEY not in str(error) and "secret" not in str(error)
            assert "127.0.0.1:1/a.mp4" in str(error)


class TestAddresses:
    """A service that only a proxy can reach is one of the internet, as far as we know."""

    @pytest_asyncio.fixture
    async def far(
        self, sora: FakeSora, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[SoraClient]:
        monkeypatch.setenv("http_proxy", sora.url)
        monkeypatch.setenv("no_proxy", "")
        options = {"api_key": KEY, "base_url": "http://videos.example", "allow_plain_http": True}
        async with SoraClient(**options, trust_env=True) as client:
            yield client

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:{port}/videos/task_1.mp4",
            "http://localhost:{port}/videos/task_1.mp4",
            "http://[::ffff:127.0.0.1]:{port}/videos/task_1.mp4",
            "http://169.254.169.254/latest/meta-data",
            "http://2130706433:{port}/videos/task_1.mp4",
        ],
    )
    async def test_a_link_to_an_inner_address_is_refused(
        self, done: FakeSora, far: SoraClient, target: Path, url: str
    ) -> None:
        add_url(done, url.replace("{port}", done.cdn_url.rpartition(":")[2]))
        done.script_file("task_1", http_error(400), at="content")

        with pytest.raises(UnsafeURLError, match="allow_private"):
            await far.download("task_1", target, variant=None)

        assert done.cdn_requests == []

    async def test_so_is_a_redirect_to_one(
        self, done: FakeSora, far: SoraClient, target: Path
    ) -> None:
        done.script("task_1", completed(None))
        done.script_file("task_1", redirect(f"{done.cdn_url}/videos/task_1.mp4", 302), at="content")

        with pytest.raises(UnsafeURLError):
            await far.download("task_1", target)

        assert done.cdn_requests == []

    async def test_a_good_content_address_makes_up_for_a_refused_link(
        self, done: FakeSora, far: SoraClient, target: Path
    ) -> None:
        add_url(done, "http://10.0.0.1/a.mp4")
        done.script_file("task_1", video_file(SIZE), at="content")

        await far.download("task_1", target)

        assert target.read_bytes() == FILM

    async def test_it_may_be_allowed(self, done: FakeSora, far: SoraClient, target: Path) -> None:
        add_url(done, f"{done.cdn_url}/videos/task_1.mp4")

        await far.download("task_1", target, allow_private=True)

        assert target.read_bytes() == FILM

    async def test_a_link_elsewhere_goes_through_the_proxy_too(
        self, done: FakeSora, far: SoraClient, target: Path
    ) -> None:
        done.script("task_2", completed())
        done.script_file("task_2", video_file(SIZE), at="content")
        done._service.api_key = None
        add_url(done, "http://cdn.example/v1/videos/task_2/content?sig=1")

        await far.download("task_1", target)

        assert target.read_bytes() == FILM
        request = done.requests[-1][1]
        assert request.headers["Host"] == "cdn.example"
        assert "Authorization" not in request.headers

    @pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700::1111]"])
    async def test_the_address_that_is_connected_to_is_what_counts(
        self, done: FakeSora, host: str
    ) -> None:
        """A name that means this machine, whatever it was looked up as before."""
        url = f"{done.cdn_url}/videos/task_1.mp4".replace("127.0.0.1", name_of_this_machine())
        async with SoraClient(api_key="", base_url=f"http://{host}") as client:
            stream = client._find_download_manager().http

            with pytest.raises(AddressNotAllowed, match="not public"):
                await stream.open(url, {}, without_key=False, allow_private=False)

        assert done.cdn_requests == []

    @pytest.mark.parametrize("url", ["https://user:pw@cdn.example/a.mp4", "ftp://cdn.example/a"])
    async def test_other_schemes_and_passwords_are_refused_everywhere(
        self, done: FakeSora, client: SoraClient, target: Path, url: str
    ) -> None:
        done.script("task_1", completed(None))
        done.script_file("task_1", redirect(url, 302), at="content")

        with pytest.raises(UnsafeURLError) as caught:
            await client.download("task_1", target)

        assert "pw" not in str(caught.value)

    async def test_a_redirect_without_end_is_a_break(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file("task_1", redirect(f"{done.cdn_url}/videos/task_1.mp4"))
        done.script_file("task_1", http_error(404), at="content")

        with pytest.raises(DownloadInterruptedError, match="redirects"):
            await client.download("task_1", target)

    async def test_a_redirect_to_nowhere_is_a_break(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file("task_1", redirect("http://[::1"), video_file(SIZE))

        await client.download("task_1", target)

        assert target.read_bytes() == FILM

    @pytest.mark.parametrize(
        ("base_url", "is_guarded"),
        [
            ("http://127.0.0.1:1", False),
            ("http://10.0.0.1", False),
            ("http://localhost:1", False),
            ("http://8.8.8.8", True),
            (f"http://{'a' * 70}.example", True),
        ],
    )
    async def test_only_a_service_of_the_internet_is_kept_from_inner_addresses(
        self, base_url: str, is_guarded: bool
    ) -> None:
        async with SoraClient(api_key="", base_url=base_url) as client:
            assert await client._find_download_manager().http._needs_guard() is is_guarded

    def test_an_address_of_the_internet_gets_a_socket(self) -> None:
        info = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("8.8.8.8", 443))

        with _open_guarded(info) as opened:
            assert opened.family is socket.AF_INET

    async def test_a_service_by_a_name_of_this_machine_may_link_to_it(
        self, done: FakeSora, target: Path
    ) -> None:
        url = done.url.replace("127.0.0.1", name_of_this_machine())
        async with SoraClient(api_key=KEY, base_url=url, allow_plain_http=True) as client:
            await client.download("task_1", target)

        assert target.read_bytes() == FILM


def name_of_this_machine() -> str:
    """Return a name that does not look like this machine's, and is looked up as 127.0.0.1."""
    for line in Path("/etc/hosts").read_text().splitlines():
        address, *hosts = line.partition("#")[0].split() or [""]
        for host in hosts if address.startswith("127.") else []:
            if host != "localhost" and {one[4][0] for one in socket.getaddrinfo(host, 1)} <= {
                "127.0.0.1"
            }:
                return host
    pytest.skip("/etc/hosts has no other name for this machine")


class TestLimits:
    async def test_a_file_that_tells_it_is_too_large_is_not_begun(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        with pytest.raises(VideoTooLargeError, match="max_size") as caught:
            await client.download("task_1", target, max_size=SIZE - 1)

        assert caught.value.size == SIZE
        assert names(target.parent) == set()
        await client.download("task_1", target, max_size=SIZE)

    async def test_one_that_does_not_tell_is_broken_off(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file("task_1", video_file(10**9, framing="chunked"))

        with pytest.raises(VideoTooLargeError):
            await client.download("task_1", target, max_size=SIZE)

        assert not target.exists()

    async def test_no_limit_is_a_choice(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        assert (await client.download("task_1", target, max_size=None)).size == SIZE

    async def test_only_so_many_are_under_way_at_once(self, done: FakeSora, tmp_path: Path) -> None:
        done.script_file("task_1", video_file(SIZE, stall_after=1000))
        async with client_of(done, max_downloads=2) as client:
            downloads = [client.download("task_1", tmp_path / str(n), timeout=20) for n in range(5)]

            ends = await asyncio.gather(*downloads, return_exceptions=True)

        assert {type(end) for end in ends} == {DownloadTimeoutError}
        assert len([at for at, _ in done.cdn_requests if at < 1]) == 2

    async def test_a_timeout_is_an_error_that_says_how_far_it_came(
        self, done: FakeSora, client: SoraClient, target: Path, now: Clock
    ) -> None:
        done.script_file("task_1", video_file(SIZE, stall_after=120_000))

        with pytest.raises(DownloadTimeoutError, match="not whole after 7 s") as caught:
            await client.download("task_1", target, timeout=7)

        assert now() == pytest.approx(7)
        assert isinstance(caught.value, TimeoutError)
        assert (caught.value.received, caught.value.total) == (120_000, SIZE)
        assert target.with_name("a.mp4.part").stat().st_size == 120_000

    async def test_the_wait_for_the_task_is_not_in_it(
        self, sora: FakeSora, client: SoraClient, target: Path
    ) -> None:
        task_id = sora.add(Scenario(queued=10, running=300))

        await client.download(client.wait_until_complete(task_id), target, timeout=5)

        assert target.exists()


class TestExistingFile:
    async def test_it_is_an_error_before_anything_is_sent(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        target.write_bytes(b"mine")

        with pytest.raises(FileExistsError) as caught:
            await client.download("task_1", target)

        assert isinstance(caught.value, OutputExistsError)
        assert (caught.value.errno, caught.value.filename) == (errno.EEXIST, str(target))
        assert (target.read_bytes(), done.requests) == (b"mine", [])

    async def test_it_can_be_replaced_once_the_new_one_is_whole(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        target.write_bytes(b"mine")
        done.script_file("task_1", http_error(401))
        done.script_file("task_1", http_error(401), at="content")
        with pytest.raises(AuthenticationError):
            await client.download("task_1", target, if_exists="overwrite", variant="video")
        assert target.read_bytes() == b"mine"

        done.script_file("task_1", video_file(SIZE))
        await client.download("task_1", target, if_exists="overwrite")

        assert target.read_bytes() == FILM

    async def test_it_can_stay(self, done: FakeSora, client: SoraClient, target: Path) -> None:
        target.write_bytes(FILM)
        watch = client.wait_until_complete("task_1")

        file = await client.download(watch, target, if_exists="skip")

        assert (file.size, file.content_type, file.task) == (SIZE, "video/mp4", None)
        assert done.requests == []

    @pytest.mark.parametrize(
        ("if_exists", "error"), [("error", OutputExistsError), ("skip", None), ("overwrite", None)]
    )
    async def test_one_that_appears_on_the_way_is_treated_alike(
        self, done: FakeSora, client: SoraClient, target: Path, if_exists: Any, error: Any
    ) -> None:
        download = client.download("task_1", target, if_exists=if_exists)

        with pytest.raises(error) if error else contextlib.nullcontext():
            async for _ in download:
                if not target.exists():
                    target.write_bytes(b"mine")
            file = await download
            assert file.size == len(target.read_bytes())

        is_ours = if_exists == "overwrite"
        assert target.read_bytes() == (FILM if is_ours else b"mine")
        parts = {"a.mp4.part", "a.mp4.part.note"} if if_exists == "error" else set()
        assert names(target.parent) == {"a.mp4", *parts}


class TestDisk:
    @pytest.mark.parametrize("name", ["missing/a.mp4", ".", "n" * 300])
    async def test_a_path_that_cannot_be_is_an_error_before_anything_is_sent(
        self, done: FakeSora, client: SoraClient, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "there").mkdir()

        with pytest.raises(FileWriteError) as caught:
            await client.download("task_1", tmp_path / "there" / ".." / name)

        assert isinstance(caught.value, OSError) and caught.value.errno
        assert done.requests == []
        assert str(tmp_path) in str(caught.value)

    async def test_a_directory_without_the_right_to_write_is_one(
        self, done: FakeSora, client: SoraClient
    ) -> None:
        with pytest.raises(FileWriteError):
            await client.download("task_1", "/proc/a.mp4")

        assert done.requests == []

    async def test_something_in_the_place_of_the_part_file_is_one(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        target.with_name("a.mp4.part").mkdir()

        with pytest.raises(FileWriteError, match="not a regular file"):
            await client.download("task_1", target)

    async def test_a_full_disk_loses_nothing(
        self, done: FakeSora, client: SoraClient, small_disk: Path
    ) -> None:
        size = 3_000_000
        done.script_file("task_1", video_file(size))
        target = small_disk / "a.mp4"

        with pytest.raises(DiskFullError, match="Free some space") as caught:
            await client.download("task_1", target)
        kept = target.with_name("a.mp4.part").stat().st_size
        (small_disk / "ballast").unlink()
        await client.download("task_1", target)

        assert caught.value.errno == errno.ENOSPC
        assert caught.value.task_id == "task_1"
        assert caught.value.url == f"{done.cdn_url}/videos/task_1.mp4"
        assert kept >= 1_000_000
        assert ranges(done)[1] is not None
        assert target.read_bytes() == make_video(size)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB, half full; only root can have one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if os.name != "posix" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        (disk / "ballast").write_bytes(bytes(2_000_000))
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


class TestLeaving:
    @pytest.mark.parametrize("way", ["break", "exception", "timeout", "aclose"])
    async def test_a_second_download_right_after_leaving_goes_on(
        self, done: FakeSora, client: SoraClient, target: Path, way: str
    ) -> None:
        done.script_file("task_1", video_file(SIZE, stall_after=120_000), video_file(SIZE))
        download = client.download("task_1", target)

        async def leave() -> None:
            async with contextlib.aclosing(aiter(download)) as seen:
                async for event in download if way != "aclose" else seen:
                    if event.received and way == "exception":
                        raise ZeroDivisionError
                    if event.received and way in ("break", "aclose"):
                        break

        with contextlib.suppress(ZeroDivisionError, TimeoutError):
            async with asyncio.timeout(5 if way == "timeout" else None):
                await leave()
        file = await client.download("task_1", target)

        assert file.size == SIZE
        assert target.read_bytes() == FILM
        assert ranges(done) == [None, "bytes=120000-"]

    async def test_a_client_that_is_closed_waits_for_a_download_that_was_left(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file("task_1", video_file(SIZE, stall_after=120_000))
        async for event in client.download("task_1", target):
            if event.received:
                break

        await client.close()

        PartFile(target, "task_1").close()  # or it is busy

    async def test_leaving_waits_for_the_part_file_to_be_closed(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file("task_1", video_file(SIZE, stall_after=120_000))
        seen = aiter(client.download("task_1", target))
        while not (await anext(seen)).received:
            pass

        await seen.aclose()

        PartFile(target, "task_1").close()  # or it is busy

    async def test_cancelling_leaves_a_part_file_at_most_and_a_later_await_goes_on(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file("task_1", video_file(SIZE, stall_after=120_000), video_file(SIZE))
        download = client.download("task_1", target)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(download, 5)
        left = names(target.parent)
        kept = target.with_name("a.mp4.part").stat().st_size
        file = await download

        assert left == {"a.mp4.part", "a.mp4.part.note"}
        assert kept == 120_000
        assert ranges(done) == [None, "bytes=120000-"]
        assert file.path.read_bytes() == FILM

    async def test_a_break_out_of_the_loop_stops_it(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file("task_1", video_file(SIZE, stall_after=120_000), video_file(SIZE))
        download = client.download("task_1", target)

        async for event in download:
            if event.received:
                break
        gc.collect()
        await asyncio.sleep(60)

        assert len(done.cdn_requests) == 1
        assert (await download).size == SIZE

    async def test_one_who_leaves_does_not_stop_the_others(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file("task_1", video_file(SIZE, stall_after=120_000), video_file(SIZE))
        download = client.download("task_1", target)
        other = asyncio.ensure_future(download.result())

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(download, 5)

        assert (await other).size == SIZE

    async def test_to_close_the_client_ends_it_and_closes_its_files(
        self, done: FakeSora, target: Path
    ) -> None:
        done.script_file("task_1", video_file(SIZE, stall_after=120_000))
        async with client_of(done) as client:
            download = asyncio.ensure_future(client.download("task_1", target).result())
            await asyncio.sleep(1)

        with pytest.raises(DownloadInterruptedError, match="the client was closed"):
            await download
        assert target.with_name("a.mp4.part").stat().st_size == 120_000

    async def test_one_that_nobody_wanted_any_more_can_be_gone_on_with_even_then(
        self, done: FakeSora, target: Path
    ) -> None:
        done.script_file("task_1", video_file(SIZE, stall_after=120_000), video_file(SIZE))
        client = client_of(done)
        download = client.download("task_1", target)
        news = aiter(download)
        while not download.latest or not download.latest.received:
            await anext(news)

        await news.aclose()
        await client.close()

        assert (await download).size == SIZE
        await client.close()

    async def test_while_it_waits_for_its_task_nothing_is_on_the_disk(
        self, sora: FakeSora, client: SoraClient, target: Path
    ) -> None:
        sora.script("task_1", queued())
        download = client.download(client.wait_until_complete("task_1"), target)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(download, 100)

        assert names(target.parent) == set()
        polls = len(sora.polls("task_1"))
        await asyncio.sleep(1000)
        assert len(sora.polls("task_1")) == polls

    @pytest.mark.parametrize("step", range(0, 60))
    async def test_wherever_it_is_cancelled_the_disk_is_sound(
        self, done: FakeSora, client: SoraClient, target: Path, step: int
    ) -> None:
        download = client.download("task_1", target)
        task = asyncio.ensure_future(download.result())
        for _ in range(step):
            await asyncio.sleep(0)

        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

        assert names(target.parent) <= {"a.mp4", "a.mp4.part", "a.mp4.part.note"}
        assert not target.exists() or target.read_bytes() == FILM
        assert (await download).size == SIZE
        assert target.read_bytes() == FILM
        assert names(target.parent) == {"a.mp4"}

    async def test_cancelled_twice_it_still_closes_its_file(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file("task_1", video_file(SIZE, stall_after=120_000), video_file(SIZE))
        download = client.download("task_1", target)
        task = asyncio.ensure_future(download.result())
        await asyncio.sleep(1)

        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        with contextlib.suppress(asyncio.CancelledError):
            await task

        assert (await download).size == SIZE

    async def test_a_stranger_that_cancels_its_task_is_told_of(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        done.script_file("task_1", video_file(SIZE, stall_after=120_000))
        download = asyncio.ensure_future(client.download("task_1", target).result())
        await asyncio.sleep(1)

        [task] = [one for one in asyncio.all_tasks() if one.get_name() == "download task_1"]
        task.cancel()

        with pytest.raises(DownloadInterruptedError, match="was cancelled"):
            await download

    async def test_an_error_is_raised_for_each_who_waits_and_to_those_who_come_later(
        self, sora: FakeSora, client: SoraClient, target: Path
    ) -> None:
        sora.script("task_1", failed())
        download = client.download("task_1", target)

        ends = await asyncio.gather(
            download.result(), download.result(), events(download), return_exceptions=True
        )
        with pytest.raises(TaskFailedError):
            await download

        assert [type(end) for end in ends] == [TaskFailedError] * 3
        assert len({id(end) for end in ends}) == 3

    async def test_a_bug_reaches_those_who_wait(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        task = VideoTask(id="task_1", video_url=7)  # type: ignore[arg-type]

        with pytest.raises(AttributeError):
            await client.download(task, target)

    async def test_who_comes_back_while_the_file_gets_its_name_has_it(
        self, done: FakeSora, client: SoraClient, target: Path
    ) -> None:
        download = client.download("task_1", target)
        news = aiter(download)
        await anext(news)
        while not target.exists():
            await asyncio.sleep(0)

        await news.aclose()  # nobody wants it now, and it is too late to stop

        assert (await download).size == SIZE
        assert target.read_bytes() == FILM

    async def test_a_timeout_of_somebody_else_is_not_ours(
        self, done: FakeSora, target: Path
    ) -> None:
        class Impatient(SoraClient):
            async def get_task(self, task_id: str) -> VideoTask:
                raise TimeoutError("mine")

        async with Impatient(api_key=KEY, base_url=done.url) as client:
            with pytest.raises(TimeoutError, match="mine"):
                await client.download("task_1", target)

    def test_it_belongs_to_the_loop_it_began_in(self, target: Path) -> None:
        client = SoraClient(api_key="", base_url="http://127.0.0.1:1", max_retries=0)
        download = client.download("task_1", target)

        async def begin() -> None:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(download.result()), 0)

        asyncio.run(begin())
        with pytest.raises(RuntimeError, match="another event loop"):
            asyncio.run(download.result())


class TestAnyServer:
    TROUBLES = (
        *(http_error(status) for status in (400, 401, 403, 404, 410, 416, 429, 500, 503)),
        *(html(), raw({}), raw(b""), raw({"url": "http://127.0.0.1:1/x"}), reset(), stall(40)),
        *(redirect("/elsewhere"), garbage_status_line(), drip(1), gzipped(raw(FILM))),
        *(video_file(SIZE, version=2, **{way: 70_000}) for way in ("reset_after", "close_after")),
        *(video_file(SIZE, ranges=False, reset_after=at) for at in (0, 5, 100_000)),
        *(video_file(SIZE, validator=None, close_after=at) for at in (11, 100_000)),
        *(video_file(SIZE, claimed=at) for at in (SIZE - 1, SIZE + 1)),
        *(video_file(SIZE, reset_after=at, framing="chunked") for at in (100, 200_000)),
        *(video_file(SIZE, close_after=at, framing="close") for at in (100, 200_000)),
        *(video_file(SIZE, stall_after=at) for at in (0, 1, 150_000)),
        raw(FILM[5:], status=206, headers={"Content-Range": f"bytes 5-{SIZE - 1}/{SIZE}"}),
        raw(FILM, status=206),
    )

    @pytest.mark.parametrize("seed", range(40))
    async def test_there_is_the_whole_file_or_none(
        self, done: FakeSora, client: SoraClient, target: Path, seed: int
    ) -> None:
        chance = random.Random(seed)
        for place in ("cdn", "content"):
            troubles = chance.choices(self.TROUBLES, k=chance.randrange(8))
            done.script_file("task_1", *troubles, video_file(SIZE), at=place)  # type: ignore[arg-type]

        try:
            file = await client.download("task_1", target)
        except SoraError as error:
            assert KEY not in str(error)
            assert not target.exists()
        else:
            assert target.read_bytes() == FILM
            assert file.size == SIZE
            assert names(target.parent) == {"a.mp4"}
        assert len(done.cdn_requests) + len(done.requests) < 60
