"""No key in what is shown of a traceback: the variables of its frames, and the errors."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sora_async import InvalidArgumentError, RateLimit, SoraClient, SoraError
from sora_async._wire.secrets import SecretHeaders, Secrets, SecretStr
from sora_async.testing import Answer, FakeSora, html, http_error, raw, reset, truncated

SECRET = "sk-" + "Zq9w" * 8


def shown(error: BaseException) -> Iterator[str]:
    """Yield all that rich, ``pytest -l`` or Sentry would show of an error and its causes."""
    summary = traceback.TracebackException.from_exception(error, capture_locals=True)
    yield from summary.format()
    yield repr(error)
    yield str(error)


def safe_repr(value: object) -> str:
    """Return a repr, as tools make it: that of a client which is half made may fail."""
    try:
        return repr(value)
    except AttributeError as error:
        return str(error)


def assert_hidden(error: BaseException) -> None:
    # The frame of the test itself has the key, under the name that it has here.
    texts = [text for text in shown(error) if "SECRET" not in text]
    leaks = [line for text in texts for line in text.splitlines() if SECRET in line]
    assert leaks == []


ECHO = {"error": {"message": f"the key {SECRET} is bad", "code": SECRET}}

ANSWERS: dict[str, Answer] = {
    "401": http_error(401, ECHO),
    "404": http_error(404, ECHO),
    "500": http_error(500, ECHO),
    "echo": raw({"id": "t", "status": "failed", **ECHO}),
    "html": html(),
    "reset": reset(),
    "truncated": truncated(),
    "no task": raw({"message": SECRET}),
}

CALLS: dict[str, Callable[[SoraClient, Path], Awaitable[Any]]] = {
    "get": lambda client, _: client.get_task("t"),
    "wait": lambda client, _: client.wait_until_complete("t", timeout=300),
    "delete": lambda client, _: client.delete_task("t"),
    "create": lambda client, _: client.create_task(prompt="a boat"),
    "download": lambda client, folder: client.download("t", folder / "a.mp4"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", ANSWERS)
async def test_no_frame_of_a_call_shows_the_key(call: str, answer: str, tmp_path: Path) -> None:
    async with (
        FakeSora() as sora,
        SoraClient(
            base_url=sora.url,
            api_key=SECRET,
            headers={"X-Api-Key": SECRET, "Cookie": f"session={SECRET}; theme=dark"},
            max_retries=0,
            rate_limit=RateLimit(rate=None),
            outage_timeout=30,
        ) as client,
    ):
        sora.script("t", *[ANSWERS[answer]] * 200)
        sora.on_create(ANSWERS[answer])
        try:
            await CALLS[call](client, tmp_path)
        except SoraError as error:
            caught = error
        else:
            return

    assert_hidden(caught)


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "ftp://x"},
        {"headers": {"X-Api-Key": SECRET, "a b": "1"}},
        {"headers": {"Cookie": SECRET + "\n"}},
        {"request_timeout": -1},
        {"api_key": SECRET + " x"},
    ],
)
def test_no_frame_of_making_a_client_shows_the_key(options: dict[str, Any]) -> None:
    arguments = {"base_url": "https://api.example", "api_key": SECRET, **options}
    try:
        SoraClient(**arguments)
    except InvalidArgumentError as error:
        caught = error

    frames = list(traceback.walk_tb(caught.__traceback__))[1:]  # but this one, which has the key
    texts = [safe_repr(value) for frame, _ in frames for value in frame.f_locals.values()]
    assert [text for text in texts if SECRET in text] == []
    assert SECRET not in str(caught)


async def test_no_frame_of_a_refused_connection_shows_the_key() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    async with SoraClient(
        base_url=f"http://127.0.0.1:{port}", api_key=SECRET, max_retries=0
    ) as client:
        with pytest.raises(SoraError) as caught:
            await client.get_task("t")

    assert_hidden(caught.value)


OTHER = "c00kie-Zx8y7w6v5u4t"


@pytest.mark.parametrize(
    "header",
    [
        ("Cookie", f"session={OTHER}; theme=darkness"),
        ("Cookie", f"theme=darkness; session={OTHER}"),
        ("Cookie", f"theme=darkness;session={OTHER}"),
        ("X-Auth-Token", f"{OTHER} second"),
        ("Proxy-Authorization", f"Bearer {OTHER}"),
        ("Authorization", OTHER),
    ],
)
async def test_each_part_of_a_secret_header_is_cut_out_of_what_comes_back(
    header: tuple[str, str],
) -> None:
    async with (
        FakeSora() as sora,
        SoraClient(
            base_url=sora.url, api_key=SECRET, headers=dict([header]), max_retries=0
        ) as client,
    ):
        sora.script("t", http_error(400, {"error": {"message": f"bad session {OTHER}"}}))
        with pytest.raises(SoraError) as caught:
            await client.get_task("t")

    assert "bad session" in str(caught.value)
    assert OTHER not in str(caught.value)


def test_secrets_have_no_repr_of_their_own() -> None:
    secrets = [SecretStr(SECRET), Secrets([SECRET]), SecretHeaders({"Authorization": SECRET})]

    assert SECRET not in repr(secrets)
    assert SECRET not in str(secrets)
    assert SECRET not in f"{secrets[0]} {secrets[1]} {secrets[2]}"
