"""The webhooks of the fake: when they are sent, where to, what they say and how they are signed."""

import asyncio
import base64
import contextlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import attrs
import pytest
from aiohttp import test_utils, web

from sora_async.testing import FakeSora, Scenario, Webhooks, failed, queued, running, sign_webhook

SHORT = Scenario(queued=2, running=8)


@attrs.define
class Receiver:
    """A server that takes webhooks, with the moment of each."""

    url: str
    status: int = 204
    received: list[tuple[float, dict[str, Any]]] = attrs.field(factory=list)
    headers: list[dict[str, str]] = attrs.field(factory=list)

    @property
    def events(self) -> list[tuple[float, Any]]:
        return [(round(at, 3), body.get("type")) for at, body in self.received]


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    async def handle(request: web.BaseRequest) -> web.Response:
        body = json.loads(await request.read())
        receiver.received.append((asyncio.get_running_loop().time(), body))
        receiver.headers.append(dict(request.headers))
        return web.Response(status=receiver.status)

    async with test_utils.RawTestServer(handle) as server:
        receiver = Receiver(str(server.make_url("/hook")))
        yield receiver


@contextlib.asynccontextmanager
async def sending(settings: Webhooks | None = None, **options: Any) -> AsyncIterator[Any]:
    """Yield a fake, a receiver that its webhooks go to, and an HTTP client."""
    async with receiving() as receiver, aiohttp.ClientSession() as http:
        if settings is not None:
            settings = attrs.evolve(settings, url=receiver.url)
        options = {"shape": "openai", "default_scenario": SHORT, **options}
        async with FakeSora(webhooks=settings, **options) as sora:
            yield sora, receiver, http


async def create(http: aiohttp.ClientSession, sora: FakeSora, **fields: Any) -> str:
    body = {"prompt": "a boat", **fields}
    async with http.post(f"{sora.url}/v1/videos", json=body) as response:
        return str((await response.json())["id"])


async def test_a_webhook_comes_at_the_end_of_a_task() -> None:
    async with sending(Webhooks()) as (sora, receiver, _):
        done, lost = sora.add(), sora.add(attrs.evolve(SHORT, running=3, failure=("a", "b")))
        await asyncio.sleep(60)

    assert receiver.events == [(5.0, "video.failed"), (10.0, "video.completed")]
    assert [body["data"] for _, body in receiver.received] == [{"id": lost}, {"id": done}]
    assert [(sent.at, sent.task_id, sent.status) for sent in sora.webhooks] == [
        (5.0, lost, 204),
        (10.0, done, 204),
    ]
    assert receiver.headers[0]["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "name", ["callback_url", "callbackUrl", "callBackUrl", "webhook", "notifyHook"]
)
async def test_a_create_names_where_its_webhook_goes(name) -> None:
    async with sending() as (sora, receiver, http):
        task_id = await create(http, sora, **{name: receiver.url})
        await create(http, sora, **{name: ""})
        await asyncio.sleep(60)

    assert [body["data"]["id"] for _, body in receiver.received] == [task_id]
    assert sora.webhooks[0].url == receiver.url


async def test_a_create_names_it_in_its_query() -> None:
    async with sending() as (sora, receiver, http):
        query = {"webhook": receiver.url}
        await http.post(f"{sora.url}/v1/videos", params=query, json={"prompt": "a boat"})
        await asyncio.sleep(60)

    assert len(receiver.received) == 1


async def test_without_an_address_nothing_is_sent() -> None:
    async with FakeSora(webhooks=Webhooks(before_response=True)) as sora:
        async with aiohttp.ClientSession() as http:
            await create(http, sora)
            await asyncio.sleep(600)

        assert sora.webhooks == []


async def test_a_script_ends_with_the_poll_that_shows_it() -> None:
    async with sending(Webhooks(delay=3)) as (sora, receiver, http):
        sora.script("task_1", queued(), failed())
        for _ in range(4):
            await asyncio.sleep(1)
            await http.get(f"{sora.url}/v1/videos/task_1")
        await asyncio.sleep(60)

    assert receiver.events == [(5.0, "video.failed")]


async def test_a_task_that_starts_with_its_first_poll_ends_after_that() -> None:
    async with sending(Webhooks()) as (sora, receiver, http):
        task_id = sora.add(at_first_poll=True)
        await asyncio.sleep(20)
        for _ in range(2):
            await http.get(f"{sora.url}/v1/videos/{task_id}")
        await asyncio.sleep(60)

    assert receiver.events == [(30.0, "video.completed")]


async def test_a_cancelled_task_has_failed_at_once() -> None:
    async with sending(Webhooks(), shape="inworld") as (sora, receiver, http):
        task_id = sora.add()
        await asyncio.sleep(1)
        await http.post(f"{sora.url}/v1/videos/{task_id}/cancel")
        for _ in range(2):
            await http.get(f"{sora.url}/v1/videos/{task_id}")
        await asyncio.sleep(60)

    assert receiver.events == [(1.0, "video.failed")]


async def test_a_queued_task_at_ark_is_cancelled_by_a_delete() -> None:
    async with sending(Webhooks(scheme="unsigned"), shape="ark") as (sora, receiver, http):
        task_id = sora.add()
        await http.delete(f"{sora.url}/api/v3/contents/generations/tasks/{task_id}")
        await asyncio.sleep(60)

    assert [body["status"] for _, body in receiver.received] == ["cancelled"]
    assert sorted(receiver.headers[0]) == sorted(set(receiver.headers[0]) - {"webhook-signature"})


async def test_a_deleted_task_sends_nothing() -> None:
    async with sending(Webhooks()) as (sora, receiver, http):
        task_id = sora.add()
        await http.delete(f"{sora.url}/v1/videos/{task_id}")
        await asyncio.sleep(60)

    assert receiver.received == []


async def test_a_task_that_hangs_sends_nothing() -> None:
    async with sending(Webhooks()) as (sora, receiver, http):
        await create(http, sora, prompt="[hang]")
        await asyncio.sleep(10 * 86400)

    assert receiver.received == []


async def test_webhooks_may_be_late_doubled_and_lost() -> None:
    async with sending(Webhooks(delay=30, copies=2, lose_every=3)) as (sora, receiver, _):
        for _ in range(4):
            sora.add()
            await asyncio.sleep(1)
        await asyncio.sleep(60)

    assert [at for at, _ in receiver.events] == [40.0, 40.0, 41.0, 41.0, 43.0, 43.0]
    first, second = receiver.headers[:2]
    assert first["webhook-id"] == second["webhook-id"]
    assert [sent.is_lost for sent in sora.webhooks] == [*[False] * 4, True, *[False] * 2]
    assert sora.webhooks[4].status is None


@pytest.mark.parametrize(
    ("out_of_order", "events"),
    [
        (False, [(5.0, "video.in_progress"), (10.0, "video.completed")]),
        (True, [(10.0, "video.completed"), (11.0, "video.in_progress")]),
    ],
)
async def test_progress_may_be_reported_in_order_or_not(out_of_order, events) -> None:
    settings = Webhooks(reports_progress=True, out_of_order=out_of_order)
    async with sending(settings) as (sora, receiver, _):
        sora.add()
        await asyncio.sleep(60)

    assert receiver.events == events


async def test_a_forged_webhook_says_that_the_task_has_completed() -> None:
    async with sending(Webhooks(forged=True)) as (sora, receiver, _):
        sora.add()
        await asyncio.sleep(60)

    assert receiver.events == [(0.0, "video.completed"), (10.0, "video.completed")]
    forged, true = sora.webhooks
    assert forged.headers["webhook-signature"] != sign_again(forged)["webhook-signature"]
    assert true.headers == {"Content-Type": "application/json", **sign_again(true)}


def sign_again(sent: Any) -> dict[str, str]:
    return sign_webhook(
        sent.body,
        scheme="standard",
        secret=Webhooks().secret,
        timestamp=int(sent.headers["webhook-timestamp"]),
        task_id=sent.task_id,
        message_id=sent.headers["webhook-id"],
    )


async def test_a_webhook_may_come_before_the_response_to_the_create() -> None:
    async with sending(Webhooks(before_response=True)) as (sora, receiver, http):
        async with http.post(f"{sora.url}/v1/videos", json={"prompt": "a boat"}):
            early = list(receiver.events)
        await asyncio.sleep(60)

    assert early == [(0.0, "video.in_progress")]
    assert receiver.events[1:] == [(10.0, "video.completed")]


async def test_a_create_may_name_its_secret() -> None:
    async with sending(Webhooks(scheme="standard-whole")) as (sora, receiver, http):
        await create(http, sora, callback_secret="of the create")
        await asyncio.sleep(60)

    (headers,), ((_, body),) = receiver.headers, receiver.received
    message = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
    message += json.dumps(body, separators=(",", ":")).encode()
    digest = hmac.digest(b"of the create", message, "sha256")
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert body["data"]["status"] == "completed"
    assert body["timestamp"] == 1768377610
    # A receiver accepts what was signed at most 300 s ago by the real clock.
    assert int(headers["webhook-timestamp"]) == pytest.approx(time.time(), abs=300)


async def test_a_receiver_that_is_not_there_or_refuses_is_recorded() -> None:
    async with sending(Webhooks()) as (sora, receiver, http):
        receiver.status = 500
        refused = await create(http, sora)
        lost = await create(http, sora, callback_url="http://127.0.0.1:9/hook")
        await asyncio.sleep(60)

    assert {sent.task_id: sent.status for sent in sora.webhooks} == {refused: 500, lost: None}


async def test_time_that_is_advanced_brings_webhooks_nearer() -> None:
    async with sending(Webhooks()) as (sora, receiver, _):
        sora.add()
        sora.script("task_1", running(0.1))
        sora._service.advance(7)
        await asyncio.sleep(60)

    assert receiver.events == [(3.0, "video.completed")]


async def test_a_reset_forgets_webhooks() -> None:
    async with sending(Webhooks(forged=True)) as (sora, receiver, _):
        sora.add()
        sora._service.reset()
        await asyncio.sleep(60)

        assert sora.webhooks == receiver.received == []


async def test_a_task_that_replaces_another_has_its_own_webhook() -> None:
    async with sending(Webhooks()) as (sora, receiver, _):
        sora.add(task_id="task_1")
        sora.add(attrs.evolve(SHORT, running=30), task_id="task_1")
        await asyncio.sleep(60)

    assert receiver.events == [(32.0, "video.completed")]


async def test_closing_ends_deliveries_that_are_under_way() -> None:
    async with receiving() as receiver:

        async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(stall, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with FakeSora(webhooks=Webhooks(url=url)) as sora:
            sora.add(SHORT)
            sora.add(Scenario())
            await asyncio.sleep(12)
        server.close()
        await server.wait_closed()

    assert sora.webhooks == receiver.received == []


@pytest.mark.parametrize(
    ("scheme", "place"),
    [
        ("standard", lambda body: body["data"]["id"]),
        ("standard-whole", lambda body: body["data"]["id"]),
        ("standard-suffix", lambda body: body["id"]),
        ("openrouter", lambda body: body["id"]),
        ("vercel", lambda body: body["data"]["id"]),
        ("kie", lambda body: body["data"]["task_id"]),
        ("unsigned", lambda body: body["id"]),
    ],
)
async def test_each_scheme_names_the_task_and_is_signed(scheme, place) -> None:
    async with sending(Webhooks(scheme=scheme)) as (sora, receiver, _):
        task_id = sora.add()
        sora.add(attrs.evolve(SHORT, failure=("a", "b")))
        await asyncio.sleep(60)

    assert place(receiver.received[0][1]) == task_id
    signed = [name for name in receiver.headers[0] if name.lower().endswith("signature")]
    assert len(signed) == (scheme != "unsigned")


def test_the_standard_scheme_is_that_of_standard_webhooks() -> None:
    """Source: the test vector in the libraries of Standard Webhooks."""
    headers = sign_webhook(
        b'{"test": 2432232314}',
        scheme="standard",
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        timestamp=1614265330,
        task_id="",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
    )

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize(
    ("scheme", "name", "mark"),
    [("openrouter", "X-OpenRouter-Signature", b","), ("vercel", "X-Vercel-Signature", b".")],
)
def test_a_signature_in_one_header_covers_time_and_body(scheme, name, mark) -> None:
    headers = sign_webhook(b"{}", scheme=scheme, secret="s", timestamp=17, task_id="task_1")

    digest = hmac.digest(b"s", b"17" + mark + b"{}", "sha256").hex()
    assert headers == {name: f"t=17,v1={digest}"}


def test_kies_signature_covers_the_id_and_the_time() -> None:
    headers = sign_webhook(b"{}", scheme="kie", secret="s", timestamp=17, task_id="task_1")

    digest = base64.b64encode(hmac.digest(b"s", b"task_1.17", "sha256")).decode()
    assert headers == {"X-Webhook-Timestamp": "17", "X-Webhook-Signature": digest}


@pytest.mark.parametrize(
    ("scheme", "key"), [("standard-whole", "whsec_YQ"), ("standard-suffix", "YQ")]
)
def test_a_secret_may_be_used_whole_or_after_its_prefix(scheme, key) -> None:
    headers = sign_webhook(b"{}", scheme=scheme, secret="whsec_YQ", timestamp=17, task_id="")

    digest = hmac.digest(key.encode(), b"msg_1.17.{}", "sha256")
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize("options", [{"scheme": "fal"}, {"copies": 0}, {"lose_every": 0}])
def test_impossible_settings_are_refused(options) -> None:
    with pytest.raises(ValueError, match=r"scheme is one of|1 or more"):
        Webhooks(**options)


def test_the_secret_is_not_shown() -> None:
    assert "whsec" not in repr(Webhooks())
