from sora_async import CreateUncertainError, RateLimitedError, SoraClient


async def order(url: str, prompt: str, picture: bytes) -> str | None:
    """Create a task; None means that there may be one whose id we do not know."""
    async with SoraClient(base_url=url) as client:
        try:
            task = await client.create_task(prompt=prompt, input_reference=picture)
        except CreateUncertainError:
            return None
        except RateLimitedError as error:
            raise BlockingIOError("too many orders: try again later") from error
    return task.id
