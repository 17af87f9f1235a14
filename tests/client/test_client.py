"""The front door: arguments, lone calls, sessions and loops."""

import asyncio
import contextlib
import gc
import logging
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from support import KEY, TLS, client_of

from sora_async import (
    AuthenticationError,
    ClientClosedError,
    ConnectionFailedError,
    InsufficientQuotaError,
    InvalidArgumentError,
    InvalidResponseError,
    Phase,
    RateLimit,
    RateLimitError,
    ResponseError,
    Schedule,
    ServiceUnavailableError,
    SoraClient,
    TaskFailedError,
    TaskNotFoundError,
    VideoTask,
)
from sora_async.testing import (
    FakeSora,
    completed,
    drip,
    failed,
    garbage_status_line,
    gzip_bomb,
    gzipped,
    html,
    http_error,
    queued,
    raw,
    redirect,
    reset,
    running,
    slow,
    stall,
    stall_body,
    truncated,
)

Clock = Callable[[], float]


class TestArguments:
    def test_key_and_address_come_from_the_environment(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SORA_BASE_URL", "https://relay.example/v1/")
        monkeypatch.setenv("SORA_API_KEY", KEY)

        client = SoraClient()

        assert client.base_url == "https://relay.example"
        assert repr(client) == "<SoraClient https://relay.example>"
        assert KEY not in repr(vars(client))

    @pytest.mark.parametrize("value", [None, ""])
    def test_without_an_address_both_ways_to_give_one_are_named(
        self, monkeypatch: pytest.MonkeyPatch, value: str | None
    ) -> None:
        if value is None:
            monkeypatch.delenv("SORA_BASE_URL", raising=False)
        else:
            monkeypatch.setenv("SORA_BASE_URL", value)

        with pytest.raises(InvalidArgumentError) as caught:
            SoraClient(api_key=KEY)

        for part in ("base_url=", "SORA_BASE_URL", "https://api.example"):
            assert part in str(caught.value)

    @pytest.mark.parametrize(
        "arguments",
        [
            {"session": "x"},
            {"session": object()},
            {"trace_configs": 5},
            {"trace_configs": "x"},
            {"base_url": "api.example"},
            {"api_key": "a\nb"},
            {"base_url": "http://10.0.0.1", "api_key": KEY},
            {"schedule": "fast"},
            {"rate_limit": 50},
            {"ssl": "/path"},
            {"headers": [("a", "b")]},
            {"base_url": "https://api.example/a b"},
            {"request_timeout": 10**400},
            {"request_timeout": 0},
            {"request_timeout": "30"},
            {"request_timeout": None},
            {"outage_timeout": -1},
            {"outage_timeout": float("nan")},
            {"max_retries": -1},
            {"max_retries": 1.5},
            {"max_response_size": 0},
            {"headers": {"a b": "c"}},
            {"headers": {"a": "c\r\nd: e"}},
            {"headers": {"a": 1}},
            {"headers": {1: "a"}},
        ],
    )
    def test_an_argument_that_cannot_be_used_is_refused(self, arguments: dict[str, Any]) -> None:
        with pytest.raises(InvalidArgumentError, match=next(iter(arguments))):
            SoraClient(**arguments)

    def test_plain_http_wants_an_explicit_word(self) -> None:
        assert SoraClient(base_url="http://10.0.0.1", api_key=KEY, allow_plain_http=True)
        assert not SoraClient(base_url="http://10.0.0.1", api_key="").has_api_key
        assert SoraClient(base_url="http://127.0.0.1:8123", api_key=KEY).has_api_key

    @pytest.mark.parametrize(
        "arguments",
        [
            {"task_id": "../x"},
            {"task_id": ""},
            {"task_id": None},
            {"timeout": 0},
            {"timeout": True},
            {"timeout": "60"},
            {"until": "url"},
        ],
    )
    async def test_a_wait_that_cannot_be_is_refused_before_any_request(
        self, sora: FakeSora, client: SoraClient, arguments: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidArgumentError):
            client.wait_until_complete(**{"task_id": "task_1", **arguments})

        assert sora.requests == []

    @pytest.mark.parametrize("task_id", ["../x", "a/b", "a?b", "a#b", "", "a\nb", 7])
    async def test_a_hostile_id_is_refused_before_any_request(
        self, sora: FakeSora, client: SoraClient, task_id: Any
    ) -> None:
        with pytest.raises(InvalidArgumentError):
            await client.get_task(task_id)

        assert sora.requests == []


class TestGetTask:
    @pytest.mark.parametrize(
        "task_id", ["sora-2:task_01k", "dmlkZW8tYWJj==", "任务 1", "a%2Fb", "~a+b"]
    )
    async def test_any_id_arrives_as_it_is(
        self, sora: FakeSora, client: SoraClient, task_id: str
    ) -> None:
        sora.script(task_id, running(0.42))

        task = await client.get_task(task_id)

        assert (task.id, task.phase, task.progress) == (task_id, Phase.RUNNING, 0.42)
        assert sora.requests[0][1].task_id == task_id

    async def test_what_is_sent_is_what_the_page_asks_for(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", queued())

        await client.get_task("task_1")

        request = sora.requests[0][1]
        assert (request.method, request.path, request.body) == ("GET", "/v1/videos/task_1", b"")
        assert request.headers["Accept"] == request.headers["Content-Type"] == "application/json"
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        assert request.headers["User-Agent"].startswith("sora_async/")
        assert "X-Forwarded-Host" not in request.headers
        assert "Cookie" not in request.headers

    async def test_further_headers_are_sent_and_replace_ours(self, sora: FakeSora) -> None:
        sora.script("task_1", queued())
        headers = {"X-Forwarded-Host": "localhost:5173", "user-agent": "mine/1"}

        async with client_of(sora, headers=headers) as client:
            await client.get_task("task_1")

        sent = sora.requests[0][1].headers
        assert sent["X-Forwarded-Host"] == "localhost:5173"
        assert sent.getall("User-Agent") == ["mine/1"]

    async def test_a_finished_or_failed_task_is_a_snapshot_like_any_other(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", completed())
        sora.script("task_2", failed("code", "text"))

        assert (await client.get_task("task_1")).is_complete
        assert (await client.get_task("task_2")).phase is Phase.FAILED

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (http_error(500), ServiceUnavailableError),
            (http_error(429), RateLimitError),
            (truncated(), ConnectionFailedError),
            (raw(b"{"), InvalidResponseError),
        ],
        ids=["500", "429", "truncated", "no JSON"],
    )
    async def test_a_fault_that_may_pass_is_asked_again_twice(
        self, sora: FakeSora, client: SoraClient, fault: Any, error: type[Exception]
    ) -> None:
        sora.script("task_1", fault, fault, running(0.5))
        sora.script("task_2", fault)

        assert (await client.get_task("task_1")).progress == 0.5
        with pytest.raises(error):
            await client.get_task("task_2")

        assert len(sora.polls("task_2")) == 3

    async def test_a_hint_is_respected_unless_it_is_longer_than_a_request_may_take(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        sora.script("task_1", http_error(429, headers={"Retry-After": "20"}), queued())
        sora.script("task_2", http_error(429, headers={"Retry-After": "31"}), queued())
        start = now()

        await client.get_task("task_1")
        assert now() - start >= 20
        with pytest.raises(RateLimitError) as caught:
            await client.get_task("task_2")

        assert caught.value.retry_after == 31.0
        assert len(sora.polls("task_2")) == 1

    async def test_a_silence_that_a_wait_was_asked_for_is_kept(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        sora.script("hinted", http_error(503, headers={"Retry-After": "20"}), completed())
        sora.script("task_1", queued())
        start = now()
        wait = asyncio.create_task(client.wait_until_complete("hinted").result())
        await asyncio.sleep(5)

        await client.get_task("task_1")

        assert 20 <= sora.polls("task_1")[0] - start < 20.2
        assert (await wait).is_complete

    @pytest.mark.parametrize(
        ("status", "error"), [(429, RateLimitError), (503, ServiceUnavailableError)]
    )
    async def test_a_silence_longer_than_a_request_may_take_is_an_error_at_once(
        self,
        sora: FakeSora,
        client: SoraClient,
        now: Clock,
        status: int,
        error: type[ResponseError],
    ) -> None:
        sora.script("hinted", http_error(status, headers={"Retry-After": "50"}), completed())
        sora.script("task_1", queued())
        wait = asyncio.create_task(client.wait_until_complete("hinted").result())
        await asyncio.sleep(5)
        start = now()

        with pytest.raises(error) as caught:
            await client.get_task("task_1")

        assert now() == start
        assert caught.value.retry_after == pytest.approx(45)
        assert sora.polls("task_1") == []
        await asyncio.sleep(15.1)
        assert (await client.get_task("task_1")).phase is Phase.QUEUED
        assert (await wait).is_complete

    async def test_good_answers_to_calls_end_the_doubling_of_pauses(
        self, sora: FakeSora, now: Clock
    ) -> None:
        sora.script("task_1", *(http_error(429), queued()) * 3)
        pauses = []

        async with client_of(sora, max_retries=0, rate_limit=RateLimit(rate=1000)) as client:
            for _ in range(3):
                with pytest.raises(RateLimitError):
                    await client.get_task("task_1")
                start = now()
                await client.get_task("task_1")
                pauses.append(now() - start)
                await asyncio.sleep(5)

        assert all(0.25 <= pause < 0.5 for pause in pauses)

    async def test_what_it_is_answered_holds_for_all_waits(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        sora.script("task_1", http_error(429, headers={"Retry-After": "40"}))
        sora.script("task_2", running(0.1), running(0.2), completed())
        start = now()
        wait = asyncio.create_task(client.wait_until_complete("task_2").result())
        await asyncio.sleep(0.1)

        with pytest.raises(RateLimitError):
            await client.get_task("task_1")
        await wait

        assert [at - start >= 40 for at in sora.polls("task_2")] == [False, True, True]

    async def test_no_retries_when_none_are_wanted(self, sora: FakeSora) -> None:
        sora.script("task_1", http_error(500))

        async with client_of(sora, max_retries=0) as client:
            with pytest.raises(ServiceUnavailableError):
                await client.get_task("task_1")

        assert len(sora.polls("task_1")) == 1


class TestWrongSettings:
    async def test_no_key_says_which_variable_to_set(self, sora: FakeSora) -> None:
        sora.script("task_1", queued())

        async with SoraClient(base_url=sora.url, api_key="") as client:
            with pytest.raises(AuthenticationError, match="set SORA_API_KEY"):
                await client.get_task("task_1")
            with pytest.raises(AuthenticationError, match="set SORA_API_KEY"):
                await client.wait_until_complete("task_1")

    async def test_a_wrong_key_is_not_quoted(self, sora: FakeSora) -> None:
        sora.script("task_1", queued())
        wrong = "sk-wrong-wrong-wrong"

        async with SoraClient(base_url=sora.url, api_key=wrong) as client:
            with pytest.raises(AuthenticationError) as caught:
                await client.get_task("task_1")

        assert wrong not in str(caught.value) and wrong not in repr(caught.value)

    async def test_an_unknown_id_says_so(self, client: SoraClient) -> None:
        with pytest.raises(TaskNotFoundError, match="404"):
            await client.get_task("task_1")

    async def test_a_web_page_is_a_wrong_address_and_asked_once(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", html())

        for call in (client.get_task, client.wait_until_complete):
            with pytest.raises(InvalidResponseError, match="SORA_BASE_URL") as caught:
                await call("task_1")
            assert sora.url in str(caught.value)

        assert len(sora.polls("task_1")) == 2

    async def test_a_refused_connection_names_the_address(
        self, sora: FakeSora, client: SoraClient, now: Clock
    ) -> None:
        await sora.close()
        start = now()

        with pytest.raises(ConnectionFailedError, match="SORA_BASE_URL") as caught:
            await client.wait_until_complete("task_1")

        assert sora.url in str(caught.value)
        assert now() - start == pytest.approx(10.0, abs=0.5)

    async def test_an_unknown_host_names_the_address(self) -> None:
        async with SoraClient(base_url="https://no-such-host.invalid", api_key=KEY) as client:
            with pytest.raises(ConnectionFailedError, match=r"no-such-host\.invalid"):
                await client.get_task("task_1")

    async def test_no_money_ends_a_wait_at_once(self, sora: FakeSora, client: SoraClient) -> None:
        body = {"error": {"code": "insufficient_user_quota", "message": "稍后再试"}}
        sora.script("task_1", running(0.1), http_error(429, body))

        with pytest.raises(InsufficientQuotaError, match="Top up"):
            await client.wait_until_complete("task_1")


class TestTransport:
    @pytest.mark.parametrize(
        "fault", [stall(), stall_body(), drip(5.0)], ids=["stall", "stall_body", "drip"]
    )
    async def test_a_request_has_its_own_limit(
        self, sora: FakeSora, now: Clock, fault: Any
    ) -> None:
        sora.script("task_1", fault)
        start = now()

        async with client_of(sora, max_retries=0, request_timeout=12) as client:
            with pytest.raises(ConnectionFailedError, match="no whole response within 12 s"):
                await client.get_task("task_1")

        assert now() - start == pytest.approx(12.0)

    async def test_requests_begun_at_different_times_each_end_at_their_own_limit(
        self, sora: FakeSora, now: Clock
    ) -> None:
        sora.script("hangs", stall())
        sora.script("task_1", slow(3.0, queued()))
        start = now()

        async def ask(task_id: str, after: float) -> tuple[float, type[object]]:
            await asyncio.sleep(after)
            try:
                return now() - start, type(await client.get_task(task_id))
            except ConnectionFailedError as error:
                return now() - start, type(error)

        async with client_of(sora, max_retries=0, request_timeout=5) as client:
            ends = await asyncio.gather(
                *(ask("hangs", after) for after in (0.0, 1.0, 1.0, 2.5, 4.9, 11.0, 30.0)),
                *(ask("task_1", after) for after in (0.5, 3.0, 17.0)),
            )

        failed = [5.0, 6.0, 6.0, 7.5, 9.9, 16.0, 35.0]
        assert [at for at, kind in ends if kind is ConnectionFailedError] == pytest.approx(failed)
        assert [kind for _, kind in ends].count(ConnectionFailedError) == len(failed)

    async def test_the_wait_for_a_slot_is_no_part_of_the_limit(
        self, sora: FakeSora, now: Clock
    ) -> None:
        sora.script("task_1", slow(4.0, queued()))
        sora.script("hangs", stall())
        start = now()

        async with client_of(
            sora, rate_limit=RateLimit(max_concurrent=1), max_retries=0, request_timeout=5
        ) as client:
            calls = [asyncio.create_task(client.get_task("task_1")) for _ in range(3)]
            hangs = asyncio.create_task(client.get_task("hangs"))
            await asyncio.gather(*calls)
            with pytest.raises(ConnectionFailedError, match="within 5 s"):
                await hangs

        assert now() - start == pytest.approx(3 * 4 + 5)

    async def test_calls_in_the_queue_when_the_client_closes_end_too(
        self, sora: FakeSora, now: Clock
    ) -> None:
        sora.script("hangs", stall())
        client = client_of(sora, rate_limit=RateLimit(max_concurrent=1), max_retries=0)
        calls = [asyncio.create_task(client.get_task("hangs")) for _ in range(4)]
        await asyncio.sleep(1)
        calls[2].cancel()
        await asyncio.sleep(0)
        start = now()

        await client.close()
        ends = await asyncio.gather(*calls, return_exceptions=True)

        kinds = (ClientClosedError, asyncio.CancelledError)
        assert all(isinstance(end, kinds) for end in ends[1:])
        assert (now(), len(sora.requests)) == (start, 1)

    async def test_a_timeout_of_somebody_else_is_no_whole_reply(self, sora: FakeSora) -> None:
        async def broken(*_: object) -> None:
            raise TimeoutError

        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(broken)

        async with client_of(sora, max_retries=0, trace_configs=[trace]) as client:
            with pytest.raises(ConnectionFailedError, match="no whole response in time"):
                await client.get_task("task_1")

    @pytest.mark.parametrize("after", [5.0 - 1e-9, 5.0 + 1e-9])
    async def test_a_cancellation_in_the_moment_of_the_limit_wins(
        self, sora: FakeSora, now: Clock, after: float
    ) -> None:
        sora.script("hangs", stall())

        async with client_of(sora, max_retries=0, request_timeout=5) as client:
            call = asyncio.create_task(client.get_task("hangs"))
            asyncio.get_running_loop().call_at(now() + after, call.cancel)
            with pytest.raises(asyncio.CancelledError):
                await call

        assert call.cancelled()

    async def test_the_limit_and_those_around_it_keep_out_of_each_others_way(
        self, sora: FakeSora, now: Clock
    ) -> None:
        sora.script("hangs", stall())
        start = now()

        async with client_of(sora, max_retries=0, request_timeout=5) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.get_task("hangs"), 3)
            assert now() - start == pytest.approx(3)
            with pytest.raises(ConnectionFailedError):
                await asyncio.wait_for(client.get_task("hangs"), 8)
            assert now() - start == pytest.approx(3 + 5)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(8):
                    with pytest.raises(ConnectionFailedError):
                        await client.get_task("hangs")
                    await client.get_task("hangs")
            assert now() - start == pytest.approx(3 + 5 + 8)
            async with asyncio.TaskGroup():
                with pytest.raises(ConnectionFailedError):
                    await client.get_task("hangs")

        this = asyncio.current_task()
        assert this is not None and this.cancelling() == 0

    async def test_a_limit_that_is_swallowed_does_not_leave_its_caller_half_cancelled(
        self, sora: FakeSora
    ) -> None:
        async def stubborn(*_: object) -> None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(5)

        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(stubborn)
        sora.script("task_1", queued())

        async with client_of(sora, request_timeout=1, trace_configs=[trace]) as client:
            with contextlib.suppress(ConnectionFailedError):
                await client.get_task("task_1")

        this = asyncio.current_task()
        assert this is not None and this.cancelling() == 0

    @pytest.mark.parametrize("is_asking_again", [False, True])
    async def test_a_call_that_outlives_its_client_keeps_its_limit(
        self, sora: FakeSora, now: Clock, is_asking_again: bool
    ) -> None:
        sora.script("task_1", *([http_error(500)] if is_asking_again else []), stall())
        start = now()

        async with aiohttp.ClientSession() as session:
            client = client_of(sora, session=session, max_retries=1, request_timeout=5)
            call = asyncio.create_task(client.get_task("task_1"))
            await asyncio.sleep(1e-6)
            await client.close()
            with pytest.raises((ConnectionFailedError, ClientClosedError)):
                await asyncio.wait_for(call, 20)

        assert now() - start <= 5 + 0.5 + 5 + 1e-6

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (reset(), ConnectionFailedError),
            (truncated(), ConnectionFailedError),
            (garbage_status_line(), ConnectionFailedError),
            (gzip_bomb(64 * 1024 * 1024), InvalidResponseError),
            (raw(b" " * (8 * 1024 * 1024 + 1)), InvalidResponseError),
            (raw(b"not gzip", headers={"Content-Encoding": "gzip"}), ConnectionFailedError),
            (redirect("/v1/videos/task_1"), ConnectionFailedError),
            (redirect("http://["), InvalidResponseError),
            (redirect("ftp://127.0.0.1/"), InvalidResponseError),
        ],
        ids=str,
    )
    async def test_a_broken_reply_is_a_typed_error(
        self, sora: FakeSora, fault: Any, error: type[Exception]
    ) -> None:
        sora.script("task_1", fault)

        async with client_of(sora, max_retries=0) as client:
            with pytest.raises(error) as caught:
                await client.get_task("task_1")

        assert KEY not in str(caught.value)

    async def test_a_compressed_reply_is_read(self, sora: FakeSora, client: SoraClient) -> None:
        sora.script("task_1", gzipped(running(0.3)))

        assert (await client.get_task("task_1")).progress == 0.3

    async def test_a_redirect_that_quotes_the_key_gives_nothing_away(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", redirect(f"http://{KEY.upper()}.invalid/"))

        with pytest.raises(InvalidResponseError) as caught:
            await client.get_task("task_1")

        assert KEY not in str(caught.value).lower()

    async def test_a_redirect_on_the_same_origin_is_followed_with_the_key(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", redirect("/v1/videos/task_2"))
        sora.script("task_2", running(0.3))

        task = await client.get_task("task_1")

        assert (task.id, task.progress) == ("task_1", 0.3)
        assert sora.requests[-1][1].headers["Authorization"] == f"Bearer {KEY}"

    async def test_a_redirect_to_another_origin_never_sees_the_key(self, sora: FakeSora) -> None:
        sora.script("task_1", redirect(f"{sora.cdn_url}/elsewhere"))

        async with aiohttp.ClientSession(headers={"X-Mine": "secret"}) as session:
            for one in (None, session):
                client = client_of(sora, session=one, max_retries=0)
                with pytest.raises(InvalidResponseError, match="another origin") as caught:
                    await client.get_task("task_1")
                await client.close()
                assert sora.cdn_url in str(caught.value)

        assert sora.cdn_requests == []

    @pytest.mark.parametrize(
        "fault",
        [
            garbage_status_line(),
            raw(b"not gzip", headers={"Content-Encoding": "gzip"}),
            truncated(),
        ],
        ids=str,
    )
    async def test_no_error_of_aiohttp_shows_the_headers_of_the_request(
        self, sora: FakeSora, fault: Any
    ) -> None:
        sora.script("task_1", fault)

        async with client_of(sora, max_retries=0) as client:
            with pytest.raises(ConnectionFailedError) as caught:
                await client.get_task("task_1")

        for error in (caught.value, caught.value.__cause__, caught.value.__context__):
            assert KEY not in repr(error)

    async def test_a_host_that_has_the_key_in_its_name_is_not_quoted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{KEY}.invalid")

        async with SoraClient(
            api_key=KEY, base_url="https://videos.example", trust_env=True, max_retries=0
        ) as client:
            with pytest.raises(ConnectionFailedError) as caught:
                await client.get_task("task_1")

        assert "[key].invalid" in str(caught.value)
        assert caught.value.__cause__ is None

    async def test_secrets_in_further_headers_are_kept_like_the_key(self, sora: FakeSora) -> None:
        token = "tok-0123456789"
        sora.script("task_1", http_error(400, {"message": f"bad {token}"}))
        headers = {"Authorization": f"Bearer {token}"}

        async with SoraClient(api_key="", base_url=sora.url, headers=headers) as client:
            with pytest.raises(AuthenticationError) as caught:
                await client.get_task("task_1")
        with pytest.raises(InvalidArgumentError, match="in the clear"):
            SoraClient(api_key="", base_url="http://far.example", headers=headers)

        assert not caught.value.is_keyless
        assert token not in str(caught.value)


class TestSessions:
    async def test_a_given_session_is_used_and_never_closed(self, sora: FakeSora) -> None:
        sora.script("task_1", queued())
        async with aiohttp.ClientSession(headers={"X-Mine": "yes"}) as session:
            async with client_of(sora, session=session) as client:
                await client.get_task("task_1")

            assert not session.closed
        assert sora.requests[0][1].headers["X-Mine"] == "yes"

    async def test_a_session_that_raises_for_status_does_not_change_our_errors(
        self, sora: FakeSora
    ) -> None:
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            client = client_of(sora, session=session)
            with pytest.raises(TaskNotFoundError):
                await client.get_task("task_1")

    async def test_a_session_that_cannot_be_used_says_so(self, sora: FakeSora) -> None:
        sora.script("task_1", queued())
        async with aiohttp.ClientSession() as session:
            pass
        with pytest.raises(InvalidArgumentError, match="session: it is closed"):
            await SoraClient(base_url=sora.url, session=session).get_task("task_1")
        with pytest.raises(InvalidArgumentError, match="trace_configs"):
            SoraClient(trace_configs=["no trace"])  # type: ignore[list-item]

    async def test_a_session_with_a_password_of_its_own_is_refused(self, sora: FakeSora) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            session = aiohttp.ClientSession(auth=aiohttp.BasicAuth("user", "word"))
        async with session:
            client = client_of(sora, session=session)
            with pytest.raises(InvalidArgumentError, match="session: has a password of its own"):
                await client.get_task("task_1")

    def test_a_session_of_another_loop_says_so(self) -> None:
        async def make() -> aiohttp.ClientSession:
            return aiohttp.ClientSession()

        async def use(session: aiohttp.ClientSession) -> None:
            async with FakeSora(api_key=KEY) as sora:
                sora.script("task_1", queued())
                client = client_of(sora, session=session)
                with pytest.raises(InvalidArgumentError, match="session: "):
                    await client.get_task("task_1")
                await session.close()

        session = asyncio.run(make())
        asyncio.run(use(session))

    async def test_a_client_thrown_away_is_closed(self, sora: FakeSora) -> None:
        sora.script("task_1", queued())
        client = client_of(sora)
        await client.get_task("task_1")
        homes = list(client._resources_by_loop.values())

        del client
        gc.collect()
        await asyncio.sleep(0.1)

        assert [resources._transport._session.closed for resources in homes] == [True]

    def test_a_client_thrown_away_after_its_loop_does_no_harm(self) -> None:
        async def main() -> None:
            async with FakeSora(api_key=KEY) as sora:
                sora.script("task_1", queued())
                clients[0]._config = attrs.evolve(clients[0]._config, base_url=sora.url)
                await clients[0].get_task("task_1")

        clients = [SoraClient(api_key=KEY, base_url="http://127.0.0.1:1")]
        asyncio.run(main())
        clients.clear()
        gc.collect()

    async def test_a_call_under_way_when_the_client_closes_says_so(
        self, sora: FakeSora, client: SoraClient
    ) -> None:
        sora.script("task_1", http_error(500))
        call = asyncio.create_task(client.get_task("task_1"))
        while not sora.requests:
            await asyncio.sleep(0)

        await client.close()

        with pytest.raises((ClientClosedError, ConnectionFailedError)):
            await call

    async def test_closing_may_be_cancelled_and_closes_all_the_same(self, sora: FakeSora) -> None:
        sora.script("task_1", stall())
        client = client_of(sora)
        wait = asyncio.create_task(client.wait_until_complete("task_1").result())
        await asyncio.sleep(1)

        closing = asyncio.create_task(client.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(wait, closing, return_exceptions=True)

        assert [
            resources._transport._session.closed for resources in client._resources_by_loop.values()
        ] == [True]

    async def test_a_closed_client_opens_again(self, sora: FakeSora, client: SoraClient) -> None:
        sora.script("task_1", queued())
        await client.close()
        await client.get_task("task_1")
        await client.close()
        await client.close()

        assert (await client.get_task("task_1")).phase is Phase.QUEUED

    @pytest.mark.parametrize("is_closed", [True, False], ids=["closed", "left open"])
    def test_a_client_made_at_import_time_serves_one_loop_after_the_other(
        self, is_closed: bool
    ) -> None:
        client = SoraClient(api_key=KEY, base_url="http://127.0.0.1:1")

        async def main() -> VideoTask:
            async with FakeSora(api_key=KEY) as sora:
                client._config = attrs.evolve(client._config, base_url=sora.url)
                sora.script("task_1", running(0.1), completed())
                task = await client.wait_until_complete(
                    "task_1", schedule=Schedule(intervals=[0.001])
                )
                if is_closed:
                    await client.close()
                return task

        for _ in range(3):
            assert asyncio.run(main()).is_complete

    def test_a_watch_belongs_to_its_loop(self) -> None:
        client = SoraClient(api_key=KEY, base_url="http://127.0.0.1:1")
        watch = client.wait_until_complete("task_1")

        async def begin() -> None:
            async with FakeSora(api_key=KEY) as sora:
                client._config = attrs.evolve(client._config, base_url=sora.url)
                sora.script("task_1", running(0.1))
                async for _ in watch:
                    break

        async def use() -> None:
            with pytest.raises(RuntimeError, match="another event loop"):
                await watch

        asyncio.run(begin())
        asyncio.run(use())

    async def test_tls_is_verified_and_a_context_can_be_given(self) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            body = b'{"status": "running", "progress": 42}'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            writer.close()

        own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        own.load_cert_chain(TLS / "server.pem")
        server = await asyncio.start_server(answer, "127.0.0.1", ssl=own)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        trusting = ssl.create_default_context(cafile=TLS / "ca.pem")

        async with server:
            async with SoraClient(api_key=KEY, base_url=url, max_retries=0) as strict:
                with pytest.raises(ConnectionFailedError, match="certificate verify failed"):
                    await strict.get_task("task_1")
            async with SoraClient(api_key=KEY, base_url=url, ssl=trusting) as client:
                assert (await client.get_task("task_1")).progress == 0.42

    async def test_a_proxy_of_the_environment_is_used_when_wanted_with_its_password(
        self, sora: FakeSora, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        far = "http://videos.example"
        sora.script("task_1", queued())
        monkeypatch.setenv("HTTP_PROXY", sora.url.replace("//", "//user:word@"))
        arguments: dict[str, Any] = {"base_url": far, "api_key": KEY, "allow_plain_http": True}

        async with SoraClient(**arguments, trust_env=True) as client:
            await client.get_task("task_1")
            await client.get_task("task_1")
        async with SoraClient(**arguments, max_retries=0) as client:
            with pytest.raises(ConnectionFailedError):
                await client.get_task("task_1")

        assert len(sora.requests) == 2
        headers = sora.requests[0][1].headers
        assert headers["Host"] == "videos.example"
        assert headers["Proxy-Authorization"] == "Basic dXNlcjp3b3Jk"
        assert headers["Authorization"] == f"Bearer {KEY}"

    async def test_no_proxy_is_used_for_a_host_that_is_to_have_none(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("NO_PROXY", "videos.invalid")
        arguments: dict[str, Any] = {"base_url": "https://videos.invalid", "max_retries": 0}

        async with SoraClient(api_key=KEY, trust_env=True, **arguments) as client:
            with pytest.raises(
                ConnectionFailedError, match=r"the host name videos\.invalid cannot"
            ):
                await client.get_task("task_1")

    async def test_no_proxy_is_used_for_this_machine(
        self, sora: FakeSora, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sora.script("task_1", queued())
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

        async with client_of(sora, trust_env=True) as client:
            assert (await client.get_task("task_1")).phase is Phase.QUEUED

    async def test_a_netrc_file_never_takes_the_place_of_the_key(
        self, sora: FakeSora, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login user password word\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        sora.script("task_1", queued())

        async with client_of(sora, trust_env=True) as client:
            await client.get_task("task_1")

        assert sora.requests[0][1].headers["Authorization"] == f"Bearer {KEY}"

    async def test_trace_configs_see_every_request(self, sora: FakeSora) -> None:
        sora.script("task_1", queued())
        seen = []
        trace = aiohttp.TraceConfig()

        async def note(session: object, context: object, params: Any) -> None:
            seen.append((params.method, str(params.url)))

        trace.on_request_start.append(note)
        async with client_of(sora, trace_configs=[trace]) as client:
            await client.get_task("task_1")

        assert seen == [("GET", f"{sora.url}/v1/videos/task_1")]


class TestUvloop:
    @pytest.mark.parametrize("is_closed", [True, False], ids=["closed", "left open"])
    def test_a_client_runs_on_it(self, is_closed: bool) -> None:
        uvloop = pytest.importorskip("uvloop")

        async def main() -> set[type[asyncio.AbstractEventLoop]]:
            async with FakeSora(api_key=KEY) as sora:
                client = client_of(
                    sora, schedule=Schedule(intervals=[0.01]), rate_limit=RateLimit(rate=1000)
                )
                for number in range(20):
                    sora.script(f"task_{number}", running(0.1), running(0.5), completed())
                assert (await client.get_task("task_0")).progress == 0.1
                assert (await client.wait_until_complete("task_1")).is_complete
                ids = [f"task_{number}" for number in range(20)]
                outcomes = [outcome async for outcome in client.as_completed(ids)]
                assert all(outcome.result().is_complete for outcome in outcomes)
                news = [one async for one in client.events(["task_0"])]
                assert len(news) == 2
                sora.script("hangs", stall())
                waits = [asyncio.create_task(client.wait_until_complete("hangs").result())]
                waits += [asyncio.create_task(client.get_task("hangs"))]
                await asyncio.sleep(0.01)
                if is_closed:
                    await client.close()
                else:
                    waits[0].cancel()
                    waits[1].cancel()
                ends = await asyncio.gather(*waits, return_exceptions=True)
                assert all(isinstance(end, BaseException) for end in ends)
                return {type(asyncio.get_running_loop())}

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            assert runner.run(main()) == {uvloop.Loop}
        gc.collect()


class TestLogging:
    async def test_polls_are_debug_and_outages_warnings_one_line_each(
        self, sora: FakeSora, client: SoraClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "sora_async")
        sora.script("task_1", running(0.1), http_error(503), http_error(503), completed())

        await client.wait_until_complete("task_1")

        ours = [record for record in caplog.records if record.name == "sora_async"]
        assert [record.levelname for record in ours].count("DEBUG") == 4
        warnings = [record.getMessage() for record in ours if record.levelname == "WARNING"]
        assert len(warnings) == 2
        assert warnings[0].startswith("task task_1: degraded: ")
        assert warnings[1].startswith("task task_1: recovered after ")
        assert all("\n" not in record.getMessage() for record in ours)
        assert KEY not in caplog.text

    async def test_nothing_is_logged_of_a_wait_that_ends_at_its_first_fault(
        self, sora: FakeSora, client: SoraClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.WARNING, "sora_async")
        sora.script("task_1", failed("code", "text"))
        sora.script("task_2", http_error(422))

        for task_id in ("task_1", "task_2"):
            with pytest.raises((TaskFailedError, ResponseError)):
                await client.wait_until_complete(task_id)

        assert [record for record in caplog.records if record.name == "sora_async"] == []


@pytest.mark.parametrize(
    ("method", "errors"),
    [
        (
            SoraClient.wait_until_complete,
            "TaskFailedError WaitTimeoutError OutageError VideoMissingError ClientClosedError "
            "TaskNotFoundError ConnectionFailedError InvalidResponseError ResponseError",
        ),
        (
            SoraClient.create_and_wait,
            "CreateOutcomeUnknownError TaskFailedError WaitTimeoutError OutageError ResponseError "
            "ConnectionFailedError",
        ),
        (
            SoraClient.download,
            "OutputExistsError FileWriteError VideoNotReadyError VideoGoneError NotAVideoError "
            "VariantMissingError VideoTooLargeError UnsafeURLError DownloadTimeoutError "
            "DownloadInterruptedError TaskFailedError SoraError",
        ),
    ],
    ids=["wait_until_complete", "create_and_wait", "download"],
)
def test_the_docstring_names_the_errors_of_the_await(method: Any, errors: str) -> None:
    raised = method.__doc__.partition("Raises:\n")[2]

    assert [name for name in errors.split() if f"{name}: On ``await``" not in raised] == []


@pytest.mark.parametrize("method", [SoraClient.as_completed, SoraClient.events])
def test_the_docstring_says_where_the_errors_of_many_waits_are(method: Any) -> None:
    assert "``outcome.result()`` raises it" in " ".join(method.__doc__.split())
