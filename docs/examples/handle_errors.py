import asyncio
import sys

from sora_async import (
    AuthenticationError,
    InsufficientQuotaError,
    PermissionDeniedError,
    SoraClient,
    SoraError,
    TaskFailedError,
    WaitInterruptedError,
)


async def wait(client: SoraClient, task_id: str) -> str:
    try:
        task = await client.wait_until_complete(task_id)
    except TaskFailedError as error:
        return f"make another task: {error.failure}"
    except WaitInterruptedError as error:
        return f"wait again for {error.task_id}"
    except (AuthenticationError, PermissionDeniedError, InsufficientQuotaError) as error:
        return f"stop, and tell the owner of the account: {error.code}"
    except SoraError as error:
        return f"look into it: {error}"
    return f"fetch {task.video_url}"


async def main(task_ids: list[str]) -> None:
    async with SoraClient() as client:
        waits = [wait(client, task_id) for task_id in task_ids]
        print(*await asyncio.gather(*waits), sep="\n")


asyncio.run(main(sys.argv[1:]))
