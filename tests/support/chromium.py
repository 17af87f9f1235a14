"""
A headless Chromium, driven over its DevTools protocol.

aiohttp speaks WebSocket, so this needs no driver and no package beside the browser itself.

Source: https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import base64
import contextlib
import itertools
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import aiohttp

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    # It calls home otherwise.
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--remote-debugging-port=0", "--window-size=800,600", "about:blank"),
)


class Tab:
    """One page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result; events that come meanwhile are not kept."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            message = await self._socket.receive_json(timeout=60)
            if message.get("id") == number:
                result: dict[str, Any] = message["result"]
                return result

    async def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression in the page."""
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    async def text(self, element: str) -> str:
        """Return the text of an element, by its id; "" while there is none."""
        return await self.run(f"document.getElementById({element!r})?.textContent ?? ''")

    async def shows(self, element: str, words: str) -> str:
        """Wait until the text of an element has these words, and return it."""
        seen = ""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(60):
                while words not in (seen := await self.text(element)):
                    await asyncio.sleep(0.05)
        assert words in seen
        return seen

    async def picture(self, path: Path) -> None:
        """Write what the upper part of the page looks like, as a PNG."""
        part = {"x": 0, "y": 0, "width": 800, "height": 260, "scale": 1}
        shot = await self.call("Page.captureScreenshot", clip=part)
        path.write_bytes(base64.b64decode(shot["data"]))


class Chromium:
    """A browser of our own, in a folder that is thrown away."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(self._program, f"--user-data-dir={self._folder}", *FLAGS),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        note = self._folder / "DevToolsActivePort"
        async with asyncio.timeout(60):
            while not note.is_file() or not (port := note.read_text().partition("\n")[0]):
                await asyncio.sleep(0.05)
        self._url = f"http://127.0.0.1:{port}"
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._session.close()
        # Its many processes are one group.
        os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    @contextlib.asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[Tab]:
        """Open a tab, and close it at the end."""
        async with self._session.put(f"{self._url}/json/new?{url}") as reply:
            target = await reply.json(content_type=None)
        # A picture of a tab is larger than what aiohttp takes at once by default.
        async with self._session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as one:
            yield Tab(one)
        async with self._session.get(f"{self._url}/json/close/{target['id']}") as reply:
            await reply.read()
