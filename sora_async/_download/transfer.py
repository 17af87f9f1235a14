"""One transfer of a file: carries out what ``decide`` says, on the disk and on the network."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import attrs

from .._wire.media_types import ENOUGH, find_video_type, is_text
from .._wire.response import Response
from ..errors import ConnectionFailedError, SoraError, UnsafeURLError
from ..models import VideoFile, VideoTask
from .content_range import read_content_range
from .data_url import DataResponse
from .decide import NextStep, decide
from .error_response import read_error_response
from .file_io import DownloadFileIO
from .http_stream import AddressNotAllowed, FileResponse
from .manager import DownloadManager
from .part_file import PartFile
from .request import DownloadRequest, IfExists
from .state import (
    Complete,
    ConnectionBroken,
    DownloadState,
    ErrorResponse,
    Fail,
    Observation,
    RefreshUrl,
    ResponseEnded,
    ResponseStarted,
    SendRequest,
    TaskUnavailable,
    UrlInstead,
    WriteBody,
)

WRITE_SIZE = 1 << 20
"""Bytes that are written at once: a thread for each chunk would take more time."""

WRITE_INTERVAL = 1.0
"""Seconds after which they are written, however few they are."""

MAX_ERROR_BODY = 256 * 1024
"""Bytes that are read of a response without a video."""


class Transfer:
    """
    One attempt to bring a file to the disk; the next one resumes what it leaves unfinished.

    *report* is told the state and how many bytes were received.
    """

    def __init__(
        self,
        manager: DownloadManager,
        request: DownloadRequest,
        *,
        if_exists: IfExists,
        allow_private: bool,
        get_task: Callable[[str], Awaitable[VideoTask]],
        report: Callable[[DownloadState, int], None],
    ) -> None:
        self._manager = manager
        self._file_io = DownloadFileIO(manager, request, if_exists=if_exists)
        self._allow_private = allow_private
        self._get_task = get_task
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._task: VideoTask | None = None

    @property
    def file(self) -> VideoFile | None:
        """The file under its path; None until it is there."""
        return self._file_io.file

    async def find_existing(self) -> VideoFile | None:
        """Return a file that is there and stays; raise what prevents a new one."""
        return await self._file_io.find_existing()

    async def run(self, task: VideoTask | None) -> VideoFile:
        """Bring the file to the disk; without the finished *task*, ask for it."""
        if task is not None:
            self._file_io.request = attrs.evolve(self._file_io.request, task_id=task.id)
        clock = self._manager.clock
        clock.start()
        try:
            await self._run(await self._file_io.open(), task)
        finally:
            clock.stop()
            await self._file_io.close(self._task)
        if self._file_io.file is None:  # another file has appeared, and stays
            self._file_io.file = await self.find_existing()
        assert self._file_io.file is not None
        return self._file_io.file

    async def _run(self, part: PartFile, task: VideoTask | None) -> None:
        """Carry out actions until the file is whole, or raise why it will not be."""
        state, action = await self._begin(part, task)
        while not isinstance(action, Complete):
            match action:
                case SendRequest(delay):
                    self._report(state, state.size)
                    await asyncio.sleep(delay)
                    state, action = await self._send_request(part, state)
                case RefreshUrl(delay):
                    self._report(state, state.size)
                    await asyncio.sleep(delay)
                    state, action = await self._refresh_url(state)
                case Fail(error):
                    raise error
                case WriteBody():  # pragma: no cover - _send_request carries it out
                    raise AssertionError
        await self._file_io.publish(part)

    async def _begin(self, part: PartFile, task: VideoTask | None) -> NextStep:
        """Return where to begin: with what an earlier download has left, if it can be used."""
        state = DownloadState(request=self._file_io.request)
        if part.size:
            has_all = part.size == part.resume_info.total
            if has_all and not await self._file_io.run(part.count_missing):
                self._task = task
                return _resume(state, part), Complete()
            if not has_all:
                state = _resume(state, part)
        return (state, RefreshUrl()) if task is None else self._use_task(state, task)

    def _use_task(self, state: DownloadState, task: VideoTask) -> NextStep:
        self._task = task
        return self._decide(state, task)

    def _decide(self, state: DownloadState, seen: Observation) -> NextStep:
        return decide(state, seen, now=self._manager.clock.time())

    async def _refresh_url(self, state: DownloadState) -> NextStep:
        try:
            task = await self._get_task(state.request.task_id)
        except SoraError as error:
            if state.url is None or not error.transient:
                raise
            return self._decide(state, TaskUnavailable(error.with_traceback(None)))
        return self._use_task(state, task)

    async def _send_request(self, part: PartFile, state: DownloadState) -> NextStep:
        """Request the address, and act on the response; write its body if it is the file."""
        try:
            response = await self._open(state)
        except ConnectionFailedError as error:
            return self._decide(state, ConnectionBroken(error.with_traceback(None), state.size))
        except AddressNotAllowed as refused:
            return self._decide(state, state.make_error(UnsafeURLError, str(refused)))
        try:
            seen, beginning = await self._examine(part, state, response)
            state, action = self._decide(state, seen)
            if isinstance(action, WriteBody):
                seen = await self._write_body(part, state, response, action.offset, beginning)
                state, action = self._decide(state, seen)
            return state, action
        finally:
            response.close()

    async def _open(self, state: DownloadState) -> FileResponse | DataResponse:
        assert state.url is not None
        self._file_io.display_url = state.display_url
        if state.url.startswith("data:"):
            return DataResponse(state.url)
        http, queue = self._manager.http, self._manager.queue
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if state.resume_offset and state.validator is not None:
            headers["Range"] = f"bytes={state.resume_offset}-"
            headers["If-Range"] = state.validator
        # A request to the service counts towards its rate limit; the bytes that follow do not.
        is_own = http.is_own(state.url)
        if is_own:
            await queue.acquire()
        try:
            return await http.open(
                state.url,
                headers,
                without_key=state.without_key,
                allow_private=self._allow_private,
            )
        finally:
            if is_own:
                queue.release()

    async def _examine(
        self, part: PartFile, state: DownloadState, response: FileResponse | DataResponse
    ) -> tuple[Observation, list[bytes]]:
        """Return what a response is, and what had to be read of its body to tell."""
        content_range = read_content_range(response.status, response.headers)
        head = ResponseStarted(url=response.url, part=content_range)
        if response.status == 416:
            missing = await self._file_io.run(part.count_missing)
            return attrs.evolve(head, missing=missing), []
        is_success = 200 <= response.status < 300
        if is_success and content_range.first != 0:
            return head, []
        try:
            beginning = await response.read_at_least(ENOUGH)
            if is_success and _is_wanted(state, b"".join(beginning)):
                return head, beginning
            body = b"".join([*beginning, *await response.read_at_least(MAX_ERROR_BODY)])
        except ConnectionFailedError as error:
            return ConnectionBroken(error.with_traceback(None), state.size), []
        return self._read_error(state, response, body), []

    def _read_error(
        self, state: DownloadState, response: FileResponse | DataResponse, body: bytes
    ) -> ErrorResponse | UrlInstead:
        whole = Response(
            url=response.url,
            status=response.status,
            headers=response.headers,
            body=body,
            received=datetime.now(UTC),
        )
        seen = read_error_response(
            state, whole, from_service=response.is_own, secrets=self._manager.secrets
        )
        if isinstance(seen, ErrorResponse) and seen.from_service:
            self._manager.record_error(state.request.task_id, seen.error)
        return seen

    async def _write_body(
        self,
        part: PartFile,
        state: DownloadState,
        response: FileResponse | DataResponse,
        offset: int,
        chunks: list[bytes],
    ) -> Observation:
        """Write the body of a response to the part file, up to its end or a broken connection."""
        if offset == 0:
            await self._file_io.begin(part, state)
        error: SoraError | None = None
        try:
            await self._receive(part, state, response, chunks)
        except ConnectionFailedError as broken:
            error = broken.with_traceback(None)
        finally:
            await self._file_io.run(part.write, chunks)
        if error is not None:
            return ConnectionBroken(error, part.size)
        has_all = state.total in (None, part.size)
        missing = await self._file_io.run(part.count_missing) if has_all else 0
        return ResponseEnded(part.size, missing)

    async def _receive(
        self,
        part: PartFile,
        state: DownloadState,
        response: FileResponse | DataResponse,
        chunks: list[bytes],
    ) -> None:
        """Read a body to its end; what is not written yet is left in *chunks*."""
        buffered, since = sum(map(len, chunks)), self._loop.time()
        self._report(state, part.size + buffered)
        while received := await response.read_at_least(1):
            chunks += received
            buffered += sum(map(len, received))
            error = state.find_size_error(part.size + buffered)
            if error is not None:
                raise error
            now = self._loop.time()
            if buffered >= WRITE_SIZE or now - since >= WRITE_INTERVAL:
                written, chunks[:] = tuple(chunks), ()
                await self._file_io.run(part.write, written)
                buffered, since = 0, now
            self._report(state, part.size + buffered)


def _is_wanted(state: DownloadState, head: bytes) -> bool:
    """Return whether a body begins like the file: a variant need not be a video."""
    if state.request.variant is None:
        return find_video_type(head) is not None
    return not is_text(head)


def _resume(state: DownloadState, part: PartFile) -> DownloadState:
    """Return the state with the bytes of a part file."""
    info = part.resume_info
    return attrs.evolve(
        state,
        size=part.size,
        peak_size=part.size,
        url_digest=info.url_digest,
        validator=info.validator,
        total=info.total,
    )
