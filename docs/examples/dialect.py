import asyncio
import os

from sora_async import Dialect, SoraClient
from sora_async.dialects import FieldSpelling

STUDIO = Dialect(
    name="studio",
    create_path="/v1/video/create",
    poll_path="/v1/video/query?id={id}",
    content_path=None,
    list_path=None,
    delete_path=None,
    remix_path=None,
    create_character_path=None,
    get_character_path=None,
    body="json",
    fields={
        "seconds": "duration",
        "input_reference": FieldSpelling(name="images", is_list=True),
    },
    seconds_are_text=False,
)


async def main() -> None:
    async with SoraClient(base_url=os.environ["STUDIO_URL"], dialect=STUDIO) as client:
        task = await client.create_task(prompt="a paper boat", seconds=10)
        print(task.id, task.phase)


asyncio.run(main())
