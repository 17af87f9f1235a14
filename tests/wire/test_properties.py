"""What holds for every reply, also for those no server has sent yet."""

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict
from support import JSON_VALUES, RESPONSES

from sora_async import Phase, SoraError, VideoTask
from sora_async._wire.call_decoders import decode_created
from sora_async._wire.response import Response, decode_response, is_error_body
from sora_async._wire.task_decoder import is_task, open_envelope
from sora_async._wire.urls import check_task_id, fill_in
from sora_async._wire.vocabulary import CALL_WORDS, VOCABULARY
from sora_async.errors import InvalidArgumentError, InvalidResponseError

MANIFEST = json.loads((RESPONSES / "manifest.json").read_text("utf-8"))
ID = "the-id-that-was-asked-for"
KEY = "sk-0123456789abcdef"

statuses = st.sampled_from([200, 200, 200, 201, 204, 301, 400, 401, 404, 422, 429, 500, 503, 524])
headers = st.dictionaries(
    st.sampled_from(
        ["Retry-After", "retry-after-ms", "Date", "openai-poll-after-ms", "x-request-id"]
    ),
    st.text(max_size=20) | st.integers().map(str) | st.floats().map(str),
)


def reply_of(body: bytes, status: int, named: dict[str, str]) -> Response:
    return Response(
        url="https://api.example/v1/videos/x",
        status=status,
        headers=CIMultiDict(named),
        body=body,
        received=datetime(2026, 1, 14, tzinfo=UTC),
    )


def decode(
    body: bytes, status: int = 200, named: dict[str, str] | None = None
) -> VideoTask | SoraError:
    try:
        return decode_response(reply_of(body, status, named or {}), task_id=ID, secrets=(KEY,))
    except SoraError as error:
        return error


def is_sound(seen: VideoTask | SoraError) -> bool:
    """Say whether what was read can be used without a second look."""
    if isinstance(seen, SoraError):
        return len(str(seen)) < 2500
    has_ended = seen.phase in (Phase.SUCCEEDED, Phase.FAILED)
    return (
        seen.id == ID
        and (seen.progress is None or 0 <= seen.progress <= 1)
        and (seen.video_url is None or seen.phase is Phase.SUCCEEDED)
        and (seen.failure is not None) == (seen.phase is Phase.FAILED)
        and (seen.content_url is None or has_ended)
        and bool(repr(seen))
        and seen.detail is not None
    )


@given(st.binary(max_size=400), statuses, headers)
def test_any_bytes_are_a_task_or_an_error(body: bytes, status: int, named: dict[str, str]) -> None:
    assert is_sound(decode(body, status, named))


@given(JSON_VALUES, statuses, headers)
def test_any_json_is_a_task_or_an_error(value: object, status: int, named: dict[str, str]) -> None:
    assert is_sound(decode(json.dumps(value).encode(), status, named))


KEYS = [
    *("id", "status", "object", "progress", "progress_pct", "video_url", "url", "output", "data"),
    *("detail", "pending_info", "error", "message", "code", "type", "success", "fail_reason"),
    *("failure_reason", "metadata", "urls", "created_at", "seconds", "size", "draft_info"),
    *("generations", "input", "deleted", "retryAfter"),
]
bodies = st.recursive(
    JSON_VALUES
    | st.sampled_from(["completed", "failed", "https://h/v.mp4", "list", "video", KEY, 404, "404"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(KEYS), bodies, max_size=8), statuses)
def test_any_body_of_known_keys_is_a_task_or_an_error(body: dict[str, Any], status: int) -> None:
    assert is_sound(decode(json.dumps(body).encode(), status))


@given(st.dictionaries(st.sampled_from(KEYS), bodies, max_size=8), statuses)
def test_the_key_is_in_nothing_that_can_be_shown(body: dict[str, Any], status: int) -> None:
    seen = decode(json.dumps(body).encode(), status)

    assert KEY not in str(seen)
    assert KEY not in repr(seen)


RUNNING = [
    json.loads((RESPONSES / entry["file"]).read_text("utf-8"))
    for entry in MANIFEST
    if entry["expected"]["action"] == "continue"
]

harmless = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(
        ["", "0", "100%", "Enhancing_Audio", "not yet", "ftp://h/v.mp4", [], {}, [{}], [None]]
    )
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to everything inside a JSON value."""
    steps = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in steps:
        yield (*path, key)
        yield from places(inner, (*path, key))


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A body of a task that is going on, with some of its values lost or of another kind."""
    body = json.loads(json.dumps(draw(st.sampled_from(RUNNING))))
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(list(places(body)) or [("x",)]))
        parent = body
        for step in path[:-1]:
            parent = parent[step]
        if draw(st.booleans()) and isinstance(parent, dict):
            parent.pop(path[-1], None)
        elif path[-1] != "failure_reason":
            parent[path[-1]] = copy.deepcopy(draw(harmless))
    return json.dumps(body).encode()


@settings(max_examples=400)
@given(mutations())
def test_no_damage_ends_a_task_that_is_going_on(body: bytes) -> None:
    """A running task never reads as finished or failed, whatever was lost of its reply."""
    seen = decode(body)

    assert is_sound(seen)
    if isinstance(seen, VideoTask):
        assert seen.phase in (Phase.QUEUED, Phase.RUNNING)


@given(st.sampled_from(MANIFEST), st.data())
def test_no_cut_or_flipped_byte_ends_a_task_that_is_going_on(
    entry: dict[str, Any], data: st.DataObject
) -> None:
    body = bytearray((RESPONSES / entry["file"]).read_bytes())
    cut = data.draw(st.integers(0, len(body)))
    if data.draw(st.booleans()):
        del body[cut:]
    else:
        body[cut : cut + 1] = data.draw(st.binary(max_size=3))

    seen = decode(bytes(body), entry["http_status"], entry["headers"])

    assert is_sound(seen)
    if isinstance(seen, VideoTask) and entry["expected"]["action"] == "continue":
        assert seen.phase in (Phase.QUEUED, Phase.RUNNING)


@given(
    st.dictionaries(st.sampled_from(KEYS), bodies, max_size=8),
    st.sampled_from(sorted(set(VOCABULARY.words) - CALL_WORDS)),
    st.text(max_size=12),
)
def test_a_body_with_an_id_and_a_known_status_is_the_task(
    body: dict[str, Any], word: str, task_id: str
) -> None:
    """What decides without a look at the rest comes to what the rules for all bodies come to."""
    body = {**body, "id": task_id, "status": word}

    assert open_envelope(body) is body
    assert not is_error_body(body, task_id=ID)
    assert is_task(body)


WITHOUT_ORJSON = """
import pickle, sys
sys.modules["orjson"] = None
from sora_async import SoraError
from sora_async._wire.response import decode_response

try:
    while True:
        reply = pickle.load(sys.stdin.buffer)
        try:
            seen = decode_response(reply, task_id=sys.argv[1], secrets=(sys.argv[2],))
        except SoraError as error:
            seen = error
        pickle.dump(seen, sys.stdout.buffer)
        sys.stdout.buffer.flush()
except EOFError:
    pass
"""


@pytest.fixture(scope="module")
def decode_without_orjson() -> Iterator[Callable[[Response], VideoTask | SoraError]]:
    command = [sys.executable, "-c", WITHOUT_ORJSON, ID, KEY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stdout is not None
        to, back = child.stdin, child.stdout

        def ask(response: Response) -> VideoTask | SoraError:
            pickle.dump(response, to)
            to.flush()
            seen: VideoTask | SoraError = pickle.load(back)
            return seen

        yield ask


ODD_NUMBERS = st.sampled_from([10**18, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**30, 10**400])
odd_values = st.recursive(
    JSON_VALUES | ODD_NUMBERS | st.text(st.characters(codec=None)) | st.just(ID),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=12,
)


@st.composite
def spellings(draw: st.DrawFn) -> bytes:
    """Any JSON value in any encoding, with white space around it; or any bytes."""
    value = draw(st.dictionaries(st.sampled_from(KEYS), odd_values, max_size=8) | odd_values)
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    text = draw(st.sampled_from(["", " ", "\n", "\ufeff", "\x0b"])) + text
    text += draw(st.sampled_from(["", "\r\n", "\x00", "{}", "]"]))
    encoding = draw(
        st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32-be"])
    )
    return text.encode(encoding, "surrogatepass")


@settings(max_examples=400)
@given(spellings() | mutations() | st.binary(max_size=40), statuses, headers)
def test_a_reply_reads_the_same_with_and_without_orjson(
    decode_without_orjson: Callable[[Response], VideoTask | SoraError],
    body: bytes,
    status: int,
    named: dict[str, str],
) -> None:
    seen = decode(body, status, named)
    without = decode_without_orjson(reply_of(body, status, named))

    assert what(seen) == what(without)


def what(seen: VideoTask | SoraError) -> str:
    """Return all that was read, with the types of it."""
    if isinstance(seen, SoraError):
        return repr(seen)
    fields = [field.name for field in attrs.fields(VideoTask)]
    return repr([getattr(seen, name) for name in (*fields, "raw", "detail")])


@given(st.binary(max_size=40) | spellings())
def test_what_orjson_takes_for_json_is_json(body: bytes) -> None:
    """A task's *raw* is read by ``json``, whatever has read the reply."""
    try:
        orjson.loads(body)
    except ValueError:
        return
    json.loads(body)


@given(st.text() | st.integers() | st.binary() | st.none())
def test_an_id_is_one_segment_of_the_path_or_refused(task_id: object) -> None:
    try:
        url = fill_in("https://h/v1/videos/{id}", check_task_id(task_id))
    except InvalidArgumentError:
        return
    segment = url.removeprefix("https://h/v1/videos/")
    assert segment and segment not in {".", ".."}
    assert segment.isascii() and not set(segment) & set("/?#\\ ")


SERVICES = json.loads((RESPONSES / "services.json").read_text("utf-8"))
GOING_ON = [
    *RUNNING,
    *(one["body"] for one in SERVICES if one["expected"]["action"] == "continue"),
    *(
        one["body"]
        for one in json.loads((RESPONSES / "shapes.json").read_text("utf-8"))
        if one["expected"].get("phase") in ("queued", "running", "going")
        # An address of the service itself is one only where it was asked.
        and "studio.example" not in json.dumps(one["body"])
    ),
]

ENDS = ["completed", "SUCCESS", "done", "failed", "error", "timeout", "FINISHED"]
VIDEO = "https://cdn.example/v.mp4"
BESIDE = [
    *("input_video", "thumbnail", "preview", "reference_video", "params", "source", "callback_url"),
    *("download_url", "results", "assets", "resultJson", "creations", "content"),
    *("payment_status", "moderation", "webhook", "billing", "queue_state", "account_status"),
    *("steps", "tasks", "logs", "history", "config", "finish", "ready", "percent", "files"),
]
foreign_values = st.recursive(
    st.sampled_from([VIDEO, *ENDS, True, 1, 2, 3, 100, "100%", "0", "data:video/mp4;base64,AAAA"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["status", "state", "url", "video", "video_url", "result", "phase"]),
            inner,
            max_size=3,
        )
        | inner.map(json.dumps)
    ),
    max_leaves=6,
)


def keep_no_promise(beside: dict[str, Any]) -> dict[str, Any]:
    """Take out of ``outputs`` the one place where an address ends a task: see VIDEO_URLS."""
    outputs = beside.get("outputs")
    if isinstance(outputs, dict):
        outputs = {key: value for key, value in outputs.items() if key != "video_url"}
        return {**beside, "outputs": outputs}
    return beside


@settings(max_examples=400)
@given(
    st.sampled_from(GOING_ON),
    st.dictionaries(st.sampled_from([*BESIDE, "outputs"]), foreign_values, max_size=5).map(
        keep_no_promise
    ),
    st.data(),
)
def test_nothing_beside_a_task_ends_one_that_is_going_on(
    body: dict[str, Any], beside: dict[str, Any], data: st.DataObject
) -> None:
    """Inputs, stills, callbacks and the statuses of others are no ends, wherever they stand."""
    wide = json.loads(json.dumps(body))
    # An error that is not empty ends a task of an unknown word, by the rule for those.
    inner = (one for key, one in wide.items() if isinstance(one, dict) and key != "error")
    objects = [wide, *inner]
    target = data.draw(st.sampled_from(objects))
    target.update({key: value for key, value in beside.items() if key not in target})

    seen = decode(json.dumps(wide).encode())

    assert is_sound(seen)
    if isinstance(seen, VideoTask):
        assert seen.phase in (Phase.QUEUED, Phase.RUNNING)


WORDS_OF_A_START = ["queued", "in_progress", "Processing", "RUNNING", "polishing", "GENERATING"]
RULED_KEYS = [
    *(
        *KEYS,
        *BESIDE,
        "outputs",
        "taskId",
        "request_id",
        "name",
        "code",
        "errorMessage",
        "failMsg",
        "videos",
    ),
    *("progress_percent", "usage", "cost", "estimated_time", "retryAfter", "Response", "Resp"),
]
PROMISES = {"video_url", "url", "output", "data", "video", "urls", "metadata", "detail", "result"}
"""Keys under which an address ends a task that has not failed, whatever its status."""

REASONS = {"error", "code", "failure_reason"}
"""Keys that make a failure of an unknown word."""


@settings(max_examples=400)
@given(
    st.dictionaries(st.sampled_from(RULED_KEYS), foreign_values | JSON_VALUES, max_size=8),
    st.sampled_from(WORDS_OF_A_START),
    st.sampled_from(["status", "state", "task_status", "taskStatus", "jobState"]),
)
def test_no_rule_ends_a_task_whose_word_goes_on(
    beside: dict[str, Any], word: str, key: str
) -> None:
    kept = {name: value for name, value in beside.items() if name not in {*PROMISES, *REASONS}}
    kept = keep_no_promise(kept)
    others = {"status": None, "state": None, "task_status": None}
    body = {"id": ID, **kept, **others, key: word}

    seen = decode(json.dumps(body).encode())

    if isinstance(seen, VideoTask):
        assert seen.phase in (Phase.QUEUED, Phase.RUNNING)
    else:  # such as {"object": "list"}: asked again, and no end
        assert isinstance(seen, InvalidResponseError)


KNOWN_WORDS_OF_A_START = [word for word in WORDS_OF_A_START if word != "polishing"]
error_values = st.fixed_dictionaries(
    {},
    optional={
        "code": st.sampled_from(["moderation_blocked", "failed", 500, "500", -1]),
        "message": st.sampled_from(["Something went wrong", "", None]),
        "type": st.sampled_from(["server_error", "failed"]),
        "status": st.sampled_from([*ENDS, 500]),
    },
) | st.sampled_from(["Something went wrong", *ENDS, 500, True])
error_beside = st.dictionaries(
    st.sampled_from(
        [*REASONS, "errors", "error_code", "errorMessage", "failMsg", "fail_reason", "message"]
    ),
    error_values | st.lists(error_values, min_size=1, max_size=2),
    min_size=1,
    max_size=4,
)


@settings(max_examples=400)
@given(
    error_beside,
    st.sampled_from(KNOWN_WORDS_OF_A_START),
    st.sampled_from(["status", "state", "task_status", "taskStatus", "jobState"]),
    st.sampled_from(["{}", '{"data": {}}', '{"code": 0, "message": "ok", "data": {}}']),
)
def test_no_error_beside_a_known_word_ends_a_task_that_is_going_on(
    beside: dict[str, Any], word: str, key: str, envelope: str
) -> None:
    """A server that tries again says so beside "running"; only an unknown word gives way."""
    body = json.loads(envelope)
    body.get("data", body).update({"id": ID, **beside, key: word})

    seen = decode(json.dumps(body).encode())

    assert isinstance(seen, VideoTask)
    assert seen.phase in (Phase.QUEUED, Phase.RUNNING)


OBJECTS_OF_OTHERS = [
    *("input", "inputs", "params", "parameters", "request", "config", "error"),
    *("metadata", "usage", "properties", "user", "account", "webhook", "callback", "billing"),
    *("payment", "queue", "upstream", "moderation"),
]
"""Objects with a status of their own; ``detail`` is none: it is the sign of a task."""

ended_objects = st.fixed_dictionaries(
    {"status": st.sampled_from(ENDS)},
    optional={
        "id": st.sampled_from([ID, "another"]),
        "task_id": st.sampled_from([ID, "another"]),
        "video_url": st.just(VIDEO),
        "progress": st.sampled_from([100, 40]),
        "model": st.just("sora-2"),
    },
)


@settings(max_examples=400)
@given(
    st.dictionaries(st.sampled_from(OBJECTS_OF_OTHERS), ended_objects, min_size=1, max_size=3),
    st.fixed_dictionaries(
        {},
        optional={
            "code": st.sampled_from([0, 200, "ok"]),
            "message": st.sampled_from(["ok", "success", ""]),
            "request_id": st.just("req_1"),
            "success": st.just(True),
            "status": st.sampled_from(["ok", "success"]),
        },
    ),
    st.sampled_from(["{}", '{"data": {}}', '{"result": {"data": {}}}']),
)
def test_no_object_of_something_else_ends_a_task(
    others: dict[str, Any], around: dict[str, Any], envelope: str
) -> None:
    """The status of an input, a payment or a webhook is not the task's, even where it has none."""
    body = json.loads(envelope)
    inner = body.get("result", body)
    for key in PROMISES.intersection(others):
        others[key].pop("video_url", None)
    inner.get("data", inner).update(others)
    body = {**around, **body}

    seen = decode(json.dumps(body).encode())

    if isinstance(seen, VideoTask):
        assert seen.phase in (Phase.QUEUED, Phase.RUNNING)


@given(
    st.dictionaries(st.sampled_from(RULED_KEYS), foreign_values | bodies, max_size=8),
    st.sampled_from([200, 201, 202, 400, 500]),
)
def test_a_create_gives_an_id_that_is_one_segment_or_an_error(
    body: dict[str, Any], status: int
) -> None:
    response = reply_of(json.dumps(body).encode(), status, {})
    try:
        task, _ = decode_created(response, secrets=(KEY,), content=None)
    except SoraError as error:
        assert KEY not in str(error)
        return

    segment = fill_in("https://h/v1/videos/{id}", task.id).removeprefix("https://h/v1/videos/")
    assert segment and segment not in {".", ".."}
    assert segment.isascii() and not set(segment) & set("/?#\\ ")
    assert is_sound(attrs.evolve(task, id=ID))
