"""The file in a ``data:`` URL, read as a response is. Source: :rfc:`2397`."""

import base64
from collections.abc import Mapping
from urllib.parse import unquote

from ..errors import ConnectionFailedError

_BLOCK = 1 << 18
"""Characters of base64 that are decoded at once; four of them are three bytes."""


class DataResponse:
    """
    The file in a ``data:`` URL of base64, which needs no request; read as a ``FileResponse`` is.

    Its *url* is without the data, for people. Without headers it cannot be resumed.
    """

    status = 200
    is_own = False

    def __init__(self, url: str) -> None:
        self.url, _, text = url.partition(",")
        self._text = unquote(text)
        self._position = 0
        self.headers: Mapping[str, str] = {}

    async def read_at_least(self, enough: int) -> list[bytes]:
        """
        Return the next bytes of the file, so many or more, or up to its end.

        Raises:
            ConnectionFailedError: The data is no base64.
        """
        chunks: list[bytes] = []
        while enough > 0 and self._position < len(self._text):
            text = self._text[self._position : self._position + _BLOCK]
            self._position += _BLOCK
            try:
                chunks.append(base64.b64decode(text + "=" * (-len(text) % 4)))
            except ValueError as error:
                raise ConnectionFailedError(self.url, f"the data is no base64: {error}") from None
            enough -= len(chunks[-1])
        return chunks

    def close(self) -> None:
        """Do nothing: there is no connection."""
