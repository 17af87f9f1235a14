"""References: addresses and files that go along with a create, and how a file is read."""

import asyncio
import base64
import binascii
import contextlib
import inspect
import io
import os
import re
import stat
from collections.abc import AsyncIterator
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Protocol
from urllib.parse import unquote_to_bytes

import attrs

from .._wire.dialects import ReferenceRole
from .._wire.media_types import HEAD, find_media_type, is_convincing, make_name
from .._wire.request_encoder import ReferenceValue, UploadPart
from ..errors import InvalidArgumentError
from ..models.repr import brief, shorten


class Picture(Protocol):
    """An image of PIL, which need not be installed."""

    mode: str

    def save(self, fp: Any, format: str) -> None:
        """Write it to a file."""


FileInput = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | BinaryIO
    | tuple[str, bytes | BinaryIO]
    | tuple[str, bytes | BinaryIO, str]
    | Picture
)
"""What a reference may be: a path, bytes, a file opened in binary, ``(name, data[, type])``, an
``http(s)`` or ``data:`` address, base64 of a picture, or an image of PIL."""

CHUNK = 256 * 1024
"""Bytes of a file that are in memory at once."""

_ROLE_KINDS = {
    "input_reference": ("image/", "video/"),
    "reference_videos": ("video/",),
    "reference_audio": ("audio/",),
}
"""The media types that each role takes; all others take images."""

_KINDS = {"image/": "image", "video/": "video", "audio/": "audio"}

_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")

_SHORTEST_BASE64 = 256
"""Characters; a text that is shorter is a path, as no file name is longer."""


def make_references(role: ReferenceRole, value: object) -> "list[Reference]":
    """
    Return the references of one argument, which may be one or a list.

    Args:
        role: The argument.
        value: What was given; None for nothing.

    Raises:
        InvalidArgumentError: It is none; the error says what is taken, and shows no value in full.
    """
    if value is None:
        return []
    if isinstance(value, list):
        return [Reference(role, one) for one in value]
    return [Reference(role, value)]


class Reference:
    """
    One reference of a create.

    Attributes:
        role: What it is for.
        url: Its address; None for a file.
        source: The file; None for an address.
    """

    def __init__(self, role: ReferenceRole, value: Any) -> None:
        self.role = role
        self.url: str | None = None
        self.source: FileSource | None = None
        if isinstance(value, str) and value.lower().startswith(("http://", "https://")):
            self.url = value
        else:
            kinds = _ROLE_KINDS.get(role, ("image/",))
            self.source = FileSource(role, value, kinds=kinds)

    def describe(self, file: UploadPart | None) -> ReferenceValue:
        """Return what the body's text needs of it; *file* is None before it is opened."""
        if self.source is not None and file is None:
            file = UploadPart(name="file", kind="application/octet-stream")
        return ReferenceValue(role=self.role, url=self.url, file=file)


@attrs.frozen(kw_only=True)
class _SharedFile:
    """
    A file that can be read.

    Attributes:
        file: The file, or the bytes.
        head: How it begins.
        start: Where that is; None when it cannot go back there.
        size: Its bytes from there on; None when it cannot tell.
        name: What it is called; None when it has no name.
        kind: The content type that was given; None: its first bytes tell.
    """

    __repr__ = brief

    file: Any
    head: bytes
    start: int | None = 0
    size: int | None = None
    name: str | None = None
    kind: str | None = None


class FileSource:
    """
    One file to send.

    It is opened before anything is sent, to see that it is there and what it
    is, and read as the connection takes it. All reading is done in threads.

    Args:
        field: The argument, for errors.
        source: One of :data:`FileInput` that is no ``http(s)`` address. A file is read from
            where it stands, and is not closed.
        kinds: How the media types begin that may be sent.

    Raises:
        InvalidArgumentError: It is none of these.
    """

    def __init__(
        self, field: str, source: Any, *, kinds: tuple[str, ...] = ("image/", "video/")
    ) -> None:
        self._field = field
        self._kinds = kinds
        self._name, self._source, self._kind = self._unpack(source)
        self._is_ours = isinstance(self._source, str | os.PathLike)
        self._opening: asyncio.Future[_SharedFile] | None = None

    async def open(self) -> "OpenFile":
        """
        Return it opened; a path anew each time, and what was given once.

        Raises:
            InvalidArgumentError: It is not there, cannot be read, or is no image and no video.
        """
        opening = self._opening
        if opening is None:
            opening = asyncio.get_running_loop().run_in_executor(None, self._open)
            if not self._is_ours:
                self._opening = opening
        try:
            opened = await asyncio.shield(opening)
        except InvalidArgumentError:
            raise
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise self._flaw(f"cannot be read: {reason}") from error
        except asyncio.CancelledError:
            if self._is_ours:
                opening.add_done_callback(_close_late)
            raise
        try:
            return OpenFile(opened, self._field, self._describe(opened), is_ours=self._is_ours)
        except InvalidArgumentError:
            if self._is_ours:
                opened.file.close()
            raise

    def _unpack(self, source: Any) -> tuple[str | None, Any, str | None]:
        """Return the name, the data and the content type of what was given."""
        name = kind = None
        if isinstance(source, tuple):
            is_named = len(source) in (2, 3) and all(
                isinstance(one, str) and one for one in (source[0], *source[2:])
            )
            if not is_named or isinstance(source[1], str | os.PathLike):
                raise self._refuse(source)
            name, kind = PurePath(source[0]).name, source[2] if len(source) == 3 else None
            source = source[1]
        if isinstance(source, str):
            return self._unpack_text(source)
        if callable(getattr(source, "save", None)) and hasattr(source, "mode"):
            return name, _save_picture(source), kind or "image/png"
        is_file = not isinstance(source, type) and callable(getattr(source, "read", None))
        if not (is_file or isinstance(source, bytes | bytearray | os.PathLike)):
            raise self._refuse(source)
        return name, source, kind

    def _unpack_text(self, text: str) -> tuple[str | None, Any, str | None]:
        """Return the file that a text holds, or the path that it is."""
        if text[:5].lower() == "data:":
            kind, data = self._read_data_url(text)
            return None, data, kind
        if len(text) < _SHORTEST_BASE64:
            return None, text, None
        decoded = _decode_base64(text)
        if decoded is None or not is_convincing(decoded[:HEAD]):
            raise InvalidArgumentError(
                f"{self._field}: a text of {len(text)} characters is no path, and no base64 of an "
                "image or video; pass bytes, a path, or a data: address"
            )
        return None, decoded, None

    def _read_data_url(self, url: str) -> tuple[str | None, bytes]:
        """
        Return the content type and the bytes of a ``data:`` URL.

        Source: :rfc:`2397`.
        """
        head, comma, text = url[5:].partition(",")
        kind, *parameters = head.split(";")
        is_base64 = parameters[-1:] == ["base64"]
        data = _decode_base64(text) if is_base64 else unquote_to_bytes(text)
        if not comma or data is None:
            flaw = "invalid base64" if comma else "no comma"
            raise InvalidArgumentError(
                f"{self._field}: the data: URL has {flaw}: {shorten(url[:40])}"
            )
        return kind.strip().lower() or None, data

    def _refuse(self, source: object) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"{self._field}: expected a path, bytes, a file opened in binary, (name, data[, type])"
            f" or an address, got {shorten(source)}"
        )

    def _describe(self, opened: _SharedFile) -> UploadPart:
        if not opened.head:
            raise self._flaw("is empty, or has been read to its end")
        # The first bytes count for more than the given type: a server goes by them as well.
        kind = find_media_type(opened.head, opened.name) or opened.kind
        # It goes into a header as it is.
        is_safe = kind is not None and kind.isascii() and kind.isprintable()
        if kind is None or not is_safe or not kind.startswith(self._kinds):
            wanted = " or ".join(_KINDS[one] for one in self._kinds)
            raise self._flaw(f"is no {wanted} of a known kind, by its first bytes")
        return UploadPart(name=opened.name or make_name(kind, self._field), kind=kind)

    def _open(self) -> _SharedFile:
        if isinstance(self._source, bytes | bytearray):
            data = bytes(self._source)
            opened = _SharedFile(file=data, head=data[:HEAD], size=len(data))
        else:
            opened = self._open_path() if self._is_ours else self._open_file()
        return attrs.evolve(opened, name=self._name or opened.name, kind=self._kind)

    def _open_path(self) -> _SharedFile:
        path = Path(os.fsdecode(self._source))
        if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe may take for ever
            what = "directory" if path.is_dir() else "device or pipe"
            raise self._flaw(f"is a {what} and no file")
        file = path.open("rb")
        try:
            size = os.fstat(file.fileno()).st_size
            return _SharedFile(file=file, head=file.read(HEAD), size=size, name=path.name)
        except BaseException:
            file.close()
            raise

    def _open_file(self) -> _SharedFile:
        file = self._source
        start = size = None
        with contextlib.suppress(AttributeError, OSError, TypeError):
            before = file.tell()
            size = file.seek(0, os.SEEK_END) - before
            file.seek(before)
            start = before
        head = file.read(HEAD)
        if not isinstance(head, bytes):
            if inspect.iscoroutine(head):
                head.close()
            raise self._flaw("gives no bytes: is it a file opened in binary?")
        name = getattr(file, "name", None)
        name = PurePath(name).name if isinstance(name, str) else ""
        return _SharedFile(file=file, head=head, start=start, size=size, name=name or None)

    def _flaw(self, flaw: str) -> InvalidArgumentError:
        shown = f" {shorten(os.fspath(self._source))}" if self._is_ours else ""
        return InvalidArgumentError(f"{self._field}{shown}: {flaw}")


def _decode_base64(text: str) -> bytes | None:
    """Return the bytes that a text is the base64 of, also the kind for URLs; None if it is none."""
    text = text.replace("-", "+").replace("_", "/")
    if not _BASE64.fullmatch(text):
        return None
    text = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return None


def _save_picture(picture: Any) -> bytes:
    """Return a picture of PIL as PNG, which loses nothing."""
    file = io.BytesIO()
    picture.save(file, format="PNG")
    return file.getvalue()


def _close_late(opening: "asyncio.Future[_SharedFile]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().file.close()


class OpenFile:
    """
    A file that is about to be sent.

    Attributes:
        file: What the server is told of it.
        size: Its bytes; None when it cannot tell.
        can_repeat: Whether it can be read a second time.
    """

    def __init__(self, opened: _SharedFile, field: str, file: UploadPart, *, is_ours: bool) -> None:
        self._opened = opened
        self._is_ours = is_ours
        self._field = field
        self.file = file
        self.size = opened.size
        self.can_repeat = opened.start is not None

    async def chunks(self) -> AsyncIterator[bytes]:
        """
        Yield its bytes, from the first one on.

        Raises:
            OSError: It cannot be read, or has become shorter meanwhile.
        """
        opened = self._opened
        if isinstance(opened.file, bytes):
            for place in range(0, len(opened.file), CHUNK):
                yield opened.file[place : place + CHUNK]
            return
        if opened.start is not None:
            await asyncio.to_thread(opened.file.seek, opened.start + len(opened.head))
        chunk, sent = opened.head, 0
        while chunk:
            yield chunk
            sent += len(chunk)
            left = CHUNK if self.size is None else min(CHUNK, self.size - sent)
            chunk = await asyncio.to_thread(opened.file.read, left) if left > 0 else b""
        if self.size is not None and sent < self.size:
            raise OSError(f"{self._field}: ended after {sent} of {self.size} bytes")

    async def close(self) -> None:
        """Close the file, unless it was given."""
        if self._is_ours:
            await asyncio.to_thread(self._opened.file.close)
