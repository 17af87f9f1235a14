"""The body of a create, which knows how much of it was sent."""

import base64
import io
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import aiohttp
import attrs

from .._wire.dialects import Dialect
from .._wire.request_encoder import (
    FormField,
    check_references,
    encode_form,
    encode_json,
    spell_form,
)
from .._wire.secrets import SecretHeaders
from ..errors import InvalidArgumentError
from ..models.repr import brief
from .upload import CHUNK, FileSource, OpenFile, Reference

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
            if self.encoding == "json":
                texts = encode_json(self.fields, self.dialect, values)
                return make_json(texts, files, _headers_of(self))
            fields = encode_form(self.fields, self.dialect, values)
            return make_form(fields, files, _headers_of(self))
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
        fields = [*spell_form(self.fields), (self.field, file.file)]
        return make_form(fields, [file], _headers_of(self))


def _headers_of(payload: CreatePayload | FormPayload) -> SecretHeaders:
    return SecretHeaders({**payload.headers, "Idempotency-Key": payload.idempotency_key})


class StreamedPayload(aiohttp.Payload):
    """What aiohttp writes, and can neither read nor close."""

    _autoclose = True

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Refuse: it is not in memory."""
        raise TypeError("a body that is streamed cannot be read")


class TrackedBody(StreamedPayload):
    """
    The body of a request, which knows how much of it was sent.

    Attributes:
        content_type: What it is.
        request_headers: The headers that go with it, the content type among them.
        size: Its bytes; None when a file cannot tell.
        has_begun: Whether any of it was asked for. Before, nothing of it can have been sent.
        is_whole: Whether all of it was handed over.
        can_repeat: Whether it can be sent along a redirect.
    """

    def __init__(
        self,
        parts: Sequence[aiohttp.Payload],
        content_type: str,
        files: Sequence[OpenFile],
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(parts, content_type=content_type)
        is_known = all(file.size is not None for file in files)
        self._size = sum(part.size or 0 for part in parts) if is_known else None
        self._files = files
        self.request_headers = SecretHeaders({**headers, "Content-Type": content_type})
        self.has_begun = self.is_whole = self._is_stopped = False
        self.can_repeat = all(file.can_repeat for file in files)

    async def write(self, writer: Any) -> None:
        """
        Write it all, from its first byte on.

        Raises:
            OSError: It was stopped, or a file cannot be read.
        """
        if self._is_stopped:
            raise OSError("the create is not wanted any more")
        self.has_begun, self.is_whole = True, False
        buffered = _BufferedWriter(writer)
        for part in self._value:
            await part.write(buffered)
        await buffered.flush()
        self.is_whole = True

    def stop(self) -> bool:
        """Let nothing be sent any more; return whether that has come in time."""
        self._is_stopped = not self.has_begun
        return self._is_stopped

    async def close_files(self) -> None:
        """Close its files, but for those that were given open."""
        for file in self._files:
            await file.close()


class _BufferedWriter:
    """
    A writer that joins chunks up to the size of a file's.

    aiohttp writes a field of a form as four chunks, and a connection sends each as a packet.
    """

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._chunks: list[bytes] = []
        self._size = 0

    async def write(self, chunk: bytes) -> None:
        if self._size + len(chunk) > CHUNK:
            await self.flush()
        self._chunks.append(chunk)
        self._size += len(chunk)

    async def flush(self) -> None:
        data = b"".join(self._chunks)
        self._chunks, self._size = [], 0
        await self._writer.write(data)


class _FilePayload(StreamedPayload):
    """A file, which is read anew each time."""

    def __init__(self, file: OpenFile, *, is_base64: bool = False) -> None:
        super().__init__(file)
        self._is_base64 = is_base64
        self._size = file.size
        if is_base64 and file.size is not None:
            self._size = (file.size + 2) // 3 * 4

    async def write(self, writer: Any) -> None:
        left = b""
        async for chunk in self._value.chunks():
            if self._is_base64:
                data = left + chunk
                end = len(data) - len(data) % 3
                chunk, left = base64.b64encode(data[:end]), data[end:]
            await writer.write(chunk)
        await writer.write(base64.b64encode(left))


def make_json(
    texts: Sequence[bytes], files: Sequence[OpenFile], headers: Mapping[str, str]
) -> TrackedBody:
    """Return JSON with the base64 of a file between each two of its texts."""
    parts = [_make_text(texts[0])]
    for file, text in zip(files, texts[1:], strict=True):
        parts += [_FilePayload(file, is_base64=True), _make_text(text)]
    return TrackedBody(parts, "application/json", files, headers)


def make_form(
    fields: Sequence[FormField], files: Sequence[OpenFile], headers: Mapping[str, str]
) -> TrackedBody:
    """
    Return a form (``multipart/form-data``) as browsers send it: a text has no content type.

    Source: :rfc:`7578`, and for names the WHATWG standard "HTML".
    """
    form = aiohttp.MultipartWriter("form-data")
    unsent = iter(files)
    for name, value in fields:
        about = {"Content-Disposition": f'form-data; name="{_quote(name)}"'}
        if isinstance(value, str):
            part = _make_text(value.encode("utf-8", "replace"))
        else:
            part = _FilePayload(next(unsent))
            about["Content-Disposition"] += f'; filename="{_quote(value.name)}"'
            about["Content-Type"] = value.kind
        part.headers.clear()  # aiohttp's own content type
        form.append(part, about)
    return TrackedBody([form], form.content_type, files, headers)


def _make_text(text: bytes) -> aiohttp.Payload:
    return aiohttp.BytesIOPayload(io.BytesIO(text))  # aiohttp warns of bytes above 1 MiB


def _quote(name: str) -> str:
    """Return a name for a header, in which aiohttp sends no other control character either."""
    text = name.encode("utf-8", "replace").decode()
    return re.sub(r'["\x00-\x08\x0a-\x1f\x7f]', lambda found: f"%{ord(found[0]):02X}", text)
