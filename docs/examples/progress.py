import asyncio
import sys

from sora_async import ProgressEvent, SoraClient


def draw(event: ProgressEvent) -> str:
    done = event.progress or 0.0
    bar = "#" * round(20 * done)
    note = "no answer at the moment" if event.is_degraded else event.task.phase
    return f"[{bar:<20}] {done:4.0%}  {event.elapsed:5.1f} s  {note}"


async def main(task_id: str) -> None:
    async with SoraClient() as client:
        async for event in client.wait_until_complete(task_id):
            print(f"\r{draw(event):<60}", end="", flush=True)
    print(f"\n{event.task.video_url}")


asyncio.run(main(sys.argv[1]))
