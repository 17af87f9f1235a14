"""The body of a create, which knows how much of it was sent."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

import aiohttp
import attrs

from .._wire.dialects import Dialect
from .._wire.request_encoder import (
    BodyFrame,
    FileGap,
    check_references,
    encode_base64,
    encode_form,
    encode_json,
    frame_form,
)
from ..models.repr import brief
from .upload import FileSource, OpenFile, Reference


@attrs.frozen(kw_only=True)
class CreatePayload:
    """
    What a create sends, before its files are opened.

    Attributes:
        fields: Plain JSON values by the names of the arguments.
        dialect: How the server spells them.
        encoding: How they are sent.
        references: Files and addresses that go along.
    """

    __repr__ = brief

    fields: Mapping[str, Any] = attrs.field(repr=False)
    dialect: Dialect
    encoding: Literal["form", "json"]
    references: Sequence[Reference] = ()

    def check(self) -> None:
        """
        Find out, before anything is sent, whether the dialect can spell it.

        Raises:
            InvalidArgumentError: It cannot.
        """
        values = [one.describe(None) for one in self.references]
        is_json = self.encoding == "json"
        check_references(self.dialect, values, is_json=is_json)
        (encode_json if is_json else encode_form)(self.fields, self.dialect, values)

    async def make_body(self) -> "TrackedBody":
        """
        Return the body to send, which is to be closed.

        Raises:
            InvalidArgumentError: A file cannot be sent.
        """
        files: list[OpenFile] = []
        values = []
        try:
            for one in self.references:
                file = None if one.source is None else await one.source.open()
                if file is not None:
                    files.append(file)
                values.append(one.describe(None if file is None else file.file))
            encode = encode_json if self.encoding == "json" else encode_form
            return TrackedBody(encode(self.fields, self.dialect, values), files)
        except BaseException:
            for file in files:
                await file.close()
            raise


@attrs.frozen(kw_only=True)
class FormPayload:
    """
    A form with one file, whose fields have one name at every service.

    Attributes:
        fields: Plain JSON values.
        field: The name of the file's field.
        source: The file.
    """

    __repr__ = brief

    fields: Mapping[str, Any] = attrs.field(repr=False)
    field: str
    source: FileSource

    async def make_body(self) -> "TrackedBody":
        """
        Return the body to send, which is to be closed.

        Raises:
            InvalidArgumentError: The file cannot be sent.
        """
        file = await self.source.open()
        return TrackedBody(frame_form(self.fields, [(self.field, file.file)]), [file])


class TrackedBody:
    """
    The body of a request, which knows how much of it was sent.

    Attributes:
        content_type: The header that goes with it.
        size: Its bytes; None when a file cannot tell.
        has_begun: Whether any of it was asked for. Before, nothing of it can have been sent.
        is_whole: Whether all of it was handed over.
        can_repeat: Whether it can be sent along a redirect.
    """

    def __init__(self, frame: BodyFrame, files: Sequence[OpenFile] = ()) -> None:
        self._segments = frame.segments
        self._files = files
        self.content_type = frame.content_type
        self.size = self._find_size()
        self.has_begun = self.is_whole = self._is_stopped = False
        self.can_repeat = all(file.can_repeat for file in files)

    def _find_size(self) -> int | None:
        total = 0
        for segment in self._segments:
            if isinstance(segment, bytes):
                total += len(segment)
                continue
            size = self._files[segment.index].size
            if size is None:
                return None
            total += (size + 2) // 3 * 4 if segment.is_base64 else size
        return total

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield what is to be sent, in order."""
        if self._is_stopped:
            raise OSError("the create is not wanted any more")
        self.has_begun, self.is_whole = True, False
        for segment in self._segments:
            if isinstance(segment, bytes):
                yield segment
                continue
            async for chunk in self._read(segment):
                yield chunk
        self.is_whole = True

    async def _read(self, gap: FileGap) -> AsyncIterator[bytes]:
        chunks = self._files[gap.index].chunks()
        if not gap.is_base64:
            async for chunk in chunks:
                yield chunk
            return
        left = b""
        async for chunk in chunks:
            text, left = encode_base64(left, chunk)
            yield text
        if left:
            yield encode_base64(left, b"", is_last=True)[0]

    def stop(self) -> bool:
        """Let nothing be sent any more; return whether that has come in time."""
        self._is_stopped = not self.has_begun
        return self._is_stopped

    async def close(self) -> None:
        """Close its files, but for those that were given open."""
        for file in self._files:
            await file.close()


class StreamedPayload(aiohttp.Payload):
    """A body as aiohttp takes it."""

    _autoclose = True

    def __init__(self, body: TrackedBody) -> None:
        super().__init__(body, content_type=body.content_type)
        self._size = body.size

    async def write(self, writer: Any) -> None:
        """Write it all."""
        async for chunk in self._value.chunks():
            await writer.write(chunk)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Refuse: it is not in memory."""
        raise TypeError("a body that is streamed cannot be read")
