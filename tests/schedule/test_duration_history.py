"""What was learned, to a file and back."""

import json
import re
from pathlib import Path

import pytest

from sora_async import DurationHistory, SoraClient
from sora_async.schedule.learning.duration_history import task_kinds
from sora_async.schedule.learning.observations import CensoredDuration
from sora_async.testing import FakeSora, Scenario

KINDS = task_kinds("sora-2", "1280x720", 10)


def taught() -> DurationHistory:
    duration_history = DurationHistory()
    for length in range(100, 130):
        duration_history.learn(
            KINDS, CensoredDuration(result="video", after=length, before=length + 5.0)
        )
    return duration_history


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    duration_history = taught()

    duration_history.save(tmp_path / "durations.json")
    again = DurationHistory.load(str(tmp_path / "durations.json"))

    assert again.records.keys() == duration_history.records.keys()
    forecast, before = again.forecast(KINDS), duration_history.forecast(KINDS)
    assert forecast is not None
    assert before is not None
    assert forecast.videos.masses == pytest.approx(before.videos.masses, abs=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == ["durations.json"]


def test_there_need_not_be_a_file(tmp_path: Path) -> None:
    assert DurationHistory.load(tmp_path / "none.json") == DurationHistory()


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"version": 99, "kinds": []}', b"[" * 100_000],
    ids=lambda damage: repr(damage[:20]),
)
def test_a_damaged_file_is_begun_afresh_with_a_warning(damage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "durations.json"
    path.write_bytes(damage)

    with pytest.warns(RuntimeWarning, match=re.escape(str(path))):
        duration_history = DurationHistory.load(path)

    assert duration_history == DurationHistory()


def test_what_cannot_be_written_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "durations.json"
    taught().save(path)
    before = path.read_bytes()
    broken = DurationHistory()
    broken.records[("surrogate \ud800",)] = object()  # type: ignore[assignment]

    with pytest.raises(AttributeError):
        broken.save(path)

    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["durations.json"]


def test_a_folder_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        DurationHistory().save(tmp_path / "no" / "durations.json")


async def test_a_client_goes_on_with_what_another_has_learned(
    sora: FakeSora, client: SoraClient, tmp_path: Path
) -> None:
    for _ in range(12):
        await client.wait_until_complete(sora.add(Scenario(queued=5, running=95)))
    client.duration_history.save(tmp_path / "durations.json")

    duration_history = DurationHistory.load(tmp_path / "durations.json")

    async with SoraClient(
        api_key="sk-0123456789abcdef", base_url=sora.url, duration_history=duration_history
    ) as other:
        for _ in range(4):
            await other.wait_until_complete(sora.add(Scenario(queued=5, running=95)))
        watch = other.wait_until_complete(sora.add(Scenario(queued=5, running=95)))
        told = [event.eta async for event in watch]
    assert any(one is not None for one in told)
    assert json.loads((tmp_path / "durations.json").read_text("utf-8"))["version"] == 1
