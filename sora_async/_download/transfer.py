"""Carries out one download: what ``_transfer.py`` decides, on the disk and on the network."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import attrs

from .._wire.response import Response
from .._wire.media_types import ENOUGH, find_video_type, is_text
from ..errors import ConnectionFailedError, SoraError, UnsafeURLError
from ..models import VideoFile, VideoTask
from .content_range import read_content_range
from .decide import decide
from .error_response import read_error_response
from .file_io import DownloadFileIO
from .http_stream import AddressNotAllowed, FileResponse
from .manager import DownloadManager
from .part_file import PartFile
from .request import DownloadRequest, IfExists
from .state import (
    Action,
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

GROUP = 1 << 20
"""Bytes that are written at once: to go to a thread for each that comes would take more time."""

LONGEST_HELD = 1.0
"""Seconds after which they are written, however few they are."""

LONGEST_TEXT = 256 * 1024
"""Bytes that are read of an answer that is no video."""

NextStep = tuple[DownloadState, Action]


class Transfer:
    """
    One attempt to bring a file to the disk; what it leaves unfinished, the next one goes on with.

    Args:
        downloads: What it shares with others.
        request: What is fetched.
        if_exists: What to do about a file that is there.
        allow_private: Whether links may lead into a network that is not the internet.
        ask: Asks for the task.
        tell: Is told how far it is: what is known, and how many bytes are here.
    """

    def __init__(
        self,
        downloads: DownloadManager,
        request: DownloadRequest,
        *,
        if_exists: IfExists,
        allow_private: bool,
        ask: Callable[[str], Awaitable[VideoTask]],
        tell: Callable[[DownloadState, int], None],
    ) -> None:
        self._downloads = downloads
        self._download_request = request
        self._file_io = DownloadFileIO(downloads, request, if_exists=if_exists)
        self._allow_private = allow_private
        self._ask = ask
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._task: VideoTask | None = None

    @property
    def file(self) -> VideoFile | None:
        """The file under its path; None until it is there."""
        return self._file_io.file

    async def find(self) -> VideoFile | None:
        """Return a file that is there and is to stay; raise what is in the way of a new one."""
        return await self._file_io.find()

    async def fetch(self, task: VideoTask | None) -> VideoFile:
        """
        Bring the file to the disk.

        Args:
            task: The finished task; None to ask for it.
        """
        if task is not None:
            self._download_request = self._file_io.request = attrs.evolve(
                self._download_request, task_id=task.id
            )
        try:
            await self._go(await self._file_io.open(), task)
        finally:
            await self._file_io.close(self._task)
        if self._file_io.file is None:  # another file has appeared, and is to stay
            self._file_io.file = await self.find()
        assert self._file_io.file is not None
        return self._file_io.file

    async def _go(self, part: PartFile, task: VideoTask | None) -> None:
        """Do what is to be done until the file is whole, or raise why it will not be."""
        state, decision = await self._begin(part, task)
        while not isinstance(decision, Complete):
            match decision:
                case SendRequest(seconds):
                    self._tell(state, state.size)
                    await asyncio.sleep(seconds)
                    state, decision = await self._request(part, state)
                case RefreshUrl(seconds):
                    self._tell(state, state.size)
                    await asyncio.sleep(seconds)
                    state, decision = await self._renew(state)
                case Fail(error):
                    raise error
                case WriteBody():  # pragma: no cover - is carried out where the answer is open
                    raise AssertionError
        await self._file_io.publish(part)

    async def _begin(self, part: PartFile, task: VideoTask | None) -> NextStep:
        """Return where to begin: with what an earlier download has left, if it is of use."""
        state = DownloadState(request=self._download_request)
        if part.size:
            origin = part.origin
            is_whole = part.size == origin.total and not await self._file_io.run(part.missing)
            if is_whole or part.size != origin.total:
                state = attrs.evolve(
                    state,
                    size=part.size,
                    furthest=part.size,
                    place=origin.place,
                    validator=origin.validator,
                    total=origin.total,
                )
            if is_whole:
                self._task = task
                return state, Complete()
        return (state, RefreshUrl()) if task is None else self._take_task(state, task)

    def _take_task(self, state: DownloadState, task: VideoTask) -> NextStep:
        self._task = task
        return self._step(state, task)

    def _step(self, state: DownloadState, seen: Observation) -> NextStep:
        return decide(state, seen, now=self._loop.time())

    async def _renew(self, state: DownloadState) -> NextStep:
        try:
            task = await self._ask(self._download_request.task_id)
        except SoraError as fault:
            if state.url is None or not fault.transient:
                raise
            return self._step(state, TaskUnavailable(fault.with_traceback(None)))
        return self._take_task(state, task)

    async def _request(self, part: PartFile, state: DownloadState) -> NextStep:
        """Ask the address, and act on the answer; take its body, if it is what is wanted."""
        try:
            answer = await self._open(state)
        except ConnectionFailedError as fault:
            return self._step(state, ConnectionBroken(fault.with_traceback(None), state.size))
        except AddressNotAllowed as refused:
            return self._step(state, state.error(UnsafeURLError, str(refused)))
        try:
            seen, beginning = await self._look(state, answer)
            state, decision = self._step(state, seen)
            if isinstance(decision, WriteBody):
                seen = await self._take(part, state, answer, decision.first, beginning)
                state, decision = self._step(state, seen)
            return state, decision
        finally:
            answer.close()

    async def _open(self, state: DownloadState) -> FileResponse:
        assert state.url is not None
        self._file_io.shown = state.shown
        stream, queue = self._downloads.stream, self._downloads.queue
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if state.first and state.validator is not None:
            headers["Range"] = f"bytes={state.first}-"
            headers["If-Range"] = state.validator
        # A request to the service has its turn like any other; the bytes that follow need none.
        is_own = stream.is_own(state.url)
        if is_own:
            await queue.take()
        try:
            return await stream.open(
                state.url, headers, is_bare=state.is_bare, allow_private=self._allow_private
            )
        finally:
            if is_own:
                queue.release()

    async def _look(
        self, state: DownloadState, answer: FileResponse
    ) -> tuple[Observation, list[bytes]]:
        """Return what an answer is, and what had to be read of its body to tell."""
        part = read_content_range(answer.status, answer.headers)
        is_file = 200 <= answer.status < 300 or answer.status == 416
        if is_file and (part.first != 0 or answer.status == 416):
            return ResponseStarted(url=answer.url, part=part), []
        try:
            beginning = await answer.read_some(ENOUGH)
            head = b"".join(beginning)
            is_wanted = (
                find_video_type(head)
                if self._download_request.variant is None
                else not is_text(head)
            )
            if is_file and is_wanted:
                return ResponseStarted(url=answer.url, part=part), beginning
            body = head + b"".join(await answer.read_some(LONGEST_TEXT))
        except ConnectionFailedError as fault:
            return ConnectionBroken(fault.with_traceback(None), state.size), []
        return self._read_refusal(state, answer, body), []

    def _read_refusal(
        self, state: DownloadState, answer: FileResponse, body: bytes
    ) -> ErrorResponse | UrlInstead:
        response = Response(
            url=answer.url,
            status=answer.status,
            headers=answer.headers,
            body=body,
            received=datetime.now(UTC),
        )
        seen = read_error_response(
            state, response, is_own=answer.is_own, secrets=self._downloads.secrets
        )
        if isinstance(seen, ErrorResponse) and seen.is_own:
            self._downloads.note(self._download_request.task_id, seen.error)
        return seen

    async def _take(
        self,
        part: PartFile,
        state: DownloadState,
        answer: FileResponse,
        first: int,
        group: list[bytes],
    ) -> Observation:
        """Write the body of an answer to the part file, up to its end or a break."""
        if first == 0:
            await self._file_io.begin(part, state)
        fault: SoraError | None = None
        try:
            await self._receive(part, state, answer, group)
        except ConnectionFailedError as broken:
            fault = broken.with_traceback(None)
        finally:
            await self._file_io.run(part.write, group)
        if fault is not None:
            return ConnectionBroken(fault, part.size)
        is_all = state.total in (None, part.size)
        return ResponseEnded(part.size, await self._file_io.run(part.missing) if is_all else 0)

    async def _receive(
        self, part: PartFile, state: DownloadState, answer: FileResponse, group: list[bytes]
    ) -> None:
        """Read a body; what is not written yet is left in *group*."""
        held, since = sum(map(len, group)), self._loop.time()
        self._tell(state, part.size + held)
        while chunk := await answer.read():
            group.append(chunk)
            held += len(chunk)
            error = state.too_large(part.size + held)
            if error is not None:
                raise error
            now = self._loop.time()
            if held >= GROUP or now - since >= LONGEST_HELD:
                written, group[:] = tuple(group), ()
                await self._file_io.run(part.write, written)
                held, since = 0, now
            self._tell(state, part.size + held)
