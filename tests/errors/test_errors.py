"""The tree of errors."""

import copy
import pickle
import re

import pytest

from sora_async import errors
from sora_async.models import Phase, TaskFailure, VideoTask

TASK = VideoTask(
    id="sora-2:task_1",
    status="failed",
    phase=Phase.FAILED,
    failure=TaskFailure("moderation_blocked", "no"),
    raw={"a": [1]},
)
RUNNING = VideoTask(id="sora-2:task_1", status="running", phase=Phase.RUNNING, progress=0.42)
REPLY = ("https://api.example/v1/videos/x", 400, "bad", "a message", "req-1", 3.0)
REFUSED = errors.ConnectionFailedError("https://api.example", "refused")

EXAMPLES: list[errors.SoraError] = [
    errors.SoraError(),
    errors.InvalidArgumentError("timeout: expected seconds"),
    errors.UnexpectedError("KeyError"),
    REFUSED,
    errors.CertificateError("https://api.example", "expired"),
    errors.InvalidResponseError("https://api.example", 200, "a web page", True),
    errors.InvalidResponseError("https://api.example", 200, "an empty body"),
    errors.InvalidResponseError("https://api.example", 403, "a web page", True),
    errors.ResponseError(*REPLY),
    errors.ResponseError("https://api.example", 400),
    errors.AuthenticationError(*REPLY, True),
    errors.AuthenticationError(*REPLY),
    errors.PermissionDeniedError(*REPLY),
    errors.InsufficientQuotaError(*REPLY),
    errors.TaskNotFoundError(*REPLY),
    errors.RateLimitError(*REPLY),
    errors.ServiceUnavailableError(*REPLY),
    errors.UnsupportedOperationError(*REPLY),
    errors.UnsupportedOperationError("https://api.example", 0, None, "no list"),
    errors.UnsupportedOperationError(*REPLY, "Is it another dialect? Pass dialect="),
    errors.CreateOutcomeUnknownError("https://api.example/v1/videos", "cut off"),
    errors.CreateOutcomeUnknownError(
        "https://api.example", "bad gateway.", 502, "req-1", True, True
    ),
    errors.TaskFailedError(TASK),
    errors.TaskFailedError(RUNNING),
    errors.VideoMissingError(TASK),
    errors.DownloadError("x", "/a.mp4", "because", "https://cdn.example/a.mp4"),
    errors.OutputExistsError("x", "/a.mp4", "there is a file already"),
    errors.FileWriteError("x", "/a.mp4", "no right to it", None, 13),
    errors.DiskFullError("x", "/a.mp4", "no room", "https://cdn.example/a.mp4", 28),
    errors.VideoNotReadyError("x", "/a.mp4", "still running"),
    errors.VideoGoneError("x", "/a.mp4", "403", "https://cdn.example/a.mp4"),
    errors.VariantMissingError("x", "/a.mp4", "no thumbnail"),
    errors.JournalError("batch.jsonl", "is in use by another run"),
    errors.NotAVideoError("x", "/a.mp4", "a web page came", "https://cdn.example/a.mp4"),
    errors.VideoTooLargeError("x", "/a.mp4", "too large", "https://cdn.example/a.mp4", 7),
    errors.UnsafeURLError("x", "/a.mp4", "10.0.0.1", "http://10.0.0.1/a.mp4"),
    errors.DownloadInterruptedError("x", "/a.mp4", "reset", "https://cdn.example/a.mp4", 7, 9),
    errors.VariantMissingError("x", "/a.mp4", "no thumbnail"),
    errors.JournalError("batch.jsonl", "is in use by another run; let that end first"),
    errors.DownloadTimeoutError("x", "/a.mp4", "not whole after 7 s", None, 7, None),
    errors.WaitInterruptedError("x"),
    errors.WaitTimeoutError("x", RUNNING, 12.0, 5),
    errors.WaitTimeoutError("x", None, 12.0, 5, REFUSED, 90.0),
    errors.OutageError("x", TASK, 130.0, 9, REFUSED, 120.5),
    errors.ClientClosedError("x", RUNNING, 1.0, 1),
    errors.ClientClosedError(""),
    errors.WebhookError("its body names no task"),
    errors.WebhookSignatureError("it is not signed"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickle_and_copy_whole(error: errors.SoraError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert repr(twin) == repr(error)
        assert str(twin) == str(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_that_a_queue_makes_anew_of_texts_can_still_be_shown(
    error: errors.SoraError,
) -> None:
    """As Celery and taskiq do with JSON: what it cannot hold has become its repr."""
    plain = str | int | float | None
    texts = [part if isinstance(part, plain) else repr(part) for part in error.args]

    twin = type(error)(*texts)

    about = error.task.id if hasattr(error, "task") else getattr(error, "task_id", "")
    assert about in str(twin)
    assert repr(twin).startswith(type(error).__name__)


def test_a_failure_of_which_only_a_text_is_left_is_that_text() -> None:
    assert errors.TaskFailedError("a text").failure == TaskFailure(None, "a text")


def test_an_error_says_that_it_is_of_the_module_it_is_imported_from() -> None:
    """Others look it up there: pickle, and queues that keep the name of its module."""
    for name in errors.__all__:
        assert (getattr(errors, name).__module__, getattr(errors, name).__qualname__) == (
            "sora_async",
            name,
        )


def test_every_class_of_the_tree_has_an_example_here() -> None:
    assert {type(error).__name__ for error in EXAMPLES} == set(errors.__all__)


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn = re.findall(
        r"^(?P<indent>[│├└─ ]*)(?P<name>\w+Error)\b", errors.__doc__ or "", re.MULTILINE
    )
    path: list[str] = []
    parents = {}
    for indent, name in drawn:
        level = len(indent) // 4 - 1
        path[level:] = [name]
        parents[name] = path[level - 1] if level else "Exception"

    assert set(parents) == set(errors.__all__)
    for name, parent in parents.items():
        assert getattr(errors, name).__bases__[0].__name__ == parent


def test_standard_classes_catch_what_they_should() -> None:
    assert issubclass(errors.WaitTimeoutError, TimeoutError)
    assert issubclass(errors.InvalidArgumentError, ValueError)
    assert issubclass(errors.DownloadTimeoutError, TimeoutError)
    assert issubclass(errors.OutputExistsError, FileExistsError)
    assert issubclass(errors.DiskFullError, OSError)


def test_an_error_of_the_disk_has_what_every_error_of_the_system_has() -> None:
    full = errors.DiskFullError("x", "/a.mp4", "no room", None, 28)

    for error in (full, pickle.loads(pickle.dumps(full))):
        assert (error.errno, error.strerror, error.filename) == (28, "no room", "/a.mp4")


@pytest.mark.parametrize(
    "error", [one for one in EXAMPLES if isinstance(one, errors.DownloadError)], ids=str
)
def test_an_error_of_a_download_names_its_task_and_its_path(error: errors.DownloadError) -> None:
    assert "task x" in str(error) and "/a.mp4" in str(error)
    assert str(error).endswith(error.advice)


def test_a_timeout_says_that_the_task_goes_on_and_how_to_wait_again() -> None:
    text = str(errors.WaitTimeoutError("sora-2:task_1", RUNNING, 600.0, 100))

    assert "no video after 600 s" in text
    assert "last seen running at 42%" in text
    assert "The task goes on: wait_until_complete('sora-2:task_1') waits again" in text


def test_a_timeout_says_when_no_such_task_was_found() -> None:
    error = errors.TaskNotFoundError("https://api.example", 404, None, "no such video")
    text = str(errors.WaitTimeoutError("x", None, 20.0, 9, error))

    assert "No such task was found so far: wait_until_complete('x') waits again" in text
    assert "The task may go on: " in str(errors.WaitTimeoutError("x", None, 20.0, 9, REFUSED))
    assert "The task may go on: " in str(errors.ClientClosedError("x"))


def test_a_timeout_in_an_outage_names_the_fault() -> None:
    assert "no video after 60.5 s; last error: no response from https://api.example: refused" in (
        str(errors.WaitTimeoutError("x", None, 60.5, 9, REFUSED))
    )
    assert "no successful poll for 120 s; last error: no response from https://api.example" in (
        str(errors.OutageError("x", None, 150.0, 9, REFUSED, 120.0))
    )


def test_a_sentence_ends_once() -> None:
    assert "not found. Check" in str(errors.TaskNotFoundError("u", 404, None, "not found."))
    assert "没有。 " not in str(errors.TaskNotFoundError("u", 404, None, "没有。"))


def test_a_missing_key_names_the_variable_to_set() -> None:
    assert "SORA_API_KEY" in str(errors.AuthenticationError("u", 401, is_keyless=True))
    assert "No API key" not in str(errors.AuthenticationError("u", 401))


def test_a_web_page_hints_at_the_base_url() -> None:
    assert "SORA_BASE_URL" in str(errors.InvalidResponseError("u", 200, "a web page", True))


def test_a_request_id_is_told_once() -> None:
    told = errors.ResponseError("u", 500, None, "broken (request id: abc)", "abc")
    untold = errors.ResponseError("u", 500, None, "broken", "abc")

    assert str(told).count("abc") == str(untold).count("abc") == 1


def test_a_code_that_only_repeats_the_message_is_told_once() -> None:
    assert str(errors.ResponseError("u", 400, "bad", "bad")) == "u answered 400: bad"


def test_only_what_may_pass_is_transient() -> None:
    transient = {name for name in errors.__all__ if getattr(errors, name).transient}

    assert transient == {
        "CertificateError",
        "ConnectionFailedError",
        "InvalidResponseError",
        "RateLimitError",
        "ServiceUnavailableError",
        "VideoNotReadyError",
        "DownloadInterruptedError",
        "DownloadTimeoutError",
    }
