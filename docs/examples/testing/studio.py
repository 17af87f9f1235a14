from sora_async import CreateOutcomeUnknownError, RateLimitError, SoraClient


async def create_video(url: str, prompt: str, picture: bytes) -> str | None:
    """Create a task; None means that there may be one whose id we do not know."""
    async with SoraClient(base_url=url) as client:
        try:
            task = await client.create_task(prompt=prompt, input_reference=picture)
        except CreateOutcomeUnknownError:
            return None
        except RateLimitError as error:
            raise BlockingIOError("too many creates: try again later") from error
    return task.id
