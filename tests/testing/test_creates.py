"""Creates at the fake: what came in, how they go wrong, and what was made all the same."""

import asyncio
from typing import Any

import aiohttp
import pytest

from sora_async.testing import (
    ABSENT,
    FakeSora,
    RecordedRequest,
    Scenario,
    accepted,
    http_error,
    queued,
    raw,
    reset,
    reset_midway,
    slow,
    stall,
    truncated,
)
from sora_async.testing.server.body_parser import read_body

JSON = {"json": {"prompt": "a boat"}}


async def create(http: aiohttp.ClientSession, sora: FakeSora, **body: Any) -> int | str:
    """Return the status of a create, or the name of what went wrong on the wire."""
    try:
        async with http.post(f"{sora.url}/v1/videos", **(body or JSON)) as reply:
            await reply.read()
            return reply.status
    except aiohttp.ClientError as error:
        return type(error).__name__


def fields_of(**fields: Any) -> dict[str, Any]:
    data = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            data.add_field(name, one)
    return {"data": data}


async def test_every_task_has_its_create() -> None:
    body = fields_of(prompt="a boat", seconds="4", style="noir", images=["a", "b", "c"])
    body["data"].add_field(
        "input_reference", b"\xff\r\n--\r\n", filename="boat.jpg", content_type="image/jpeg"
    )
    async with FakeSora() as sora, aiohttp.ClientSession() as http:
        first = sora.add(prompt="by hand")
        await asyncio.sleep(3)
        await create(http, sora, **body)
        await create(http, sora, json={"prompt": "a boat", "private": True, "size": None})

    added, uploaded, plain = sora.tasks
    assert (added.id, added.create.prompt, added.create.fields) == (first, "by hand", {})
    assert (added.created_at, uploaded.created_at, uploaded.polls) == (0.0, 3.0, 0)
    assert (uploaded.create.seconds, uploaded.create.size) == ("4", "1280x720")
    assert uploaded.create.fields == {
        "prompt": "a boat",
        "seconds": "4",
        "style": "noir",
        "images": ["a", "b", "c"],
    }
    picture = uploaded.create.files["input_reference"]
    assert (picture.name, picture.content_type) == ("boat.jpg", "image/jpeg")
    assert picture.body == b"\xff\r\n--\r\n"
    assert "xff" not in repr(sora.tasks)
    assert plain.create.fields == {"prompt": "a boat", "private": True, "size": None}
    assert plain.create.files == {}


async def test_a_request_tells_what_it_sent_whether_it_was_taken_or_not() -> None:
    async with FakeSora() as sora, aiohttp.ClientSession() as http:
        sora.on_create(http_error(400))
        await create(http, sora, **fields_of(prompt="a boat", model="sora-2"))
        await create(http, sora, data=b"nonsense")

    (_, refused), (_, unread) = sora.requests
    assert refused.fields == {"prompt": "a boat", "model": "sora-2"}
    assert refused.files == {}
    with pytest.raises(ValueError, match="neither a form nor JSON"):
        _ = unread.fields


async def test_a_create_gets_the_set_answers_and_then_the_usual_one() -> None:
    moderation = http_error(400, {"error": {"code": "moderation_blocked", "message": "No."}})
    no_money = http_error(403, {"error": {"code": "insufficient_user_quota"}})
    async with FakeSora() as sora, aiohttp.ClientSession() as http:
        sora.on_create(http_error(429, headers={"Retry-After": "3"}), moderation)
        sora.on_create(no_money)

        seen = [await create(http, sora) for _ in range(5)]

    assert seen == [429, 400, 403, 200, 200]
    assert len(sora.tasks) == 2


@pytest.mark.parametrize(
    ("answer", "seen", "made"),
    [
        (http_error(502), 502, 0),
        (accepted(http_error(502)), 502, 1),
        (reset(), "ServerDisconnectedError", 0),
        (accepted(reset()), "ServerDisconnectedError", 1),
        (reset_midway(), "ClientPayloadError", 1),
        (truncated(queued()), "ClientPayloadError", 1),
        (accepted(raw(b"<html>")), 200, 1),
        (queued(id=ABSENT), 200, 1),
        (accepted(), 200, 1),
    ],
    ids=repr,
)
async def test_a_broken_create_may_have_made_its_task(answer, seen, made) -> None:
    async with FakeSora(shape="relay") as sora, aiohttp.ClientSession() as http:
        sora.on_create(answer)

        outcome = await create(http, sora)

    # Which of the two a reset is depends on how far the client has read.
    assert outcome == seen or {outcome, seen} == {"ServerDisconnectedError", "ClientOSError"}
    assert len(sora.tasks) == made


async def test_a_slow_create_makes_its_task_at_once() -> None:
    async with FakeSora() as sora, aiohttp.ClientSession() as http:
        sora.on_create(slow(30, queued()), accepted(stall()))

        status = await create(http, sora)
        took = asyncio.get_running_loop().time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await create(http, sora)

    assert (status, took) == (200, 30.0)
    assert [task.created_at for task in sora.tasks] == [0.0, 30.0]


async def test_one_created_task_may_have_another_scenario() -> None:
    doomed = Scenario(queued=0, running=0, failure=("moderation_blocked", "No."))
    async with FakeSora(shape="relay") as sora, aiohttp.ClientSession() as http:
        sora.on_create(accepted(scenario=doomed), accepted(queued(note="x"), scenario=doomed))
        for _ in range(3):
            await create(http, sora)
        seen = []
        for task in sora.tasks:
            async with http.get(f"{sora.url}/v1/videos/{task.id}") as reply:
                seen.append((await reply.json())["status"])

    assert seen == ["failed", "failed", "queued"]
    assert repr(accepted(reset())) == "accepted(reset())"


async def test_a_create_that_cannot_be_read_uses_up_no_answer() -> None:
    async with FakeSora() as sora, aiohttp.ClientSession() as http:
        sora.on_create(http_error(429))

        seen = [await create(http, sora, json={}), await create(http, sora)]

    assert seen == [400, 429]


@pytest.mark.parametrize(
    ("shape", "path", "name", "right", "wrong"),
    [
        ("openai", "/v1/videos", "seconds", "8", 8),
        ("unified", "/v1/video/create", "duration", 8, "8"),
        ("openrouter", "/api/v1/videos", "duration", 8, "8"),
    ],
)
async def test_servers_are_strict_about_the_type_of_a_length(
    shape, path, name, right, wrong
) -> None:
    async with FakeSora(shape=shape) as sora, aiohttp.ClientSession() as http:
        statuses = []
        for value in (right, wrong, None):
            body = {"prompt": "a boat", name: value}
            async with http.post(sora.url + path, json=body) as reply:
                statuses.append(reply.ok)
                if not reply.ok:
                    assert f"'{name}'" in await reply.text()

    assert statuses == [True, False, True]
    assert [task.create.seconds for task in sora.tasks] == ["8", "10"]


async def test_a_remix_is_answered_as_creates_are() -> None:
    async with FakeSora(shape="openai") as sora, aiohttp.ClientSession() as http:
        source = sora.add(Scenario(queued=0, running=0))
        sora.on_create(accepted(http_error(502)))
        path = f"{sora.url}/v1/videos/{source}/remix"
        async with http.post(path, json={"prompt": "by night"}) as reply:
            assert reply.status == 502

    assert [task.remixed_from for task in sora.tasks] == [None, source]
    assert sora.requests[0][1].endpoint == "remix"


def part(head: str, value: str) -> str:
    return f"--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n"


def test_names_in_a_form_are_read_as_they_were_written() -> None:
    text = (
        part('name="prompt"', "a--b; name=x\r\n-- b")
        + part("name=plain", "")
        + part('name="a"; filename="=prompt.png"', "1")
        + part('filename="a \\"b\\".png"; name="b"', "2")
        + part("name=\"c\"; filename*=UTF-8''%D0%BB.png", "3")
        + part('name="d"; filename="лодка.png"\r\nContent-Type: image/png', "4")
        + part('name="e"; filename=""', "")
        + "--b--\r\n"
    )

    fields, files = read_body('multipart/form-data; boundary="b"', text.encode())

    assert fields == {"prompt": "a--b; name=x\r\n-- b", "plain": ""}
    assert {name: (file.name, file.content_type) for name, file in files.items()} == {
        "a": ("=prompt.png", ""),
        "b": ('a "b".png', ""),
        "c": ("л.png", ""),
        "d": ("лодка.png", "image/png"),
        "e": ("", ""),
    }


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("multipart/form-data", b"--b--", "no boundary"),
        ("multipart/form-data; boundary=b", b'--b\r\nX: name="a"\r\n\r\n1\r\n--b--', "no name"),
        ("multipart/form-data; boundary=b", part('name="a"', "1").encode(), "no end"),
        ("multipart/form-data; boundary=b", b"", "no end"),
        ("multipart/form-data; boundary=b", b'--b\r\nX: \xff\r\n\r\n1\r\n--b--', "decode"),
        ("application/json", b"[1]", "not a JSON object"),
        ("application/json", b"[" * 100_000, "neither a form nor JSON"),
        ("application/x-www-form-urlencoded", b"prompt=a", "neither a form nor JSON"),
        ("", b"\xff", "decode"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_a_value_error(kind, body, reason) -> None:
    with pytest.raises(ValueError, match=reason):
        RecordedRequest(method="POST", path="/", headers={"Content-Type": kind}, body=body).fields  # noqa: B018


@pytest.mark.parametrize(
    ("text", "status", "end"),
    [
        ("[fail]", 200, ("failed", "internal_error")),
        ("[moderation]", 200, ("failed", "moderation_blocked")),
        ("[hang]", 200, ("in_progress", None)),
        ("[no-url]", 200, ("completed", None)),
        ("[refuse]", 400, None),
        ("[quota]", 429, None),
        ("fail", 200, ("completed", None)),
    ],
)
async def test_a_text_in_the_prompt_decides_the_outcome(text, status, end) -> None:
    scenario = Scenario(queued=1, running=4)
    async with (
        FakeSora(shape="relay", default_scenario=scenario) as sora,
        aiohttp.ClientSession() as http,
    ):
        prompt = {"prompt": f"a boat {text}"}
        async with http.post(f"{sora.url}/v1/videos", json=prompt) as response:
            made = await response.json()
            assert response.status == status
        if end is None:
            assert sora.tasks == []
            return
        await asyncio.sleep(5)
        async with http.get(f"{sora.url}/v1/videos/{made['id']}") as response:
            body = await response.json()

    assert (body["status"], (body.get("error") or {}).get("code")) == end
    assert (body["video_url"] is None) == (text != "fail")


async def test_a_test_may_choose_its_own_outcomes() -> None:
    outcomes = {"storm": Scenario(failure=("storm", "No.")), "calm": http_error(503)}
    async with FakeSora(shape="openai", outcomes=outcomes) as sora, aiohttp.ClientSession() as http:
        statuses = []
        for prompt in ("a storm", "calm", "[fail]"):
            async with http.post(f"{sora.url}/v1/videos", json={"prompt": prompt}) as response:
                statuses.append(response.status)
        await asyncio.sleep(300)
        states = [task.state_at(asyncio.get_running_loop().time()) for task in sora.tasks]

    assert statuses == [200, 503, 200]
    assert [state.phase for state in states if state] == ["failed", "succeeded"]
