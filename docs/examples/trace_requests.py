import asyncio
import sys
from types import SimpleNamespace

import aiohttp

from sora_async import SoraClient


async def begin(
    session: aiohttp.ClientSession,
    context: SimpleNamespace,
    params: aiohttp.TraceRequestStartParams,
) -> None:
    context.started = asyncio.get_running_loop().time()


async def end(
    session: aiohttp.ClientSession,
    context: SimpleNamespace,
    params: aiohttp.TraceRequestEndParams,
) -> None:
    seconds = asyncio.get_running_loop().time() - context.started
    print(f"{params.method} {params.url.path}: {params.response.status} in {seconds:.3f} s")


async def main(task_id: str) -> None:
    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(begin)
    trace.on_request_end.append(end)
    async with SoraClient(trace_configs=[trace]) as client:
        await client.wait_until_complete(task_id)


asyncio.run(main(sys.argv[1]))
