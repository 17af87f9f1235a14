"""What a run of a batch finds out before it creates anything."""

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

from sora_async import Phase, SoraError, UnsupportedOperationError, VideoTask
from sora_async._batch.journal import Journal
from sora_async._batch.reconcile import ReconcileResult, reconcile_creates
from sora_async.dialects import OPENAI

BASE = "https://api.example"


def make_task(number: int) -> VideoTask:
    made = datetime(2026, 1, 14, 8, number, tzinfo=UTC)
    return VideoTask(id=f"v{number}", status="queued", phase=Phase.QUEUED, created_at=made)


class Service:
    """A service's list, in whatever sequence it has; or the error that comes instead."""

    base_url = BASE
    dialect = OPENAI

    def __init__(self, tasks: Sequence[VideoTask], error: SoraError | None = None) -> None:
        self._tasks = tasks
        self._error = error
        self.listed: list[str] = []

    async def list_tasks(self, *, limit: int | None = None) -> AsyncGenerator[VideoTask]:
        if self._error is not None:
            raise self._error
        for task in self._tasks[:limit]:
            self.listed.append(task.id)
            yield task


@pytest.mark.parametrize(
    ("service", "newest"),
    [
        (Service([make_task(2), make_task(1)]), {"newest_task": "v2"}),
        (Service([make_task(1), make_task(2)]), {}),
        (Service([]), {"newest_task": None}),
        (Service([], UnsupportedOperationError(BASE, 404)), {}),
    ],
    ids=["newest first", "oldest first", "empty", "no list"],
)
async def test_the_newest_task_is_noted_where_the_list_tells_it(
    service: Service, newest: dict[str, str | None], tmp_path: Path
) -> None:
    async with Journal(tmp_path / "batch.jsonl") as journal:
        result = await reconcile_creates(service, journal, 0.0)

    assert result == ReconcileResult(
        created=frozenset(), repeatable={}, uncertain={}, newest_task=newest
    )


async def test_without_a_list_a_create_stays_uncertain_and_the_error_says_so(
    tmp_path: Path,
) -> None:
    async with Journal(tmp_path / "batch.jsonl") as journal:
        await journal.record("key", "creating", arguments={"prompt": "a"}, newest_task=None)
        cause = UnsupportedOperationError(BASE, 404)

        result = await reconcile_creates(Service([], cause), journal, 0.0)

    [error] = result.uncertain.values()
    assert error.__cause__ is cause
    assert "list_tasks" not in str(error)


@pytest.mark.parametrize("prompt", ["a", "b"])
async def test_a_list_from_the_oldest_on_proves_nothing(tmp_path: Path, prompt: str) -> None:
    """The task that was made stands behind the one that was the newest before it."""
    tasks = [make_task(1), attrs.evolve(make_task(2), prompt=prompt), make_task(3)]
    async with Journal(tmp_path / "batch.jsonl") as journal:
        await journal.record("key", "creating", arguments={"prompt": "a"}, newest_task="v1")

        result = await reconcile_creates(Service(tasks), journal, 0.0)

    assert (result.created, list(result.uncertain)) == (frozenset(), ["key"])


async def test_no_more_is_listed_than_tells_of_the_creates(tmp_path: Path) -> None:
    tasks = [attrs.evolve(make_task(number), prompt="b") for number in range(9, 0, -1)]
    service = Service(tasks)
    async with Journal(tmp_path / "batch.jsonl") as journal:
        await journal.record("key", "creating", arguments={"prompt": "a"}, newest_task="v7")

        result = await reconcile_creates(service, journal, 0.0)

        assert journal.entries["key"].stage == "refused"
    assert result.uncertain == {}
    assert service.listed == ["v9", "v8", "v7", "v6"]
