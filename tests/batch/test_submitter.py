"""The creates of a batch, each sent at most once; test_batch.py sees them from the service."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sora_async import ClientClosedError, VideoTask
from sora_async._batch.items import BatchItem
from sora_async._batch.journal import Journal
from sora_async._batch.submitter import CreateSubmitter
from sora_async._http.create import PendingCreate


class Shut:
    """A client with which nothing may be created."""

    def _begin(self, given: Mapping[str, Any]) -> PendingCreate[VideoTask]:
        raise AssertionError(f"created {given}")


async def test_a_create_that_is_stopped_while_it_is_recorded_is_not_sent(tmp_path: Path) -> None:
    item = BatchItem(arguments={"prompt": "a"}, key="key", path=tmp_path / "a.mp4")

    def stop() -> None:
        submitter.stop_error = ClientClosedError("")

    async with Journal(tmp_path / "batch.jsonl") as journal:
        submitter = CreateSubmitter(Shut(), journal, max_concurrent=1, timeout=None)

        with pytest.raises(ClientClosedError):
            await submitter.submit(item, stop)

        assert journal.entries["key"].stage == "refused"
