"""Orders into bodies, files into uploads, and the replies to all calls but polls."""

import asyncio
import io
import json
import re
from datetime import UTC, datetime
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict
from support import Written, read_body

from sora_async import errors
from sora_async._http.request_body import CreatePayload, TrackedBody, make_form, make_json
from sora_async._http.upload import CHUNK, FileSource, make_references
from sora_async._wire.call_decoders import (
    decode_character,
    decode_created,
    decode_deleted,
    decode_page,
)
from sora_async._wire.media_types import find_media_type, make_name
from sora_async._wire.request_encoder import check_fields, encode_json, spell_form
from sora_async._wire.response import Response
from sora_async._wire.urls import find_poll_address
from sora_async.dialects import OPENAI

URL = "https://api.example/v1/videos"
POLL = "https://api.example/v1/videos/{id}"
KEY = "sk-0123456789abcdef"
MP4 = b"\0\0\0\x18ftypisom"
PNG = b"\x89PNG\r\n\x1a\n"


def response(body: object, status: int = 200) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    received = datetime(2026, 1, 14, 8, tzinfo=UTC)
    return Response(url=URL, status=status, headers=CIMultiDict(), body=content, received=received)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.booleans() | st.integers(-(10**9), 10**9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


async def form_of(fields: dict[str, Any], *files: tuple[str, bytes]) -> TrackedBody:
    """Return a form with images, each with a name, in fields of one name."""
    opened = [await FileSource("f", one).open() for one in files]
    return make_form([*spell_form(fields), *(("f", one.file) for one in opened)], opened, {})


def boundary_of(body: TrackedBody) -> bytes:
    return b"--" + body.content_type.removeprefix("multipart/form-data; boundary=").encode()


class TestForms:
    @given(st.dictionaries(texts.filter(str.strip), values, max_size=4), st.binary(max_size=50))
    async def test_any_fields_and_any_file_can_be_read_again(
        self, fields: dict[str, Any], data: bytes
    ) -> None:
        body = await form_of(fields, ("a.png", PNG + data), ("a.png", PNG + b"second"))

        parts = (await read_body(body)).split(boundary_of(body))

        assert parts[0] == b""
        assert parts[-1] == b"--\r\n"
        assert parts[-2].partition(b"\r\n\r\n")[2] == PNG + b"second\r\n"
        assert parts[-3].partition(b"\r\n\r\n")[2] == PNG + data + b"\r\n"
        sent = sum(len(v) if isinstance(v, list) else 1 for v in fields.values())
        assert len(parts) - 4 == sent

    async def test_a_form_is_what_email_reads_too(self) -> None:
        body = await form_of({"prompt": "纸船", "a": [True, None, 1.5, {"b": 1}]})

        head = f"Content-Type: {body.content_type}\r\n\r\n".encode()
        message: Any = BytesParser().parsebytes(head + await read_body(body))

        payloads = [part.get_payload(decode=True).decode() for part in message.get_payload()]
        assert payloads == ["纸船", "true", "null", "1.5", '{"b": 1}']

    async def test_a_text_has_no_content_type_and_a_file_has_its_own(self) -> None:
        body = await form_of({"prompt": "纸船"}, ("纸 船\\1.png", PNG))

        data = await read_body(body)

        line = boundary_of(body)
        assert data == (
            line + b'\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n'
            b"\xe7\xba\xb8\xe8\x88\xb9\r\n"
            + line
            + b'\r\nContent-Disposition: form-data; name="f"; '
            b'filename="\xe7\xba\xb8 \xe8\x88\xb9\\1.png"\r\n'
            b"Content-Type: image/png\r\n\r\n" + PNG + b"\r\n" + line + b"--\r\n"
        )

    async def test_a_name_cannot_break_out_of_its_header(self) -> None:
        body = await form_of({'x"\r\ny': "1"}, ('a"\r\nX: 1', PNG))
        text = await read_body(body)

        assert b'name="x%22%0D%0Ay"' in text
        assert b'filename="a%22%0D%0AX: 1"' in text

    @given(st.text(st.characters(), min_size=1, max_size=20).filter(lambda text: "/" not in text))
    @example('\ud800\0\t\x1b\x7f\r\n"\\')
    async def test_any_name_is_one_line(self, name: str) -> None:
        body = await form_of({name: "1"}, (f"a{name}", PNG))

        _, field, file, _ = (await read_body(body)).split(boundary_of(body))

        disposition = rb'[^"\x00-\x08\x0a-\x1f\x7f]*"\r\n'
        field_head = rb'\r\nContent-Disposition: form-data; name="'
        file_head = rb'\r\nContent-Disposition: form-data; name="f"; filename="a'
        assert re.fullmatch(field_head + disposition + rb"\r\n1\r\n", field)
        assert re.match(file_head + disposition + rb"Content-Type: image/png\r\n\r\n\x89", file)
        field.decode(), file.partition(b"\r\n\r\n")[0].decode()

    async def test_a_text_above_a_megabyte_is_sent_without_a_warning(self) -> None:
        body = await form_of({"prompt": "a" * 2**21})

        assert (await read_body(body)).count(b"a") > 2**21

    async def test_a_small_form_is_written_at_once_and_can_be_written_again(self) -> None:
        body = await form_of({"prompt": "a boat", "seconds": "8"}, ("a.png", PNG))
        first, second = Written(), Written()

        await body.write(first)
        await body.write(second)

        assert len(first.chunks) == 1
        assert first.chunks == second.chunks

    @given(values)
    def test_json_is_json(self, value: Any) -> None:
        texts = encode_json({"a": value}, OPENAI, [])

        assert json.loads(b"".join(texts)) == {"a": value}

    @pytest.mark.parametrize("value", [{1, 2}, b"x", float("nan"), "\ud800", object()])
    def test_what_json_does_not_have_is_refused_by_the_name_of_its_field(self, value: Any) -> None:
        with pytest.raises(errors.InvalidArgumentError, match=r"^odd: expected a value that JSON"):
            check_fields({"odd": value})

    def test_what_goes_round_in_circles_is_refused(self) -> None:
        circle: list[Any] = []
        circle.append(circle)

        with pytest.raises(errors.InvalidArgumentError):
            check_fields({"odd": circle})


class TestMedia:
    @pytest.mark.parametrize(
        ("head", "name", "kind"),
        [
            (PNG, None, "image/png"),
            (PNG, "a.jpg", "image/png"),
            (b"\xff\xd8\xff\xe0", None, "image/jpeg"),
            (b"GIF89a", None, "image/gif"),
            (b"RIFF\0\0\0\0WEBPVP8 ", None, "image/webp"),
            (b"RIFF\0\0\0\0WAVE", "a.webp", "audio/wav"),
            (b"RIFF\0\0\0\0AVI ", None, "video/x-msvideo"),
            (b"BM\x46\0\0\0\0\0\0\0", None, "image/bmp"),
            (b"BM is a text", "a.bmp", None),
            (b"MM\0*", None, "image/tiff"),
            (b"\0\0\0\x08moov", None, "video/quicktime"),
            (b"OggS" + bytes(24) + b"OpusHead", None, "audio/ogg"),
            (b"ID3\x04", None, "audio/mpeg"),
            (MP4, None, "video/mp4"),
            (b"\0\0\0\x14ftypqt  ", None, "video/quicktime"),
            (b"\0\0\0\x14ftypavif", None, "image/avif"),
            (b"\0\0\0\x14ftypheic", None, "image/heic"),
            (b"\0\0\0\x14ftypmsf1", "a.mp4", "image/heif-sequence"),
            (b"\0\0\0\x14ftypM4A ", "a.mp4", "audio/mp4"),
            (b"\x1a\x45\xdf\xa3\x42\x82webm", None, "video/webm"),
            (b"\x1a\x45\xdf\xa3", "a.webm", "video/x-matroska"),
            (b"II*\0", "a.tiff", "image/tiff"),
            (b"<html>", "a.png", None),
            (b"%PDF", "a.pdf", None),
            (b"text", None, None),
        ],
    )
    def test_the_start_decides_and_the_name_where_it_cannot(
        self, head: bytes, name: str | None, kind: str | None
    ) -> None:
        assert find_media_type(head, name) == kind

    def test_a_file_without_a_name_gets_one_with_the_right_ending(self) -> None:
        assert make_name("image/jpeg", "boat") == "boat.jpg"
        assert make_name("video/quicktime", "boat") == "boat.mov"
        assert make_name("image/webp", "boat") == "boat.webp"


class TestBodies:
    async def test_a_big_file_is_never_in_memory_as_a_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "big.mp4"
        path.write_bytes(MP4 + bytes(3 * CHUNK))
        encodings: tuple[Literal["form", "json"], ...] = ("form", "json")
        for encoding in encodings:
            payload = CreatePayload(
                fields={"prompt": "a boat"},
                dialect=OPENAI,
                encoding=encoding,
                references=make_references("input_reference", path),
            )
            body = await payload.make_body()

            written = Written()
            await body.write(written)
            sizes = [len(chunk) for chunk in written.chunks]
            await body.close_files()

            assert max(sizes) <= CHUNK * 4 // 3 + 4
            assert sum(sizes) == body.size
            assert body.is_whole

    async def test_a_body_tells_whether_any_of_it_has_left(self) -> None:
        body = make_json([b"h" * CHUNK + b"tail"], [], {})
        assert not body.has_begun
        seen: list[tuple[int, bool, bool, bool]] = []

        class Seeing(Written):
            async def write(self, chunk: bytes) -> None:
                seen.append((len(chunk), body.has_begun, body.is_whole, body.stop()))

        await body.write(Seeing())

        assert seen == [(CHUNK, True, False, False), (4, True, False, False)]
        assert body.is_whole

    async def test_a_body_whose_connection_breaks_is_not_whole(self) -> None:
        body = make_json([b"h" * CHUNK + b"tail"], [], {})
        written = Written()

        class Broken(Written):
            async def write(self, chunk: bytes) -> None:
                if len(chunk) < CHUNK:
                    raise OSError("broken")

        with pytest.raises(OSError, match="broken"):
            await body.write(Broken())
        assert (body.has_begun, body.is_whole) == (True, False)
        await body.write(written)
        assert body.is_whole
        assert sum(len(chunk) for chunk in written.chunks) == body.size

    def test_a_body_is_no_text_for_aiohttp(self) -> None:
        with pytest.raises(TypeError, match="streamed"):
            make_json([b"head"], [], {}).decode()

    async def test_a_body_that_was_stopped_in_time_never_leaves(self) -> None:
        body = make_json([b"head"], [], {})
        written = Written()

        assert body.stop()
        with pytest.raises(OSError, match="not wanted any more"):
            await body.write(written)
        assert not body.has_begun
        assert written.chunks == []

    async def test_a_file_that_grows_meanwhile_is_sent_as_long_as_it_was(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(PNG + bytes(CHUNK))
        opened = await FileSource("a", path).open()
        with path.open("ab") as file:
            file.write(bytes(100))

        data = b"".join([chunk async for chunk in opened.chunks()])
        await opened.close()

        assert len(data) == opened.size == CHUNK + len(PNG)

    async def test_a_file_that_shrinks_meanwhile_is_an_error(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(PNG + bytes(CHUNK))
        opened = await FileSource("a", path).open()
        path.write_bytes(PNG)

        with pytest.raises(OSError, match="ended after"):
            [chunk async for chunk in opened.chunks()]
        await opened.close()

    async def test_a_file_whose_opening_was_cancelled_is_closed(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(PNG)
        for _ in range(3):
            opening = asyncio.ensure_future(FileSource("a", path).open())
            await asyncio.sleep(0)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
        await asyncio.sleep(1)

        opening = asyncio.ensure_future(FileSource("a", tmp_path / "missing").open())
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.sleep(1)  # and no file is left open, which would be a warning

    async def test_a_given_file_is_read_once_however_often_it_is_opened(self) -> None:
        file = io.BytesIO(PNG + b"rest")
        upload = FileSource("a", file)

        for _ in range(2):
            opened = await upload.open()
            assert b"".join([chunk async for chunk in opened.chunks()]) == PNG + b"rest"
            await opened.close()


class TestReplies:
    @pytest.mark.parametrize(
        ("body", "task_id"),
        [
            ({"id": "a", "status": "queued"}, "a"),
            ({"task_id": "a"}, "a"),
            ({"id": 42}, "42"),
            ({"id": "../x", "task_id": "a"}, "a"),
            ({"code": "success", "message": "", "data": "task_1"}, "task_1"),
            ({"code": 200, "data": {"task_id": "a", "status": "NOT_START"}}, "a"),
            ({"data": [{"id": "a", "status": "queued"}]}, "a"),
            ({"id": True, "task_id": "a", "status": "queued"}, "a"),
            ({"id": "a/b", "status": "queued"}, "a/b"),
            ({"name": "models/m/operations/a"}, "models/m/operations/a"),
            ({"request_id": "a"}, "a"),
            ({"request_id": "r", "data": {"taskId": "a"}}, "a"),
        ],
    )
    def test_the_id_of_a_new_task_is_found_wherever_it_is(self, body: Any, task_id: str) -> None:
        task, _ = decode_created(response(body), secrets=(), content=None)

        assert task.id == task_id

    def test_a_failed_task_is_a_task_whatever_its_status(self) -> None:
        body = {"id": "a", "object": "video", "status": "failed", "error": {"message": "no"}}

        for status in (200, 400, 500):
            task, _ = decode_created(response(body, status), secrets=(), content=None)
            assert task.failure is not None

    @pytest.mark.parametrize("body", [{}, [], "x", {"id": "../x", "status": "queued"}, b"", b"{"])
    def test_an_answer_without_an_id_is_unreadable(self, body: Any) -> None:
        with pytest.raises(errors.InvalidResponseError):
            decode_created(response(body), secrets=(), content=None)

    def test_a_key_that_comes_back_is_cut_out(self) -> None:
        body = {"error": {"code": "bad", "message": f"the key {KEY} is bad"}}

        with pytest.raises(errors.ResponseError) as caught:
            decode_created(response(body, 400), secrets=(KEY,), content=None)

        assert KEY not in str(caught.value)

    @pytest.mark.parametrize(
        "body",
        [
            {"object": "list", "data": [{"id": "a", "status": "queued"}]},
            [{"id": "a", "status": "queued"}],
            {"videos": [{"id": "a"}]},
            {"code": "success", "data": {"items": [{"id": "a"}]}},
            {"data": {"x": 1}, "items": [{"id": "a"}, {"id": "a/../b"}, 7, {"status": "queued"}]},
        ],
    )
    def test_a_page_is_found_wherever_it_is(self, body: Any) -> None:
        page = decode_page(response(body), secrets=(), poll=POLL, content=f"{POLL}/content")

        assert [task.id for task in page.tasks] == ["a"]
        assert page.next_after is None

    def test_a_page_says_where_the_next_one_begins(self) -> None:
        tasks = [{"id": "a", "status": "completed", "model": "sora-2"}, {"id": "b"}]
        body = {"data": tasks, "has_more": True}

        page = decode_page(response(body), secrets=(), poll=POLL, content=f"{POLL}/content")
        named = decode_page(response({**body, "last_id": "z"}), secrets=(), poll=POLL, content=None)
        empty = decode_page(
            response({"data": [], "has_more": True, "last_id": "z"}),
            secrets=(),
            poll=POLL,
            content=None,
        )

        assert (page.next_after, named.next_after, empty.next_after) == ("b", "z", None)
        assert page.tasks[0].content_url == "https://api.example/v1/videos/a/content"
        assert page.tasks[0].model == "sora-2"

    @pytest.mark.parametrize("body", [{"object": "video", "id": "a"}, {}, 7, None])
    def test_what_is_no_list_is_unreadable(self, body: Any) -> None:
        with pytest.raises(errors.InvalidResponseError):
            decode_page(response(body), secrets=(), poll=POLL, content=None)

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"", 204),
            (b"", 200),
            ({"id": "a", "object": "video.deleted", "deleted": True}, 200),
            ({"id": "a", "object": "video", "status": "deleted"}, 200),
            ({"success": True}, 200),
        ],
    )
    def test_a_deleted_task_is_deleted(self, body: Any, status: int) -> None:
        decode_deleted(response(body, status), secrets=())

    @pytest.mark.parametrize(
        ("body", "status", "expected"),
        [
            ({"error": {"message": "Video with id 'a' not found."}}, 404, errors.TaskNotFoundError),
            ({"detail": "Video not found"}, 404, errors.TaskNotFoundError),
            (b"", 404, errors.TaskNotFoundError),
            ({"detail": "Not Found"}, 404, errors.UnsupportedOperationError),
            (b"404 page not found", 404, errors.UnsupportedOperationError),
            ({"error": "Invalid URL (DELETE /v1/videos/a)"}, 404, errors.UnsupportedOperationError),
            ({"detail": "Method Not Allowed"}, 405, errors.UnsupportedOperationError),
            (b"<html>405</html>", 405, errors.UnsupportedOperationError),
            (b"<html>404</html>", 404, errors.InvalidResponseError),
            ({"error": {"message": "in use"}}, 409, errors.ServiceUnavailableError),
            ({"id": "a", "deleted": False}, 200, errors.ResponseError),
            ({"error": {"code": "bad"}}, 200, errors.ResponseError),
        ],
    )  # fmt: skip
    def test_a_call_that_is_not_there_is_told_from_a_task_that_is_not(
        self, body: Any, status: int, expected: type[errors.SoraError]
    ) -> None:
        with pytest.raises(errors.SoraError) as caught:
            decode_deleted(response(body, status), secrets=())

        assert type(caught.value) is expected

    def test_a_character_without_an_id_is_unreadable(self) -> None:
        with pytest.raises(errors.InvalidResponseError):
            decode_character(response({"name": "Mo"}), secrets=(), is_new=True)

    @pytest.mark.parametrize(
        ("named", "path"),
        [
            ("/api/v1/videos/a", "/api/v1/videos/a"),
            ("a?x=1&y=%2F", "/v1/a?x=1&y=%2F"),
            ("https://api.example:443/船", "/%E8%88%B9"),
            ("https://api.example", None),
            ("https://api.example:99999/a", None),
            ("http://api.example/a", None),
        ],
    )
    def test_a_polling_address_is_a_path_of_the_own_origin(
        self, named: str, path: str | None
    ) -> None:
        assert find_poll_address(URL, named) == path

    @given(st.text())
    def test_no_polling_address_leaves_the_origin(self, named: str) -> None:
        path = find_poll_address(URL, named)

        assert path is None or (path.startswith("/") and path.isascii() and " " not in path)
