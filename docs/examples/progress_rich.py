import asyncio
import sys

from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

from sora_async import SoraClient, SoraError

COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(bar_width=20),
    TaskProgressColumn(),
    TimeElapsedColumn(),
    TextColumn("{task.fields[note]}"),
)


async def show(client: SoraClient, task_id: str, bars: Progress) -> None:
    bar = bars.add_task(task_id, total=1.0, note="")
    try:
        async for event in client.wait_until_complete(task_id):
            note = "no answer at the moment" if event.is_degraded else event.task.phase
            bars.update(bar, completed=event.progress or 0.0, note=note)
    except SoraError as error:
        bars.update(bar, note=type(error).__name__)
    finally:
        bars.stop_task(bar)


async def main(task_ids: list[str]) -> None:
    with Progress(*COLUMNS) as bars:
        async with SoraClient() as client, asyncio.TaskGroup() as group:
            for task_id in task_ids:
                group.create_task(show(client, task_id, bars))


asyncio.run(main(sys.argv[1:]))
