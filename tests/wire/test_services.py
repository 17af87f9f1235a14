"""Responses of services that people use, each with the reading expected of it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from multidict import CIMultiDict
from support import RESPONSES

from sora_async import InvalidResponseError, Phase, ResponseError, SoraError, VideoTask
from sora_async._wire.call_decoders import decode_created
from sora_async._wire.response import Response, decode_response
from sora_async._wire.vocabulary import VOCABULARY, Vocabulary, make_vocabulary

SERVICES = json.loads((RESPONSES / "services.json").read_text("utf-8"))
POLLS = [entry for entry in SERVICES if entry["kind"] == "poll"]
CREATES = [entry for entry in SERVICES if entry["kind"] == "create"]
TASKS = [entry for entry in POLLS if entry["expected"]["action"] != "raise_http"]

SOURCES = {
    "ark": "Ark",
    "dashscope": "DashScope",
    "evolink": "evolink",
    "fal": "fal",
    "gemini": "Gemini",
    "kie": "kie.ai",
    "kling": "Kling",
    "litellm": "LiteLLM",
    "lumenfall": "Lumenfall",
    "minimax": "MiniMax",
    "newapi": "new-api",
    "openrouter": "OpenRouter",
    "qiniu": "qiniu",
    "sora2api": "sora2api",
    "xai": "xAI",
}
"""What the tables call the service of an entry."""


def named(entries: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("entry", entries, ids=[entry["name"] for entry in entries])


def response_of(entry: dict[str, Any]) -> Response:
    return Response(
        url=f"https://api.studio.example/v1/videos/{entry['asked_id']}",
        status=entry["http_status"],
        headers=CIMultiDict(entry["headers"]),
        body=json.dumps(entry["body"]).encode(),
        received=datetime(2026, 11, 30, tzinfo=UTC),
    )


def read(entry: dict[str, Any], vocabulary: Vocabulary = VOCABULARY) -> VideoTask | SoraError:
    response = response_of(entry)
    try:
        if entry["kind"] == "create":
            return decode_created(response, secrets=(), content=None, vocabulary=vocabulary)[0]
        return decode_response(response, task_id=entry["asked_id"], vocabulary=vocabulary)
    except SoraError as error:
        return error


def is_as_expected(entry: dict[str, Any], seen: VideoTask | SoraError) -> bool:
    """Return whether a reading is the expected one; null expects nothing of a reason's texts."""
    expected = entry["expected"]
    if expected["action"] == "raise_http":
        return isinstance(seen, ResponseError)
    if not isinstance(seen, VideoTask):
        return False
    if expected["action"] == "created":
        return seen.id == expected["id"]
    phases = {expected["phase"]} if expected["phase"] else {"queued", "running"}
    if seen.phase not in phases or seen.video_url != expected["video_url"]:
        return False
    if seen.failure is None:
        return seen.progress == expected["progress"]
    code, message = expected["failure_code"], expected["failure_message"]
    return code in (None, seen.failure.code) and (seen.failure.message or "").startswith(
        message or ""
    )


@named(TASKS)
def test_a_task_of_a_service_reads_as_expected(entry: dict[str, Any]) -> None:
    seen = read(entry)

    assert is_as_expected(entry, seen), seen


@named(CREATES)
def test_a_create_of_a_service_gives_the_id_to_poll(entry: dict[str, Any]) -> None:
    seen = read(entry)

    assert isinstance(seen, VideoTask)
    assert seen.id == entry["expected"]["id"]
    assert seen.phase in (Phase.QUEUED, Phase.RUNNING)


def test_an_error_with_status_200_is_an_error_with_its_code() -> None:
    (entry,) = (one for one in POLLS if one["expected"]["action"] == "raise_http")

    seen = read(entry)

    assert isinstance(seen, ResponseError)
    assert not isinstance(seen, InvalidResponseError)
    assert seen.code == "1004"


SHAPES = json.loads((RESPONSES / "shapes.json").read_text("utf-8"))


@named(SHAPES)
def test_a_shape_reads_as_its_service_documents_it(entry: dict[str, Any]) -> None:
    seen = read({"asked_id": "task_abc123", "http_status": 200, "headers": {}, **entry})

    expected = entry["expected"]
    if expected.get("phase") == "error":
        assert isinstance(seen, SoraError)
        assert "code" not in expected or getattr(seen, "code", None) == expected["code"]
        return
    assert isinstance(seen, VideoTask)
    if entry["kind"] == "create":
        assert seen.id == expected["id"]
        return
    going = ("queued", "running")
    assert seen.phase in (going if expected["phase"] == "going" else (expected["phase"],))
    assert seen.video_url == expected.get("video_url")
    if seen.failure is not None:
        assert seen.failure.code == expected.get("code", seen.failure.code)
        assert seen.failure.message == expected.get("message", seen.failure.message)
    elif "progress" in expected:
        assert seen.progress == expected["progress"]


def without(entry: dict[str, Any], *, even_shared: bool) -> Vocabulary:
    """Return the tables without the lines of an entry's service."""
    words = entry["name"].split("_")
    service = SOURCES[words[1] if words[0] == "create" else words[0]]
    if even_shared:
        return make_vocabulary(lambda source: service not in source.split(", "))
    return make_vocabulary(lambda source: source != service)


@pytest.mark.parametrize(("even_shared", "least"), [(False, 55), (True, 46)])
def test_general_rules_read_most_services_without_their_lines(
    even_shared: bool, least: int
) -> None:
    """Four of five at least, even without the lines that a service shares with others."""
    read_right = [
        entry["name"]
        for entry in SERVICES
        if is_as_expected(entry, read(entry, without(entry, even_shared=even_shared)))
    ]

    assert len(read_right) >= least
