"""The body of a create, which knows how much of it was sent."""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

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
from .._wire.secrets import SecretHeaders
from ..errors import InvalidArgumentError
from ..models.repr import brief
from .upload import FileSource, OpenFile, Reference

Encoding = Literal["form", "json"]


def make_idempotency_key() -> str:
    """Return 32 hex digits by chance, which fit the rules of all services that document one."""
    return uuid.uuid4().hex


@attrs.frozen(kw_only=True)
class CreatePayload:
    """
    What a create sends, before its files are opened.

    Attributes:
        fields: Plain JSON values by the names of the arguments.
        dialect: How the server spells them.
        encoding: How they are sent first.
        is_encoding_open: Whether the other encoding may be tried when the service refuses this one.
        references: Files and addresses that go along.
        headers: Further headers of this request.
        idempotency_key: What tells this create from all others, however often it is sent.
    """

    __repr__ = brief

    fields: Mapping[str, Any] = attrs.field(repr=False)
    dialect: Dialect
    encoding: Encoding
    is_encoding_open: bool = False
    references: Sequence[Reference] = ()
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    idempotency_key: str = attrs.field(factory=make_idempotency_key)

    @property
    def has_either_encoding(self) -> bool:
        """Whether nothing but the service decides on the encoding: no file, and no argument."""
        return self.is_encoding_open and all(one.source is None for one in self.references)

    def attempts(self, accepted: Encoding | None) -> "tuple[CreatePayload, ...]":
        """
        Return this create in the encodings to try, one after the other.

        Args:
            accepted: The encoding in which the service has accepted one before; None for neither.
        """
        if not self.is_encoding_open:
            return (self,)
        encoding: Encoding = "form" if self.encoding == "json" else "json"
        other = attrs.evolve(self, encoding=encoding)
        try:
            other.check()
        except InvalidArgumentError:
            return (self,)
        is_likely = self.has_either_encoding and accepted == encoding
        return (other, self) if is_likely else (self, other)

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
            frame = encode(self.fields, self.dialect, values)
            return TrackedBody(frame, files, headers=_headers_of(self))
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
        headers: Further headers of this request.
        idempotency_key: What tells this create from all others, however often it is sent.
    """

    __repr__ = brief

    fields: Mapping[str, Any] = attrs.field(repr=False)
    field: str
    source: FileSource
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    idempotency_key: str = attrs.field(factory=make_idempotency_key)

    encoding: ClassVar[Encoding] = "form"
    has_either_encoding: ClassVar[bool] = False

    def attempts(self, accepted: Encoding | None) -> "tuple[FormPayload, ...]":
        """Return it as it is: it is always sent as a form."""
        return (self,)

    async def make_body(self) -> "TrackedBody":
        """
        Return the body to send, which is to be closed.

        Raises:
            InvalidArgumentError: The file cannot be sent.
        """
        file = await self.source.open()
        frame = frame_form(self.fields, [(self.field, file.file)])
        return TrackedBody(frame, [file], headers=_headers_of(self))


def _headers_of(payload: CreatePayload | FormPayload) -> SecretHeaders:
    return SecretHeaders({**payload.headers, "Idempotency-Key": payload.idempotency_key})


class TrackedBody:
    """
    The body of a request, which knows how much of it was sent.

    Attributes:
        content_type: What it is.
        headers: The headers that go with it, the content type among them.
        size: Its bytes; None when a file cannot tell.
        has_begun: Whether any of it was asked for. Before, nothing of it can have been sent.
        is_whole: Whether all of it was handed over.
        can_repeat: Whether it can be sent along a redirect.
    """

    def __init__(
        self,
        frame: BodyFrame,
        files: Sequence[OpenFile] = (),
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._segments = frame.segments
        self._files = files
        self.content_type = frame.content_type
        self.headers = SecretHeaders({**(headers or {}), "Content-Type": frame.content_type})
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
