import asyncio

from sora_async import SoraClient


async def main() -> None:
    async with SoraClient() as client:
        for place in ("in the rain", "at night"):
            await client.create_task(prompt=f"a paper boat {place}")

        async for task in client.list_tasks(limit=20):
            print(task.id, task.phase, task.prompt)
            await client.delete_task(task.id)


asyncio.run(main())
