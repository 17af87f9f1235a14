"""The server of the benchmarks: as little HTTP as its clients need, so that it is no bottleneck.

As a process (``python -m benchmarks.server``) it prints its address, runs until its standard input
ends, and also answers the benchmark's own questions under ``/bench/``. It runs on uvloop where
that is installed.
"""

import argparse
import asyncio
import gc
import importlib.util
import json
import math
import sys
import time
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from .processes import SERVER_CORE, pin
from .service import Service

_BENCH = b"/bench/"


class Connection(asyncio.Protocol):
    """One connection; every request is a GET without a body, and is answered at once."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no class of asyncio's.
        self._write = cast(asyncio.Transport, transport).write

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        start = 0
        while (end := data.find(b"\r\n\r\n", start)) >= 0:
            path = data[data.index(b" ", start) + 1 : data.index(b" HTTP/", start)]
            self._write(self._answer(path))
            start = end + 4
        self._rest = data[start:]


class Desk:
    """What the server of a process answers: polls, and questions about itself."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._begun = (time.monotonic(), time.process_time())

    def answer(self, path: bytes) -> bytes:
        """Return the message for a path."""
        if not path.startswith(_BENCH):
            return self._service.answer(path)
        asked = urlsplit(path[len(_BENCH) :].decode())
        body = json.dumps(self._tell(asked.path, dict(parse_qsl(asked.query)))).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    def _tell(self, question: str, options: dict[str, str]) -> dict[str, Any]:
        service = self._service
        match question:
            case "report":
                wall, cpu = self._begun
                share = (time.process_time() - cpu) / (time.monotonic() - wall)
                return service.report() | {"server_share": share}
            case "count-anew":
                service.count_anew()
                self._begun = (time.monotonic(), time.process_time())
            case "finish":
                service.finish_all(float(options["spread"]))
            case "there":
                return service.there()
        return {}


async def listen(answer: Callable[[bytes], bytes]) -> tuple[asyncio.Server, str]:
    """Listen on a free port of loopback; return the server and its address."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answer), "127.0.0.1", 0, backlog=4096)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def serve(service: Service) -> None:
    """Serve until standard input ends, as it does when the benchmark's own process ends."""
    server, url = await listen(Desk(service).answer)
    async with server:
        print(url, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve in a process of its own, on a core of its own where there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lifetime", type=float, default=math.inf, metavar="SECONDS")
    options = parser.parse_args()
    pin(SERVER_CORE)
    # Its memory grows by one record for each task, and nothing in it is a cycle.
    gc.disable()
    service = Service(time.monotonic, lifetime=options.lifetime)
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if importlib.util.find_spec("uvloop"):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(service))


if __name__ == "__main__":
    main()
