"""
The faults a wait meets, and what it does about each.

One table for the tests and for the page in the docs, and a test fails while the page shows another.
``PYTHONPATH=tests python -m support.fault_matrix`` writes the page's table.
"""

from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime

import attrs

from sora_async import testing as fake
from sora_async.testing import Answer, FakeSora
from support import ROOT

PAGE = ROOT / "docs" / "explanation" / "faults-table.txt"

COMPARED_PAGE = PAGE.with_name("faults-compared.txt")
"""Written by ``benchmarks/faults.py``, which needs openai-python."""

DONE = "the video"

ABOUT_A_MISSING_URL = {"completed, with the URL 20 s late", "completed, and never a URL"}
"""Rows that other clients do not meet: the tasks of the plain OpenAI format never have a URL."""


@attrs.frozen
class Row:
    """
    One fault.

    Attributes:
        name: What the server, or what is before it, does.
        answers: What the polls are answered.
        outcome: How the wait ends: with the video, its content address, or an error class.
        within: Seconds from the first faulty answer to the end, at most.
        is_first: Whether the very first poll meets the fault; else one good answer comes first.
        timeout: Of the whole wait, in seconds.
    """

    name: str
    answers: Callable[[FakeSora], tuple[Answer, ...]]
    outcome: str
    within: float
    is_first: bool = False
    timeout: float = 1800.0


def once(answer: Answer, times: int = 1) -> Callable[[FakeSora], tuple[Answer, ...]]:
    """So many faulty answers, then the video."""
    return lambda _: (*(answer,) * times, fake.completed())


def ever(*answers: Answer) -> Callable[[FakeSora], tuple[Answer, ...]]:
    """These answers, the last one for ever."""
    return lambda _: answers


def in_date(seconds: float) -> Callable[[FakeSora], tuple[Answer, ...]]:
    """A Retry-After that names a date by the server's clock, which is months from ours."""

    def answers(sora: FakeSora) -> tuple[Answer, ...]:
        date = format_datetime(sora.now + timedelta(seconds=seconds), usegmt=True)
        return fake.http_error(429, headers={"Retry-After": date}), fake.completed()

    return answers


def status(code: int, body: object = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return fake.http_error(code, body, headers=named)  # type: ignore[arg-type]


def error(code: str, message: str = "in words") -> dict[str, object]:
    return {"error": {"message": message, "type": "error", "code": code}}


HINTED = {"llm_provider-retry-after": "9"}
DEEP = b"[" * 200 + b"]" * 200

IN_TROUBLE = [
    Row("500 with an error object", once(status(500)), DONE, 0.6),
    Row("twelve times 503 in a row", once(status(503), 12), DONE, 121),
    Row("502 with a gateway's web page", once(fake.html(502)), DONE, 0.6),
    Row("504 with plain text", once(status(504, "upstream timed out")), DONE, 0.6),
    Row("520, as from a CDN", once(status(520, b"")), DONE, 0.6),
    Row("524, as from a CDN", once(status(524, "error code: 524")), DONE, 0.6),
    Row("408", once(status(408)), DONE, 0.6),
    Row("409", once(status(409)), DONE, 0.6),
    Row("425", once(status(425)), DONE, 0.6),
    Row("503 without end", ever(status(503)), "OutageError", 121),
    Row(
        "an error object with status 200, five times", once(status(200, error("busy")), 5), DONE, 16
    ),
    Row('{"status": "error"} with status 200', once(fake.raw({"status": "error"})), DONE, 0.6),
]

SLOW_DOWN = [
    Row("429 without a hint", once(status(429)), DONE, 0.6),
    Row("429, Retry-After: 37", once(status(429, Retry_After="37")), DONE, 41),
    Row("429, Retry-After: 150", once(status(429, Retry_After="150")), DONE, 166),
    Row("429, Retry-After: an HTTP date in 20 s, skewed clocks", in_date(20), DONE, 23),
    Row("429, retry-after-ms: 11840", once(status(429, retry_after_ms="11840")), DONE, 14),
    Row("429, llm_provider-retry-after: 9", once(fake.http_error(429, headers=HINTED)), DONE, 10),
    Row("503, Retry-After: 30", once(status(503, Retry_After="30")), DONE, 34),
    Row(
        "retryAfter in a body with 200", once(fake.raw({"code": 2001, "retryAfter": 15})), DONE, 17
    ),
    Row("429, Retry-After: soon", once(status(429, Retry_After="soon")), DONE, 0.6),
    Row("429, Retry-After: -5", once(status(429, Retry_After="-5")), DONE, 0.6),
    Row(
        "429, Retry-After: 150, with 100 s left of the timeout",
        once(status(429, Retry_After="150")),
        "WaitTimeoutError",
        0.1,
        timeout=102,
    ),
    Row("429 without end", ever(status(429)), "OutageError", 136),
]

ON_THE_WIRE = [
    Row("connection reset before the response, twice", once(fake.reset(), 2), DONE, 0.6),
    Row("connection reset in the body", once(fake.reset_midway()), DONE, 0.6),
    Row("body cut off", once(fake.truncated()), DONE, 0.6),
    Row("no response at all", once(fake.stall()), DONE, 31),
    Row("body that stops half-way", once(fake.stall_body()), DONE, 31),
    Row("body of one byte every 5 s", once(fake.drip(5)), DONE, 31),
    Row(
        "kept-alive connection closed under us",
        once(fake.close_after(fake.running(0.5))),
        DONE,
        2.1,
    ),
    Row("garbage instead of a status line", once(fake.garbage_status_line()), DONE, 0.6),
    Row("broken gzip", once(fake.raw(b"x", headers={"Content-Encoding": "gzip"})), DONE, 0.6),
    Row("gzip bomb of 100 MB", once(fake.gzip_bomb(100_000_000)), DONE, 0.6),
    Row("body of 9 MB", once(fake.raw(b" " * 9_000_000)), DONE, 0.6),
    Row("redirect on the same origin", once(fake.redirect("/v1/videos/elsewhere")), DONE, 2.1),
    Row("redirect in a circle", once(fake.redirect("/v1/videos/task_1"), 6), DONE, 0.6),
    Row(
        "redirect to another origin",
        lambda sora: (fake.redirect(f"{sora.cdn_url}/x"), fake.completed()),
        DONE,
        0.6,
    ),
]

NO_TASK = [
    Row("web page with status 200", once(fake.html()), DONE, 0.6),
    Row("web page with status 404", once(fake.html(404)), DONE, 0.6),
    Row("403 with a gateway's challenge page, five times", once(fake.html(403), 5), DONE, 16),
    Row("403 with a challenge page, without end", ever(fake.html(403)), "OutageError", 121),
    Row("429 with a gateway's challenge page", once(fake.html(429)), DONE, 0.6),
    Row("503 with a gateway's challenge page", once(fake.html(503)), DONE, 0.6),
    Row("empty body with status 200", once(fake.raw(b"")), DONE, 0.6),
    Row("JSON cut off", once(fake.raw(b'{"id": "task_1", "sta')), DONE, 0.6),
    Row("a JSON list", once(fake.raw([])), DONE, 0.6),
    Row("null", once(fake.raw(b"null")), DONE, 0.6),
    Row("the list of videos", once(fake.raw({"object": "list", "data": []})), DONE, 0.6),
    Row("JSON in another charset", once(fake.raw("任务".encode("gbk"))), DONE, 0.6),
    Row("nesting of 200 levels", once(fake.raw(DEEP)), DONE, 0.6),
]

ODD_TASKS = [
    Row(
        "NaN and 10^400 as numbers",
        once(fake.raw(b'{"id":"x","progress":NaN,"created_at":1e400}')),
        DONE,
        2.1,
    ),
    Row(
        "duplicate keys",
        once(fake.raw(b'{"status":"completed","status":"queued","id":"x"}')),
        DONE,
        2.1,
    ),
    Row("a lone surrogate", once(fake.raw(b'{"id":"x","status":"\\ud800"}')), DONE, 2.1),
    Row("another id", once(fake.running(0.5, id="another")), DONE, 2.1),
    Row("a status never heard of", once(fake.running(0.5, status="Enhancing_Audio ")), DONE, 2.1),
    Row(
        "video_generation_completed, which is no end",
        once(fake.raw({"id": "x", "status": "video_generation_completed"})),
        DONE,
        2.1,
    ),
    Row("progress that goes back", once(fake.running(0.1)), DONE, 2.1),
    Row("progress 100 and no end", once(fake.running(1.0)), DONE, 2.1),
    Row("an empty object", once(fake.raw({})), DONE, 2.1),
    Row("completed, with the URL 20 s late", once(fake.completed(url=None), 10), DONE, 20.1),
    Row("completed, and never a URL", ever(fake.completed(url=None)), "its content address", 0.6),
    Row("a compressed response, not requested", once(fake.gzipped(fake.running(0.5))), DONE, 2.1),
]

UNKNOWN_TASK = [
    Row("404 twice, once it was seen", once(status(404), 2), DONE, 4.1),
    Row("404 three times, once it was seen", once(status(404), 3), "TaskNotFoundError", 4.1),
    Row("400 task_not_exist twice", once(status(400, {"code": "task_not_exist"}), 2), DONE, 4.1),
    Row("404 just after creation, for 20 s", once(status(404), 10), DONE, 20.1, is_first=True),
    Row("404 from the first poll on", ever(status(404)), "TaskNotFoundError", 30.1, is_first=True),
]

FINAL = [
    Row("401", once(status(401)), "AuthenticationError", 0.1),
    Row("403 with JSON", once(status(403)), "PermissionDeniedError", 0.1),
    Row(
        "403 that speaks of money",
        once(status(403, error("", "额度不足"))),
        "InsufficientQuotaError",
        0.1,
    ),
    Row("402", once(status(402)), "InsufficientQuotaError", 0.1),
    Row(
        "429 insufficient_user_quota, try later",
        once(status(429, error("insufficient_user_quota"))),
        "InsufficientQuotaError",
        0.1,
    ),
    Row("503 model_not_found", once(status(503, error("model_not_found"))), "ResponseError", 0.1),
    Row("400", once(status(400, error("invalid_size"))), "ResponseError", 0.1),
    Row("422", once(status(422, {"detail": [{"msg": "wrong"}]})), "ResponseError", 0.1),
    Row(
        "a failed task with status 200",
        once(fake.failed("moderation_blocked")),
        "TaskFailedError",
        0.1,
    ),
    Row(
        "a failed task with status 400",
        once(status(400, {"id": "task_1", "status": "failed"})),
        "TaskFailedError",
        0.1,
    ),
    Row(
        "a failed task with status 500",
        once(status(500, {"id": "task_1", "object": "video", "status": "failed"})),
        "TaskFailedError",
        0.1,
    ),
    Row("an expired task", once(fake.failed(None, None, status="expired")), "TaskFailedError", 0.1),
]

FIRST_CONTACT = [
    Row(
        "web page at the first poll", ever(fake.html()), "InvalidResponseError", 0.1, is_first=True
    ),
    Row(
        "403 with a web page at the first poll",
        ever(fake.html(403)),
        "InvalidResponseError",
        0.1,
        is_first=True,
    ),
    Row("503 with a web page at the first poll", once(fake.html(503)), DONE, 0.6, is_first=True),
    Row("429 with a web page at the first poll", once(fake.html(429)), DONE, 0.6, is_first=True),
    Row("503 at the first five polls", once(status(503), 5), DONE, 16, is_first=True),
    Row("reset at the first four requests", once(fake.reset(), 4), DONE, 2, is_first=True),
    Row("never a connection", ever(fake.reset()), "ConnectionFailedError", 10.1, is_first=True),
    Row(
        "empty bodies from the first poll on",
        ever(fake.raw(b"")),
        "InvalidResponseError",
        10.1,
        is_first=True,
    ),
    Row(
        "an error object with 200 at the first poll",
        ever(status(200, error("no"))),
        "ResponseError",
        0.1,
        is_first=True,
    ),
]

GROUPS = {
    "The service is in trouble": IN_TROUBLE,
    "The service wants to be left alone": SLOW_DOWN,
    "On the wire": ON_THE_WIRE,
    "Replies that are no task": NO_TASK,
    "Replies that are a task, oddly": ODD_TASKS,
    "The service does not know the task": UNKNOWN_TASK,
    "What will not pass": FINAL,
    "At the first poll": FIRST_CONTACT,
}

ROWS = [row for rows in GROUPS.values() for row in rows]


def render() -> str:
    """Return the page's tables."""
    survived = sum(row.outcome == DONE for row in ROWS)
    ended = len(ROWS) - survived
    text = f"{len(ROWS)} faults: {survived} are survived, {ended} end the wait.\n"
    for title, rows in GROUPS.items():
        text += f"\n{title}\n{'-' * len(title)}\n\n"
        text += ".. list-table::\n   :header-rows: 1\n   :widths: 55 28 17\n\n"
        for cells in [("Fault", "The wait ends with", "Seconds, at most"), *map(_cells, rows)]:
            text += "".join(
                f"   {'*' if n == 0 else ' '} - {cell}\n" for n, cell in enumerate(cells)
            )
    return text


def _cells(row: Row) -> tuple[str, str, str]:
    outcome = f":exc:`~sora_async.{row.outcome}`" if row.outcome.endswith("Error") else row.outcome
    return f"``{row.name}``" if row.name.startswith("{") else row.name, outcome, f"{row.within:g}"


if __name__ == "__main__":
    PAGE.write_text(render(), "utf-8")
