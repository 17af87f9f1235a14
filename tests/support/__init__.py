"""What several test files share."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from sora_async import SoraClient
from sora_async._http.request_body import TrackedBody
from sora_async.testing import FakeSora

KEY = "sk-0123456789abcdef"
"""The key that the fake service asks for."""

ROOT = Path(__file__).parents[2]
RESPONSES = ROOT / "tests" / "responses"
"""Bodies that real servers have sent, with the reading expected of each."""

TLS = ROOT / "tests" / "tls"

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def client_of(sora: FakeSora, **options: Any) -> SoraClient:
    """Return a client of a fake service, with its key, and with these options."""
    return SoraClient(**{"api_key": KEY, "base_url": sora.url, **options})


def count_creates(sora: FakeSora) -> int:
    """Return how many creates a fake service has received."""
    return sum(request.endpoint == "create" for _, request in sora.requests)


class Written:
    """
    What a body hands to a connection.

    Attributes:
        chunks: What was written, in order.
    """

    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    async def write(self, chunk: bytes) -> None:
        self.chunks.append(chunk)


async def read_body(body: TrackedBody) -> bytes:
    """Return all of a body of a create, whose size has to be right."""
    written = Written()
    await body.write(written)
    data = b"".join(written.chunks)
    assert body.size in (None, len(data))
    return data


def run_python(code: str, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run code in a process of its own, to its end."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)
