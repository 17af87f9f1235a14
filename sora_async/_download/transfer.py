"""Carries out one download: what ``_transfer.py`` decides, on the disk and on the network."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import attrs

from .._wire.response import Response
from .._wire.video_type import ENOUGH, find_video_type, is_text
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
        transfers: What it shares with others.
        errand: What is fetched.
        if_exists: What to do about a file that is there.
        allow_private: Whether links may lead into a network that is not the internet.
        ask: Asks for the task.
        tell: Is told how far it is: what is known, and how many bytes are here.
    """

    def __init__(
        self,
        transfers: DownloadManager,
        errand: DownloadRequest,
        *,
        if_exists: IfExists,
        allow_private: bool,
        ask: Callable[[str], Awaitable[VideoTask]],
        tell: Callable[[DownloadState, int], None],
    ) -> None:
        self._transfers = transfers
        self._errand = errand
        self._shelf = DownloadFileIO(transfers, errand, if_exists=if_exists)
        self._allow_private = allow_private
        self._ask = ask
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._task: VideoTask | None = None

    @property
    def file(self) -> VideoFile | None:
        """The file under its path; None until it is there."""
        return self._shelf.file

    async def find(self) -> VideoFile | None:
        """Return a file that is there and is to stay; raise what is in the way of a new one."""
        return await self._shelf.find()

    async def fetch(self, task: VideoTask | None) -> VideoFile:
        """
        Bring the file to the disk.

        Args:
            task: The finished task; None to ask for it.
        """
        if task is not None:
            self._errand = self._shelf.errand = attrs.evolve(self._errand, task_id=task.id)
        try:
            await self._go(await self._shelf.open(), task)
        finally:
            await self._shelf.close(self._task)
        if self._shelf.file is None:  # another file has appeared, and is to stay
            self._shelf.file = await self.find()
        assert self._shelf.file is not None
        return self._shelf.file

    async def _go(self, part: PartFile, task: VideoTask | None) -> None:
        """Do what is to be done until the file is whole, or raise why it will not be."""
        course, decision = await self._begin(part, task)
        while not isinstance(decision, Complete):
            match decision:
                case SendRequest(seconds):
                    self._tell(course, course.size)
                    await asyncio.sleep(seconds)
                    course, decision = await self._request(part, course)
                case RefreshUrl(seconds):
                    self._tell(course, course.size)
                    await asyncio.sleep(seconds)
                    course, decision = await self._renew(course)
                case Fail(error):
                    raise error
                case WriteBody():  # pragma: no cover - is carried out where the answer is open
                    raise AssertionError
        await self._shelf.publish(part)

    async def _begin(self, part: PartFile, task: VideoTask | None) -> NextStep:
        """Return where to begin: with what an earlier download has left, if it is of use."""
        course = DownloadState(errand=self._errand)
        if part.size:
            origin = part.origin
            is_whole = part.size == origin.total and not await self._shelf.run(part.missing)
            if is_whole or part.size != origin.total:
                course = attrs.evolve(
                    course,
                    size=part.size,
                    furthest=part.size,
                    place=origin.place,
                    validator=origin.validator,
                    total=origin.total,
                )
            if is_whole:
                self._task = task
                return course, Complete()
        return (course, RefreshUrl()) if task is None else self._take_task(course, task)

    def _take_task(self, course: DownloadState, task: VideoTask) -> NextStep:
        self._task = task
        return self._step(course, task)

    def _step(self, course: DownloadState, seen: Observation) -> NextStep:
        return decide(course, seen, now=self._loop.time())

    async def _renew(self, course: DownloadState) -> NextStep:
        try:
            task = await self._ask(self._errand.task_id)
        except SoraError as fault:
            if course.url is None or not fault.transient:
                raise
            return self._step(course, TaskUnavailable(fault.with_traceback(None)))
        return self._take_task(course, task)

    async def _request(self, part: PartFile, course: DownloadState) -> NextStep:
        """Ask the address, and act on the answer; take its body, if it is what is wanted."""
        try:
            answer = await self._open(course)
        except ConnectionFailedError as fault:
            return self._step(course, ConnectionBroken(fault.with_traceback(None), course.size))
        except AddressNotAllowed as refused:
            return self._step(course, course.error(UnsafeURLError, str(refused)))
        try:
            seen, beginning = await self._look(course, answer)
            course, decision = self._step(course, seen)
            if isinstance(decision, WriteBody):
                seen = await self._take(part, course, answer, decision.first, beginning)
                course, decision = self._step(course, seen)
            return course, decision
        finally:
            answer.close()

    async def _open(self, course: DownloadState) -> FileResponse:
        assert course.url is not None
        self._shelf.shown = course.shown
        stream, slots = self._transfers.stream, self._transfers.slots
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if course.first and course.validator is not None:
            headers["Range"] = f"bytes={course.first}-"
            headers["If-Range"] = course.validator
        # A request to the service has its turn like any other; the bytes that follow need none.
        is_own = stream.is_own(course.url)
        if is_own:
            await slots.take()
        try:
            return await stream.open(
                course.url, headers, is_bare=course.is_bare, allow_private=self._allow_private
            )
        finally:
            if is_own:
                slots.give_back()

    async def _look(
        self, course: DownloadState, answer: FileResponse
    ) -> tuple[Observation, list[bytes]]:
        """Return what an answer is, and what had to be read of its body to tell."""
        part = read_content_range(answer.status, answer.headers)
        is_file = 200 <= answer.status < 300 or answer.status == 416
        if is_file and (part.first != 0 or answer.status == 416):
            return ResponseStarted(url=answer.url, part=part), []
        try:
            beginning = await answer.read_some(ENOUGH)
            head = b"".join(beginning)
            is_wanted = find_video_type(head) if self._errand.variant is None else not is_text(head)
            if is_file and is_wanted:
                return ResponseStarted(url=answer.url, part=part), beginning
            body = head + b"".join(await answer.read_some(LONGEST_TEXT))
        except ConnectionFailedError as fault:
            return ConnectionBroken(fault.with_traceback(None), course.size), []
        return self._read_refusal(course, answer, body), []

    def _read_refusal(
        self, course: DownloadState, answer: FileResponse, body: bytes
    ) -> ErrorResponse | UrlInstead:
        reply = Response(
            url=answer.url,
            status=answer.status,
            headers=answer.headers,
            body=body,
            received=datetime.now(UTC),
        )
        seen = read_error_response(
            course, reply, is_own=answer.is_own, secrets=self._transfers.secrets
        )
        if isinstance(seen, ErrorResponse) and seen.is_own:
            self._transfers.note(self._errand.task_id, seen.error)
        return seen

    async def _take(
        self,
        part: PartFile,
        course: DownloadState,
        answer: FileResponse,
        first: int,
        group: list[bytes],
    ) -> Observation:
        """Write the body of an answer to the part file, up to its end or a break."""
        if first == 0:
            await self._shelf.begin(part, course)
        fault: SoraError | None = None
        try:
            await self._receive(part, course, answer, group)
        except ConnectionFailedError as broken:
            fault = broken.with_traceback(None)
        finally:
            await self._shelf.run(part.write, group)
        if fault is not None:
            return ConnectionBroken(fault, part.size)
        is_all = course.total in (None, part.size)
        return ResponseEnded(part.size, await self._shelf.run(part.missing) if is_all else 0)

    async def _receive(
        self, part: PartFile, course: DownloadState, answer: FileResponse, group: list[bytes]
    ) -> None:
        """Read a body; what is not written yet is left in *group*."""
        held, since = sum(map(len, group)), self._loop.time()
        self._tell(course, part.size + held)
        while chunk := await answer.read():
            group.append(chunk)
            held += len(chunk)
            error = course.too_large(part.size + held)
            if error is not None:
                raise error
            now = self._loop.time()
            if held >= GROUP or now - since >= LONGEST_HELD:
                written, group[:] = tuple(group), ()
                await self._shelf.run(part.write, written)
                held, since = 0, now
            self._tell(course, part.size + held)
