"""What a REPL, a log and a traceback show of each public value."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from support import KEY, client_of

import sora_async
from sora_async import (
    ETA,
    BatchEvent,
    BatchOutcome,
    Character,
    ConnectionFailedError,
    CreateOutcomeUnknownError,
    Dialect,
    DownloadEvent,
    DurationHistory,
    Failed,
    LearningSchedule,
    Phase,
    ProgressEvent,
    RateLimit,
    Schedule,
    SoraError,
    Succeeded,
    TaskFailedError,
    TaskFailure,
    TaskNotFoundError,
    VideoFile,
    VideoTask,
    WaitTimeoutError,
    errors,
)
from sora_async.dialects import OPENAI
from sora_async.models.repr import brief, hide_queries
from sora_async.progress import track
from sora_async.testing import FakeSora, VirtualClock, completed, running

SIGNED = "https://cdn.example/v.mp4?sig=SECRET"
LONG = "a boat " * 1000
RAW = {"id": "x", "key": "SECRET", "detail": {"prompt": LONG, "url": SIGNED}}
RUNNING = VideoTask(id="x", status="in_progress", phase=Phase.RUNNING, progress=0.425, raw=RAW)
FULL = VideoTask(
    id="sora-2:" + 300 * "x",
    status=LONG,
    phase=Phase.FAILED,
    progress=1 / 3,
    video_url=SIGNED,
    content_url=SIGNED,
    failure=TaskFailure(LONG, f"look at {SIGNED}, {LONG}"),
    prompt=LONG,
    enhanced_prompt=LONG,
    queue_position=3,
    raw=RAW,
)
FULL_EVENT = ProgressEvent(
    task=FULL,
    progress=1 / 3,
    elapsed=1 / 3,
    polls=3,
    last_error=TaskFailedError(FULL),
    eta=ETA(p50=1 / 3, p90=2 / 3),
)
FULL_FILE = VideoFile(path=Path("x" * 300), size=1, content_type="video/mp4", task=FULL)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (VideoTask(id="x"), "VideoTask(id='x', phase='queued')"),
        (RUNNING, "VideoTask(id='x', status='in_progress', phase='running', progress=0.425)"),
        (
            VideoTask(id="x", phase=Phase.SUCCEEDED, video_url=SIGNED),
            "VideoTask(id='x', phase='succeeded', video_url='https://cdn.example/v.mp4?…')",
        ),
        (TaskFailure("blocked", None), "TaskFailure(code='blocked')"),
        (
            Character(id="x", created_at=datetime(2025, 10, 1, tzinfo=UTC), raw=RAW),
            "Character(id='x', created_at=<2025-10-01T00:00:00+00:00>)",
        ),
        (
            ProgressEvent(task=VideoTask(id="x"), progress=None, elapsed=12.345678, polls=0),
            "ProgressEvent(task=VideoTask(id='x', phase='queued'), elapsed=12.3457, polls=0)",
        ),
        (
            DownloadEvent(task_id="x", received=0, total=None, elapsed=1.0),
            "DownloadEvent(task_id='x', received=0, elapsed=1.0)",
        ),
        (
            VideoFile(path=Path("v.mp4"), size=3, content_type=None),
            "VideoFile(path='v.mp4', size=3)",
        ),
        (
            Failed("x", WaitTimeoutError("x")),
            "Failed(task_id='x', error=WaitTimeoutError(task_id='x', elapsed=0.0, polls=0))",
        ),
        (
            BatchEvent(item="a boat", key="k", path=Path("v.mp4"), stage="creating"),
            "BatchEvent(item='a boat', key='k', path='v.mp4', stage='creating')",
        ),
        (BatchOutcome(item={"prompt": "p"}), "BatchOutcome(item={'prompt': 'p'})"),
        (
            TaskNotFoundError("https://api.example/v1/videos/x", 404, None, "No such task."),
            "TaskNotFoundError(url='https://api.example/v1/videos/x', status=404, "
            "message='No such task.')",
        ),
        (
            CreateOutcomeUnknownError("u", "r", is_whole=False),
            "CreateOutcomeUnknownError(url='u', reason='r', is_whole=False)",
        ),
        (SoraError(), "SoraError()"),
        (RateLimit(), "RateLimit(rate=50.0, burst=20, max_concurrent=64)"),
        (RateLimit(rate=None), "RateLimit(rate=None, burst=20, max_concurrent=64)"),
        (Schedule(intervals=(1, 2)), "Schedule(intervals=(1.0, 2.0))"),
        (Schedule(intervals=(1, 2), jitter=max), "Schedule(intervals=(1.0, 2.0), jitter=max)"),
        (
            LearningSchedule(),
            "LearningSchedule(price=0.14, slowest=2.8, "
            "fallback=Schedule(intervals=(2.0, 3.0, 4.5, 6.0)), shortest=0.5, longest=18.0, "
            "slack=1.45)",
        ),
        (DurationHistory(), "<DurationHistory of 0 tasks, 0 kinds>"),
        (OPENAI, "Dialect(name='openai', create_path='/v1/videos', poll_path='/v1/videos/{id}')"),
        (
            RUNNING.detail,
            f"Detail(url='https://cdn.example/v.mp4?…', extra={{'prompt': {LONG[:80] + '…'!r}}})",
        ),
        (VirtualClock(), "<VirtualClock: not running>"),
        (FakeSora(api_key=KEY), "<FakeSora: not started>"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_a_value_shows_what_matters(value: object, shown: str) -> None:
    assert repr(value).startswith(shown)
    assert repr(value) == shown or repr(value).endswith("…)")


def any_error(kind: type[SoraError]) -> SoraError:
    """Return an error that has everything, and all of it long."""
    values: dict[str, Any] = {"VideoTask": FULL, "SoraError": ConnectionFailedError(SIGNED, LONG)}
    values |= {"str": f"{SIGNED} {LONG}", "int": 10**9, "float": 1 / 3, "bool": True}
    names = (str(getattr(field.type, "__name__", field.type)) for field in attrs.fields(kind))
    return kind(*(values[name.split(" |")[0].rpartition(".")[2]] for name in names))


@pytest.mark.parametrize(
    "value",
    [
        *(FULL, FULL_EVENT, FULL_FILE, FULL.detail, FULL.failure, Succeeded(FULL.id, FULL)),
        Character(id=LONG, name=LONG, raw=RAW),
        BatchEvent(
            item={"prompt": LONG, "image": SIGNED},
            key=LONG,
            path=Path(LONG),
            stage="waiting",
            task_id=LONG,
            event=FULL_EVENT,
        ),
        BatchOutcome(item=SIGNED, key=LONG, path=Path(LONG), task=FULL, file=FULL_FILE),
        Dialect(name=LONG),
        Schedule(intervals=range(1, 1000)),
        *(any_error(getattr(errors, name)) for name in errors.__all__),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_largest_value_is_one_bearable_line_without_a_secret(value: object) -> None:
    shown = repr(value)

    assert len(shown) < 1000 and shown.isprintable()
    assert shown.startswith(type(value).__name__)
    assert "SECRET" not in shown


def test_a_value_in_a_value_is_cut_between_two_attributes() -> None:
    task = VideoTask(
        id="x" * 60,
        status="y" * 60,
        phase=Phase.SUCCEEDED,
        prompt="z" * 60,
        video_url="https://cdn.example/" + "v" * 40,
        content_url="https://api.example/" + "w" * 40,
    )
    file = VideoFile(path=Path("a.mp4"), size=1, content_type="video/mp4", task=task)

    for value in (Succeeded("x", task), file, TaskFailedError(task)):
        shown = repr(value)
        assert ", …)" in shown and shown.count("'") % 2 == 0
        assert "content_url" not in shown


def test_a_long_container_is_cut_between_two_items() -> None:
    @attrs.frozen
    class Holder:
        __repr__ = brief

        found: object

    words = ["word " * 9] * 9

    assert repr(Holder(words)) == f"Holder(found=[{words[0]!r}, …])"
    assert repr(Holder(tuple(words))) == f"Holder(found=({words[0]!r}, …))"
    assert repr(Holder(dict.fromkeys(("a" * 70, "b" * 70), 1))) == (
        f"Holder(found={{{'a' * 70!r}: 1, …}})"
    )
    assert repr(Holder({"a" * 100})) == f"Holder(found={{'{'a' * 78}…)"


def test_every_public_value_is_looked_at_here() -> None:
    """Whoever adds a class with attributes sees to its repr."""
    public = (getattr(sora_async, name) for name in sora_async.__all__)
    values = {one for one in public if isinstance(one, type) and attrs.has(one)}

    # This one has a sum for the eye.
    assert {one.__name__ for one in values if not is_brief(one)} == {"DurationHistory"}


def is_brief(kind: type) -> bool:
    code = getattr(kind.__repr__, "__code__", None)
    return code is not None and "brief" in (code.co_name, *code.co_names)


def test_the_repr_of_a_task_does_not_parse_its_body() -> None:
    task = VideoTask(id="x", raw=b"no JSON: to read it is an error")

    assert repr(task) == "VideoTask(id='x', phase='queued')"


async def test_what_goes_on_says_how_far_it_is(sora: FakeSora) -> None:
    sora.script("x", running(0.4), completed())
    async with client_of(sora) as client:
        watch, download = client.wait_until_complete("x"), client.download("x", "v.mp4")
        before = [repr(watch), repr(aiter(watch)), repr(track(watch)), repr(download)]
        await anext(aiter(watch))
        with pytest.warns(RuntimeWarning, match="never awaited"):
            del download

    assert before == [
        "<Watch 'x': not begun: await it, or pass its .result()>",
        "<events of <Watch 'x': not begun: await it, or pass its .result()>>",
        "<track <events of <Watch 'x': not begun: await it, or pass its .result()>>>",
        "<Download 'x': not begun: await it, or pass its .result()>",
    ]
    assert repr(watch) == "<Watch 'x': x  running    40%  0.0 s  poll 1>"
    assert repr(client) == f"<SoraClient {sora.url}>"
    assert repr(sora) == f"<FakeSora {sora.url}: tasks: 1, requests: 1>"
    assert repr(VirtualClock()).startswith("<VirtualClock at ")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "see https://h.example/v.mp4?a=1#b, HTTP://h/#x",
            "see https://h.example/v.mp4?… HTTP://h/?…",
        ),
        ("https://h/v.mp4 and http: //h?a", "https://h/v.mp4 and http: //h?a"),
        # A search that tries again inside of an address takes hours for these.
        ("https://h/" * 800_000, "https://h/" * 800_000),
        ("https://" * 800_000 + "?", "https://" * 800_000 + "?…"),
    ],
    ids=["queries", "no queries", "addresses in one", "a query at the end"],
)
def test_the_queries_of_all_addresses_are_hidden(text: str, shown: str) -> None:
    assert hide_queries(text) == shown
