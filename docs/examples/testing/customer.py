from sora_async import SoraClient, TaskFailedError, WaitTimeoutError


async def describe_result(client: SoraClient, task_id: str) -> str:
    """Return the message for the customer."""
    try:
        task = await client.wait_until_complete(task_id, timeout=1200)
    except TaskFailedError as error:
        return f"We could not make your video: {error.failure.message}"
    except WaitTimeoutError:
        return "Your video takes longer than usual. We will write to you."
    return f"Your video is ready: {task.video_url}"
