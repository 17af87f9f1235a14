import asyncio
import json
import os
import sys
from pathlib import Path

from sora_async import SoraClient, VideoTask


async def wait(task_id: str) -> VideoTask:
    async with SoraClient() as client:
        return await client.wait_until_complete(task_id)


file = Path(os.environ["VIDEOS"], "task.json")
task = asyncio.run(wait(sys.argv[1]))
file.write_text(json.dumps(task.to_dict()), encoding="utf-8")

kept = VideoTask.from_dict(json.loads(file.read_text(encoding="utf-8")))
print(kept == task, kept.phase, kept.video_url)
