"""The list of tasks as a hint: fewer requests, the same ends, and trust only once it is earned."""

import asyncio
import logging
import random
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import attrs
import pytest
from aiohttp import web

from sora_async import RateLimit, Schedule, SoraClient, TaskFailedError
from sora_async.dialects import ARK, OPENAI, SGLANG, VLLM
from sora_async.testing import FakeSora, Scenario

EVERY = Schedule(intervals=[5.0])


class Lister:
    """A service with a list that may be wrong in one way."""

    def __init__(self, wrong: str = "") -> None:
        self.wrong = wrong
        self.started: dict[str, float] = {}
        self.lengths: dict[str, float] = {}
        self.polls: list[tuple[float, str]] = []
        self.pages = 0
        self.url = ""
        self.hidden: set[str] = set()

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def add(self, task_id: str, seconds: float) -> None:
        self.started[task_id], self.lengths[task_id] = self.now(), seconds

    def body(self, task_id: str, *, is_listed: bool = False) -> dict[str, Any]:
        age = self.now() - self.started[task_id]
        is_done = age >= self.lengths[task_id] and not (is_listed and self.wrong == "stale")
        body: dict[str, Any] = {
            "id": task_id,
            "object": "video",
            "status": "completed" if is_done else "in_progress",
            "created_at": round(1_790_000_000 + self.started[task_id]),
        }
        if is_done and not is_listed:
            body["video_url"] = f"{self.url}/{task_id}.mp4"
        return body

    async def poll(self, request: web.Request) -> web.Response:
        task_id = request.match_info["id"]
        self.polls.append((self.now(), task_id))
        if self.wrong == "slow":
            await asyncio.sleep(4)
        return web.json_response(self.body(task_id))

    async def list(self, request: web.Request) -> web.Response:
        self.pages += 1
        if self.wrong in ("404", "500"):
            return web.json_response({"error": {"message": "no"}}, status=int(self.wrong))
        if self.wrong == "no list":
            return web.json_response({"id": "x", "status": "queued"})
        ids = sorted(self.started, key=self.started.__getitem__, reverse=True)
        ids = [task_id for task_id in ids if task_id not in self.hidden]
        if self.wrong == "order":
            ids.reverse()
        if self.wrong == "lacks one":
            ids = ids[:-1]
        after = request.query.get("after")
        first = ids.index(after) + 1 if after in ids else 0
        size = 1000 if self.wrong == "large" else int(request.query["limit"])
        shown = ids[first : first + size]
        data: list[Any] = [self.body(task_id, is_listed=True) for task_id in shown]
        if self.wrong == "odd entries":
            data += [7, {"status": "queued"}]
        has_more = first + size < len(ids)
        return web.json_response({"object": "list", "data": data, "has_more": has_more})

    @asynccontextmanager
    async def serving(self, **options: Any) -> AsyncIterator[SoraClient]:
        app = web.Application()
        app.router.add_get("/v1/videos", self.list)
        app.router.add_get("/v1/videos/{id}", self.poll)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        arguments = {"dialect": VLLM, "schedule": EVERY, **options}
        async with SoraClient(base_url=self.url, **arguments) as client:
            yield client
        await runner.cleanup()


async def wait_for_all(service: Lister, client: SoraClient, lengths: list[float]) -> list[float]:
    """Return how late the end of each task was seen."""

    async def wait(task_id: str) -> float:
        await client.wait_until_complete(task_id, timeout=None)
        return service.now() - service.started[task_id] - service.lengths[task_id]

    for number, seconds in enumerate(lengths):
        service.add(f"task_{number}", seconds)
    return await asyncio.gather(*map(wait, service.started))


def lengths(count: int, *, low: float = 60, high: float = 400) -> list[float]:
    chance = random.Random(7)
    return [chance.uniform(low, high) for _ in range(count)]


async def compare(count: int, *, rate: float) -> dict[bool, tuple[float, int]]:
    """Return mean delay and number of requests, with the list and without it."""
    found = {}
    for is_live in (True, False):
        service = Lister()
        dialect = attrs.evolve(VLLM, list_is_live=is_live)
        limit = RateLimit(rate=rate, burst=5)
        async with service.serving(dialect=dialect, rate_limit=limit) as client:
            late = await wait_for_all(service, client, lengths(count))
        found[is_live] = statistics.mean(late), len(service.polls) + service.pages
    return found


async def test_hundreds_of_waits_are_seen_each_second_under_a_low_rate_limit() -> None:
    found = await compare(300, rate=5)

    assert found[True][0] < 1.5
    assert found[True][0] < found[False][0] / 10
    assert found[True][1] < found[False][1]


async def test_a_few_waits_need_fewer_requests_at_no_more_delay() -> None:
    found = await compare(20, rate=50)

    assert found[True][1] < found[False][1] * 0.7
    assert found[True][0] < found[False][0] * 1.1


async def test_fewer_waits_than_five_never_ask_for_the_list() -> None:
    service = Lister()
    async with service.serving() as client:
        await wait_for_all(service, client, lengths(4))

    assert service.pages == 0


async def test_a_dialect_whose_list_is_not_live_is_not_asked_for_it() -> None:
    service = Lister()
    async with service.serving(dialect=OPENAI) as client:
        await wait_for_all(service, client, lengths(20, high=90))

    assert service.pages == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("stale", "as running, which has ended"),
        ("order", "not in the order"),
        ("lacks one", "it lacks task task_0"),
        ("large", "where 100 were asked for"),
    ],
)
async def test_a_list_that_does_not_fit_is_switched_off_with_one_warning(
    wrong: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    service = Lister(wrong)
    count = 150 if wrong == "large" else 30
    seconds = [60.0 + number for number in range(count)]
    async with service.serving(rate_limit=RateLimit(rate=None)) as client:
        for number, one in enumerate(seconds):
            service.add(f"task_{number}", one)
            await asyncio.sleep(1)
        late = await asyncio.gather(
            *(client.wait_until_complete(task_id).result() for task_id in service.started)
        )

    warnings = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(late) == count
    assert len(warnings) == 1
    assert message in warnings[0]


async def test_a_server_without_a_list_is_asked_once_and_in_silence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = Lister("404")
    async with service.serving() as client:
        await wait_for_all(service, client, lengths(20, high=90))

    assert service.pages == 1
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("wrong", ["500", "no list"])
async def test_a_list_that_fails_is_left_alone_for_a_minute(wrong: str) -> None:
    service = Lister(wrong)
    async with service.serving() as client:
        late = await wait_for_all(service, client, lengths(20, low=100, high=110))

    assert statistics.mean(late) < 5.0
    assert 3 <= service.pages <= 8


async def test_entries_that_are_no_tasks_are_passed_over() -> None:
    service = Lister("odd entries")
    async with service.serving() as client:
        late = await wait_for_all(service, client, lengths(20, high=90))

    assert statistics.mean(late) < 5.0


async def test_the_tasks_of_strangers_cost_few_pages() -> None:
    service = Lister()
    async with service.serving() as client:
        for number in range(10):
            service.add(f"task_{number}", 120.0)
        await asyncio.sleep(5)
        for number in range(2000):
            service.add(f"stranger_{number}", 600.0)
        await asyncio.gather(
            *(client.wait_until_complete(f"task_{number}").result() for number in range(10))
        )

    assert service.pages <= 3 * (3 + 1)


async def test_closing_the_client_stops_the_sweeps() -> None:
    service = Lister()
    async with service.serving() as client:
        waits = [asyncio.ensure_future(wait_for_all(service, client, lengths(20)))]
        await asyncio.sleep(30)
        await client.close()
        await asyncio.gather(*waits, return_exceptions=True)
        pages = service.pages
        await asyncio.sleep(60)

    assert pages == service.pages > 0
    assert "sweep list" not in {task.get_name() for task in asyncio.all_tasks()}


@pytest.mark.parametrize(("shape", "dialect"), [("vllm", VLLM), ("sglang", SGLANG)])
async def test_the_lists_of_real_servers_are_taken(
    shape: Any, dialect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        FakeSora(shape=shape) as sora,
        SoraClient(base_url=sora.url, dialect=dialect, schedule=EVERY) as client,
    ):
        ids = [sora.add(Scenario(queued=5, running=100)) for _ in range(30)]
        await asyncio.gather(*(client.wait_until_complete(one).result() for one in ids))
        lists = [request for _, request in sora.requests if request.path == "/v1/videos"]

    assert lists
    assert [one.message for one in caplog.records if one.levelno >= logging.WARNING] == []


async def test_a_poll_under_way_is_not_sent_again_for_the_list() -> None:
    service = Lister("slow")
    async with service.serving() as client:
        late = await wait_for_all(service, client, lengths(20, high=120))
        last = {task_id: moment for moment, task_id in service.polls}
        near = [
            (moment, task_id)
            for moment, task_id in service.polls
            if any(0 < moment - other < 4 for other, one in service.polls if one == task_id)
        ]

    assert statistics.mean(late) < 12
    assert len(last) == 20
    assert near == []


async def test_videos_are_taken_from_a_list_that_polls_have_confirmed() -> None:
    service = Lister()
    async with service.serving(rate_limit=RateLimit(rate=None)) as client:
        late = await wait_for_all(service, client, [60.0 + number for number in range(40)])
    polled_after_their_end = {
        task_id
        for moment, task_id in service.polls
        if moment >= service.started[task_id] + service.lengths[task_id]
    }

    assert statistics.mean(late) < 1.5
    assert {"task_0", "task_1", "task_2"} <= polled_after_their_end
    assert len(polled_after_their_end) < 15


async def test_an_entry_with_neither_address_nor_content_is_polled() -> None:
    service = Lister()
    dialect = attrs.evolve(VLLM, content_path=None)
    async with service.serving(dialect=dialect, rate_limit=RateLimit(rate=None)) as client:
        await wait_for_all(service, client, [60.0 + number for number in range(40)])
    polled_after_their_end = {
        task_id
        for moment, task_id in service.polls
        if moment >= service.started[task_id] + service.lengths[task_id]
    }

    assert polled_after_their_end == set(service.started)


async def test_a_wait_for_the_url_goes_on_after_a_listed_video_without_one() -> None:
    service = Lister()
    async with service.serving(rate_limit=RateLimit(rate=None)) as client:
        for number in range(40):
            service.add(f"task_{number}", 60.0 + number)
        tasks = await asyncio.gather(
            *(
                client.wait_until_complete(one, until="video_url").result()
                for one in service.started
            )
        )

    assert {task.video_url for task in tasks} == {
        f"{service.url}/{one}.mp4" for one in service.started
    }


async def test_failures_in_the_list_are_polled_for_their_reason() -> None:
    async with (
        FakeSora(shape="vllm") as sora,
        SoraClient(base_url=sora.url, dialect=VLLM, schedule=EVERY) as client,
    ):
        ids = [
            sora.add(Scenario(queued=0, running=90, failure=("moderation", "blocked")))
            for _ in range(20)
        ]
        ended = await asyncio.gather(
            *(client.wait_until_complete(one).result() for one in ids), return_exceptions=True
        )

    assert all(isinstance(one, TaskFailedError) and one.task.failure for one in ended)


async def test_a_list_with_a_filter_is_asked_for_the_tasks_that_are_due(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with (
        FakeSora(shape="ark") as sora,
        SoraClient(base_url=sora.url, dialect=ARK, rate_limit=RateLimit(rate=None)) as client,
    ):
        strangers = [sora.add(Scenario(queued=0, running=600)) for _ in range(200)]
        ids = [sora.add(Scenario(queued=0, running=100 + number / 4)) for number in range(130)]
        tasks = await asyncio.gather(*(client.wait_until_complete(one).result() for one in ids))
        queries = [
            parse_qs(one.query) for _, one in sora.requests if "filter.task_ids" in one.query
        ]

    assert all(task.video_url for task in tasks)
    assert max(len(one["filter.task_ids"]) for one in queries) == 100
    assert all(set(one["filter.task_ids"]) <= set(ids) for one in queries)
    assert not {"order", "limit", "after"} & {name for one in queries for name in one}
    assert not any(sora.polls(one) for one in strangers)
    assert [one.message for one in caplog.records if one.levelno >= logging.WARNING] == []


async def test_a_list_with_a_filter_that_lacks_a_task_is_switched_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    service = Lister("lacks one")
    dialect = attrs.evolve(VLLM, list_ids_field="ids")
    async with service.serving(dialect=dialect, rate_limit=RateLimit(rate=None)) as client:
        await wait_for_all(service, client, [60.0] * 30)

    [warning] = [one.message for one in caplog.records if one.levelno >= logging.WARNING]
    assert "it lacks task" in warning


async def test_a_live_list_of_numbered_pages_is_read_by_their_numbers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dialect = attrs.evolve(ARK, list_ids_field=None)
    async with (
        FakeSora(shape="ark") as sora,
        SoraClient(base_url=sora.url, dialect=dialect, rate_limit=RateLimit(rate=None)) as client,
    ):
        ids = [sora.add(Scenario(queued=0, running=100 + number / 4)) for number in range(150)]
        await asyncio.gather(*(client.wait_until_complete(one).result() for one in ids))
        numbers = {
            parse_qs(one.query)["page_num"][0]
            for _, one in sora.requests
            if "page_num" in one.query
        }

    assert numbers == {"1", "2"}
    assert [one.message for one in caplog.records if one.levelno >= logging.WARNING] == []


async def test_polls_go_on_as_usual_until_the_list_must_show_each_task() -> None:
    service = Lister()
    async with service.serving(rate_limit=RateLimit(rate=None)) as client:
        waits = [asyncio.ensure_future(wait_for_all(service, client, [200.0] * 100))]
        await asyncio.sleep(60)
        moments = [moment for moment, task_id in service.polls if task_id == "task_0"]
        waits[0].cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    start = service.started["task_0"]
    assert 3 <= sum(moment - start < 13 for moment in moments) <= 4
    assert sum(moment - start >= 13 for moment in moments) <= 4


async def test_a_sweep_ends_where_the_oldest_awaited_task_is_passed() -> None:
    service = Lister()
    async with service.serving(rate_limit=RateLimit(rate=None)) as client:
        for number in range(3000):
            service.add(f"stranger_{number}", 600.0)
        await asyncio.sleep(5)
        for number in range(200):
            service.add(f"task_{number}", 100.0)
        waits = [
            asyncio.create_task(client.wait_until_complete(f"task_{number}").result())
            for number in range(200)
        ]
        await asyncio.sleep(5)
        service.hidden = {"task_7", "task_8"}
        before = service.pages
        await asyncio.sleep(1.5)
        pages = service.pages - before
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    assert 1 <= pages <= 6
