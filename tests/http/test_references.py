"""References of a create: what may be given, and what each dialect makes of it."""

import base64
import io
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import KEY, read_body

from sora_async import InvalidArgumentError, SoraClient
from sora_async._http.request_body import CreatePayload
from sora_async._http.upload import FileSource, make_references
from sora_async._wire.dialects import (
    REFERENCE_ROLES,
    DialectName,
    ReferenceRole,
    guess_dialect,
)
from sora_async._wire.likely_dialect import parse_error, suggest_dialects
from sora_async.client.arguments import choose_encoding, make_task_payload
from sora_async.dialects import DIALECTS, MINIMAX, OPENAI, SGLANG, UNIFIED, XAI, Dialect
from sora_async.testing import FakeSora

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(300)
MP4 = b"\0\0\0\x18ftypisom" + bytes(300)
MP3 = b"ID3\x04" + bytes(300)
URL = "https://files.example/a"
BASE64 = base64.b64encode(PNG).decode()
RELAYS = ("newapi", "tasks", "unified")
DATA_URL = f"data:image/png;base64,{BASE64}"

FILES: dict[ReferenceRole, bytes] = {
    "input_reference": PNG,
    "first_frame": PNG,
    "last_frame": PNG,
    "reference_images": PNG,
    "reference_videos": MP4,
    "reference_audio": MP3,
}


def image(kind: str, **more: str) -> dict[str, Any]:
    return {"type": kind, kind: {"url": "<value>"}, **more}


OPENAI_ROLES = {
    "input_reference": ("form:input_reference", {"input_reference": {"image_url": "<value>"}}),
    "first_frame": ("form:input_reference", {"input_reference": {"image_url": "<value>"}}),
}
FORM_ROLES = {role: (form, None) for role, (form, _) in OPENAI_ROLES.items()}
SGLANG_ROLES = {role: (form, "form:reference_url") for role, (form, _) in OPENAI_ROLES.items()}
OPENROUTER_ROLES = {
    "input_reference": {"input_references": [image("image_url")]},
    "first_frame": {"frame_images": [image("image_url", frame_type="first_frame")]},
    "last_frame": {"frame_images": [image("image_url", frame_type="last_frame")]},
    "reference_images": {"input_references": [image("image_url")]},
    "reference_videos": {"input_references": [image("video_url")]},
    "reference_audio": {"input_references": [image("audio_url")]},
}
ARK_TEXT = {"type": "text", "text": "a boat"}
ARK_ROLES = {
    "input_reference": {"content": [ARK_TEXT, image("image_url")]},
    "first_frame": {"content": [ARK_TEXT, image("image_url", role="first_frame")]},
    "last_frame": {"content": [ARK_TEXT, image("image_url", role="last_frame")]},
    "reference_images": {"content": [ARK_TEXT, image("image_url", role="reference_image")]},
    "reference_videos": {"content": [ARK_TEXT, image("video_url", role="reference_video")]},
    "reference_audio": {"content": [ARK_TEXT, image("audio_url", role="reference_audio")]},
}
IMAGES = {role: {"images": ["<value>"]} for role in ("input_reference", "first_frame")}
IMAGES["reference_images"] = {"images": ["<value>"]}
IMAGE_URLS = {role: {"image_urls": ["<value>"]} for role in IMAGES}
XAI_ROLES = {
    "input_reference": {"image": {"url": "<value>"}},
    "first_frame": {"image": {"url": "<value>"}},
    "reference_images": {"reference_images": [{"url": "<value>"}]},
    "reference_videos": {"video": {"url": "<value>"}},
}


def both(roles: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """In JSON, a file goes as its data: address where an address goes."""
    return {role: (sent, sent) for role, sent in roles.items()}


TABLE: dict[str, dict[str, tuple[Any, Any]]] = {
    "openai": OPENAI_ROLES,
    "litellm": OPENAI_ROLES,
    "vllm": FORM_ROLES,
    "gemini": FORM_ROLES,
    "sglang": SGLANG_ROLES,
    "unified": both(IMAGES),
    "newapi": both(IMAGES),
    "openrouter": both(OPENROUTER_ROLES),
    "gateway": both(OPENROUTER_ROLES),
    "ofox": both(OPENROUTER_ROLES),
    "inworld": both(OPENROUTER_ROLES),
    "tasks": both(IMAGE_URLS),
    "xai": both(XAI_ROLES),
    "ark": both(ARK_ROLES),
    "minimax": both(ARK_ROLES),
}
"""For each dialect and reference: what is sent of a file, and of an address; None: it is refused
with advice. A reference that is not named is refused as one that the service does not take."""


async def send(dialect: Dialect, role: ReferenceRole, value: object) -> tuple[str, bytes]:
    """Return the content type and the body of a create with one reference."""
    payload = make_task_payload(dialect, {"prompt": "a boat", role: value})
    body = await payload.make_body()
    data = await read_body(body)
    await body.close_files()
    assert len(data) == body.size
    return body.content_type, data


@pytest.mark.parametrize("is_file", [True, False], ids=["file", "address"])
@pytest.mark.parametrize("role", REFERENCE_ROLES)
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda one: one.name)
async def test_each_dialect_spells_each_reference(
    dialect: Dialect, role: ReferenceRole, is_file: bool
) -> None:
    roles = TABLE[dialect.name]
    value: object = FILES[role] if is_file else URL
    if role not in roles:
        with pytest.raises(InvalidArgumentError, match=f"^{role}: .*does not take it; it takes "):
            await send(dialect, role, value)
        return
    expected = roles[role][0 if is_file else 1]
    if expected is None:
        with pytest.raises(InvalidArgumentError, match="carries no address; download it"):
            await send(dialect, role, value)
        return

    content_type, data = await send(dialect, role, value)

    if isinstance(expected, str):
        name = expected.removeprefix("form:").encode()
        assert content_type.startswith("multipart/form-data")
        assert b'name="' + name + b'"' in data
        assert (FILES[role] if is_file else URL.encode()) in data
        return
    kind = {PNG: "image/png", MP4: "video/mp4", MP3: "audio/mpeg"}[FILES[role]]
    shown = f"data:{kind};base64,{base64.b64encode(FILES[role]).decode()}" if is_file else URL
    wanted = json.loads(json.dumps(expected).replace("<value>", shown))
    assert content_type == "application/json"
    assert {name: json.loads(data)[name] for name in wanted} == wanted


def test_all_dialects_are_in_the_table_and_known_to_type_checkers() -> None:
    assert set(TABLE) == set(DIALECTS) == set(get_args(DialectName))


class Picture:
    """What a picture of PIL has that is asked for here."""

    mode = "RGB"

    def save(self, file: io.BytesIO, *, format: str) -> None:
        assert format == "PNG"
        file.write(PNG)


GIVEN: dict[str, Any] = {
    "bytes": (PNG, "input_reference.png"),
    "bytearray": (bytearray(PNG), "input_reference.png"),
    "file": (io.BytesIO(PNG), "input_reference.png"),
    "name and bytes": (("boat.png", PNG), "boat.png"),
    "name, bytes and type": (("boat.png", PNG, "image/png"), "boat.png"),
    "name, file and type": (("boat.png", io.BytesIO(PNG), "image/png"), "boat.png"),
    "data: address": (DATA_URL, "input_reference.png"),
    "data: address, percent-encoded": (
        "data:image/png," + "".join(f"%{byte:02x}" for byte in PNG),
        "input_reference.png",
    ),
    "data: address for URLs": (
        "DATA:;base64," + base64.urlsafe_b64encode(PNG).decode().rstrip("="),
        "input_reference.png",
    ),
    "base64": (BASE64, "input_reference.png"),
    "picture of PIL": (Picture(), "input_reference.png"),
}


@pytest.mark.parametrize("how", GIVEN)
async def test_a_file_may_be_given_in_many_ways(how: str) -> None:
    value, name = GIVEN[how]

    _, data = await send(OPENAI, "input_reference", value)

    assert PNG in data
    assert f'filename="{name}"'.encode() in data
    assert b"Content-Type: image/png" in data


async def test_a_path_may_be_given_as_a_text_or_a_path(tmp_path: Path) -> None:
    path = tmp_path / "boat.png"
    path.write_bytes(PNG)

    for value in (path, str(path)):
        _, data = await send(OPENAI, "input_reference", value)

        assert b'filename="boat.png"' in data


async def test_a_kind_without_a_signature_is_taken_by_its_type() -> None:
    _, data = await send(OPENAI, "input_reference", ("a.svg", b"<x>" * 9, "image/svg+xml"))

    assert b"Content-Type: image/svg+xml" in data


@pytest.mark.parametrize("kind", ["image/x\r\nX: 1", "image/\x00", "image/\ud800", "image/\u010a"])
@pytest.mark.parametrize("dialect", [OPENAI, UNIFIED], ids=lambda one: one.name)
async def test_a_content_type_cannot_break_out_of_its_header(dialect: Dialect, kind: str) -> None:
    for value in (("a", b"<x>" * 9, kind), f"data:{kind},{'x' * 9}"):
        with pytest.raises(InvalidArgumentError, match="is no image or video of a known kind"):
            await send(dialect, "input_reference", value)


@pytest.mark.parametrize(
    "value",
    [
        7,
        object(),
        io.BytesIO,
        ("a.png",),
        ("a.png", PNG, "image/png", 4),
        ("", PNG),
        ("a.png", "boat.png"),
        ("a.png", PNG, 7),
        "data:image/png;base64,!!!",
        "data:image/png;base64",
        BASE64 + "!",
        base64.b64encode(b"text" * 200).decode(),
        base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9).decode(),
        "A" * 301,
        "x" * 5000,
        [PNG, 7],
    ],
    ids=lambda value: type(value).__name__,
)
async def test_what_is_no_reference_is_refused_and_not_quoted_in_full(value: object) -> None:
    with pytest.raises(InvalidArgumentError, match="input_reference") as caught:
        await send(UNIFIED, "input_reference", value)

    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("role", "value", "wanted"),
    [
        ("first_frame", MP4, "image"),
        ("reference_videos", PNG, "video"),
        ("reference_audio", PNG, "audio"),
        ("input_reference", MP3, "image or video"),
    ],
)
async def test_a_file_of_another_kind_is_refused(
    role: ReferenceRole, value: bytes, wanted: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=f"^{role}: is no {wanted} of a known kind"):
        await send(DIALECTS["ark"], role, value)


@given(st.binary(min_size=1, max_size=600) | st.text(max_size=600))
async def test_no_text_and_no_bytes_raise_anything_else(value: str | bytes) -> None:
    try:
        make_references("input_reference", value)
    except InvalidArgumentError as error:
        assert len(str(error)) < 300


async def test_references_stand_in_the_order_of_the_arguments_and_share_a_list() -> None:
    references = {
        "first_frame": URL + "1",
        "last_frame": URL + "2",
        "reference_images": [URL + "3", PNG],
    }
    options = {"model": "m", "seconds": 5, "aspect_ratio": "16:9"}
    more = {"content": [{"type": "draft"}]}
    payload = make_task_payload(
        DIALECTS["ark"], {"prompt": "a boat", **options, **references, **more}
    )

    body = await payload.make_body()
    sent = json.loads(await read_body(body))

    kinds = [one.get("role", one["type"]) for one in sent["content"]]
    assert kinds == [
        *("text", "first_frame", "last_frame", "reference_image", "reference_image", "draft"),
    ]
    assert (sent["duration"], sent["ratio"]) == (5, "16:9")


async def test_several_files_in_a_field_for_one_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="takes one file only"):
        await send(OPENAI, "input_reference", [PNG, PNG])
    with pytest.raises(InvalidArgumentError, match="was given twice"):
        await send(XAI, "input_reference", [URL, URL])


def test_what_a_form_cannot_carry_says_so() -> None:
    with pytest.raises(InvalidArgumentError, match="in a form only"):
        CreatePayload(
            fields={},
            dialect=SGLANG,
            encoding="json",
            references=make_references("input_reference", PNG),
        ).check()
    with pytest.raises(InvalidArgumentError, match="carries no file of this kind"):
        CreatePayload(
            fields={},
            dialect=UNIFIED,
            encoding="form",
            references=make_references("input_reference", PNG),
        ).check()


def test_an_address_decides_the_encoding_where_a_form_cannot_carry_it() -> None:
    address, file = make_references("input_reference", URL), make_references("first_frame", PNG)

    assert choose_encoding(OPENAI, file, as_json=None) == "form"
    assert choose_encoding(OPENAI, address, as_json=None) == "json"
    assert choose_encoding(SGLANG, address, as_json=None) == "form"
    assert choose_encoding(UNIFIED, file, as_json=None) == "json"
    assert choose_encoding(UNIFIED, file, as_json=False) == "form"


async def test_files_that_were_opened_are_closed_when_another_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    payload = CreatePayload(
        fields={},
        dialect=UNIFIED,
        encoding="json",
        references=make_references("input_reference", [path, tmp_path / "missing.png"]),
    )

    with pytest.raises(InvalidArgumentError, match=r"missing\.png"):
        await payload.make_body()  # and no file is left open, which would be a warning


@pytest.mark.parametrize(
    ("url", "body", "expected"),
    [
        ("https://api.x.ai/v1/videos", b"", ("xai",)),
        (URL, b'{"code": "The request failed", "error": "Not Found"}', ("xai",)),
        (URL, b'{"code": "not_found", "error": "Not Found"}', RELAYS),
        (URL, b'{"type": "error", "error": {"http_code": "404"}}', ("minimax",)),
        (URL, b'{"error": {"code": 404, "status": "NOT_FOUND"}}', ("gemini",)),
        (URL, b'{"error": {"code": 404, "message": "Not Found"}}', ("openrouter",)),
        (URL, b'{"error": {"code": "NotFound", "message": "x"}}', ("ark",)),
        (URL, b'{"error": {"code": 404, "message": "x", "type": "y"}}', RELAYS),
        (URL, b"404 page not found", RELAYS),
        (URL, b"[]", RELAYS),
    ],
)
def test_the_host_and_the_shape_of_an_error_tell_the_service(
    url: str, body: bytes, expected: tuple[str, ...]
) -> None:
    found = suggest_dialects(OPENAI, url=url, status=404, body=parse_error(body))

    assert found == expected


def test_no_dialect_is_suggested_that_has_the_same_path() -> None:
    body = parse_error(b'{"type": "error", "error": {"http_code": "404"}}')

    for path_name in ("create_path", "poll_path"):
        assert not suggest_dialects(MINIMAX, url=URL, status=404, body=body, path_name=path_name)
        for refused in DIALECTS.values():
            found = suggest_dialects(refused, url=URL, status=404, path_name=path_name)
            paths = [getattr(DIALECTS[name], path_name) for name in found]
            assert 0 < len(found) <= 3 and getattr(refused, path_name) not in paths


async def test_a_character_wants_a_file(sora: FakeSora) -> None:
    async with SoraClient(base_url=sora.url, api_key=KEY) as client:
        with pytest.raises(InvalidArgumentError, match="video: expected a file, got an address"):
            await client.create_character(name="Mara", video=URL)


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://openrouter.ai", "openrouter"),
        ("https://api.x.ai", "xai"),
        ("https://ai.example/v1/video", "unified"),
        ("https://generativelanguage.example/v1beta/openai", "gemini"),
        ("https://ark.example/api/v3", "ark"),
        ("https://api.minimax.io", "minimax"),
        ("https://api.minimax.cn", "minimax"),
        ("https://x.ai.example", "openai"),
    ],
)
def test_an_address_tells_its_dialect(base_url: str, name: str) -> None:
    assert guess_dialect(base_url).name == name


@pytest.mark.parametrize(
    ("refused", "status", "message", "expected"),
    [
        (OPENAI, 415, "Invalid JSON body", {"gateway"}),
        (OPENAI, 400, "prompt is too long", set()),
        (UNIFIED, 400, "Invalid JSON body", set()),
        (OPENAI, 404, "Invalid URL (POST /v1/videos)", {"newapi", "tasks", "unified"}),
        (DIALECTS["gateway"], 422, "the body is no form", {"openai"}),
        (DIALECTS["gateway"], 422, "Invalid JSON body", set()),
        (UNIFIED, 415, "expected multipart/form-data", set()),
        (DIALECTS["gemini"], 400, "Invalid JSON body", set()),
        (XAI, 405, "Method Not Allowed", {"openai"}),
        (OPENAI, 500, "Not Found", set()),
    ],
)
def test_a_refused_create_tells_which_dialects_may_be_right(
    refused: Dialect, status: int, message: str, expected: set[str]
) -> None:
    found = set(suggest_dialects(refused, url=URL, status=status, message=message))

    assert expected <= found
    assert refused.name not in found
    assert bool(found) == bool(expected)


def test_a_source_tells_the_kinds_that_it_takes() -> None:
    with pytest.raises(InvalidArgumentError, match=r"video: expected a path, bytes, .* got 7"):
        FileSource("video", 7)
