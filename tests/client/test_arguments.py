"""Every argument that cannot be used: the error names it, its value cut, and what is taken."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sora_async import InvalidArgumentError, LearningSchedule, RateLimit, Schedule, SoraClient

LONG = "x y/" * 5000
HUGE = [LONG] * 3
ADDRESS = "http://127.0.0.1:9"

CLIENT: dict[str, Any] = {
    "api_key": HUGE,
    "base_url": HUGE,
    "dialect": LONG,
    "session": HUGE,
    "headers": HUGE,
    "schedule": HUGE,
    "duration_history": HUGE,
    "rate_limit": HUGE,
    "request_timeout": HUGE,
    "create_timeout": LONG,
    "outage_timeout": HUGE,
    "max_retries": LONG,
    "max_response_size": HUGE,
    "ssl": HUGE,
    "proxy": HUGE,
    "trace_configs": HUGE,
    "max_downloads": HUGE,
    "allow_plain_http": "false",
    "trust_env": "no",
}

CREATE: dict[str, Any] = {
    "prompt": HUGE,
    "model": HUGE,
    "seconds": LONG,
    "size": HUGE,
    "aspect_ratio": HUGE,
    "resolution": HUGE,
    "seed": LONG,
    "negative_prompt": HUGE,
    "generate_audio": LONG,
    "n": LONG,
    "input_reference": object,
    "as_json": LONG,
    "idempotency_key": LONG,
    "headers": HUGE,
    "watermark": object(),
}

WAIT: dict[str, Any] = {
    "timeout": LONG,
    "schedule": HUGE,
    "until": LONG,
    "already_waited": LONG,
    "poll_interval": LONG,
    "webhook": "no",
}

MANY: dict[str, Any] = {"max_concurrent": HUGE, "timeout": HUGE, "until": HUGE, "webhook": 1}

DOWNLOAD: dict[str, Any] = {
    "if_exists": LONG,
    "max_size": LONG,
    "variant": HUGE,
    "allow_private": "false",
    "timeout": HUGE,
}

BATCH: dict[str, Any] = {
    "output_dir": HUGE,
    "journal": HUGE,
    "max_creates": LONG,
    "max_waits": LONG,
    "max_downloads": LONG,
    "timeout": LONG,
    "reconcile_delay": LONG,
}


CALLS: dict[str, tuple[dict[str, Any], Callable[..., Any]]] = {
    "client": (CLIENT, lambda _, **one: SoraClient(**{"base_url": ADDRESS, **one})),
    "create": (CREATE, lambda client, **one: client.create_task(**{"prompt": "a boat", **one})),
    "wait": (WAIT, lambda client, **one: client.wait_until_complete("task_1", **one)),
    "many waits": (MANY, lambda client, **one: client.as_completed(["task_1"], **one)),
    "download": (DOWNLOAD, lambda client, **one: client.download("task_1", "a.mp4", **one)),
    "batch": (BATCH, lambda client, **one: client.batch(["a"], **{"output_dir": "out", **one})),
}


@pytest.fixture
def client() -> SoraClient:
    """A client that sends nothing, as everything it is given is refused."""
    return SoraClient(base_url=ADDRESS)


@contextlib.contextmanager
def refused(name: str) -> Iterator[None]:
    """Expect an error that names an argument, and is short however long the value is."""
    with pytest.raises(InvalidArgumentError) as caught:
        yield

    text = str(caught.value)
    assert name in text.partition(":")[0]
    assert len(text) < 400
    assert LONG[:200] not in text


@pytest.mark.parametrize(
    ("call", "name"), [(call, name) for call, (values, _) in CALLS.items() for name in values]
)
async def test_an_argument_of_a_call(client: SoraClient, call: str, name: str) -> None:
    values, make = CALLS[call]

    with refused(name):
        await make(client, **{name: values[name]})


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"prompt": 3}, "prompt: expected a text, got 3"),
        ({"prompt": " "}, "prompt: expected a text, got ' '"),
        ({"input_reference": 3}, "or an address, got 3"),
        (
            {"input_reference": "data:image/png;base64,!"},
            "input_reference: the data: URL has invalid base64: 'data:image/png;base64,!'",
        ),
        (
            {"input_reference": "data:image/png;base64"},
            "input_reference: the data: URL has no comma: 'data:image/png;base64'",
        ),
        ({"foo": {1}}, "(text, number, bool, list, dict), got {1}: Object of type set is not"),
        ({"seed": 10**5000, "size": 10**5000}, "size: expected a text, got <int>"),
        ({"appear_within": -1}, "appear_within: expected a number of seconds, 0 or more, got -1"),
        ({"appear_within": True}, "expected a number of seconds, 0 or more, got True"),
        ({"timeout": 0}, "timeout: expected a number of seconds above 0, got 0"),
        ({"headers": {"Content-Type": "x"}}, "Content-Type is set by the client; see as_json="),
        (
            {"headers": {"Idempotency-Key": "x"}},
            "Idempotency-Key is set by the client; see idempotency_key=",
        ),
    ],
)
def test_the_error_shows_what_was_given(
    client: SoraClient, argument: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        client.create_and_wait(**{"prompt": "a boat", **argument})

    assert message in str(caught.value)


def test_the_value_of_headers_is_not_shown() -> None:
    given: Any = ["Bearer SECRET"]

    with pytest.raises(InvalidArgumentError) as caught:
        SoraClient(base_url=ADDRESS, headers=given)

    assert str(caught.value) == "headers: expected a mapping, got list"


def test_time_waited_before_may_be_0(client: SoraClient) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        client.wait_until_complete("task_1", already_waited=-0.5)
    client.wait_until_complete("task_1", already_waited=0)._hand_over()

    assert str(caught.value) == "already_waited: expected a number of seconds, 0 or more, got -0.5"


@pytest.mark.parametrize("callback_url", [None, "https://example.com/hook"])
def test_a_webhook_that_is_no_bool(client: SoraClient, callback_url: str | None) -> None:
    given: Any = "false"

    with pytest.raises(InvalidArgumentError) as caught:
        client.create_and_wait(prompt="a boat", webhook=given, callback_url=callback_url)

    assert str(caught.value) == "webhook: expected True or False, got 'false'"


@pytest.mark.parametrize("value", [LONG, b"x", 5, None])
def test_what_cannot_be_iterated(client: SoraClient, value: Any) -> None:
    for name, make in (
        ("task_ids", lambda: client.as_completed(value)),
        ("task_ids", lambda: client.events(value)),
        ("items", lambda: client.batch(value, output_dir="out")),
    ):
        with refused(name):
            make()


def test_a_single_item_of_a_batch(client: SoraClient) -> None:
    with refused("items"):
        client.batch({"prompt": LONG}, output_dir="out")


@pytest.mark.parametrize("task_id", [LONG, "", " a", None, HUGE, "a?b"])
async def test_an_id(client: SoraClient, task_id: Any) -> None:
    with refused("task_id"):
        await client.get_task(task_id)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: RateLimit(rate=HUGE), "rate"),  # type: ignore[arg-type]
        (lambda: RateLimit(burst=LONG), "burst"),  # type: ignore[arg-type]
        (lambda: Schedule(intervals=HUGE), "intervals"),  # type: ignore[arg-type]
        (lambda: LearningSchedule(shortest=LONG), "shortest"),  # type: ignore[arg-type]
    ],
)
def test_an_argument_of_a_value(make: Any, name: str) -> None:
    with refused(name):
        make()


@pytest.mark.parametrize("path", ["x" * 1_000_000, "a\ud800.mp4", "a\0.mp4"], ids=range(3))
def test_a_path_that_no_system_has(client: SoraClient, path: str) -> None:
    for name, use in {
        "path": lambda: client.download("task_1", path),
        "output_dir": lambda: client.batch(["a boat"], output_dir=path),
        "journal": lambda: client.batch(["a boat"], output_dir="out", journal=path),
    }.items():
        with refused(name):
            use()


def test_an_id_that_is_too_long_for_a_request(client: SoraClient) -> None:
    with refused("task_id"):
        client.wait_until_complete("x" * 1_000_000)
