# %%
from sora_async import SoraClient, Succeeded
from sora_async.progress import track

client = SoraClient()  # reads SORA_BASE_URL and SORA_API_KEY

# %%
tasks = [await client.create_task(prompt=f"a paper boat, {time}") for time in ("dawn", "noon")]
[task.id for task in tasks]

# %%
videos = []
async for event in track(client.events(task.id for task in tasks)):
    if isinstance(event, Succeeded):
        videos.append(event.task)

# %%
for number, task in enumerate(videos):
    await client.download(task, f"boat-{number}.mp4")

# %%
await client.close()
