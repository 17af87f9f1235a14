"""Webhooks: signatures of each scheme, hostile input, and handlers for two kinds of servers."""

import base64
import hmac
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from aiohttp import test_utils, web
from hypothesis import given
from hypothesis import strategies as st

from sora_async import InvalidArgumentError, Phase, WebhookError, WebhookSignatureError
from sora_async.integrations.webhooks import (
    MAX_BODY_SIZE,
    MAX_SIGNATURES,
    WebhookEvent,
    aiohttp_handler,
    asgi_app,
    parse,
)
from sora_async.testing import WebhookScheme, sign_webhook

NOW = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"a secret of 24 bytes....").decode()
BODY = b'{"id": "evt_1", "type": "video.completed", "data": {"id": "video_1"}}'
KIE_BODY = b'{"code": 200, "data": {"task_id": "video_1"}}'

Sign = Callable[..., dict[str, str]]


def digest(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def sign_standard(
    body: bytes = BODY,
    *,
    key: bytes = b"a secret of 24 bytes....",
    now: datetime = NOW,
    sign: Callable[[bytes, bytes], bytes] = digest,
) -> dict[str, str]:
    at = str(int(now.timestamp()))
    signature = base64.b64encode(sign(key, b"msg_1." + at.encode() + b"." + body)).decode()
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": at,
        "Webhook-Signature": f"v1a,AAAA v1,! v1,{signature}",
    }


def sign_fields(
    body: bytes = BODY,
    *,
    key: bytes = SECRET.encode(),
    now: datetime = NOW,
    mark: bytes = b",",
    name: str = "X-OpenRouter-Signature",
    sign: Callable[[bytes, bytes], bytes] = digest,
) -> dict[str, str]:
    at = str(int(now.timestamp()))
    return {name: f"t={at},v1=0,v1={sign(key, at.encode() + mark + body).hex()}"}


def sign_vercel(body: bytes = BODY, **options: Any) -> dict[str, str]:
    return sign_fields(body, mark=b".", name="webhook-signature", **options)


def sign_kie(
    body: bytes = KIE_BODY,
    *,
    key: bytes = SECRET.encode(),
    now: datetime = NOW,
    sign: Callable[[bytes, bytes], bytes] = digest,
) -> dict[str, str]:
    at = str(int(now.timestamp()))
    signature = base64.b64encode(sign(key, f"video_1.{at}".encode())).decode()
    return {"X-Webhook-Timestamp": at, "X-Webhook-Signature": signature}


SCHEMES = [(sign_standard, BODY), (sign_fields, BODY), (sign_vercel, BODY), (sign_kie, KIE_BODY)]
EACH_SCHEME = pytest.mark.parametrize(
    ("sign", "body"), SCHEMES, ids=["standard", "openrouter", "vercel", "kie"]
)


@pytest.mark.parametrize("scheme", [one for one in get_args(WebhookScheme) if one != "unsigned"])
def test_every_scheme_of_the_fake_service_is_accepted(scheme: WebhookScheme) -> None:
    now = int(NOW.timestamp())
    headers = sign_webhook(BODY, scheme=scheme, secret=SECRET, timestamp=now, task_id="video_1")

    assert read(headers).is_signed


def read(headers: dict[str, str], body: bytes = BODY, **options: Any) -> WebhookEvent:
    return parse(headers, body, **{"secret": SECRET, "now": NOW, **options})


@EACH_SCHEME
def test_a_signed_webhook_names_its_task(sign: Sign, body: bytes) -> None:
    event = read(sign(body), body)

    assert (event.task_id, event.is_signed) == ("video_1", True)
    assert event.phase is (Phase.SUCCEEDED if body == BODY else None)


@EACH_SCHEME
@pytest.mark.parametrize(
    "key",
    [SECRET.encode(), SECRET.removeprefix("whsec_").encode(), b"a secret of 24 bytes...."],
    ids=["whole", "after the prefix", "decoded"],
)
def test_a_secret_may_be_used_in_three_ways(sign: Sign, body: bytes, key: bytes) -> None:
    assert read(sign(body, key=key), body).is_signed


@EACH_SCHEME
def test_bytes_are_used_as_they_are(sign: Sign, body: bytes) -> None:
    assert read(sign(body, key=b"raw"), body, secret=b"raw").is_signed
    assert read(sign(body, key=b"not base64!"), body, secret="not base64!").is_signed


@EACH_SCHEME
def test_another_secret_is_refused(sign: Sign, body: bytes) -> None:
    with pytest.raises(WebhookSignatureError, match="does not match"):
        read(sign(body, key=b"another"), body)


@EACH_SCHEME
@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_webhook_is_refused_outside_of_five_minutes(
    sign: Sign, body: bytes, seconds: int
) -> None:
    now = NOW + timedelta(seconds=seconds)

    with pytest.raises(WebhookSignatureError, match="more than 300 s from now"):
        read(sign(body, now=now), body)


@EACH_SCHEME
@pytest.mark.parametrize("seconds", [-300, 300])
def test_a_webhook_is_accepted_within_five_minutes(sign: Sign, body: bytes, seconds: int) -> None:
    assert read(sign(body, now=NOW + timedelta(seconds=seconds)), body).is_signed


@given(st.integers(0, 31), st.integers(1, 255))
def test_a_signature_with_any_changed_byte_is_refused(index: int, difference: int) -> None:
    def changed(key: bytes, message: bytes) -> bytes:
        right = bytearray(hmac.digest(key, message, "sha256"))
        right[index] ^= difference
        return bytes(right)

    for sign, body in SCHEMES:
        with pytest.raises(WebhookSignatureError):
            read(sign(body, sign=changed), body)


@given(st.binary(max_size=200))
def test_a_changed_body_is_refused(body: bytes) -> None:
    for sign in (sign_standard, sign_fields, sign_vercel):
        if body != BODY:
            with pytest.raises(WebhookSignatureError):
                read(sign(BODY), body)


NAMES = st.sampled_from(
    ["webhook-id", "Webhook-Timestamp", "webhook-signature", "x-webhook-signature", "x-signature"]
)
TIMES = st.sampled_from(["t=1764504000", "1764504000", "٣", "9" * 400, "-1", "nan", "t="])
VALUES = st.text() | TIMES | st.lists(TIMES | st.just("v1=ff,v1,=,v1=zz")).map(",".join)
BODIES = st.binary() | st.sampled_from([b"[" * 10_000, b"null", b"\xff\xfe", b'{"id": "\\ud800"}'])


@given(
    st.dictionaries(NAMES | st.text(), VALUES),
    BODIES,
    st.sampled_from([None, SECRET, b"raw", "\ud800x"]),
    st.booleans(),
)
def test_hostile_input_raises_nothing_else(
    headers: dict[str, str], body: bytes, secret: Any, allow_unsigned: bool
) -> None:
    try:
        event = parse(headers, body, secret=secret, now=NOW, allow_unsigned=allow_unsigned)
    except WebhookError:
        return
    except InvalidArgumentError:
        assert secret in (None, "\ud800x")
        return
    assert isinstance(event.task_id, str) and not event.is_signed


class Unread(bytes):
    """A body that may be signed, but not looked into."""

    def __getitem__(self, index: Any) -> Any:
        raise AssertionError("it was read")

    count = startswith = decode = __getitem__


@pytest.mark.parametrize("sign", [sign_standard, sign_fields, sign_vercel])
def test_a_body_is_not_read_before_its_signature_is_checked(sign: Sign) -> None:
    with pytest.raises(WebhookSignatureError, match="does not match"):
        read(sign(key=b"another"), Unread(BODY))
    with pytest.raises(WebhookSignatureError, match="more than 300 s"):
        read(sign(now=NOW - timedelta(hours=1)), Unread(BODY))
    with pytest.raises(AssertionError, match="it was read"):
        read(sign(), Unread(BODY))


def test_a_body_is_not_read_if_nothing_can_make_it_good() -> None:
    with pytest.raises(WebhookSignatureError, match="not signed"):
        read({}, Unread(BODY))
    with pytest.raises(WebhookSignatureError, match="more than 300 s"):
        read(sign_kie(now=NOW - timedelta(hours=1)), Unread(KIE_BODY))


def test_a_signature_of_no_task_is_refused() -> None:
    at = str(int(NOW.timestamp()))
    signature = base64.b64encode(digest(SECRET.encode(), f"None.{at}".encode())).decode()

    with pytest.raises(WebhookSignatureError, match="does not match"):
        read({"X-Webhook-Timestamp": at, "X-Webhook-Signature": signature}, b"{}")


@EACH_SCHEME
def test_only_so_many_signatures_are_tried(sign: Sign, body: bytes) -> None:
    *others, (name, value) = sign(body).items()
    mark, start = (
        ("," if "t=" in value else " "),
        value.partition("v1=0")[0] if "t=" in value else "",
    )
    right = value.removeprefix(start)
    wrong = "v1=ff" if start else "AAAA"

    few = {**dict(others), name: start + mark.join([*[wrong] * 9, right])}
    many = {**dict(others), name: start + mark.join([*[wrong] * MAX_SIGNATURES, right])}

    assert read(few, body).is_signed
    with pytest.raises(WebhookSignatureError, match="does not match"):
        read(many, body)


def test_headers_that_are_no_text_are_ignored() -> None:
    headers: Any = {**sign_standard(), b"webhook-id": b"x", "webhook-x": 7}

    assert read(headers).is_signed


def test_an_unsigned_webhook_is_accepted_only_if_that_is_allowed() -> None:
    with pytest.raises(WebhookSignatureError, match="not signed"):
        read({})

    event = parse({}, BODY, now=NOW, allow_unsigned=True)

    assert event == WebhookEvent(task_id="video_1", phase=Phase.SUCCEEDED, is_signed=False)
    assert read({}, allow_unsigned=True) == event


def test_a_wrong_signature_is_refused_even_if_unsigned_webhooks_are_allowed() -> None:
    with pytest.raises(WebhookSignatureError):
        read(sign_standard(key=b"another"), allow_unsigned=True)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"id": 7}'])
def test_a_webhook_that_names_no_task_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookError, match="names no task"):
        read(sign_standard(body), body)
    with pytest.raises(WebhookSignatureError, match="does not match"):
        read(sign_kie(), body)


@pytest.mark.parametrize("secret", [None, "", b"", 7, "\ud800"])
def test_a_secret_that_cannot_be_used_is_refused_at_once(secret: Any) -> None:
    for make in (aiohttp_handler, asgi_app):
        with pytest.raises(InvalidArgumentError, match="secret"):
            make(print, secret=secret)
    with pytest.raises(InvalidArgumentError, match="secret"):
        read({}, secret=secret)


def test_a_text_does_not_allow_unsigned_webhooks() -> None:
    refused: Any = "false"

    for make in (aiohttp_handler, asgi_app):
        with pytest.raises(InvalidArgumentError, match="allow_unsigned: expected True or False"):
            make(print, secret="whsec_x", allow_unsigned=refused)


def test_the_prefix_alone_is_no_secret_that_decodes_to_nothing() -> None:
    with pytest.raises(WebhookSignatureError):
        read(sign_standard(key=b""), secret="whsec_")


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="now"):
        read({}, now=datetime(2026, 11, 30))


# --- Handlers ---------------------------------------------------------------------------------


async def over_aiohttp(
    headers: dict[str, str], body: bytes, notify: Any, **options: Any
) -> tuple[int, str]:
    app = web.Application()
    app.router.add_post("/", aiohttp_handler(notify, **options))
    async with (
        test_utils.TestClient(test_utils.TestServer(app)) as client,
        client.post("/", data=io.BytesIO(body), headers=headers) as response,
    ):
        return response.status, await response.text()


async def over_asgi(
    headers: dict[str, str], body: bytes, notify: Any, **options: Any
) -> tuple[int, str]:
    """Call the application as a server does, with the body in pieces."""
    half = len(body) // 2
    parts = iter([(body[:half], True), (body[half:], False)])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        part, has_more = next(parts)
        return {"type": "http.request", "body": part, "more_body": has_more}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await asgi_app(notify, **options)({"type": "http", "headers": raw}, receive, send)
    return sent[0]["status"], sent[1]["body"].decode()


BOTH_SERVERS = pytest.mark.parametrize("post", [over_aiohttp, over_asgi])


@BOTH_SERVERS
async def test_a_handler_notifies_of_the_task(post: Any) -> None:
    notified: list[str] = []

    response = await post(
        sign_standard(now=datetime.now(UTC)), BODY, notified.append, secret=SECRET
    )

    assert response == (204, "")
    assert notified == ["video_1"]


@BOTH_SERVERS
async def test_a_coroutine_function_is_awaited(post: Any) -> None:
    notified: list[str] = []

    async def notify(task_id: str) -> None:
        notified.append(task_id)

    await post({}, BODY, notify, allow_unsigned=True)

    assert notified == ["video_1"]


@BOTH_SERVERS
@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, BODY, 401),
        (sign_standard(now=NOW - timedelta(days=1)), BODY, 401),
        (sign_standard(b"{}", now=datetime.now(UTC)), b"{}", 400),
        ({}, b" " * (MAX_BODY_SIZE + 1), 413),
    ],
)
async def test_a_webhook_that_is_refused_notifies_of_nothing(
    post: Any, headers: dict[str, str], body: bytes, status: int
) -> None:
    notified: list[str] = []

    got, text = await post(headers, body, notified.append, secret=SECRET)

    assert (got, notified) == (status, [])
    assert text.startswith("webhook refused: ")
    assert SECRET not in text


def test_an_asgi_application_does_not_show_its_secret() -> None:
    assert SECRET not in repr(asgi_app(print, secret=SECRET))


async def test_an_asgi_application_ignores_other_protocols() -> None:
    never: Any = None

    await asgi_app(print, allow_unsigned=True)({"type": "lifespan"}, never, never)
