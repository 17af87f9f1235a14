import asyncio
import os
import sys
from pathlib import Path

from sora_async import DiskFullError, DownloadInterruptedError, OutputExistsError, SoraClient

PATH = Path(os.environ["VIDEOS"], "boat.mp4")


async def main(task_id: str) -> None:
    async with SoraClient() as client:
        for number in (1, 2):
            try:
                file = await client.download(task_id, PATH, timeout=600)
                print(number, "it is there,", file.size, "bytes")
            except OutputExistsError as error:
                print(number, error.reason)
            except DiskFullError as error:
                print(number, "free some space and run this again: it resumes;", error)
            except DownloadInterruptedError as error:
                print(number, f"{error.received} bytes are kept, run this again: it resumes")


asyncio.run(main(sys.argv[1]))
