"""Whatever can start a process and send HTTP can do the same; this is Python's standard library."""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

KEY = "Bearer sk-of-the-test"
SCRIPT = str(Path(__file__).parent / "videos.yaml")


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    command = [sys.executable, "-m", "sora_async.testing", "--port", "0", "--script", SCRIPT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield re.findall(r"http\S+", process.stdout.readline())[0]
        process.terminate()


def ask(url: str, body: dict | None = None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Authorization": KEY})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def test_the_clock_can_be_advanced(service: str) -> None:
    ask(f"{service}/_fake/reset", {})
    assert ask(f"{service}/v1/videos/video_boat")["status"] == "queued"

    ask(f"{service}/_fake/advance", {"seconds": 300})

    assert ask(f"{service}/v1/videos/video_boat")["status"] == "completed"


def test_an_interrupted_download_succeeds_in_the_end(service: str) -> None:
    ask(f"{service}/_fake/reset", {})
    address, lengths = f"{service}/v1/videos/video_boat/content", []

    for _ in range(3):
        request = urllib.request.Request(address, headers={"Authorization": KEY})
        try:
            with urllib.request.urlopen(request) as response:
                lengths.append(len(response.read()))
        except OSError:  # refused, or reset midway
            lengths.append(None)

    assert lengths == [None, None, 20_000]


def test_requests_are_recorded(service: str) -> None:
    ask(f"{service}/_fake/reset", {})
    ask(f"{service}/_fake/tasks", {"id": "video_star", "script": [{"running": 0.4}]})

    assert ask(f"{service}/v1/videos/video_star")["progress"] == 40

    [poll] = ask(f"{service}/_fake/requests?task_id=video_star")["requests"]
    assert poll["path"] == "/v1/videos/video_star"
