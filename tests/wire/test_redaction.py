"""No text for people has a secret in it, however a server spells what it sends back."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from sora_async import SoraError, VideoTask
from sora_async._http.session import find_secrets
from sora_async._wire.redaction import MAX_TEXT, may_hold, redact, redact_body, redact_value
from sora_async._wire.response import Response, decode_response

KEY = "sk-SECRETkey0123456789abcdef"
BASIC = base64.b64encode(b"user:hunter2-hunter2").decode()

SPELLINGS = {
    "as it is": KEY,
    "percent-encoded": quote(KEY, safe="").replace("S", "%53"),
    "every byte percent-encoded": "".join(f"%{byte:02X}" for byte in KEY.encode()),
    "percent-encoded twice": quote("".join(f"%{byte:02x}" for byte in KEY.encode())),
    "unicode escapes": "".join(f"\\u{ord(one):04x}" for one in KEY),
    "hexadecimal escapes": "".join(f"\\x{ord(one):02x}" for one in KEY),
    "a backslash before each": "".join(f"\\{one}" for one in KEY if one not in "ux"),
    "entities": "".join(f"&#{ord(one)};" for one in KEY),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 after one byte": base64.b64encode(f"x{KEY}".encode()).decode(),
    "base64 after two bytes": base64.b64encode(f"xy{KEY}".encode()).decode(),
    "hexadecimal": KEY.encode().hex(),
    "hexadecimal in capitals, after one byte": f"x{KEY}".encode().hex().upper(),
    "its first half": KEY[: len(KEY) // 2],
    "its second half": KEY[len(KEY) // 2 :],
}


def shows(text: str, secret: str = KEY) -> bool:
    """Return whether a text has eight characters of a secret in a row, or the word that has."""
    return any(secret[at : at + 8] in text for at in range(len(secret) - 7))


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_secret_is_cut_out_in_every_spelling(spelling: str) -> None:
    text = redact(f"the key {spelling} is wrong", (KEY,))

    assert text == "the key [key] is wrong"


@pytest.mark.parametrize(
    ("secrets", "text", "shown"),
    [
        (("session=AbCdEf123456; lang=en",), "bad session AbCdEf123456", "bad session [key]"),
        (("alpha-1111-abc omega-9999-xyz",), "bad: omega-9999-xyz", "bad:[key]"),
        ((BASIC,), "bad hunter2-hunter2", "bad [key]"),
        (("s3cret",), "the key s3cret is bad", "the key [key] is bad"),
        (("s3cret",), "s3crets and my-s3cret-key stay", "s3crets and my-s3cret-key stay"),
        (("s3cret",), "in %73%33cret", "in [key]"),
        (("s3cret",), "s3cret or czNjcmV0 or eHMzY3JldA==", "[key] or [key] or [key]"),
        (("s3cret",), "s3crets or eHlzM2NyZXQ=", "s3crets or [key]"),
        (
            ("s3cret",),
            "s3crets or 733363726574 or 733363726574733363726574",
            "s3crets or [key] or [key]",
        ),
        (("s3cre",), "7333637265 may be a number", "7333637265 may be a number"),
        (("1234567",), "31323334353637", "[key]"),
        (("abc",), "YWJj is in any text", "YWJj is in any text"),
        (("ok",), "all is ok", "all is ok"),
        ((KEY,), "a common word", "a common word"),
        ((KEY,), "a piece: SECRETkey01", "a piece: [key]"),
        ((KEY,), "a small piece: SECRET", "a small piece: SECRET"),
        ((KEY,), "50 % off & more \\ less", "50 % off & more \\ less"),
        ((), "nothing to look for", "nothing to look for"),
    ],
)
def test_parts_and_short_secrets_are_cut_out_too(
    secrets: tuple[str, ...], text: str, shown: str
) -> None:
    assert redact(text, secrets) == shown


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("Authorization", "Bearer sk-one-two-three", "sk-one-two-three"),
        ("Authorization", "Token first-1234567 second-7654321", "first-1234567"),
        ("Authorization", f"Basic {BASIC}", "hunter2-hunter2"),
        ("Cookie", "session=AbCdEf123456; other=GhIjKl654321", "AbCdEf123456"),
        ("X-Api-Key", "two-parts-1111 and-more-2222", "two-parts-1111"),
    ],
)
def test_each_part_of_a_header_is_cut_out(name: str, value: str, text: str) -> None:
    secrets = find_secrets({name: value, "Accept": "application/json"})

    assert text not in (redact(f"the Bearer or Token '{text}' is wrong", secrets) or "")
    assert redact("no Bearer and no Token was sent", secrets) == "no Bearer and no Token was sent"


def test_no_text_stays_none() -> None:
    assert redact(None, (KEY,)) is None
    assert redact("", (KEY,)) == ""


@given(
    st.text(max_size=20),
    st.sampled_from(list(SPELLINGS.values())),
    st.text(max_size=20),
    st.sampled_from([" ", ": ", "\n", "="]),
)
def test_no_neighbour_hides_a_secret(before: str, spelling: str, after: str, gap: str) -> None:
    assert not shows(redact(f"{before}{gap}{spelling}{gap}{after}", (KEY,)) or "")


def test_a_long_text_is_searched_in_linear_time_for_the_whole_secret() -> None:
    text = "sk-SECRET " * MAX_TEXT

    assert redact(text, (KEY,)) == text
    assert redact(text + KEY, (KEY,)) == text + "[key]"
    assert redact(text + "s3cret", ("s3cret",)) == text + "s3cret"


def test_a_value_without_a_secret_is_the_same_one() -> None:
    value = {"a": ["b", {"c": 1}]}

    assert redact_value(value, (KEY,)) is value
    assert redact_value(value, ()) is value
    assert redact_value({"a": [KEY], KEY: 1}, (KEY,)) == {"a": ["[key]"], "[key]": 1}


def test_a_body_without_a_secret_stays_its_bytes() -> None:
    body = json.dumps({"prompt": "a boat"}).encode()
    long = json.dumps({"prompt": "x" * MAX_TEXT, "key": KEY}).encode()

    assert redact_body(body, (KEY,)) is body
    assert json.loads(redact_body(long, (KEY,)))["key"] == "[key]"  # type: ignore[arg-type]
    assert redact_body({"a": KEY}, (KEY,)) == {"a": "[key]"}
    assert may_hold(long, (KEY,)) and not may_hold(body, (KEY,)) and not may_hold(long, ("x-y",))


def test_only_what_may_be_another_spelling_is_decoded_to_be_redacted() -> None:
    assert not may_hold(b'{"progress":"30%"}', (KEY,))
    assert may_hold(b'{"progress":"%33%30"}', (KEY,))
    assert may_hold(b'{"progress":"3\\u0030"}', (KEY,))
    assert may_hold(b'{"progress":"&#51;0"}', (KEY,))
    assert not may_hold(b'{"progress":"%33%30"}', ())


FIELDS = ["status", "model", "prompt", "enhanced_prompt", "size", "id", "currency"]


@given(
    st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(list(SPELLINGS.values())), min_size=1),
    st.sampled_from(["completed", "failed", "in_progress", "polishing"]),
    st.booleans(),
    st.sampled_from([200, 401, 500]),
)
def test_no_snapshot_and_no_error_shows_a_secret(
    fields: dict[str, str], word: str, is_ascii: bool, status: int
) -> None:
    half = len(KEY) // 2
    body: dict[str, Any] = {"status": word, **fields, "cost": 1, "usage": {KEY: KEY}}
    body["error"] = {"code": KEY[:half], "message": KEY[half:], "type": fields.get("status")}
    response = Response(
        url="https://api.example/v1/videos/x",
        status=status,
        headers=CIMultiDict({"X-Request-Id": KEY}),
        body=json.dumps(body, ensure_ascii=is_ascii).encode(),
        received=datetime(2026, 1, 14, tzinfo=UTC),
    )

    seen: VideoTask | SoraError
    try:
        seen = decode_response(response, task_id="x", secrets=(KEY,))
    except SoraError as error:
        seen = error

    assert not shows(str(seen)) and not shows(repr(seen))
    if isinstance(seen, VideoTask):
        texts = [seen.status, seen.model, seen.prompt, seen.enhanced_prompt, seen.size]
        assert not any(shows(text) for text in texts if text)
        assert not shows(str(seen.failure)) and not shows(str(seen.cost))
        assert not shows(str(seen.usage)) and not shows(str(seen.raw))


def test_a_text_that_is_encoded_many_times_over_is_read_three_times_at_most() -> None:
    text = "progress 25%2525252525 done"

    assert redact(text, ("sk-0123456789abcdef",)) == text


def test_a_value_of_many_texts_loses_the_whole_secret() -> None:
    other = ["%41 " * 100, 7, None]
    value = {"a": [{f"x{KEY}": f"y{KEY}z"}], "b": other * 50}

    assert redact_value(value, (KEY,)) == {"a": [{"x[key]": "y[key]z"}], "b": other * 50}
    assert redact_value({"b": other * 50}, (KEY,)) == {"b": other * 50}


def test_many_empty_texts_hide_no_spelling_of_a_secret() -> None:
    value = [""] * 20_000 + [SPELLINGS["base64"]]

    assert redact_value(value, (KEY,))[-1] == "[key]"
