"""What a client offers beyond waiting: a finished video to a file, and a batch of them."""

import asyncio
import os
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from .._batch.events import BatchEvent, BatchOutcome
from .._download.download import Download, find_id
from .._download.download import DownloadOptions as DownloadTerms
from .._download.request import DownloadRequest, IfExists
from .._polling.many import Waits
from .._polling.watch import Watch
from ..models import VideoTask
from .arguments import (
    check_count,
    check_ids,
    check_limit,
    check_path,
    check_seconds,
    check_variant,
    check_word,
)
from .creates import Creates

if TYPE_CHECKING:
    from .._download.manager import DownloadManager


class Saves(Creates, Waits):
    """What a client offers to save videos; of itself it needs its home."""

    @property
    @abstractmethod
    def base_url(self) -> str:
        """The service's address, without ``/v1``."""

    def download(
        self,
        source: str | VideoTask | Watch,
        path: str | os.PathLike[str],
        *,
        if_exists: IfExists = "error",
        max_size: int | None = 4 * 1024**3,
        allow_private: bool = False,
        variant: str | None = None,
        timeout: float | None = None,
    ) -> Download:
        """
        Return a download of a finished video: ``await`` it for the file, or iterate it for events.

        Nothing is sent before it is awaited or iterated. The file is under
        its path when it is whole, and not before: until then, what has come
        is beside it in a part file, with which a later download goes on.

        Args:
            source: The task, or its id, or a wait for it, which is then awaited first.
            path: Where the file is to be; its directory must be there.
            if_exists: What to do about a file that is there already: ``"error"``
                (:class:`OutputExistsError`), ``"overwrite"`` it when the video is whole, or
                ``"skip"`` the download.
            max_size: The most bytes that it may have; None for any number.
            allow_private: Whether links of a service on the internet may lead to addresses
                that are not. Links of a service on this machine or network always may.
            variant: Another file of the task that ``/content`` has, such as ``"thumbnail"``; it
                need not be a video. None for the video itself.
            timeout: Seconds for the download, its turn included and a wait for the task not;
                None for no limit. Without any byte it breaks off after ``request_timeout``.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
        """
        request = DownloadRequest(
            task_id=find_id(source),
            path=check_path(path),
            max_size=None if max_size is None else check_count("max_size", max_size, least=1),
            variant=check_variant(variant),
        )
        options = DownloadTerms(
            if_exists=cast(IfExists, check_word("if_exists", if_exists, get_args(IfExists))),
            allow_private=bool(allow_private),
            timeout=check_limit("timeout", timeout),
        )
        return Download(self, source, request, options)

    def batch(
        self,
        orders: Iterable[object] | AsyncIterable[object],
        *,
        output_dir: str | os.PathLike[str],
        journal: str | os.PathLike[str] | None = None,
        max_creates: int = 4,
        max_waits: int = 20,
        max_downloads: int = 4,
        timeout: float | None = 1800.0,
        reconcile_delay: float = 30.0,
    ) -> AsyncGenerator[BatchOutcome]:
        """
        Make many videos and save them, and yield how each order ended, as they end.

        A journal on disk knows what was ordered. The same call with the same
        journal goes on where the last one stopped, however that ended: no order is
        sent twice, and what is saved already is not fetched again. An order of
        which a killed run cannot have known whether it had arrived is looked for
        in the service's list. It is sent again only where the list proves that there is no
        task of it; otherwise the outcome is a :class:`CreateOutcomeUnknownError`.

        A failure is a :class:`BatchOutcome` like any other. After an error that
        all orders would meet, such as an empty account, nothing more is
        ordered, and what is under way is finished. Leaving the loop early ends
        the run, and so does closing the client; orders that have left are waited for.

        Args:
            orders: Each a prompt, or the arguments of :meth:`create_task` as a mapping of
                what JSON can hold, in which *name* may name the file.
            output_dir: The folder for the files; it is made where there is none.
            journal: The journal's file; ``batch.jsonl`` in *output_dir* when None.
            max_creates: How many orders are sent at the same time.
            max_waits: How many tasks there may be on the service that have not ended.
            max_downloads: How many videos are downloaded at the same time.
            timeout: Seconds for each wait, and for an order that is refused with 429 again
                and again; None for no limit.
            reconcile_delay: Seconds after which the service surely lists a task for an order that a
                killed run has sent; a run that finds such an order begins with so long a pause.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
            JournalError: The journal cannot be used; nothing was sent.
        """
        options = (
            output_dir,
            journal,
            max_creates,
            max_waits,
            max_downloads,
            timeout,
            reconcile_delay,
        )
        batch = self._batch(orders, *options, include_events=False)
        return cast(AsyncGenerator[BatchOutcome], batch)

    def batch_events(
        self,
        orders: Iterable[object] | AsyncIterable[object],
        *,
        output_dir: str | os.PathLike[str],
        journal: str | os.PathLike[str] | None = None,
        max_creates: int = 4,
        max_waits: int = 20,
        max_downloads: int = 4,
        timeout: float | None = 1800.0,
        reconcile_delay: float = 30.0,
    ) -> AsyncGenerator[BatchEvent | BatchOutcome]:
        """
        Do as :meth:`batch` does, and yield what happens to each order as well, in one stream.

        The last news of each order is its :class:`BatchOutcome`. A slow reader gets the
        newest event of each stage of an order, and never a queue of old ones.

        Args:
            orders: As in :meth:`batch`, and so are all that follow.
            output_dir: The folder for the files.
            journal: The journal's file; ``batch.jsonl`` in *output_dir* when None.
            max_creates: How many orders are sent at the same time.
            max_waits: How many tasks there may be on the service that have not ended.
            max_downloads: How many videos are downloaded at the same time.
            timeout: Seconds for each wait; None for no limit.
            reconcile_delay: Seconds until what a killed run has sent is looked for.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
            JournalError: The journal cannot be used; nothing was sent.
        """
        options = (
            output_dir,
            journal,
            max_creates,
            max_waits,
            max_downloads,
            timeout,
            reconcile_delay,
        )
        return self._batch(orders, *options, include_events=True)

    def _batch(
        self,
        orders: Iterable[object] | AsyncIterable[object],
        output_dir: str | os.PathLike[str],
        journal: str | os.PathLike[str] | None,
        max_creates: int,
        max_waits: int,
        max_downloads: int,
        timeout: float | None,
        reconcile_delay: float,
        *,
        include_events: bool,
    ) -> AsyncGenerator[BatchEvent | BatchOutcome]:
        from .._batch.batch import BatchOptions, run_batch

        folder = Path(check_path(output_dir))
        plan = BatchOptions(
            output_dir=folder,
            max_creates=check_count("creating", max_creates, least=1),
            max_waits=check_count("waiting", max_waits, least=1),
            max_downloads=check_count("downloading", max_downloads, least=1),
            timeout=check_limit("timeout", timeout),
            reconcile_delay=check_seconds("reconcile_delay", reconcile_delay),
        )
        path = folder / "batch.jsonl" if journal is None else Path(check_path(journal))
        return run_batch(self, plan, path, check_ids(orders), include_events=include_events)

    def _find_download_manager(self) -> "DownloadManager":
        return self._resources().downloads

    def _hold(self, task: "asyncio.Task[None]") -> None:
        self._resources().hold(task)
