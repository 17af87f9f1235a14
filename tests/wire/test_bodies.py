"""Bodies that are no plain JSON in UTF-8, and bodies that would hold the event loop up."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from sora_async import InvalidResponseError, Phase, SoraError, VideoTask
from sora_async._wire.general_rules import MAX_NODES, nodes
from sora_async._wire.json import DEEPEST, MAX_TEXT, MAX_VALUES, parse_json, parse_part, parse_text
from sora_async._wire.response import Response, decode_response

ID = "task_1"
TASK = {"id": ID, "status": "completed", "prompt": "一艘船", "video_url": "https://h.example/v.mp4"}


def read(body: bytes, content_type: str = "") -> VideoTask:
    response = Response(
        url=f"https://api.example/v1/videos/{ID}",
        status=200,
        headers=CIMultiDict({"Content-Type": content_type} if content_type else {}),
        body=body,
        received=datetime(2026, 11, 30, tzinfo=UTC),
    )
    return decode_response(response, task_id=ID)


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        *((name, name) for name in ("gbk", "gb2312", "gb18030", "big5", "utf-16", "utf-8-sig")),
        *(("GB2312", "gbk"), ("utf-8", "utf-8"), ('"gbk"', "gbk"), ("shift_jis", "shift_jis")),
        *(("no-such-charset", "utf-8"), ("idna", "utf-8"), ("big5", "utf-8"), ("utf-7", "utf-8")),
    ],
)
def test_a_body_is_read_in_its_charset(charset: str, encoding: str) -> None:
    task = {**TASK, "prompt": "一本" if encoding in ("shift_jis", "big5") else TASK["prompt"]}
    body = json.dumps(task, ensure_ascii=False).encode(encoding)

    seen = read(body, f"application/json; charset={charset}")

    assert seen.video_url == TASK["video_url"]
    assert seen.raw["id"] == ID
    if encoding == charset.lower().strip('"'):
        assert seen.prompt == task["prompt"]


def test_a_latin_body_is_read_in_its_charset() -> None:
    body = json.dumps({**TASK, "prompt": "café"}, ensure_ascii=False).encode("latin-1")

    assert read(body, "application/json; charset=iso-8859-1").prompt == "café"
    with pytest.raises(InvalidResponseError, match="no JSON"):
        read(body)


LINES = [{"id": ID, "status": "queued"}, {"id": ID, "status": "in_progress", "progress": 40}]


@pytest.mark.parametrize(
    ("body", "phase"),
    [
        ("\n".join(map(json.dumps, LINES)), Phase.RUNNING),
        ("\r\n".join(map(json.dumps, LINES)) + "\r\n", Phase.RUNNING),
        (f'{json.dumps(LINES[0])}\n{{"id": "task_1", "sta', Phase.QUEUED),
        (f"data: {json.dumps(LINES[0])}\n\ndata: {json.dumps(LINES[1])}\n\n", Phase.RUNNING),
        (f"data: {json.dumps(LINES[1])}\n\ndata: [DONE]\n\n", Phase.RUNNING),
        (f": ping\nevent: update\ndata: {json.dumps(LINES[0])}\n\n", Phase.QUEUED),
        (json.dumps(LINES[1]) + "\n", Phase.RUNNING),
        (json.dumps(LINES[1], indent=2) + "\n", Phase.RUNNING),
    ],
)
def test_the_last_whole_object_of_a_stream_is_the_task(body: str, phase: Phase) -> None:
    seen = read(body.encode())

    assert seen.phase is phase
    assert seen.raw["id"] == ID


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"list": LINES}, indent=2)[:-3],
        '{"a":\n{"id": "x", "status": "completed"}\n',
        "data: nothing\n\ndata: more\n",
        '{"id": }\n{"id": "x", "status": "completed"}\n',
        f"{json.dumps(LINES[0])}\n{''.join('x' for _ in range(3))}".replace(": ", ":")[5:],
    ],
)
def test_a_broken_body_of_several_lines_is_no_stream(body: str) -> None:
    with pytest.raises(InvalidResponseError, match="no JSON"):
        read(body.encode())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[" * 8_000_000, "more than"),
        (b"[" * (MAX_VALUES // 2) + b"]" * (MAX_VALUES // 2), "nested deeper"),
        (b"[" + b"1," * MAX_VALUES + b"1]", "more than"),
        (b'{"a":' * 1_000_000, "more than"),
        (b'{"id":"x","status":"queued","prompt":"' + b"[{" * 4_000_000 + b'"}', "more than"),
        (b'"' + b"\\" * 8_000_000, "no JSON"),
        # A check that tries again at each quote takes hours for these.
        (b"[" * 101 + b'"' + b'\\"' * 4_000_000, "nested deeper"),
        (b"{}" * 101 + b'"' + b'\\"' * 4_000_000, "no JSON"),
        (b"{}\n" + (b"{" + b"[" * 101 + b'"' + b'\\"' * 80_000 + b"}\n") * 49, "no task"),
        # One that looks at each bracket in a loop takes seconds.
        (b"[]," * 101 + b"]" * 8_000_000, "no JSON"),
        (b"[" * 101 + b'""' * 4_000_000, "more than"),
        # Each line alone has few enough values.
        (b"{}\n" + (b"{" + b"[]," * 9_000 + b"}\n") * 49, "more than"),
    ],
)
def test_a_body_that_takes_long_to_parse_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidResponseError, match=reason):
        read(body)


@given(st.text(max_size=30), st.text('"\\\\[]{}', max_size=30))
def test_brackets_in_texts_are_no_nesting(text: str, marks: str) -> None:
    flat = {"a": [[]] * DEEPEST, text + marks: [text, marks, "[" * 2 * DEEPEST, marks + text]}
    deep: Any = [marks]
    for _ in range(DEEPEST - 1):
        deep = [text, deep]

    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"):
        for escaped in (True, False):
            assert parse_json(json.dumps(flat, ensure_ascii=escaped).encode(encoding)) == flat
            assert parse_json(json.dumps(deep, ensure_ascii=escaped).encode(encoding)) == deep
            with pytest.raises(ValueError, match="nested deeper"):
                parse_json(json.dumps([deep], ensure_ascii=escaped).encode(encoding))


def test_a_broken_body_in_another_encoding_is_no_json() -> None:
    with pytest.raises(ValueError, match="no JSON"):
        parse_json(b"{\0}")


@pytest.mark.parametrize("key", ["status", "model", "prompt", "size", "video_url", "id", "error"])
@pytest.mark.parametrize("text", ["x", "%41", "\\u0041", "https://h/", "sk-0123456", '{"a":'])
def test_a_text_of_megabytes_does_no_harm(key: str, text: str) -> None:
    body: dict[str, Any] = {"id": ID, "status": "failed", key: text * 200_000}

    try:
        seen: VideoTask | SoraError = read(json.dumps(body).encode())
    except SoraError as error:
        seen = error

    assert len(repr(seen)) < 2500
    if isinstance(seen, VideoTask):
        assert max(map(len, (seen.status, seen.model or "", seen.size or ""))) <= 200
        assert len(seen.prompt or "") <= 1 << 14


def test_only_so_much_of_a_response_is_looked_at() -> None:
    wide = {"list": [{"a": 1}] * MAX_NODES}
    deep: Any = "end"
    for _ in range(50):
        deep = {"a": deep}

    assert len(list(nodes(wide))) == MAX_NODES
    assert "end" not in [value for _, value in nodes(deep)]
    assert len([path for path, _ in nodes([json.dumps({"a": 1})] * 9) if len(path) == 2]) == 4


def test_a_text_is_json_only_where_it_is_an_object_or_an_array() -> None:
    assert parse_text('{"a": [1]}') == {"a": [1]}
    assert parse_text("[1]") == [1]
    assert parse_text("1") is parse_text("{broken") is parse_text("[" * (MAX_TEXT + 1)) is None


def test_an_object_inside_a_sentence_is_found() -> None:
    assert parse_part('Upstream said: {"a": {"b": 1}} (try again)') == {"a": {"b": 1}}
    assert parse_part("no object") is parse_part("{broken") is None
    assert parse_part("{" * (MAX_TEXT + 1)) is parse_part("{" * 200) is None
    deep = '{"a": ' + "[" * DEEPEST + "]" * DEEPEST + "}"
    assert (
        parse_part(deep) is parse_part(f'An inch (") of {deep}') is parse_part(f"] {deep}") is None
    )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_a_truncated_body_of_another_width_is_no_json(encoding: str) -> None:
    body = json.dumps(TASK, ensure_ascii=False).encode(encoding)[:-1]

    with pytest.raises(InvalidResponseError, match="no JSON"):
        read(body)


def test_megabytes_of_long_numbers_are_refused_before_they_are_parsed() -> None:
    body = b'{"id": "t", "a": [' + b",".join([b"9" * 4000] * 2000) + b"]}"

    with pytest.raises(InvalidResponseError, match="a number of more than 400 digits"):
        read(body)
    assert parse_json(b'{"a": %s}' % (b"9" * 1000))["a"] > 1e300
