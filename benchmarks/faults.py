"""
The fault matrix, met by this package, by openai-python and by a loop written by hand.

Run it from the checkout, in an environment with this package and ``openai``::

    python benchmarks/faults.py [--write]

Every row of ``tests/support/fault_matrix.py`` is met by each client in virtual time, against the
same fake service in the plain OpenAI shape, which openai-python speaks. A client is right if it
ends as the row says, with the finished task or with an error, and no more than a minute later.
``--write`` renews the page's table.
"""

import argparse
import asyncio
import importlib.metadata
import sys
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import openai

from sora_async import Schedule, SoraClient
from sora_async.testing import FakeSora, VirtualTimeLoop, running

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support import fault_matrix  # noqa: E402
from support.fault_matrix import ABOUT_A_MISSING_URL, Row  # noqa: E402

KEY = "sk-0123456789abcdef"
PAGE = ROOT / "docs" / "explanation" / "faults-compared.txt"
INTERVAL = 2.0

GROUPS = {
    title: [row for row in rows if row.name not in ABOUT_A_MISSING_URL]
    for title, rows in fault_matrix.GROUPS.items()
}
ROWS = [row for rows in GROUPS.values() for row in rows]

Client = Callable[[str, float], Awaitable[object]]


async def ours(url: str, timeout: float) -> None:
    """Wait as this package does; the OpenAI shape has no URL, so the success itself is the end."""
    schedule = Schedule(intervals=[INTERVAL], jitter=float, first_jitter=float)
    async with SoraClient(api_key=KEY, base_url=url) as client:
        await client.wait_until_complete(
            "task_1", until="completed", schedule=schedule, timeout=timeout
        )


async def openai_python(url: str, timeout: float) -> None:
    """Wait as openai-python does, with its own defaults; a limit has to be put around it."""
    async with (
        asyncio.timeout(timeout),
        openai.AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1") as client,
    ):
        video = await client.videos.poll("task_1", poll_interval_ms=int(INTERVAL * 1000))
    if video.status != "completed":
        raise RuntimeError(f"ended with {video.status}")


async def hand(url: str, timeout: float) -> None:
    """Wait as most people write it."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        asyncio.timeout(timeout),
        aiohttp.ClientSession(headers=headers, raise_for_status=True) as session,
    ):
        while True:
            async with session.get(f"{url}/v1/videos/task_1") as response:
                task = await response.json()
            if task["status"] == "completed":
                return
            if task["status"] in {"failed", "cancelled"}:
                raise RuntimeError(task.get("error"))
            await asyncio.sleep(INTERVAL)


CLIENTS: dict[str, Client] = {"sora_async": ours, "openai-python": openai_python, "by hand": hand}


async def meet(row: Row, client: Client) -> tuple[bool, str, float]:
    """Return whether a client was right about a row, how it ended, and when."""
    clock = asyncio.get_running_loop().time
    async with FakeSora(api_key=KEY, shape="openai") as sora:
        lead = () if row.is_first else (running(0.3),)
        sora.script("task_1", *lead, *row.answers(sora))
        sora.script("elsewhere", running(0.5))
        start = clock()
        try:
            await client(sora.url, row.timeout)
            how = "done"
        except Exception as error:
            how = type(error).__name__
        spent = clock() - start
    is_error_due = row.outcome.endswith("Error")
    is_late = spent > row.within + (0 if row.is_first else INTERVAL) + 60
    is_right = is_error_due if how != "done" else not is_error_due
    return is_right and not is_late, how, spent


def run(row: Row, client: Client) -> tuple[bool, str, float]:
    """Meet a row on a loop of its own; what a client leaves behind is its own affair here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(meet(row, client))


def render(results: dict[str, dict[str, tuple[bool, str, float]]]) -> str:
    """Return the table of the page."""
    names = list(CLIENTS)
    right = {name: sum(results[row.name][name][0] for row in ROWS) for name in names}
    lines = [
        f"Right about {', '.join(f'{right[name]} ({name})' for name in names)}",
        f"of {len(ROWS)} faults;",
        f"openai-python {importlib.metadata.version('openai')}, each with its own defaults.",
    ]
    for title, rows in GROUPS.items():
        lines += ["", title, "-" * len(title), "", ".. list-table::", "   :header-rows: 1", ""]
        cells = [("Fault", *names)]
        cells += [
            (
                f"``{row.name}``" if row.name.startswith("{") else row.name,
                *(_cell(results[row.name][name]) for name in names),
            )
            for row in rows
        ]
        for first, *others in cells:
            lines += [f"   * - {first}", *(f"     - {cell}" for cell in others)]
    return "\n".join(lines) + "\n"


def _cell(result: tuple[bool, str, float]) -> str:
    is_right, how, spent = result
    text = f"{how}, {spent:.1f} s"
    return text if is_right else f"**{text}**"


def main() -> None:
    """Meet every row with every client, and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew the table of the docs")
    options = parser.parse_args()
    results = {row.name: {name: run(row, CLIENTS[name]) for name in CLIENTS} for row in ROWS}
    table = render(results)
    if options.write:
        PAGE.write_text(table, "utf-8")
    print(table)


if __name__ == "__main__":
    main()
