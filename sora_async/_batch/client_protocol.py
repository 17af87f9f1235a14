"""What a batch uses of its client."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, Protocol

from .._download.download import Download
from .._download.request import IfExists
from .._http.create import PendingCreate
from .._polling.fault_policy import Until
from .._polling.watch import Watch
from .._wire.dialects import Dialect
from ..models import VideoTask


class BatchClient(Protocol):
    """What a batch uses of its client; a protocol, because ``client`` imports this package."""

    @property
    def base_url(self) -> str:
        """The service's address."""

    @property
    def dialect(self) -> Dialect:
        """How the service spells things, and whether it deduplicates creates."""

    def list_tasks(self, *, limit: int | None = None) -> AsyncGenerator[VideoTask]:
        """List the tasks of the account, the newest first."""

    def wait_until_complete(
        self, task_id: str, *, timeout: float | None, until: Until, webhook: bool
    ) -> Watch:
        """Wait for a task."""

    def download(self, source: VideoTask, path: Path, *, if_exists: IfExists) -> Download:
        """Save a video."""

    def _begin(self, given: Mapping[str, Any], *, idempotency_key: str) -> PendingCreate[VideoTask]:
        """Begin to create a task."""

    def _hold(self, task: "asyncio.Task[None]") -> None:
        """Let an asyncio task end before the client is closed."""
