"""Creates with an idempotency key: where the service deduplicates, an uncertain one is repeated."""

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from sora_async import (
    BatchOutcome,
    CreateOutcomeUnknownError,
    RateLimit,
    ResponseError,
    Schedule,
    SoraClient,
)
from sora_async._batch.items import BatchItems
from sora_async._batch.journal import Journal
from sora_async._batch.reconcile import MAX_REPEAT_AGE
from sora_async.dialects import OPENAI
from sora_async.testing import FakeSora, Scenario, accepted, http_error, reset

DEDUPLICATING = attrs.evolve(OPENAI, deduplicates_creates=True)
KEY = "0" * 32


def fake(*, deduplicates: bool, **options: Any) -> FakeSora:
    scenario = Scenario(queued=1, running=9)
    return FakeSora(shape="openai", default_scenario=scenario, deduplicates=deduplicates, **options)


async def run(
    sora: FakeSora,
    folder: Path,
    items: list[Any],
    *,
    deduplicates: bool = True,
    max_retries: int = 0,
) -> list[BatchOutcome]:
    client = SoraClient(
        base_url=sora.url,
        dialect=DEDUPLICATING if deduplicates else OPENAI,
        rate_limit=RateLimit(rate=None),
        schedule=Schedule(intervals=[5]),
        max_retries=max_retries,
    )
    async with client:
        return [one async for one in client.batch(items, output_dir=folder)]


def sent_keys(sora: FakeSora) -> list[str]:
    return [one.headers["Idempotency-Key"] for _, one in sora.requests if one.endpoint == "create"]


def recorded_keys(folder: Path) -> list[str]:
    lines = map(json.loads, (folder / "batch.jsonl").read_text("utf-8").splitlines())
    return [line["details"]["idempotency_key"] for line in lines if line["stage"] == "creating"]


@pytest.mark.parametrize("deduplicates", [True, False])
async def test_fifty_creates_of_which_every_third_is_cut_off(
    deduplicates: bool, tmp_path: Path
) -> None:
    items = [f"boat {number}" for number in range(50)]
    async with fake(deduplicates=deduplicates, cut_creates_every=3) as sora:
        outcomes = await run(sora, tmp_path, items, deduplicates=deduplicates, max_retries=2)
        errors = [one.error for one in outcomes if one.error is not None]
        creates = len(sent_keys(sora))

        assert len(outcomes) == 50
        assert set(sent_keys(sora)) == set(recorded_keys(tmp_path))
        if deduplicates:
            assert errors == []
            assert len(sora.tasks) == len(list(tmp_path.glob("*.mp4"))) == 50
            assert len(set(sent_keys(sora))) == 50 < creates
        else:
            assert creates == len(sora.tasks) == len(set(sent_keys(sora))) == 50
            assert {type(error) for error in errors} == {CreateOutcomeUnknownError}
            assert len(errors) == 16


async def test_a_later_run_repeats_what_was_cut_off_in_this_one(tmp_path: Path) -> None:
    async with fake(deduplicates=True) as sora:
        sora.on_create(*(accepted(reset()) for _ in range(9)))
        for _ in range(12):
            outcomes = await run(sora, tmp_path, ["a", "b", "c"])

        assert [one.error for one in outcomes] == [None] * 3
        assert len(sora.tasks) == len(set(sent_keys(sora))) == 3


async def leave(folder: Path, prompt: str, *, age: float = 0.0, **details: Any) -> None:
    """Leave the journal of a run that was killed while it created."""
    async with Journal(folder / "batch.jsonl") as journal:
        key = BatchItems(folder).add(prompt).key
        await journal.record(key, "creating", arguments={"prompt": prompt}, **details)
    path = folder / "batch.jsonl"
    line = json.loads(path.read_text("utf-8"))
    line |= {"at": time.time() - age, "boot_time": ["another start", 0.0]}
    path.write_text(json.dumps(line) + "\n", "utf-8")


async def test_the_create_of_a_killed_run_is_repeated_at_once_with_its_key(tmp_path: Path) -> None:
    await leave(tmp_path, "a", idempotency_key=KEY)
    async with fake(deduplicates=True) as sora:
        started = asyncio.get_running_loop().time()
        [one] = await run(sora, tmp_path, ["a"])
        waited = asyncio.get_running_loop().time() - started

        assert one.error is None
        assert sent_keys(sora) == [KEY]
        assert waited < 30


@pytest.mark.parametrize(
    ("age", "details", "deduplicates"),
    [
        (MAX_REPEAT_AGE + 60, {"idempotency_key": KEY}, True),
        (-MAX_REPEAT_AGE - 60, {"idempotency_key": KEY}, True),
        (0.0, {}, True),
        (0.0, {"idempotency_key": KEY}, False),
    ],
    ids=["old key", "clock set back", "no key", "no deduplication"],
)
async def test_it_is_not_repeated_where_that_may_make_a_second_task(
    age: float, details: Mapping[str, str], deduplicates: bool, tmp_path: Path
) -> None:
    await leave(tmp_path, "a", age=age, **details)
    async with fake(deduplicates=deduplicates) as sora:
        [one] = await run(sora, tmp_path, ["a"], deduplicates=deduplicates)

        assert isinstance(one.error, CreateOutcomeUnknownError)
        assert one.error.idempotency_key == details.get("idempotency_key")
        assert sent_keys(sora) == []


async def test_a_repeat_that_is_refused_keeps_its_key(tmp_path: Path) -> None:
    """The first create may have made a task: a new key could make a second one."""
    await leave(tmp_path, "a", idempotency_key=KEY)
    async with fake(deduplicates=True) as sora:
        sora.on_create(http_error(400, {"error": {"message": "no", "code": "bad"}}))
        [first] = await run(sora, tmp_path, ["a"])
        [second] = await run(sora, tmp_path, ["a"])

        assert isinstance(first.error, ResponseError)
        assert second.error is None
        assert sent_keys(sora) == [KEY, KEY]


async def test_an_item_may_bring_its_own_key(tmp_path: Path) -> None:
    async with fake(deduplicates=True) as sora:
        [one] = await run(sora, tmp_path, [{"prompt": "a", "idempotency_key": "mine"}])

        assert one.error is None
        assert sent_keys(sora) == recorded_keys(tmp_path) == ["mine"]
