"""Real reply bodies, each with the reading its manifest asks for."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from multidict import CIMultiDict
from support import RESPONSES

from sora_async import InvalidResponseError, Phase, ResponseError, SoraError, VideoTask
from sora_async._polling.decide import Done, GiveUp, Sleep, decide
from sora_async._polling.fault_policy import FaultPolicy
from sora_async._wire.response import Response, decode_response
from sora_async._wire.vocabulary import PHASE_WORDS
from sora_async.schedule import DEFAULT_SCHEDULE, History

MANIFEST = json.loads((RESPONSES / "manifest.json").read_text("utf-8"))
ID = "the-id-that-was-asked-for"
URL = f"https://api.example/v1/videos/{ID}"

PHASE_BY_WORD = {
    "queued": Phase.QUEUED,
    "running": Phase.RUNNING,
    "succeeded": Phase.SUCCEEDED,
    "failed": Phase.FAILED,
    "expired": Phase.FAILED,
    "unknown": Phase.RUNNING,
    None: Phase.QUEUED,  # a task with no status word at all has not begun
}


def load(entry: dict[str, Any]) -> Response:
    return Response(
        url=URL,
        status=entry["http_status"],
        headers=CIMultiDict(entry["headers"]),
        body=(RESPONSES / entry["file"]).read_bytes(),
        received=datetime(2026, 1, 14, 8, 5, tzinfo=UTC),
    )


def read(entry: dict[str, Any]) -> VideoTask | SoraError:
    try:
        return decode_response(load(entry), task_id=ID)
    except SoraError as error:
        return error


def entries(*actions: str) -> Any:
    chosen = [entry for entry in MANIFEST if entry["expected"]["action"] in actions]
    return pytest.mark.parametrize("entry", chosen, ids=[entry["file"][:3] for entry in chosen])


def test_every_body_is_in_the_manifest_and_the_other_way_round() -> None:
    bodies = {path.name for path in RESPONSES.glob("[0-9]*")}

    assert {entry["file"] for entry in MANIFEST} == bodies
    assert len(bodies) >= 65


@entries("continue", "done", "grace", "raise_failed")
def test_a_body_that_is_a_task_reads_as_expected(entry: dict[str, Any]) -> None:
    expected = entry["expected"]

    task = read(entry)

    assert isinstance(task, VideoTask)
    assert task.id == ID
    assert task.phase is PHASE_BY_WORD[expected["phase"]]
    assert (task.phase in (Phase.SUCCEEDED, Phase.FAILED)) is expected["terminal"]
    assert (task.phase is Phase.FAILED) is expected["failed"] is (task.failure is not None)
    assert task.progress == expected["progress"]
    assert task.video_url == expected["video_url"]
    if task.failure is not None:
        code = "expired" if expected["phase"] == "expired" else expected["failure_code"]
        assert (task.failure.code, task.failure.message) == (code, expected["failure_message"])
    assert task.raw == json.loads(load(entry).body)


@entries("retry", "raise_http")
def test_a_body_that_is_an_error_tells_its_code_and_message(entry: dict[str, Any]) -> None:
    expected = entry["expected"]

    error = read(entry)

    assert isinstance(error, ResponseError | InvalidResponseError)
    assert error.status == entry["http_status"]
    if isinstance(error, ResponseError):
        assert error.code == expected["failure_code"]
        assert expected["failure_message"] in (None, error.message)


@entries("not_a_task")
def test_another_endpoints_answer_is_no_task(entry: dict[str, Any]) -> None:
    assert isinstance(read(entry), InvalidResponseError)


@pytest.mark.parametrize("entry", MANIFEST, ids=[entry["file"][:3] for entry in MANIFEST])
def test_a_wait_that_gets_it_first_acts_as_expected(entry: dict[str, Any]) -> None:
    action = entry["expected"]["action"]
    history, seen = History(task_id=ID, started=0.0), read(entry)
    if isinstance(seen, VideoTask):
        history = history.after_task(seen, now=0.0)
    else:
        history = history.after_error(seen, now=0.0)

    decision = decide(
        history,
        now=0.0,
        schedule=DEFAULT_SCHEDULE,
        fault_policy=FaultPolicy(),
        service_seen=isinstance(seen, VideoTask | ResponseError),
    )

    kind = {"done": Done, "raise_failed": GiveUp, "raise_http": GiveUp}.get(action, Sleep)
    assert isinstance(decision, kind)
    if action == "grace":
        assert history.succeeded_at == 0.0


def test_the_word_list_is_ours() -> None:
    words = json.loads((RESPONSES / "status_words.json").read_text("utf-8"))
    listed = {word: PHASE_BY_WORD[phase] for phase in words for word in words[phase]}

    assert listed.items() <= PHASE_WORDS.items()
