"""Creates that are sent more than once: with one key, or in another encoding."""

import asyncio
import contextlib
import json
import pickle
from collections.abc import AsyncIterator, Sequence
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest

from sora_async import (
    CreateOutcomeUnknownError,
    InvalidArgumentError,
    ResponseError,
    SoraClient,
    SoraError,
    UnsupportedOperationError,
    WaitInterruptedError,
)
from sora_async.dialects import OPENAI
from sora_async.testing import FakeSora, Shape, http_error, running

DEDUPLICATING = attrs.evolve(OPENAI, name="deduplicating", deduplicates_creates=True, body="json")
TASK = {"id": "video_1", "status": "queued"}
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(300)

CUT = "cut"
"""Instead of a response: the connection is closed once the request has come."""

Reply = tuple[int, object] | tuple[int, object, str] | str


@attrs.frozen
class Sent:
    """A request that the server has received."""

    line: str
    headers: Message
    body: bytes

    @property
    def key(self) -> str:
        return str(self.headers["Idempotency-Key"])

    @property
    def encoding(self) -> str:
        return "json" if self.headers.get_content_type() == "application/json" else "form"


@contextlib.asynccontextmanager
async def serve(*replies: Reply) -> AsyncIterator[tuple[str, list[Sent]]]:
    """Answer one request after the other, the last way again and again."""
    received: list[Sent] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, _, rest = head.partition("\r\n")
            headers = HeaderParser().parsestr(rest)
            body = await reader.readexactly(int(headers["Content-Length"] or 0))
            reply = replies[min(len(received), len(replies) - 1)]
            received.append(Sent(line, headers, body))
            if isinstance(reply, str):
                return
            status, value, *more = reply
            text = json.dumps(value).encode()
            start = f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n"
            start += "".join(f"{one}\r\n" for one in more) + "Connection: close\r\n\r\n"
            writer.write(start.encode() + text)
            await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1")
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", received


async def error_of(create: Any) -> SoraError:
    with pytest.raises(SoraError) as caught:
        await create
    return caught.value


class TestIdempotencyKey:
    async def test_every_create_has_a_key_of_its_own_of_32_hex_digits(self) -> None:
        async with serve((200, TASK)) as (url, sent), SoraClient(base_url=url) as client:
            for _ in range(2):
                await client.create_task(prompt="a boat")
            await client.remix_task("a", prompt="a ship")
            await client.create_character(name="Mara", video=b"\0\0\0\x18ftypisom" + bytes(300))

        keys = [one.key for one in sent]
        assert len(set(keys)) == 4
        assert all(len(key) == 32 and int(key, 16) >= 0 for key in keys)

    async def test_a_key_may_be_given(self) -> None:
        async with serve((200, TASK)) as (url, sent), SoraClient(base_url=url) as client:
            await client.create_task(prompt="a boat", idempotency_key="job-7")
            await client.remix_task("a", prompt="a ship", idempotency_key="job-8")
            watch = client.create_and_wait(prompt="a boat", idempotency_key="job-9", timeout=1)
            assert isinstance(await error_of(watch), WaitInterruptedError)
            await client._begin({"prompt": "a boat"}, idempotency_key="job-10").result()

        assert [one.key for one in sent if one.line.startswith("POST")] == [
            *("job-7", "job-8", "job-9", "job-10"),
        ]

    @pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, 7, b"a"])
    async def test_what_is_no_key_is_refused(self, key: Any) -> None:
        client = SoraClient(base_url="http://127.0.0.1:9")

        with pytest.raises(InvalidArgumentError, match="idempotency_key: expected 1 to 255"):
            await client.create_task(prompt="a boat", idempotency_key=key)

    @pytest.mark.parametrize("reply", [CUT, (502, {}), (500, {"error": "x"}), (200, {})])
    async def test_without_deduplication_it_is_sent_once_and_the_key_is_told(
        self, reply: Reply
    ) -> None:
        async with serve(reply) as (url, sent), SoraClient(base_url=url) as client:
            error = await error_of(client.create_task(prompt="a boat"))

        assert isinstance(error, CreateOutcomeUnknownError)
        assert [one.key for one in sent] == [error.idempotency_key]


async def test_a_character_that_nobody_waits_for_any_more_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serve((200, {"id": "char_1"})) as (url, sent), SoraClient(base_url=url) as client:
        film = b"\0\0\0\x18ftypisom" + bytes(300)
        create = asyncio.create_task(client.create_character(name="Mara", video=film))
        while not sent:
            await asyncio.sleep(0)
        create.cancel()
        await asyncio.wait([create])
        while not caplog.records:
            await asyncio.sleep(0)

    assert "made character char_1" in caplog.text


class TestDeduplication:
    @pytest.mark.parametrize(
        "replies",
        [
            (CUT,),
            (CUT, CUT, CUT),
            ((502, {}), (503, {"error": "busy"})),
            ((200, {}),),
            ((409, {"error": {"message": "key in use"}}), (409, {})),
            (CUT, (429, {"error": {"message": "slow down"}}, "Retry-After: 2")),
            (CUT, (409, {"error": {"message": "key in use"}})),
        ],
    )
    async def test_it_is_repeated_with_the_same_key_until_it_is_answered(
        self, replies: Sequence[Reply]
    ) -> None:
        async with (
            serve(*replies, (200, TASK)) as (url, sent),
            SoraClient(base_url=url, dialect=DEDUPLICATING) as client,
        ):
            task = await client.create_task(prompt="a boat")

        assert task.id == "video_1"
        assert len(sent) == len(replies) + 1
        assert len({(one.key, one.body) for one in sent}) == 1

    @pytest.mark.parametrize(
        ("status", "count"), [(400, 1), (401, 1), (402, 1), (404, 1), (422, 1), (429, 1)]
    )
    async def test_a_refusal_is_not_repeated(self, status: int, count: int) -> None:
        async with (
            serve((status, {"error": {"message": "no such luck"}})) as (url, sent),
            SoraClient(base_url=url, dialect=DEDUPLICATING) as client,
        ):
            error = await error_of(client.create_task(prompt="a boat"))

        assert isinstance(error, ResponseError)
        assert len(sent) == count

    @pytest.mark.parametrize("refusal", [(400, {"error": "no"}), (401, {}), (422, {"error": "x"})])
    async def test_a_refusal_of_a_repeat_does_not_say_what_became_of_the_first(
        self, refusal: Reply
    ) -> None:
        async with (
            serve(CUT, refusal) as (url, sent),
            SoraClient(base_url=url, dialect=DEDUPLICATING) as client,
        ):
            error = await error_of(client.create_task(prompt="a boat"))

        assert isinstance(error, CreateOutcomeUnknownError)
        assert error.is_whole and error.idempotency_key == sent[0].key
        assert len(sent) == 2

    async def test_it_gives_up_in_the_end(self) -> None:
        async with (
            serve(CUT) as (url, sent),
            SoraClient(base_url=url, dialect=DEDUPLICATING) as client,
        ):
            error = await error_of(client.create_task(prompt="a boat"))

        assert isinstance(error, CreateOutcomeUnknownError) and len(sent) == 8

    async def test_a_long_409_is_no_refusal(self) -> None:
        async with (
            serve((409, {"error": {"message": "in use"}})) as (url, sent),
            SoraClient(base_url=url, dialect=DEDUPLICATING) as client,
        ):
            error = await error_of(client.create_task(prompt="a boat"))

        assert isinstance(error, CreateOutcomeUnknownError) and len(sent) == 8

    @pytest.mark.parametrize(
        "said",
        [
            {"code": "idempotency_key_reused", "message": "The video was deleted."},
            {"message": "Idempotency-Key was already used with different parameters"},
        ],
    )
    async def test_a_409_of_a_key_that_was_used_before_is_not_repeated(
        self, said: dict[str, str]
    ) -> None:
        async with (
            serve((409, {"error": said})) as (url, sent),
            SoraClient(base_url=url, dialect=DEDUPLICATING) as client,
        ):
            error = await error_of(client.create_task(prompt="a boat"))

        assert isinstance(error, ResponseError) and error.status == 409
        assert "belongs to another create" in str(error)
        assert len(sent) == 1

    async def test_it_does_not_say_what_became_of_an_attempt_before(self) -> None:
        reused = (409, {"error": {"code": "idempotency_key_reused"}})
        async with (
            serve(CUT, reused) as (url, sent),
            SoraClient(base_url=url, dialect=DEDUPLICATING) as client,
        ):
            error = await error_of(client.create_task(prompt="a boat"))

        assert isinstance(error, CreateOutcomeUnknownError) and len(sent) == 2

    @pytest.mark.parametrize("text", ["in use", "already used by a request in progress"])
    async def test_a_409_of_a_key_in_use_is_no_key_of_another_create(self, text: str) -> None:
        said = {"error": {"message": f"Idempotency-Key {text}"}}
        async with (
            serve((409, said), (200, TASK)) as (url, sent),
            SoraClient(base_url=url, dialect=DEDUPLICATING) as client,
        ):
            task = await client.create_task(prompt="a boat")

        assert task.id == "video_1" and len(sent) == 2

    async def test_no_retries_are_none(self) -> None:
        async with (
            serve(CUT) as (url, sent),
            SoraClient(base_url=url, dialect=DEDUPLICATING, max_retries=0) as client,
        ):
            await error_of(client.create_task(prompt="a boat"))

        assert len(sent) == 1

    async def test_a_file_that_cannot_be_read_twice_is_sent_once(self) -> None:
        class Pipe:
            def __init__(self) -> None:
                self._left = [PNG]

            def read(self, size: int = -1) -> bytes:
                return self._left.pop() if self._left else b""

        async with (
            serve(CUT) as (url, sent),
            SoraClient(base_url=url, dialect=DEDUPLICATING) as client,
        ):
            error = await error_of(client.create_task(prompt="a boat", input_reference=Pipe()))  # type: ignore[arg-type]

        assert isinstance(error, CreateOutcomeUnknownError) and len(sent) <= 1

    async def test_a_key_of_another_create_is_told_as_such(self) -> None:
        said = {"error": {"code": "idempotency_mismatch", "message": "parameters differ"}}
        async with (
            serve((422, said)) as (url, _),
            SoraClient(base_url=url, dialect=DEDUPLICATING) as client,
        ):
            error = await error_of(client.create_task(prompt="a boat", idempotency_key="job-7"))

        assert isinstance(error, ResponseError) and error.status == 422
        assert "the idempotency_key 'job-7' belongs to another create" in str(error)
        assert "parameters differ" in str(error)

    async def test_that_may_be_told_without_a_message(self) -> None:
        async with (
            serve((422, {"error": {"code": "idempotency_mismatch"}})) as (url, _),
            SoraClient(base_url=url, dialect=DEDUPLICATING) as client,
        ):
            error = await error_of(client.create_task(prompt="a boat"))

        assert "belongs to another create; pass another one" in str(error)


GIN = (400, {"error": {"message": "invalid character '-' in numeric literal: Invalid JSON body"}})
FASTAPI_JSON = (
    422,
    {
        "detail": [
            {
                "type": "model_attributes_type",
                "loc": ["body"],
                "msg": "Input should be a valid dictionary or object to extract fields from",
            }
        ]
    },
)
FASTAPI_FORM = (
    422,
    {"detail": [{"type": "missing", "loc": ["body", "prompt"], "msg": "Field required"}]},
)
UNSUPPORTED = (415, {"error": {"message": "no"}})


class TestEncodings:
    @pytest.mark.parametrize("refusal", [GIN, FASTAPI_JSON, FASTAPI_FORM, UNSUPPORTED])
    async def test_a_refused_encoding_is_changed_once_and_the_accepted_one_is_kept(
        self, refusal: Reply
    ) -> None:
        async with serve(refusal, (200, TASK)) as (url, sent), SoraClient(base_url=url) as client:
            for _ in range(3):
                await client.create_task(prompt="a boat")

        assert [one.encoding for one in sent] == ["form", "json", "json", "json"]

    async def test_it_is_kept_over_event_loops_of_the_client(self) -> None:
        async with serve(UNSUPPORTED, (200, TASK)) as (url, sent):
            client = SoraClient(base_url=url)
            for _ in range(2):
                await client.create_task(prompt="a boat")
                await client.close()

        assert [one.encoding for one in sent] == ["form", "json", "json"]

    async def test_what_was_accepted_may_be_refused_later(self) -> None:
        replies = (UNSUPPORTED, (200, TASK), UNSUPPORTED, (200, TASK))
        async with serve(*replies) as (url, sent), SoraClient(base_url=url) as client:
            for _ in range(3):
                await client.create_task(prompt="a boat")

        assert [one.encoding for one in sent] == ["form", "json", "json", "form", "form"]

    async def test_a_file_goes_in_a_form_first_whatever_was_accepted(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(PNG)
        replies = (UNSUPPORTED, (200, TASK), (200, TASK), UNSUPPORTED, (200, TASK))
        async with serve(*replies) as (url, sent), SoraClient(base_url=url) as client:
            await client.create_task(prompt="a boat")
            await client.create_task(prompt="a boat", input_reference=path)
            await client.create_task(prompt="a boat", input_reference=path)
            await client.create_task(prompt="a boat")

        assert [one.encoding for one in sent] == ["form", "json", "form", "form", "json", "json"]

    @pytest.mark.parametrize(
        "refusal",
        [
            (400, {"error": {"message": "model 'x' does not exist in this JSON"}}),
            (400, {"error": {"code": "moderation_blocked", "message": "blocked"}}),
            (422, {"detail": [{"loc": ["body", "seconds"], "msg": "Input should be 4 or 8"}]}),
            (429, {"error": {"message": "Invalid JSON body"}}),
            (500, {"error": {"message": "Invalid JSON body"}}),
        ],
    )
    async def test_another_reason_is_not_repeated(self, refusal: Reply) -> None:
        async with serve(refusal) as (url, sent), SoraClient(base_url=url) as client:
            await error_of(client.create_task(prompt="a boat"))

        assert len(sent) == 1

    @pytest.mark.parametrize("as_json", [True, False])
    async def test_an_encoding_that_was_asked_for_is_not_changed(self, as_json: bool) -> None:
        async with serve(GIN) as (url, sent), SoraClient(base_url=url) as client:
            await error_of(client.create_task(prompt="a boat", as_json=as_json))

        assert [one.encoding for one in sent] == ["json" if as_json else "form"]

    async def test_when_both_are_refused_the_error_shows_both(self) -> None:
        async with serve(GIN, FASTAPI_FORM) as (url, sent), SoraClient(base_url=url) as client:
            error = await error_of(client.create_task(prompt="a boat"))

        assert isinstance(error, ResponseError) and error.status == 422
        assert "Field required" in str(error) and "Invalid JSON body" in str(error)
        assert "(sent as json); sent as form, it answered 400" in str(error)
        assert len(sent) == 2

    async def test_a_web_page_for_the_first_is_shown_as_well(self) -> None:
        page = "<html><h1>415 Unsupported Media Type</h1></html>"
        async with serve((415, page), (400, {})) as (url, sent), SoraClient(base_url=url) as client:
            error = await error_of(client.create_task(prompt="a boat"))

        assert isinstance(error, ResponseError) and "it answered 415: " in str(error)
        assert len(sent) == 2

    async def test_a_create_of_unknown_outcome_is_not_tried_in_the_other(self) -> None:
        auto = attrs.evolve(OPENAI, name="both", deduplicates_creates=True)
        async with (
            serve(CUT, UNSUPPORTED) as (url, sent),
            SoraClient(base_url=url, dialect=auto) as client,
        ):
            error = await error_of(client.create_task(prompt="a boat"))

        assert isinstance(error, CreateOutcomeUnknownError)
        assert [one.encoding for one in sent] == ["form", "form"]

    async def test_the_second_one_may_end_in_another_way(self) -> None:
        async with serve(UNSUPPORTED, CUT) as (url, sent), SoraClient(base_url=url) as client:
            error = await error_of(client.create_task(prompt="a boat"))

        assert isinstance(error, CreateOutcomeUnknownError) and len(sent) == 2


class TestLikelyDialect:
    async def test_a_service_that_wants_json_is_told_with_its_dialect(self) -> None:
        form = attrs.evolve(OPENAI, name="forms", body="form")
        async with serve(GIN) as (url, _), SoraClient(base_url=url, dialect=form) as client:
            error = await error_of(client.create_task(prompt="a boat"))

        assert "does the service speak another dialect, such as gateway?" in str(error)

    async def test_a_service_without_the_call_is_told_with_those_that_have_others(self) -> None:
        async with serve((404, None)) as (url, _), SoraClient(base_url=url) as client:
            error = await error_of(client.create_task(prompt="a boat"))

        assert "such as newapi or tasks or unified" in str(error)

    async def test_its_advice_takes_the_place_of_any_other(self) -> None:
        async with serve((404, None)) as (url, _), SoraClient(base_url=url) as client:
            error = await error_of(client.create_task(prompt="a boat"))

        assert isinstance(error, UnsupportedOperationError) and error.status == 404
        assert str(error).endswith(
            ". Does the service speak another dialect, such as newapi or tasks or unified? "
            "Pass dialect="
        )
        assert repr(pickle.loads(pickle.dumps(error))) == repr(error)

    async def test_a_service_that_refuses_both_encodings_speaks_none_with_one_of_them(self) -> None:
        unsupported = (415, {"error": {"message": "JSON is not supported"}})
        async with (
            serve(unsupported, unsupported) as (url, sent),
            SoraClient(base_url=url) as client,
        ):
            error = await error_of(client.create_task(prompt="a boat"))

        assert len(sent) == 2 and "it answered 415" in str(error)
        assert "dialect" not in str(error)

    async def test_a_remix_that_a_service_lacks_names_none(self) -> None:
        async with serve((405, None)) as (url, _), SoraClient(base_url=url) as client:
            error = await error_of(client.remix_task("a", prompt="a boat"))

        assert "does not have that call" in str(error) and "dialect" not in str(error)

    @pytest.mark.parametrize("shape", ["xai", "minimax", "ark", "openrouter", "gemini"])
    async def test_the_service_of_a_vendor_is_recognised(self, shape: Shape) -> None:
        async with FakeSora(shape=shape) as sora, SoraClient(base_url=sora.url) as client:
            error = await error_of(client.create_task(prompt="a boat"))

        assert f"such as {shape}? Pass dialect=" in str(error)

    async def test_a_poll_at_an_unknown_path_tells_which_dialects_may_be_right(self) -> None:
        async with FakeSora() as sora, SoraClient(base_url=sora.url, dialect="ark") as client:
            got = await error_of(client.get_task("x"))
            waited = await error_of(client.wait_until_complete("x"))

        assert len(sora.requests) == 2
        assert "(does the service speak another dialect, such as openai or" in str(got)
        assert "such as openai or" in str(waited)

    async def test_a_poll_for_an_unknown_id_names_none(self) -> None:
        async with FakeSora() as sora, SoraClient(base_url=sora.url, max_retries=0) as client:
            error = await error_of(client.get_task("x"))

        assert "dialect" not in str(error)

    async def test_a_path_that_was_known_before_is_that_of_the_dialect(self) -> None:
        async with FakeSora() as sora, SoraClient(base_url=sora.url) as client:
            said = {"error": {"message": "Invalid URL (GET /v1/videos/x)"}}
            sora.script("x", running(0.5), http_error(404, said))
            error = await error_of(client.wait_until_complete("x"))

        assert "Invalid URL" in str(error) and "dialect" not in str(error)

    async def test_another_refusal_names_none(self) -> None:
        said = {"error": {"message": "the prompt is too long"}}
        async with serve((400, said)) as (url, _), SoraClient(base_url=url) as client:
            error = await error_of(client.create_task(prompt="a boat"))

        assert "dialect" not in str(error)


class TestOptions:
    OPTIONS: ClassVar[dict[str, Any]] = {
        "size": "1280x720",
        "aspect_ratio": "16:9",
        "resolution": "1080p",
        "seconds": 8,
        "seed": 7,
        "negative_prompt": "rain",
        "generate_audio": False,
        "n": 2,
    }

    @pytest.mark.parametrize(
        ("dialect", "spelled"),
        [
            ("openai", {"seconds": "8"}),
            ("openrouter", {"seconds": None, "duration": 8}),
            ("ark", {"seconds": None, "duration": 8, "aspect_ratio": None, "ratio": "16:9"}),
        ],
    )
    async def test_they_are_spelled_as_the_dialect_says(
        self, dialect: Any, spelled: dict[str, Any]
    ) -> None:
        async with (
            serve((200, TASK)) as (url, sent),
            SoraClient(base_url=url, dialect=dialect) as client,
        ):
            await client.create_task(prompt="a boat", as_json=True, **self.OPTIONS)

        body = json.loads(sent[0].body)
        wanted = {**self.OPTIONS, **spelled}
        assert {name: body.get(name) for name in wanted} == wanted

    @pytest.mark.parametrize(
        "arguments",
        [
            {"size": 7},
            {"aspect_ratio": " "},
            {"resolution": b"1080p"},
            {"seconds": "long"},
            {"seed": 1.5},
            {"seed": True},
            {"negative_prompt": 1},
            {"generate_audio": "yes"},
            {"n": 0},
            {"as_json": "yes"},
            {"headers": ["a"]},
            {"headers": {"a b": "c"}},
            {"headers": {"Content-Type": "text/plain"}},
            {"headers": {"idempotency-key": "a"}},
        ],
    )
    async def test_a_wrong_one_is_refused_by_name(self, arguments: dict[str, Any]) -> None:
        client = SoraClient(base_url="http://127.0.0.1:9")

        with pytest.raises(InvalidArgumentError, match=f"^{next(iter(arguments))}: "):
            await client.create_task(prompt="a boat", **arguments)

    async def test_headers_of_one_call_win_and_their_secrets_are_not_shown(self) -> None:
        secret = "tok-0123456789abcdef"
        async with (
            serve((400, {"error": {"message": f"bad token {secret}"}})) as (url, sent),
            SoraClient(base_url=url, headers={"X-Tenant": "a", "X-Other": "b"}) as client,
        ):
            headers = {"x-tenant": "c", "X-Auth-Token": secret}
            error = await error_of(client.create_task(prompt="a boat", headers=headers))
            await error_of(client.remix_task("a", prompt="a boat", headers=headers))

        assert [one.headers.get_all("X-Tenant") for one in sent] == [["c"], ["c"]]
        assert sent[0].headers["X-Other"] == "b" and sent[0].headers["X-Auth-Token"] == secret
        assert secret not in f"{error} {error!r} {error.__cause__!r}"
