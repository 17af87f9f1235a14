"""An order and the body it is sent as, which knows how much of it has left."""

import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import attrs

from .._wire.dialects import Dialect
from .._wire.request_encoder import (
    BodyFrame,
    UploadPart,
    encode_base64,
    encode_fields,
    frame_form,
    frame_json,
    reference_name,
)
from ..models.repr import brief
from .upload import FileSource, OpenFile


@attrs.frozen(kw_only=True)
class CreatePayload:
    """
    What is to be sent, before it is known what its file is.

    Attributes:
        fields: Plain JSON values by our names.
        dialect: How the server wants them.
        is_json: Whether they go as JSON.
        field: The name of the file's field; None: that of the dialect's reference.
        upload: The file; None without one.
        address: The address of a reference that is not sent; None without one.
    """

    __repr__ = brief

    fields: Mapping[str, Any] = attrs.field(repr=False)
    dialect: Dialect
    is_json: bool
    field: str | None = None
    upload: FileSource | None = None
    address: str | None = None

    def check(self) -> None:
        """
        Find out, before anything is sent, whether it can be spelled.

        Raises:
            InvalidArgumentError: It cannot.
        """
        encode_fields(
            self.fields,
            self.dialect,
            reference="" if self.upload is not None and self.is_json else self.address,
            is_json=self.is_json,
        )

    async def make_body(self) -> "TrackedBody":
        """
        Return the body to send, which is to be closed.

        Raises:
            InvalidArgumentError: The file cannot be sent.
        """
        opened = None if self.upload is None else await self.upload.open()
        mark = uuid.uuid4().hex
        return TrackedBody(self._frame(None if opened is None else opened.file, mark), opened)

    def _frame(self, file: UploadPart | None, mark: str) -> BodyFrame:
        reference = self.address
        if file is not None and self.is_json:
            reference = f"data:{file.kind};base64,{mark}"
        fields = encode_fields(self.fields, self.dialect, reference=reference, is_json=self.is_json)
        if self.is_json:
            return frame_json(fields, mark=None if file is None else mark)
        field = self.field or reference_name(self.dialect)
        return frame_form(fields, boundary=mark, field=field, file=file)


class TrackedBody:
    """
    The body of a request, which knows how much of it has left.

    Attributes:
        content_type: The header that goes with it.
        size: Its bytes; None when its file cannot tell.
        has_begun: Whether any of it was asked for. Before, no request of it can have left.
        is_whole: Whether all of it was handed over.
        can_repeat: Whether it can be sent along a redirect.
    """

    def __init__(self, frame: BodyFrame, file: OpenFile | None = None) -> None:
        self._frame = frame
        self._file = file
        self.content_type = frame.content_type
        self.size = self._find_size()
        self.has_begun = self.is_whole = self._is_stopped = False
        self.can_repeat = file is None or file.can_repeat

    def _find_size(self) -> int | None:
        around = len(self._frame.head) + len(self._frame.tail)
        if self._file is None:
            return around
        size = self._file.size
        if size is None:
            return None
        return around + ((size + 2) // 3 * 4 if self._frame.is_base64 else size)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield what is to be sent, in order."""
        if self._is_stopped:
            raise OSError("the order is not wanted any more")
        self.has_begun, self.is_whole = True, False
        yield self._frame.head
        if self._file is not None:
            left = b""
            async for chunk in self._file.chunks():
                if self._frame.is_base64:
                    text, left = encode_base64(left, chunk)
                    yield text
                else:
                    yield chunk
            if left:
                yield encode_base64(left, b"", is_last=True)[0]
        if self._frame.tail:
            yield self._frame.tail
        self.is_whole = True

    def stop(self) -> bool:
        """Let nothing leave any more; return whether that has come in time."""
        self._is_stopped = not self.has_begun
        return self._is_stopped

    async def close(self) -> None:
        """Close its file, unless it was given."""
        if self._file is not None:
            await self._file.close()
