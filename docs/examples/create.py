import asyncio

from sora_async import CreateOutcomeUnknownError, SoraClient, TaskFailedError


async def main() -> None:
    async with SoraClient() as client:
        watch = client.create_and_wait(
            prompt="a paper boat in the rain", model="sora-2", seconds=10, size="1280x720"
        )
        try:
            async for event in watch:
                print(event)
            task = await watch
            print("The video is at", task.video_url or task.content_url)
        except TaskFailedError as error:
            print("There will be no video:", error.failure)
        except CreateOutcomeUnknownError as error:
            print("Look before you create again:", error)
        finally:
            print("The task is", watch.task_id)


asyncio.run(main())
