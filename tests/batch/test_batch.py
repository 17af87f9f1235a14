"""Many prompts in, many files out."""

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support import KEY, client_of, count_creates, run_python

from sora_async import (
    BatchEvent,
    BatchOutcome,
    ClientClosedError,
    ConnectionFailedError,
    CreateOutcomeUnknownError,
    DownloadEvent,
    FileWriteError,
    InsufficientQuotaError,
    InvalidArgumentError,
    JournalError,
    OutputExistsError,
    ProgressEvent,
    RateLimit,
    RateLimitError,
    ResponseError,
    SoraClient,
    SoraError,
    TaskFailedError,
    VideoFile,
    WaitTimeoutError,
)
from sora_async._batch.items import BatchItems
from sora_async._batch.journal import Journal
from sora_async.testing import (
    FakeSora,
    Scenario,
    accepted,
    http_error,
    queued,
    raw,
    reset,
    slow,
    video_file,
)

Clock = Callable[[], float]
LIFE = Scenario(queued=5, running=95)
NO_MONEY = http_error(
    403, {"error": {"message": "quota", "type": "new_api_error", "code": "insufficient_user_quota"}}
)


@contextlib.asynccontextmanager
async def service(**options: Any) -> AsyncIterator[tuple[FakeSora, SoraClient]]:
    options = {"shape": "openai", "default_scenario": LIFE, **options}
    async with (
        FakeSora(api_key=KEY, **options) as sora,
        client_of(sora, dialect="unified" if options["shape"] == "unified" else None) as client,
    ):
        yield sora, client


async def carry_out(
    client: SoraClient, items: object, output_dir: Path, **options: Any
) -> list[BatchOutcome]:
    return [one async for one in client.batch(items, output_dir=output_dir, **options)]  # type: ignore[arg-type]


async def test_every_prompt_becomes_a_file(tmp_path: Path) -> None:
    prompts = [f"boat number {number}" for number in range(12)]
    async with service() as (sora, client):
        outcomes = await carry_out(client, prompts, tmp_path / "videos")

    assert sorted(str(one.item) for one in outcomes) == sorted(prompts)
    for one in outcomes:
        assert one.error is None
        assert one.file is not None
        assert one.path is not None
        assert one.file.path == one.path
        assert one.path.stat().st_size == one.file.size > 500
        assert one.path.name.startswith("boat-number-")
    assert count_creates(sora) == 12


async def test_items_may_come_as_they_are_thought_of(tmp_path: Path) -> None:
    async def items() -> AsyncIterator[str]:
        for name in "ab":
            await asyncio.sleep(30)
            yield name

    async with service() as (_, client):
        outcomes = await carry_out(client, items(), tmp_path)

    assert [one.item for one in outcomes if one.error is None] == ["a", "b"]


async def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    async with service() as (sora, client):
        first = await carry_out(client, ["a", "b"], tmp_path)
        before = len(sora.requests)
        again = await carry_out(client, ["a", "b"], tmp_path)
        more = await carry_out(client, ["a", "b", "c"], tmp_path)

    asked = {request.endpoint for _, request in sora.requests[before:]}
    assert {one.path for one in first} == {one.path for one in again}
    assert [one.error for one in [*again, *more]] == [None] * 5
    assert count_creates(sora) == 3
    assert asked <= {"list", "create", "poll", "content"}


async def test_a_file_that_was_removed_is_fetched_again(tmp_path: Path) -> None:
    async with service() as (sora, client):
        [one] = await carry_out(client, ["a"], tmp_path)
        assert one.path is not None
        one.path.unlink()
        [again] = await carry_out(client, ["a"], tmp_path)

    assert again.path is not None
    assert again.path.exists()
    assert count_creates(sora) == 1


@pytest.mark.parametrize("size", [0, 77])
async def test_a_saved_file_is_believed_only_if_it_has_its_size(size: int, tmp_path: Path) -> None:
    async with service() as (sora, client):
        [one] = await carry_out(client, ["a"], tmp_path)
        assert one.path is not None
        one.path.write_bytes(bytes(size))
        [again] = await carry_out(client, ["a"], tmp_path)

    assert count_creates(sora) == 1
    if size:
        assert isinstance(again.error, OutputExistsError)
        assert "has 77 bytes" in str(again.error)
        assert one.path.read_bytes() == bytes(size)
    else:
        assert (again.file and again.file.size) == (one.file and one.file.size)


async def test_nothing_is_created_that_cannot_be_saved(tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    async with service() as (sora, client):
        outcomes = []
        batch = client.batch(
            [f"p{number}" for number in range(30)],
            output_dir=folder,
            journal=tmp_path / "batch.jsonl",
            max_creates=1,
            max_waits=3,
        )
        async for outcome in batch:
            outcomes.append(outcome)
            if len(outcomes) == 5:
                shutil.rmtree(folder)
        before = count_creates(sora)
        again = await carry_out(
            client, [f"p{number}" for number in range(30)], folder, journal=tmp_path / "batch.jsonl"
        )

    assert len(outcomes) == 30
    errors = [one.error for one in outcomes if one.error is not None]
    assert {type(error) for error in errors} == {FileWriteError}
    assert before < 12
    assert all(str(one.path) in str(one.error) for one in outcomes if one.error is not None)
    assert [one.error for one in again] == [None] * 30
    assert count_creates(sora) == 30


async def test_a_file_that_only_one_item_cannot_write_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "one.mp4.part").mkdir()
    items = [{"prompt": name, "name": name} for name in ("one", "two", "three")]
    async with service() as (sora, client):
        outcomes = await carry_out(client, items, tmp_path, max_creates=1, max_waits=1)

    errors = {one.path and one.path.name: type(one.error) for one in outcomes}
    assert errors == {"one.mp4": FileWriteError, "two.mp4": type(None), "three.mp4": type(None)}
    assert count_creates(sora) == 3


async def test_the_stages_have_their_limits(tmp_path: Path) -> None:
    prompts = [f"p{number}" for number in range(30)]
    async with service() as (sora, client):
        sora.on_create(*(slow(2.0, queued()) for _ in prompts))
        under_way: list[int] = []

        async def watch() -> None:
            while True:
                under_way.append(
                    sum(1 for task in sora.tasks if task.state_at(clock()).phase != "succeeded")  # type: ignore[union-attr]
                )
                await asyncio.sleep(1)

        clock = asyncio.get_running_loop().time
        watching = asyncio.create_task(watch())
        outcomes = await carry_out(client, prompts, tmp_path, max_creates=2, max_waits=5)
        watching.cancel()

    sent = [at for at, request in sora.requests if request.endpoint == "create"]
    assert all(one.error is None for one in outcomes)
    assert 4 <= max(under_way) <= 5
    assert all(later - earlier > 1.9 for earlier, later in zip(sent, sent[2:], strict=False))


async def test_a_slow_reader_holds_the_batch_up(tmp_path: Path) -> None:
    def prompts() -> Iterator[str]:
        for number in range(1000):
            taken.append(number)
            yield f"p{number}"

    taken: list[int] = []
    async with service() as (_, client):
        outcomes = client.batch(prompts(), output_dir=tmp_path, max_waits=3, max_downloads=2)
        await anext(outcomes)
        await asyncio.sleep(5000)
        await outcomes.aclose()

    assert len(taken) <= 8


async def test_failures_are_outcomes_and_end_nothing(tmp_path: Path) -> None:
    refused = http_error(400, {"error": {"message": "prompt too long", "code": "invalid_prompt"}})
    async with service() as (sora, client):
        sora.on_create(refused, queued())
        outcomes = await carry_out(client, ["a", "b", 7, {"prompt": ""}], tmp_path, max_creates=1)

    errors = {str(one.item): type(one.error) for one in outcomes}
    assert errors == {
        "a": ResponseError,
        "b": type(None),
        "7": InvalidArgumentError,
        "{'prompt': ''}": InvalidArgumentError,
    }


@pytest.mark.parametrize("endpoint", ["list", "create", "poll", "content"])
@pytest.mark.parametrize("bug", [KeyError, AssertionError, TypeError, LookupError, MemoryError])
async def test_a_bug_in_one_item_ends_no_other(
    endpoint: str, bug: type[Exception], tmp_path: Path
) -> None:
    """A trace configuration is code of the user's: what it raises is no error of ours."""
    met: list[str] = []

    async def fail_once(session: object, context: object, params: Any) -> None:
        path = params.url.path
        kinds = {"list": path.endswith("/videos") and params.method == "GET"}
        kinds |= {"create": params.method == "POST", "content": path.endswith("/content")}
        kinds["poll"] = not any(kinds.values())
        if kinds[endpoint] and not met:
            met.append(path)
            raise bug("secret-of-the-user")

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(fail_once)
    async with (
        FakeSora(shape="openai", default_scenario=LIFE) as sora,
        SoraClient(base_url=sora.url, trace_configs=[trace]) as client,
    ):
        outcomes = await carry_out(client, ["a", "b", "c"], tmp_path, max_creates=1)
        again = await carry_out(client, ["a", "b", "c"], tmp_path)

    assert met
    errors = [one.error for one in outcomes if one.error is not None]
    assert len(outcomes) == 3
    assert len(errors) == (0 if endpoint == "list" else 1)
    assert all(isinstance(error, SoraError) for error in errors)
    assert "secret-of-the-user" not in "".join(map(str, errors))
    assert sum(one.error is None for one in again) >= 2
    assert count_creates(sora) <= 3


async def test_a_task_that_failed_is_not_created_again(tmp_path: Path) -> None:
    scenario = Scenario(queued=1, running=9, failure=("moderation_blocked", "no"))
    async with service(default_scenario=scenario) as (sora, client):
        [one] = await carry_out(client, ["a"], tmp_path)
        before = len(sora.requests)
        [again] = await carry_out(client, ["a"], tmp_path)

    for outcome in (one, again):
        assert isinstance(outcome.error, TaskFailedError)
        assert outcome.error.failure.code == "moderation_blocked"
        assert outcome.task_id == sora.tasks[0].id
    assert [request.endpoint for _, request in sora.requests[before:]] == ["list"]


async def test_a_create_that_was_refused_is_sent_again_by_a_later_run(tmp_path: Path) -> None:
    async with service() as (sora, client):
        sora.on_create(http_error(400, {"error": {"message": "no", "code": "bad"}}))
        [one] = await carry_out(client, ["a"], tmp_path)
        [again] = await carry_out(client, ["a"], tmp_path)

    assert isinstance(one.error, ResponseError)
    assert again.error is None
    assert len(sora.tasks) == 1


async def test_a_full_service_is_asked_again_later(tmp_path: Path) -> None:
    async with service() as (sora, client):
        sora.on_create(http_error(429), http_error(429, headers={"Retry-After": "20"}))
        [one] = await carry_out(client, ["a"], tmp_path)

    assert one.error is None
    sent = [at for at, request in sora.requests if request.endpoint == "create"]
    assert len(sent) == 3
    assert sent[2] - sent[1] >= 20


async def test_a_service_that_stays_full_ends_with_its_own_error(tmp_path: Path) -> None:
    async with service() as (sora, client):
        sora.on_create(*(http_error(429) for _ in range(1000)))
        [one] = await carry_out(client, ["a"], tmp_path, timeout=300)

    assert isinstance(one.error, RateLimitError)
    assert sora.tasks == []


async def test_a_service_that_is_away_for_a_while_is_waited_for(tmp_path: Path) -> None:
    async with service() as (sora, client):
        await sora.close()
        batch = asyncio.create_task(carry_out(client, ["a", "b"], tmp_path))
        await asyncio.sleep(40)
        await sora.start()
        outcomes = await batch

    assert [one.error for one in outcomes] == [None] * 2
    assert len(sora.tasks) == 2


async def test_without_a_service_nothing_more_is_tried(tmp_path: Path, now: Clock) -> None:
    async with service() as (sora, client):
        await sora.close()
        outcomes = await carry_out(client, [f"p{number}" for number in range(200)], tmp_path)

    assert {type(one.error) for one in outcomes} == {ConnectionFailedError}
    assert now() < 210  # 120 s of an outage, the pause of another item, and retries


async def test_without_money_nothing_more_is_created(tmp_path: Path) -> None:
    async with service() as (sora, client):
        sora.on_create(queued(), NO_MONEY)
        outcomes = await carry_out(client, ["a", "b", "c", "d"], tmp_path, max_creates=1)
        again = await carry_out(client, ["a", "b", "c", "d"], tmp_path)

    assert [type(one.error) for one in sorted(outcomes, key=lambda one: str(one.item))] == [
        type(None),
        *(InsufficientQuotaError,) * 3,
    ]
    assert count_creates(sora) == 2 + 3
    assert [one.error for one in again] == [None] * 4


async def leave_create(folder: Path, **details: Any) -> Path:
    """Record a create, as a run does that is killed right after it; return the journal."""
    path = folder / "batch.jsonl"
    async with Journal(path) as journal:
        await journal.record(BatchItems(folder).add("a").key, "creating", **details)
    return path


class TestReconcile:
    @pytest.mark.parametrize("is_made", [True, False])
    async def test_what_a_killed_run_has_sent_is_looked_for(
        self, is_made: bool, tmp_path: Path
    ) -> None:
        async with service() as (sora, client):
            await carry_out(client, ["an older one"], tmp_path)
            newest = sora.tasks[-1].id
            await leave_create(tmp_path, arguments={"prompt": "a"}, newest_task=newest)
            if is_made:
                sora.add(LIFE, prompt="a")
                sora.add(LIFE, prompt="somebody else's")
            [one] = await carry_out(client, ["a"], tmp_path)

        assert one.error is None
        assert count_creates(sora) == (1 if is_made else 2)

    async def test_an_older_task_of_the_same_prompt_is_not_taken_for_it(
        self, tmp_path: Path
    ) -> None:
        async with service() as (sora, client):
            old = sora.add(LIFE, prompt="a")
            await leave_create(tmp_path, arguments={"prompt": "a"}, newest_task=old)
            [one] = await carry_out(client, ["a"], tmp_path)

        assert one.task_id not in (None, old)

    async def test_where_there_is_no_list_it_is_not_sent_again(self, tmp_path: Path) -> None:
        async with service(shape="unified") as (sora, client):
            sora.on_create(accepted(reset()))
            outcomes = await carry_out(client, ["a", "b"], tmp_path, max_creates=1)
            again = await carry_out(client, ["a", "b"], tmp_path)

        for run in (outcomes, again):
            errors = {str(one.item): type(one.error) for one in run}
            assert errors == {"a": CreateOutcomeUnknownError, "b": type(None)}
        assert count_creates(sora) == 2
        assert len(sora.tasks) == 2

    async def test_an_answer_that_broke_off_is_made_good_by_the_next_run(
        self, tmp_path: Path
    ) -> None:
        async with service() as (sora, client):
            sora.on_create(accepted(reset()), queued(), accepted(http_error(502)))
            outcomes = await carry_out(client, ["a", "b", "c"], tmp_path, max_creates=1)
            again = await carry_out(client, ["a", "b", "c"], tmp_path)

        errors = {str(one.item): type(one.error) for one in outcomes}
        assert errors == {
            "a": CreateOutcomeUnknownError,
            "b": type(None),
            "c": CreateOutcomeUnknownError,
        }
        assert [one.error for one in again] == [None] * 3
        assert len({one.task_id for one in again}) == 3
        assert count_creates(sora) == len(sora.tasks) == 3

    async def test_a_response_that_names_no_id_is_recorded_and_not_waited_for_again(
        self, tmp_path: Path, now: Clock
    ) -> None:
        async with service(shape="unified") as (sora, client):
            sora.on_create(accepted(raw({"accepted": True})))
            [one] = await carry_out(client, ["a"], tmp_path)
            before = now()
            [again] = await carry_out(client, ["a"], tmp_path)

        for outcome in (one, again):
            assert isinstance(outcome.error, CreateOutcomeUnknownError)
        assert one.error is not None and again.error is not None
        assert again.error.reason == one.error.reason  # type: ignore[union-attr]
        assert now() - before < 1
        assert count_creates(sora) == 1
        assert '"unidentified"' in (tmp_path / "batch.jsonl").read_text("utf-8")

    async def test_a_create_of_long_ago_is_looked_up_at_once(
        self, tmp_path: Path, now: Clock
    ) -> None:
        async with service() as (sora, client):
            path = await leave_create(tmp_path, arguments={"prompt": "a"}, newest_task=None)
            line = json.loads(path.read_text("utf-8"))
            path.write_text(
                json.dumps({**line, "at": line["at"] - 40, "boot_time": ["", 0]}) + "\n"
            )
            batch = client.batch_events(["a"], output_dir=tmp_path)
            before = now()
            await anext(batch)
            waited = now() - before
            await batch.aclose()

        assert waited < 1
        assert sora.tasks == []

    @pytest.mark.parametrize("day", [86_400.0, -86_400.0])
    async def test_a_clock_that_was_set_by_a_day_neither_shortens_nor_lengthens_the_delay(
        self, tmp_path: Path, now: Clock, day: float
    ) -> None:
        async with service() as (sora, client):
            path = await leave_create(tmp_path, arguments={"prompt": "a"}, newest_task=None)
            line = json.loads(path.read_text("utf-8"))
            path.write_text(json.dumps({**line, "at": line["at"] - day}) + "\n")
            asyncio.get_running_loop().call_later(20, lambda: sora.add(prompt="a"))
            before = now()

            [one] = await carry_out(client, ["a"], tmp_path)

        # The service lists the task of the create that was just sent after 20 s only.
        assert one.error is None and one.file is not None
        assert (count_creates(sora), len(sora.tasks)) == (0, 1)
        assert now() - before > 29

    async def test_a_create_of_unknown_age_is_not_sent_again(self, tmp_path: Path) -> None:
        async with service() as (sora, client):
            await leave_create(tmp_path)
            [one] = await carry_out(client, ["a"], tmp_path)

        assert isinstance(one.error, CreateOutcomeUnknownError)
        assert sora.tasks == []


FULL = """
import asyncio, resource, sys
from pathlib import Path
from sora_async import SoraClient
from sora_async.testing import FakeSora, Scenario, VirtualTimeLoop

async def fill(sora, journal):
    while not sora.tasks:
        await asyncio.sleep(0.001)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.stat().st_size + 10, -1))

async def main(out):
    scenario = Scenario(queued=1, running=9)
    async with FakeSora(shape="openai", default_scenario=scenario) as sora:
        sora.on_create(slow(1.0, queued()))
        async with SoraClient(base_url=sora.url) as client:
            filling = asyncio.create_task(fill(sora, out / "batch.jsonl"))
            items = ["a " * 2000, "b", "c"]
            async for one in client.batch(items, output_dir=out, max_creates=1, max_waits=1):
                print(str(one.item)[:1], type(one.error).__name__, one.task_id is not None)
            await filling
            print(len(sora.tasks))

from sora_async.testing import queued, slow
with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
    runner.run(main(Path(sys.argv[1])))
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))  # whoever counts lines writes at the end
"""


def test_a_full_disk_creates_nothing_more_and_loses_nothing(tmp_path: Path) -> None:
    ended = run_python(FULL, str(tmp_path))

    assert sorted(ended.stdout.splitlines()) == [
        "1",
        "a NoneType True",
        "b JournalError False",
        "c JournalError False",
    ]
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(list(tmp_path.glob("*.mp4"))) == 1


async def test_stopping_loses_no_create_under_way(tmp_path: Path) -> None:
    async with service() as (sora, client):
        sora.on_create(slow(20.0, queued()))
        outcomes = client.batch(["a"], output_dir=tmp_path)
        first = asyncio.ensure_future(anext(outcomes))
        await asyncio.sleep(5)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        [one] = await carry_out(client, ["a"], tmp_path)

    assert one.error is None
    assert count_creates(sora) == 1


async def test_closing_the_client_ends_its_batches(tmp_path: Path) -> None:
    async with service() as (sora, client):
        outcomes = client.batch(
            [f"p{number}" for number in range(60)], output_dir=tmp_path, max_waits=5
        )
        reading = asyncio.ensure_future(anext(outcomes))
        await asyncio.sleep(30)
        before = count_creates(sora)
        await client.close()
        with pytest.raises(ClientClosedError):
            await reading
        await asyncio.sleep(500)

    assert count_creates(sora) == before == 5


async def test_leaving_the_loop_loses_no_id_although_the_client_is_closed_first(
    tmp_path: Path,
) -> None:
    async with service() as (sora, client):
        sora.on_create(*(slow(60.0, queued()) for _ in range(2)))
        outcomes = client.batch(["a", "b"], output_dir=tmp_path, max_waits=2)
        first = asyncio.ensure_future(anext(outcomes))
        await asyncio.sleep(10)
        await client.close()
        with pytest.raises(ClientClosedError):
            await first

    lines = (tmp_path / "batch.jsonl").read_text("utf-8")
    assert {task.id for task in sora.tasks} == set(re.findall(r'"task_id": "(\w+)"', lines))


async def test_a_create_that_was_not_sent_yet_is_not_sent_after_a_stop(
    tmp_path: Path, now: Clock
) -> None:
    async with (
        FakeSora(shape="openai", default_scenario=LIFE) as sora,
        SoraClient(base_url=sora.url, rate_limit=RateLimit(rate=1 / 50, burst=1)) as client,
    ):
        outcomes = client.batch(["a", "b", "c"], output_dir=tmp_path, max_creates=3)
        first = asyncio.ensure_future(anext(outcomes))
        await asyncio.sleep(60)
        sent, stopped = count_creates(sora), now()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert now() - stopped < 1
        await asyncio.sleep(300)

        assert count_creates(sora) == sent == 1


async def test_a_mapping_that_is_filled_anew_makes_an_item_each_time(tmp_path: Path) -> None:
    def items() -> Iterator[dict[str, str]]:
        order: dict[str, str] = {}
        for name in "abc":
            order["prompt"] = name
            yield order

    async with service() as (sora, client):
        await carry_out(client, items(), tmp_path)

    assert sorted(task.create.prompt for task in sora.tasks) == ["a", "b", "c"]


async def test_a_file_that_appears_meanwhile_is_never_taken_for_the_video(tmp_path: Path) -> None:
    async with service() as (sora, client):
        order = {"prompt": "a", "name": "boat.mp4"}
        batch = asyncio.create_task(carry_out(client, [order], tmp_path))
        await asyncio.sleep(50)
        (tmp_path / "boat.mp4").write_bytes(b"mine")
        [one] = await batch
        [again] = await carry_out(client, [order], tmp_path)
        (tmp_path / "boat.mp4").unlink()
        [then] = await carry_out(client, [order], tmp_path)

    assert isinstance(one.error, OutputExistsError)
    assert isinstance(again.error, OutputExistsError)
    assert then.error is None
    assert count_creates(sora) == 1


async def test_a_full_service_and_an_outage_are_counted_apart(tmp_path: Path) -> None:
    full = http_error(429, headers={"Retry-After": "80"})
    async with service() as (sora, client):
        sora.on_create(full, full, full)
        batch = asyncio.create_task(carry_out(client, ["a"], tmp_path))
        while count_creates(sora) < 3:
            await asyncio.sleep(1)
        await sora.close()
        await asyncio.sleep(90)
        await sora.start()
        [one] = await batch

    assert one.error is None


async def test_a_wait_that_ran_out_goes_on_in_the_next_run(tmp_path: Path) -> None:
    async with service(default_scenario=Scenario(queued=0, running=500)) as (sora, client):
        [one] = await carry_out(client, ["a"], tmp_path, timeout=100)
        [again] = await carry_out(client, ["a"], tmp_path)

    assert isinstance(one.error, WaitTimeoutError)
    assert one.task_id == again.task_id == sora.tasks[0].id
    assert one.task is not None
    assert again.error is None


async def test_a_journal_that_cannot_be_used_is_an_error_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    (tmp_path / "batch.jsonl").write_text("rubbish\n", "utf-8")
    async with service() as (sora, client):
        with pytest.raises(JournalError, match="line 1"):
            await carry_out(client, ["a"], tmp_path)

    assert sora.requests == []


async def test_a_folder_that_cannot_be_written_is_an_error_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    async with service() as (sora, client):
        with pytest.raises(InvalidArgumentError, match="output_dir: "):
            await carry_out(client, ["a"], tmp_path / "file")

    assert sora.requests == []


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB; only root can have one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


async def test_a_full_disk_is_an_error_before_anything_is_sent(full_disk: Path) -> None:
    async with service() as (sora, client):
        with pytest.raises(InvalidArgumentError, match="No space left"):
            await carry_out(client, ["a"], full_disk)

    assert sora.requests == []


async def test_an_error_of_the_items_is_raised_when_what_was_begun_has_ended(
    tmp_path: Path,
) -> None:
    async def items() -> AsyncIterator[str]:
        yield "a"
        raise RuntimeError("the file of the prompts is broken")

    found = []
    async with service() as (_, client):
        with pytest.raises(RuntimeError, match="is broken"):
            async for outcome in client.batch(items(), output_dir=tmp_path):
                found += [outcome.error]

    assert found == [None]


async def test_a_file_that_is_there_already_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "boat.mp4").write_bytes(b"mine")
    async with service() as (sora, client):
        [one] = await carry_out(client, [{"prompt": "a", "name": "boat.mp4"}], tmp_path)

    assert isinstance(one.error, InvalidArgumentError)
    assert (tmp_path / "boat.mp4").read_bytes() == b"mine"
    assert count_creates(sora) == 0


class TestEvents:
    async def test_each_item_is_told_from_its_create_to_its_outcome(self, tmp_path: Path) -> None:
        async with service() as (_, client):
            news = [one async for one in client.batch_events(["a"], output_dir=tmp_path)]

        *events, outcome = news
        stages = [one.stage for one in events if isinstance(one, BatchEvent)]
        assert isinstance(outcome, BatchOutcome)
        assert list(dict.fromkeys(stages)) == ["creating", "waiting", "downloading"]
        first, *_, last = [one for one in events if isinstance(one, BatchEvent)]
        assert (first.item, first.key, first.path) == ("a", outcome.key, outcome.path)
        assert (first.task_id, first.event) == (None, None)
        assert last.task_id == outcome.task_id
        assert isinstance(last.event, DownloadEvent)
        assert outcome.file is not None
        assert last.event.received == outcome.file.size
        kinds = {type(one.event) for one in events if isinstance(one, BatchEvent)}
        assert kinds == {type(None), ProgressEvent, DownloadEvent}

    async def test_a_slow_reader_gets_the_newest_event_of_each_stage(self, tmp_path: Path) -> None:
        async with service() as (_, client):
            stream = client.batch_events(["a", "b"], output_dir=tmp_path)
            first = await anext(stream)
            await asyncio.sleep(500)
            left = [one async for one in stream]

        assert isinstance(first, BatchEvent)
        events = [one for one in left if isinstance(one, BatchEvent)]
        waits = [one for one in events if one.stage == "waiting"]
        assert len(events) <= 6
        assert [type(one.event) for one in waits] == [ProgressEvent, ProgressEvent]
        assert all(one.event and one.event.progress == 1.0 for one in waits)  # type: ignore[union-attr]
        assert sum(isinstance(one, BatchOutcome) for one in left) == 2

    async def test_leaving_in_the_middle_of_a_download_closes_its_part_file(
        self, tmp_path: Path
    ) -> None:
        async with service(shape="relay") as (sora, client):
            sora.on_create(accepted(scenario=Scenario(queued=0, running=0)))
            sora.script_file(
                "video_00000000-0000-0000-0000-000000000001",
                video_file(3_000_000, stall_after=2_500_000),
                video_file(3_000_000),
            )
            stream = client.batch_events(["a"], output_dir=tmp_path)
            async for one in stream:
                event = one.event if isinstance(one, BatchEvent) else None
                if isinstance(event, DownloadEvent) and event.received:
                    break
            await stream.aclose()
            [outcome] = await carry_out(client, ["a"], tmp_path)  # it is not busy

        assert outcome.error is None
        assert count_creates(sora) == 1


def test_the_result_of_an_outcome_is_the_file_or_the_error(tmp_path: Path) -> None:
    file = VideoFile(path=tmp_path / "boat.mp4", size=3, content_type="video/mp4")

    assert BatchOutcome(item="a boat", file=file).result() is file
    with pytest.raises(WaitTimeoutError):
        BatchOutcome(item="a boat", error=WaitTimeoutError("x")).result()


@pytest.mark.parametrize("callback_url", [None, "https://my.example/hook"])
async def test_an_item_with_a_callback_url_is_polled_sparsely(
    tmp_path: Path, callback_url: str | None
) -> None:
    async with service(shape="relay") as (sora, client):
        for _ in range(8):  # webhooks arrive, and it is known how long such tasks take
            task_id = sora.add(LIFE)
            asyncio.get_running_loop().call_later(101, client.notify, task_id)
            await client.wait_until_complete(task_id, webhook=True)
        item = {"prompt": "a boat", "callback_url": callback_url}
        if callback_url is None:
            del item["callback_url"]

        [outcome] = [one async for one in client.batch([item], output_dir=tmp_path)]

        assert outcome.file is not None and outcome.task_id is not None
        polls = len(sora.polls(outcome.task_id))
        assert polls < 6 if callback_url else polls > 8
