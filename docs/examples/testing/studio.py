import aiohttp


async def order(url: str, prompt: str, picture: bytes) -> str | None:
    """Create a task; None means that there may be one whose id we do not know."""
    form = aiohttp.FormData({"prompt": prompt})
    form.add_field("input_reference", picture, filename="first.png", content_type="image/png")
    try:
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{url}/v1/videos", data=form) as reply,
        ):
            task = await reply.json()
    except aiohttp.ClientConnectionError:
        return None
    if reply.status == 429:
        raise BlockingIOError("too many orders: try again later")
    return str(task["id"])
