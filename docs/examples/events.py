import asyncio
import sys

from rich.live import Live
from rich.table import Table

from sora_async import Outcome, SoraClient


def draw(states: dict[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    for task_id, state in states.items():
        table.add_row(task_id, state)
    return table


async def main(task_ids: list[str]) -> None:
    states = dict.fromkeys(task_ids, "")
    async with SoraClient() as client:
        with Live(draw(states)) as screen:
            async for event in client.events(task_ids):
                if isinstance(event, Outcome):
                    states[event.task_id] = "done" if event.task else type(event.error).__name__
                else:
                    states[event.task.id] = f"{event.task.phase} {event.progress or 0.0:.0%}"
                screen.update(draw(states))


asyncio.run(main(sys.argv[1:]))
