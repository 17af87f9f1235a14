"""Creating: what is sent, that it is sent once, and that no id is lost."""

import asyncio
import base64
import contextlib
import io
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sora_async import (
    AuthenticationError,
    ClientClosedError,
    ConnectionFailedError,
    CreateOutcomeUnknownError,
    Dialect,
    InsufficientQuotaError,
    InvalidArgumentError,
    InvalidResponseError,
    Phase,
    RateLimit,
    RateLimitError,
    ResponseError,
    ServiceUnavailableError,
    SoraClient,
    SoraError,
    TaskFailedError,
    TaskNotFoundError,
    UnsupportedOperationError,
    WaitTimeoutError,
)
from sora_async.dialects import FieldSpelling
from sora_async.testing import (
    Answer,
    FakeSora,
    Scenario,
    accepted,
    completed,
    failed,
    gzip_bomb,
    html,
    http_error,
    queued,
    raw,
    redirect,
    reset,
    running,
    slow,
    stall,
    truncated,
)

KEY = "sk-0123456789abcdef"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
BOAT = {"prompt": "a paper boat"}
OWN = Dialect(
    name="own",
    body="form",
    fields={
        "input_reference": FieldSpelling(
            name="images", is_list=True, file_field="images", url_field="images"
        )
    },
    list_path="/v1/videos?all=1",
)
NO_MONEY = {"error": {"code": "insufficient_user_quota"}}


def creates(sora: FakeSora) -> int:
    return [request.endpoint for _, request in sora.requests].count("create")


async def caught_from(awaitable: Awaitable[object]) -> Any:
    with pytest.raises(SoraError) as caught:
        await awaitable
    return caught.value


class TestWhatIsSent:
    async def test_a_form_has_every_field_as_text(self, sora: FakeSora, client: SoraClient) -> None:
        task = await client.create_task(
            prompt='"纸船"\r\nin the rain',
            model="sora-2",
            seconds=10.0,
            size="1280x720",
            watermark=False,
            style="anime",
            images=["https://a.example/1.png", "https://a.example/2.png"],
            seed=7,
            strength=0.5,
            metadata={"a": [1, "ä"]},
            negative_prompt=None,
            stops=[],
        )

        [(_, request)] = sora.requests
        assert request.headers["Content-Type"].startswith("multipart/form-data; boundary=")
        assert request.headers.get("Content-Length") == str(len(request.body))
        assert request.headers["Accept"] == "application/json"
        assert request.fields == {
            "model": "sora-2",
            "prompt": '"纸船"\r\nin the rain',
            "seconds": "10",
            "size": "1280x720",
            "watermark": "false",
            "style": "anime",
            "images": ["https://a.example/1.png", "https://a.example/2.png"],
            "seed": "7",
            "strength": "0.5",
            "metadata": '{"a": [1, "ä"]}',
        }
        assert (task.id, task.phase) == (sora.tasks[0].id, Phase.QUEUED)

    async def test_json_has_every_field_as_it_is(self, sora: FakeSora, client: SoraClient) -> None:
        await client.create_task(
            **BOAT, seconds="8", watermark=True, images=["x"], as_json=True, style=None
        )

        [(_, request)] = sora.requests
        assert request.headers["Content-Type"] == "application/json"
        assert json.loads(request.body) == {
            **BOAT,
            "seconds": "8",
            "watermark": True,
            "images": ["x"],
        }

    @pytest.mark.parametrize("seconds", [10, 10.0, "10", " 10.0 "])
    async def test_a_length_is_the_text_of_a_number(
        self, sora: FakeSora, client: SoraClient, seconds: Any
    ) -> None:
        await client.create_task(**BOAT, seconds=seconds, as_json=True)

        assert sora.requests[0][1].fields["seconds"] == "10"

    async def test_a_header_of_the_users_does_not_spoil_the_body(self, sora: FakeSora) -> None:
        headers = {"content-type": "application/json", "X-Forwarded-Host": "a.example"}
        async with SoraClient(api_key=KEY, base_url=sora.url, headers=headers) as client:
            await client.create_task(**BOAT)

        [(_, request)] = sora.requests
        assert request.headers["Content-Type"].startswith("multipart/form-data")
        assert request.headers["X-Forwarded-Host"] == "a.example"

    @pytest.mark.parametrize("status", [200, 201, 202])
    async def test_any_good_status_is_good(
        self, sora: FakeSora, client: SoraClient, status: int
    ) -> None:
        sora.on_create(raw(b'{"task_id": 42, "status": "NOT_START"}', status=status))

        task = await client.create_task(**BOAT)

        assert (task.id, task.phase) == ("42", Phase.QUEUED)

    @pytest.mark.parametrize(
        "arguments",
        [
            {"prompt": " "},
            {"prompt": None},
            {"prompt": b"a boat"},
            {"prompt": "\ud800"},
            {"model": ""},
            {"size": 720},
            {"seconds": 0},
            {"seconds": True},
            {"seconds": "ten"},
            {"seconds": float("nan")},
            {"seconds": []},
            {"input_reference": 7},
            {"input_reference": io.BytesIO},
            {"mask": b"png"},
            {"mask": Path("x")},
            {"strength": float("inf")},
            {"input_reference": "https://a.example/1.png", "as_json": True, "dialect": "unified",
             "images": "https://a.example/2.png"},
        ],
    )  # fmt: skip
    async def test_what_cannot_be_sent_is_refused_before_any_request(
        self, sora: FakeSora, arguments: dict[str, Any]
    ) -> None:
        dialect = arguments.pop("dialect", None)
        async with SoraClient(api_key=KEY, base_url=sora.url, dialect=dialect) as client:
            with pytest.raises(InvalidArgumentError):
                await client.create_task(**{**BOAT, **arguments})
            with pytest.raises(InvalidArgumentError):
                client.create_and_wait(**{**BOAT, **arguments})

        assert sora.requests == []

    async def test_what_is_changed_after_the_call_is_not_sent(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        images = ["first"]
        watch = client.create_and_wait(**BOAT, images=images, as_json=True)
        images.append("second")

        await watch

        assert sora.tasks[0].create.fields["images"] == ["first"]


class TestReferences:
    async def test_a_path_is_sent_with_its_name_and_type(
        self, sora: FakeSora, client: SoraClient, tmp_path: Path
    ) -> None:
        path = tmp_path / 'a "boat" 船.bin'
        path.write_bytes(b"\xff\xd8\xff" + os.urandom(700_000))

        await client.create_task(**BOAT, input_reference=path)
        await client.create_task(**BOAT, input_reference=str(path))

        for task in sora.tasks:
            upload = task.create.files["input_reference"]
            assert upload.body == path.read_bytes()
            assert upload.content_type == "image/jpeg"
            assert upload.name == "a %22boat%22 船.bin"

    async def test_an_open_file_is_sent_from_where_it_stands_and_stays_open(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        file = io.BytesIO(b"before" + PNG + bytes(300_000))
        file.seek(6)

        await client.create_task(**BOAT, input_reference=file)

        assert sora.tasks[0].create.files["input_reference"].body == PNG + bytes(300_000)
        assert not file.closed
        assert "Content-Length" in sora.requests[0][1].headers

    async def test_a_pipe_is_sent_in_chunks(self, sora: FakeSora, client: SoraClient) -> None:
        reading, writing = os.pipe()
        os.write(writing, PNG)
        os.close(writing)

        with os.fdopen(reading, "rb") as file:
            await client.create_task(**BOAT, input_reference=file)

        [(_, request)] = sora.requests
        assert sora.tasks[0].create.files["input_reference"].body == PNG
        assert request.headers["Transfer-Encoding"] == "chunked"

    @pytest.mark.parametrize("size", [64, 65, 66, 262_144, 600_001])
    async def test_in_json_a_file_is_a_data_address(
        self, sora: FakeSora, client: SoraClient, size: int
    ) -> None:
        data = PNG.ljust(size, b"x")

        await client.create_task(**BOAT, input_reference=io.BytesIO(data), as_json=True)

        url = sora.tasks[0].create.fields["input_reference"]["image_url"]
        kind, _, text = url.partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(text) == data
        assert "Content-Length" in sora.requests[0][1].headers

    async def test_an_address_goes_in_json_where_no_form_carries_one(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        url = "https://a.example/boat.png"

        await client.create_task(**BOAT, input_reference=url)
        await client.create_task(**BOAT, input_reference=url, as_json=True)
        with pytest.raises(InvalidArgumentError, match=r"carries no address; .*as_json"):
            await client.create_task(**BOAT, input_reference=url, as_json=False)

        assert len(sora.tasks) == 2
        for task in sora.tasks:
            assert task.create.fields["input_reference"] == {"image_url": url}

    async def test_in_a_form_an_address_goes_before_the_others_of_its_list(
        self, sora: FakeSora
    ) -> None:
        async with SoraClient(api_key=KEY, base_url=sora.url, dialect=OWN) as client:
            await client.create_task(**BOAT, input_reference="https://a.example/1", images=["2"])

        assert sora.tasks[0].create.fields["images"] == ["https://a.example/1", "2"]

    async def test_an_address_goes_before_the_others_of_its_list(self) -> None:
        async with (
            FakeSora(shape="unified") as sora,
            SoraClient(base_url=sora.url, dialect="unified") as client,
        ):
            await client.create_task(
                **BOAT, input_reference=PNG, images=["https://a.example/2.png"], seconds="8"
            )

        fields = sora.requests[0][1].fields
        assert fields["images"][0].startswith("data:image/png;base64,")
        assert fields["images"][1] == "https://a.example/2.png"
        assert fields["duration"] == 8

    @pytest.mark.parametrize(
        ("make", "reason"),
        [
            (lambda folder: folder / "missing.png", "cannot be read: No such file"),
            (lambda folder: str(folder), "is a directory and no file"),
            (lambda folder: "/dev/null", "is a device or pipe and no file"),
            (lambda folder: "a\0b", "cannot be read: .*null"),
            (lambda folder: "/proc/self/mem", "cannot be read"),
            (lambda folder: b"", "is empty"),
            (lambda folder: io.BytesIO(b""), "is empty"),
            (lambda folder: b"<html>", "no image or video"),
            (lambda folder: io.StringIO("text"), "gives no bytes"),
        ],
    )
    async def test_a_file_that_cannot_be_sent_is_refused_before_any_request(
        self,
        sora: FakeSora,
        client: SoraClient,
        tmp_path: Path,
        make: Callable[[Path], Any],
        reason: str,
    ) -> None:
        with pytest.raises(InvalidArgumentError, match=f"input_reference.*{reason}"):
            await client.create_task(**BOAT, input_reference=make(tmp_path))
        with pytest.raises(InvalidArgumentError, match=reason):
            await client.create_and_wait(**BOAT, input_reference=make(tmp_path))

        assert sora.requests == []

    async def test_a_web_page_that_is_called_an_image_is_refused(
        self, sora: FakeSora, client: SoraClient, tmp_path: Path
    ) -> None:
        path = tmp_path / "photo.png"
        path.write_bytes(b"<html>not found</html>")

        with pytest.raises(InvalidArgumentError, match=r"photo\.png.*no image or video"):
            await client.create_task(**BOAT, input_reference=path)

        assert sora.requests == []

    async def test_a_file_of_coroutines_is_refused(self, client: SoraClient) -> None:
        class Late:
            async def read(self, size: int) -> bytes:
                return PNG

        with pytest.raises(InvalidArgumentError, match="gives no bytes"):
            await client.create_task(**BOAT, input_reference=Late())  # type: ignore[arg-type]

    async def test_a_file_that_shrinks_is_a_part_of_an_order_and_not_sent_again(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        class Shrinking(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                return b"" if self.tell() else super().read(size)

        file = Shrinking(PNG + bytes(100_000))

        error = await caught_from(client.create_task(**BOAT, input_reference=file))

        assert isinstance(error, CreateOutcomeUnknownError)
        assert not error.is_whole
        assert "probably did not create a task" in str(error)
        assert sora.tasks == []


class TestSentOnce:
    @pytest.mark.parametrize(
        "answer",
        [
            http_error(500),
            http_error(502),
            http_error(504),
            http_error(524),
            http_error(408),
            reset(),
            truncated(queued()),
            html(),
            html(502),
            raw(b"[]"),
            raw(b'{"status": "queued"}'),
            raw(b'{"id": "../x", "status": "queued"}'),
            raw(b'{"object": "list", "id": "x"}'),
            gzip_bomb(9 * 1024 * 1024),
            redirect("/v1/elsewhere", status=303),
            redirect("/v1/elsewhere", status=302),
            http_error(303),
        ],
        ids=repr,
    )
    async def test_what_is_unclear_is_its_own_error_and_never_sent_again(
        self, sora: FakeSora, client: SoraClient, answer: Answer
    ) -> None:
        sora.on_create(accepted(answer))

        error = await caught_from(client.create_task(**BOAT))

        assert isinstance(error, CreateOutcomeUnknownError)
        assert isinstance(error.__cause__, SoraError)
        assert not error.transient
        assert "may have created a task and charge for it" in str(error)
        assert KEY not in str(error)
        assert "ry again" not in error.reason and "base_url" not in error.reason
        assert creates(sora) == len(sora.requests) == 1

    async def test_an_unclear_response_is_told_once_and_without_advice(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.on_create(http_error(502, headers={"x-request-id": "req-7"}))

        error = await caught_from(client.create_task(**BOAT))

        assert str(error).startswith(
            f"the outcome of the create at {sora.url}/v1/videos is unknown (request id: req-7): "
            "the service answered 502: "
        )
        assert str(error).count("req-7") == 1

    async def test_the_request_id_in_a_message_is_not_repeated(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        body = {"error": {"message": "Bad Gateway (request id: req-7)"}}
        sora.on_create(http_error(502, body, headers={"x-request-id": "req-7"}))

        error = await caught_from(client.create_task(**BOAT))

        assert isinstance(error, CreateOutcomeUnknownError) and error.request_id == "req-7"
        assert str(error).count("req-7") == 1

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (http_error(400, {"error": {"code": "invalid_prompt"}}), ResponseError),
            (http_error(400, {"error": {"code": "moderation_blocked"}}), ResponseError),
            (http_error(401), AuthenticationError),
            (http_error(402), InsufficientQuotaError),
            (http_error(403, NO_MONEY), InsufficientQuotaError),
            (http_error(404), UnsupportedOperationError),
            (http_error(405), UnsupportedOperationError),
            (http_error(501), UnsupportedOperationError),
            (html(404), InvalidResponseError),
            (http_error(409), ServiceUnavailableError),
            (http_error(413), ResponseError),
            (http_error(429), RateLimitError),
            (http_error(503, {"error": {"code": "model_not_found"}}), ResponseError),
            (http_error(500, {"error": {"code": "insufficient_quota"}}), InsufficientQuotaError),
            (http_error(200, {"error": {"code": "invalid_size", "message": "no"}}), ResponseError),
            (http_error(200, {"id": "req-1", "error": {"code": "invalid_size"}}), ResponseError),
            (redirect("https://other.example/v1/videos", status=301), InvalidResponseError),
            (redirect("https://other.example/v1/videos", status=307), InvalidResponseError),
            (redirect("/v1/elsewhere", status=301), InvalidResponseError),
        ],
        ids=repr,
    )  # fmt: skip
    async def test_a_refusal_is_certain_and_typed(
        self, sora: FakeSora, client: SoraClient, answer: Answer, expected: type[SoraError]
    ) -> None:
        sora.on_create(answer)

        error = await caught_from(client.create_task(**BOAT))

        assert type(error) is expected
        assert len(sora.requests) == 1
        assert sora.tasks == []

    async def test_only_a_connection_that_never_came_is_tried_again(self) -> None:
        async with FakeSora() as sora:
            url = sora.url
        async with SoraClient(base_url=url, max_retries=2) as client:
            error = await caught_from(client.create_task(**BOAT))

            assert type(error) is ConnectionFailedError
            creating = asyncio.ensure_future(client.create_task(**BOAT))
            await asyncio.sleep(0.01)
            port = int(url.rpartition(":")[2])
            async with FakeSora(port=port) as sora:
                assert (await creating).id == sora.tasks[0].id
                assert creates(sora) == 1

    async def test_no_answer_in_time_is_unclear(self, sora: FakeSora) -> None:
        async with SoraClient(api_key=KEY, base_url=sora.url, create_timeout=7) as client:
            sora.on_create(accepted(stall()))

            error = await caught_from(client.create_task(**BOAT))

        assert isinstance(error, CreateOutcomeUnknownError)
        assert "no whole response within 7 s" in str(error)
        assert (error.status, error.is_whole, error.is_listed) == (None, True, True)
        assert asyncio.get_running_loop().time() == pytest.approx(7)

    @pytest.mark.parametrize("is_late", [False, True])
    async def test_a_bug_on_the_way_is_unclear_once_the_order_has_left(
        self, sora: FakeSora, is_late: bool
    ) -> None:
        async def stumble(*_: Any) -> None:
            raise KeyError("x")

        trace = aiohttp.TraceConfig()
        (trace.on_request_end if is_late else trace.on_request_start).append(stumble)
        async with SoraClient(api_key=KEY, base_url=sora.url, trace_configs=[trace]) as client:
            with pytest.raises(CreateOutcomeUnknownError if is_late else KeyError) as caught:
                await client.create_task(**BOAT)

        assert creates(sora) == is_late
        if is_late:
            assert isinstance(caught.value.__cause__, KeyError)
            assert "KeyError" in str(caught.value)

    async def test_a_create_may_take_longer_than_other_requests(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.on_create(slow(200, queued()))

        assert (await client.create_task(**BOAT)).id == sora.tasks[0].id

    async def test_a_redirect_that_says_send_it_again_is_followed_on_the_same_origin(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.on_create(redirect("/v1/videos", status=307), redirect("/v1/videos", status=308))

        file = io.BytesIO(PNG + bytes(5000))
        task = await client.create_task(**BOAT, input_reference=file)

        assert [one.id for one in sora.tasks] == [task.id]
        assert creates(sora) == 3
        assert sora.tasks[0].create.files["input_reference"].body == PNG + bytes(5000)

    async def test_a_file_that_cannot_be_read_twice_follows_no_redirect(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.on_create(redirect("/v1/videos", status=307))
        reading, writing = os.pipe()
        os.write(writing, PNG)
        os.close(writing)

        with os.fdopen(reading, "rb") as file:
            error = await caught_from(client.create_task(**BOAT, input_reference=file))

        assert type(error) is InvalidResponseError
        assert creates(sora) == 1

    @pytest.mark.parametrize("is_given", [False, True])
    async def test_every_create_has_a_fresh_connection(
        self, sora: FakeSora, is_given: bool
    ) -> None:
        seen: list[tuple[str, str]] = []

        async def start(_: Any, context: Any, params: aiohttp.TraceRequestStartParams) -> None:
            context.method = params.method

        async def reuse(_: Any, context: Any, params: Any) -> None:
            seen.append((context.method, "reused"))

        async def make(_: Any, context: Any, params: Any) -> None:
            seen.append((context.method, "made"))

        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(start)
        trace.on_connection_reuseconn.append(reuse)
        trace.on_connection_create_start.append(make)
        async with aiohttp.ClientSession(trace_configs=[trace]) as session:
            client = SoraClient(
                api_key=KEY,
                base_url=sora.url,
                session=session if is_given else None,
                trace_configs=[trace],
            )
            async with client:
                task = await client.create_task(**BOAT)
                await client.get_task(task.id)
                await client.create_task(**BOAT)
                await client.get_task(task.id)

        polls = [("GET", "made"), ("GET", "reused")]
        assert seen == [("POST", "made"), polls[0], ("POST", "made"), polls[1]]


class TestCreateAndWait:
    async def test_the_first_event_is_the_answer_to_the_create(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        watch = client.create_and_wait(**BOAT)
        assert (watch.task_id, watch.latest, sora.requests) == (None, None, [])
        assert repr(watch) == "<Watch None: not begun: await it, or pass its .result()>"

        async for event in watch:
            assert watch.task_id == event.task.id == sora.tasks[0].id
            assert event.polls == 0
            break

        assert creates(sora) == len(sora.requests) == 1

    async def test_the_first_poll_is_not_before_its_time(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        await client.create_and_wait(**BOAT)

        first, second = (at for at, _ in sora.requests[:2])
        assert first == 0.0
        assert 1.0 <= second <= 3.0

    async def test_a_hint_in_the_answer_is_kept(self, sora: FakeSora, client: SoraClient) -> None:
        hint = {"openai-poll-after-ms": "90000"}
        sora.on_create(raw(b'{"id": "x", "status": "queued"}', headers=hint))
        sora.script("x", completed())

        await client.create_and_wait(**BOAT)

        assert sora.polls("x") == [90.0]

    async def test_a_hint_longer_than_the_timeout_does_not_end_the_wait_early(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        hint = {"openai-poll-after-ms": "90000"}
        sora.on_create(raw(b'{"id": "x", "status": "queued"}', headers=hint))

        error = await caught_from(client.create_and_wait(**BOAT, timeout=60))

        assert isinstance(error, WaitTimeoutError)
        assert (error.task_id, error.retry_after) == ("x", None)
        assert error.last is not None and error.elapsed == pytest.approx(60)

    @pytest.mark.parametrize("answer", [completed(), failed("moderation_blocked", "no")], ids=repr)
    async def test_an_answer_that_is_an_end_is_the_end(
        self, sora: FakeSora, client: SoraClient, answer: Answer
    ) -> None:
        sora.on_create(answer)
        watch = client.create_and_wait(**BOAT)

        if answer.state is not None and answer.state.phase == "failed":
            assert isinstance(await caught_from(watch), TaskFailedError)
        else:
            events = [event async for event in watch]
            assert [event.task for event in events] == [await watch]

        assert watch.task_id == sora.tasks[0].id
        assert len(sora.requests) == 1

    async def test_a_task_not_visible_yet_is_waited_for_although_it_was_seen(self) -> None:
        scenario = Scenario(visible_after=25.0)
        async with (
            FakeSora(default_scenario=scenario) as sora,
            SoraClient(base_url=sora.url) as client,
        ):
            watch = client.create_and_wait(**BOAT)
            events = [event async for event in watch]

            assert events[1].is_degraded
            assert events[1].task == events[0].task
            assert (await watch).is_complete

    async def test_a_task_that_stays_invisible_ends_the_wait_with_its_id(self) -> None:
        scenario = Scenario(visible_after=1e6)
        async with (
            FakeSora(default_scenario=scenario) as sora,
            SoraClient(base_url=sora.url) as client,
        ):
            watch = client.create_and_wait(**BOAT)

            await caught_from(watch)

            assert watch.task_id == sora.tasks[0].id
            assert 30 <= asyncio.get_running_loop().time() <= 45

    async def test_a_refused_create_is_raised_by_the_wait(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.on_create(http_error(402))
        watch = client.create_and_wait(**BOAT)

        assert isinstance(await caught_from(watch), InsufficientQuotaError)
        assert isinstance(await caught_from(watch), InsufficientQuotaError)
        assert watch.task_id is None
        assert creates(sora) == 1

    async def test_an_unclear_create_is_raised_by_the_wait(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.on_create(accepted(reset()))

        error = await caught_from(client.create_and_wait(**BOAT))

        assert isinstance(error, CreateOutcomeUnknownError)
        assert isinstance(error.__cause__, ConnectionFailedError)

    async def test_a_bug_in_a_schedule_reaches_those_who_wait(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        class Broken:
            def delay(self, history: Any) -> float:
                raise ZeroDivisionError

        watch = client.create_and_wait(**BOAT, schedule=Broken())

        with pytest.raises(ZeroDivisionError):
            await watch
        assert watch.task_id == sora.tasks[0].id

    async def test_many_consumers_share_one_create(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        watch = client.create_and_wait(**BOAT)

        tasks = await asyncio.gather(*(watch.result() for _ in range(5)))

        assert creates(sora) == 1
        assert {task.id for task in tasks} == {watch.task_id}

    async def test_leaving_while_it_is_sent_breaks_nothing_off_and_coming_back_goes_on(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.on_create(slow(20, queued()))
        watch = client.create_and_wait(**BOAT)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await watch
        assert watch.task_id is None

        task = await watch

        assert task.id == watch.task_id == sora.tasks[0].id
        assert creates(sora) == 1

    async def test_an_id_that_comes_when_nobody_waits_is_known_and_told(
        self, sora: FakeSora, client: SoraClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        sora.on_create(slow(20, queued()))
        watch = client.create_and_wait(**BOAT)
        waiting = asyncio.ensure_future(watch.result())
        await asyncio.sleep(10)
        waiting.cancel()
        await asyncio.sleep(15)

        [record] = caplog.records
        assert record.levelno == logging.WARNING
        assert watch.task_id == sora.tasks[0].id
        assert str(watch.task_id) in record.getMessage()
        assert len(sora.requests) == 1
        assert (await watch).id == watch.task_id
        assert creates(sora) == 1

    async def test_an_order_that_has_not_left_is_not_sent_when_nobody_waits(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        watch = client.create_and_wait(**BOAT, input_reference=PNG)
        waiting = asyncio.ensure_future(watch.result())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(60)
        assert (sora.requests, watch.task_id) == ([], None)

        assert (await watch).id == sora.tasks[0].id
        assert creates(sora) == 1

    async def test_a_path_is_opened_again_by_who_comes_back(
        self, sora: FakeSora, client: SoraClient, tmp_path: Path
    ) -> None:
        path = tmp_path / "boat.png"
        path.write_bytes(PNG)
        watch = client.create_and_wait(**BOAT, input_reference=path)
        for _ in range(3):
            waiting = asyncio.ensure_future(watch.result())
            await asyncio.sleep(0)
            waiting.cancel()

        await watch

        assert creates(sora) == 1
        assert sora.tasks[0].create.files["input_reference"].body == PNG

    async def test_a_timeout_while_it_is_sent_keeps_the_id_that_comes_later(
        self, sora: FakeSora, client: SoraClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        sora.on_create(slow(20, queued()))
        watch = client.create_and_wait(**BOAT, timeout=5)

        error = await caught_from(watch)
        await asyncio.sleep(30)

        assert isinstance(error, WaitTimeoutError)
        assert (error.task_id, error.elapsed) == ("", pytest.approx(5.0))
        assert "The create has no response yet" in str(error)
        assert watch.task_id == sora.tasks[0].id
        assert len(caplog.records) == 1

    async def test_a_refusal_after_the_timeout_changes_nothing(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.on_create(slow(20, http_error(402)))
        watch = client.create_and_wait(**BOAT, timeout=5)
        await caught_from(watch)

        await asyncio.sleep(30)

        assert isinstance(await caught_from(watch), WaitTimeoutError)
        assert watch.task_id is None

    async def test_an_answer_that_is_an_end_may_come_when_nobody_waits(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.on_create(slow(20, completed()))
        watch = client.create_and_wait(**BOAT, timeout=None)
        waiting = asyncio.ensure_future(watch.result())
        await asyncio.sleep(10)
        waiting.cancel()
        await asyncio.sleep(15)

        assert (await watch).id == watch.task_id
        assert len(sora.requests) == 1

    async def test_a_timeout_after_the_create_has_its_snapshot(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.on_create(accepted(scenario=Scenario(visible_after=100)))

        error = await caught_from(client.create_and_wait(**BOAT, timeout=5))

        assert isinstance(error, WaitTimeoutError)
        assert error.last is not None
        assert error.last.phase is Phase.QUEUED

    async def test_creates_take_slots_of_the_budget(self, sora: FakeSora) -> None:
        rate_limit = RateLimit(rate=1.0, burst=1)
        async with SoraClient(api_key=KEY, base_url=sora.url, rate_limit=rate_limit) as client:
            await asyncio.gather(*(client.create_task(**BOAT) for _ in range(4)))

        assert [at for at, _ in sora.requests] == pytest.approx([0.0, 1.0, 2.0, 3.0])

    async def test_a_silence_that_the_service_asked_for_is_kept_by_creates(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.on_create(http_error(429, headers={"Retry-After": "10"}))
        assert isinstance(await caught_from(client.create_task(**BOAT)), RateLimitError)

        await client.create_task(**BOAT)
        assert sora.requests[1][0] >= 10.0

        sora.on_create(http_error(429, headers={"Retry-After": "100"}))
        await caught_from(client.create_task(**BOAT))
        error = await caught_from(client.create_task(**BOAT))
        assert isinstance(error, RateLimitError)
        assert len(sora.requests) == 3

    async def test_a_refused_create_slows_no_polls(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        task_id = sora.script("task_1", running(0.1), running(0.2), completed())
        sora.on_create(http_error(429, headers={"Retry-After": "3000"}))

        await caught_from(client.create_task(**BOAT))
        await client.wait_until_complete(task_id)

        assert asyncio.get_running_loop().time() < 10


class TestCancellation:
    async def test_a_cancelled_create_that_has_left_goes_on_and_its_id_is_told(
        self, sora: FakeSora, client: SoraClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        sora.on_create(slow(20, queued()))

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await client.create_task(**BOAT)
        await asyncio.sleep(20)

        [record] = caplog.records
        assert f"made task {sora.tasks[0].id}" in record.getMessage()

    async def test_what_came_of_a_cancelled_create_is_told_also_when_it_failed(
        self, sora: FakeSora, client: SoraClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        sora.on_create(slow(20, http_error(402)))

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await client.create_task(**BOAT)
        await asyncio.sleep(20)

        assert "402" in caplog.records[0].getMessage()

    async def test_a_create_cancelled_before_it_leaves_is_not_sent(self, sora: FakeSora) -> None:
        async with SoraClient(api_key=KEY, base_url=sora.url) as client:
            creating = asyncio.ensure_future(client.create_task(**BOAT))
            await asyncio.sleep(0)
            creating.cancel()
            with pytest.raises(asyncio.CancelledError):
                await creating
            await asyncio.sleep(10)

        assert sora.requests == []

    @pytest.mark.parametrize("turns", range(12))
    async def test_whenever_it_is_cancelled_it_is_sent_at_most_once(
        self, sora: FakeSora, client: SoraClient, turns: int
    ) -> None:
        watch = client.create_and_wait(**BOAT)
        waiting = asyncio.ensure_future(watch.result())
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()

        await watch

        assert creates(sora) == 1
        assert [task.id for task in sora.tasks] == [watch.task_id]

    async def test_closing_waits_for_the_answer_and_its_id(self, sora: FakeSora) -> None:
        sora.on_create(slow(3, queued()))
        client = SoraClient(api_key=KEY, base_url=sora.url)
        watch = client.create_and_wait(**BOAT)
        waiting = asyncio.ensure_future(watch.result())
        await asyncio.sleep(1)

        await client.close()

        assert asyncio.get_running_loop().time() == pytest.approx(3)
        error = await caught_from(waiting)
        assert isinstance(error, ClientClosedError)
        assert error.task_id == watch.task_id == sora.tasks[0].id
        assert error.last is not None

    async def test_closing_does_not_wait_for_ever(self, sora: FakeSora) -> None:
        sora.on_create(accepted(stall()))
        client = SoraClient(api_key=KEY, base_url=sora.url)
        waiting = asyncio.ensure_future(client.create_task(**BOAT))
        await asyncio.sleep(1)

        await client.close()

        assert asyncio.get_running_loop().time() == pytest.approx(6)
        error = await caught_from(waiting)
        assert isinstance(error, CreateOutcomeUnknownError)
        assert "closed before the response came" in str(error)

    async def test_an_order_that_has_not_left_when_the_client_closes_is_not_sent(
        self, sora: FakeSora
    ) -> None:
        rate_limit = RateLimit(rate=0.1, burst=1)
        client = SoraClient(api_key=KEY, base_url=sora.url, rate_limit=rate_limit)
        await client.create_task(**BOAT)
        calls = [
            asyncio.ensure_future(client.create_task(**BOAT)),
            asyncio.ensure_future(client.create_and_wait(**BOAT).result()),
        ]
        await asyncio.sleep(1)

        await client.close()

        for call in calls:
            error = await caught_from(call)
            assert isinstance(error, ClientClosedError)
            assert str(error).endswith("The request was not sent")
        assert len(sora.requests) == 1

    async def test_an_order_that_keeps_a_silence_when_the_client_closes_is_not_sent(
        self, sora: FakeSora
    ) -> None:
        sora.on_create(http_error(429, headers={"Retry-After": "20"}))
        client = SoraClient(api_key=KEY, base_url=sora.url)
        await caught_from(client.create_task(**BOAT))
        waiting = asyncio.ensure_future(client.create_task(**BOAT))
        await asyncio.sleep(1)

        await client.close()

        assert isinstance(await caught_from(waiting), ClientClosedError)
        assert asyncio.get_running_loop().time() == pytest.approx(1)
        assert len(sora.requests) == 1

    async def test_a_create_cancelled_by_a_stranger_is_no_cancellation_of_who_waits(
        self, sora: FakeSora, client: SoraClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        sora.on_create(accepted(stall()), accepted(stall()))
        calls = [
            asyncio.ensure_future(client.create_task(**BOAT)),
            asyncio.ensure_future(client.create_and_wait(**BOAT).result()),
        ]
        await asyncio.sleep(1)

        for task in asyncio.all_tasks():
            if task.get_name().startswith("create "):
                task.cancel()

        for call in calls:
            assert isinstance(await caught_from(call), CreateOutcomeUnknownError)
        assert {record.levelno for record in caplog.records} == {logging.ERROR}

    async def test_strangers_may_cancel_before_anything_has_left(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        calls = [
            asyncio.ensure_future(client.create_task(**BOAT)),
            asyncio.ensure_future(client.create_and_wait(**BOAT).result()),
        ]
        await asyncio.sleep(0)
        for task in asyncio.all_tasks():
            if task.get_name().startswith("create "):
                task.cancel()

        for call in calls:
            assert isinstance(await caught_from(call), ClientClosedError)
        assert sora.requests == []


@contextlib.asynccontextmanager
async def serve(*replies: tuple[int, object]) -> AsyncIterator[tuple[str, list[str]]]:
    """Answer one request after the other with a status and JSON; yield address and first lines."""
    lines: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        status, value = replies[min(len(lines), len(replies) - 1)]
        lines.append(head.partition(" HTTP")[0])
        body = json.dumps(value).encode()
        start = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(start.encode() + body)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1")
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", lines


class TestOtherCalls:
    async def test_a_list_that_takes_no_notice_of_after_ends(self) -> None:
        page = {"data": [{"id": "b"}, {"id": "a"}], "has_more": True, "last_id": "a"}
        async with serve((200, page)) as (url, lines), SoraClient(base_url=url) as client:
            ids = [task.id async for task in client.list_tasks()]

        assert ids == ["b", "a"]
        assert lines == ["GET /v1/videos?order=desc", "GET /v1/videos?order=desc&after=a"]

    async def test_the_path_of_a_list_may_have_a_query_of_its_own(self) -> None:
        async with (
            serve((200, {"data": []})) as (url, lines),
            SoraClient(base_url=url, dialect=OWN) as client,
        ):
            assert [task async for task in client.list_tasks(limit=5)] == []

        assert lines == ["GET /v1/videos?all=1&order=desc&limit=5"]

    async def test_a_delete_that_may_have_worked_is_no_unknown_task(self) -> None:
        gone = {"error": {"message": "Video with id 'a' not found."}}
        async with (
            serve((500, {}), (404, gone)) as (url, lines),
            SoraClient(base_url=url) as client,
        ):
            await client.delete_task("a")
            assert lines == ["DELETE /v1/videos/a"] * 2

            with pytest.raises(TaskNotFoundError):
                await client.delete_task("a")

    async def test_a_delete_keeps_a_hint_and_gives_up_in_the_end(self) -> None:
        slow_down = {"error": {"message": "slow down"}, "retryAfter": 7}
        async with (
            serve((429, slow_down)) as (url, lines),
            SoraClient(base_url=url, max_retries=1) as client,
        ):
            assert isinstance(await caught_from(client.delete_task("a")), RateLimitError)

        assert len(lines) == 2
        assert asyncio.get_running_loop().time() >= 7

    async def test_a_page_that_comes_again_and_again_ends_the_list(self) -> None:
        async with FakeSora(shape="openai") as sora, SoraClient(base_url=sora.url) as client:
            for number in range(3):
                sora.add(task_id=f"video_{number}")

            assert [task.id async for task in client.list_tasks(limit=3)] == [
                "video_2",
                "video_1",
                "video_0",
            ]
            listed = [task async for task in client.list_tasks()]
            assert [task.phase for task in listed] == [Phase.QUEUED] * 3

    async def test_a_long_list_comes_in_pages(self) -> None:
        async with FakeSora(shape="openai") as sora, SoraClient(base_url=sora.url) as client:
            for number in range(45):
                sora.add(task_id=f"video_{number}")

            ids = [task.id async for task in client.list_tasks(order="asc")]
            some = [task.id async for task in client.list_tasks(order="asc", limit=30)]

            assert ids == [f"video_{number}" for number in range(45)]
            assert some == ids[:30]
            assert len(sora.requests) == 4

    @pytest.mark.parametrize("arguments", [{"order": "up"}, {"limit": 0}, {"after": "a/b"}])
    async def test_a_list_that_cannot_be_is_refused_before_any_request(
        self, sora: FakeSora, client: SoraClient, arguments: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidArgumentError):
            [task async for task in client.list_tasks(**arguments)]

        assert sora.requests == []

    async def test_an_unknown_task_is_not_deleted_or_remixed(self) -> None:
        async with FakeSora(shape="openai") as sora, SoraClient(base_url=sora.url) as client:
            for call in (
                client.delete_task("video_1"),
                client.remix_task("video_1", prompt="at night"),
                client.get_character("char_1"),
            ):
                assert type(await caught_from(call)) is TaskNotFoundError

    async def test_a_character_is_made_of_a_file(self, client: SoraClient) -> None:
        for video in ("https://a.example/v.mp4", 7):
            with pytest.raises(InvalidArgumentError):
                await client.create_character(name="Mo", video=video)  # type: ignore[arg-type]

    async def test_a_dialect_without_a_call_says_so_without_a_request(self) -> None:
        async with (
            FakeSora(shape="unified") as sora,
            SoraClient(base_url=sora.url, dialect="unified") as client,
        ):
            error = await caught_from(client.delete_task("x"))

            assert isinstance(error, UnsupportedOperationError)
            assert "the dialect 'unified' does not offer the call 'delete'" in str(error)
            assert sora.requests == []
