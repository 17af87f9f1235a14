"""The arguments of the client, checked before anything is sent."""

import os
import re
import ssl
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

from .._http.rate_limit import RateLimit
from .._http.request_body import CreatePayload, make_idempotency_key
from .._http.session import check_headers
from .._http.upload import FileSource, Reference, make_references
from .._polling.fault_policy import Until
from .._wire.dialects import REFERENCE_ROLES, Dialect, ReferenceRole
from .._wire.origins import origin_of
from .._wire.request_encoder import check_fields, read_seconds
from .._wire.secrets import SecretHeaders, hide_headers
from ..errors import InvalidArgumentError
from ..errors.base import check_bool
from ..models.numbers import is_number, is_whole_number
from ..models.repr import shorten
from ..schedule import MAX_INTERVAL, Policy, Schedule
from ..schedule.learning.duration_history import DurationHistory

Many = TypeVar("Many")
Instance = TypeVar("Instance")

_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")
"""Source: Higgsfield's API reference, the widest of the rules that services document."""

MAX_PATH = 32_767
"""Bytes of a path. Source: Windows, which allows the longest."""

_ARGUMENTS_OF_HEADERS = {"content-type": "as_json", "idempotency-key": "idempotency_key"}
"""The headers of a create that the client sets, and the arguments that say how."""

MAX_SECONDS = 1e9
"""Seconds: about thirty years."""


def _error(name: str, expected: str, value: object) -> InvalidArgumentError:
    return InvalidArgumentError(f"{name}: expected {expected}, got {shorten(value)}")


def check_seconds(name: str, value: object) -> float:
    """Return a length in seconds above 0; infinity is none."""
    if not is_number(value) or not 0 < value <= MAX_SECONDS:
        raise _error(name, "a number of seconds above 0", value)
    return float(value)


def check_limit(name: str, value: object) -> float | None:
    """Return a length in seconds above 0, or None for no limit."""
    return None if value is None else check_seconds(name, value)


def check_duration(name: str, value: object) -> float:
    """Return a length in seconds that may be 0."""
    if not is_number(value) or not 0 <= value <= MAX_SECONDS:
        raise _error(name, "a number of seconds, 0 or more", value)
    return float(value)


def check_count(name: str, value: object, *, least: int) -> int:
    """Return a whole number that is not below the least one allowed."""
    if not is_whole_number(value) or value < least:
        raise _error(name, f"a whole number from {least}", value)
    return value


def check_iterable(name: str, value: Many) -> Many:
    """Return what can be iterated; a single text can, too, but is not what was meant."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable | AsyncIterable):
        raise _error(name, "an iterable or async iterable", value)
    return value


def check_items(value: Many) -> Many:
    """Return the items of a batch as they are; a single item is iterable, too."""
    if isinstance(value, Mapping):
        raise _error("items", "an iterable of items", value)
    return check_iterable("items", value)


def check_text(name: str, value: object) -> str | None:
    """Return a text that is not blank, or None."""
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise _error(name, "a text", value)
    return value


def check_prompt(value: object) -> str:
    """Return a text that is not blank."""
    if not (isinstance(value, str) and value.strip()):
        raise _error("prompt", "a text", value)
    return value


def check_until(value: object) -> Until:
    """Return one of the words for what ends a wait."""
    return cast(Until, check_word("until", value, get_args(Until)))


def check_word(name: str, value: object, words: tuple[str, ...]) -> str:
    """Return one of the words that an argument may be."""
    for word in words:
        if value == word:
            return word
    raise InvalidArgumentError(f"{name}: expected one of {', '.join(words)}; got {shorten(value)}")


def check_path(value: object, *, name: str = "path") -> str:
    """Return the path of a file, which no later change of the directory moves."""
    try:
        path = Path(value)  # type: ignore[arg-type]
    except TypeError:
        raise _error(name, "a str or a Path", value) from None
    if not path.name or "\0" in path.name or not _is_possible(str(path)):
        raise _error(name, "the path of a file", str(value))
    return str(path.absolute())


def _is_possible(path: str) -> bool:
    """Return whether a system may have a path; what is too long would fill its errors."""
    try:
        return len(os.fsencode(path)) <= MAX_PATH
    except UnicodeEncodeError:
        return False


def check_variant(value: object) -> str | None:
    """Return the name of a variant of a task's file, or None for the video."""
    if value is not None and not (isinstance(value, str) and value and value.isprintable()):
        raise _error("variant", "a name such as 'thumbnail'", value)
    return value


def check_channel(base_url: str, *, is_secret: bool, allow_plain_http: bool) -> None:
    """Refuse to send a key in the clear to another machine."""
    origin = origin_of(base_url)
    is_plain = origin is not None and origin.scheme == "http" and not origin.is_local
    if is_secret and is_plain and not allow_plain_http:
        raise InvalidArgumentError(
            f"base_url {shorten(base_url)}: plain http would send the API key in the clear; "
            "use https, or pass allow_plain_http=True"
        )


def check_schedule(value: object) -> Policy | None:
    """Return a schedule, or another hashable with its method, or None."""
    is_policy = callable(getattr(value, "delay", None)) and type(value).__hash__ is not None
    if value is not None and (isinstance(value, type) or not is_policy):
        raise _error("schedule", "a Schedule, or a hashable with a method delay", value)
    return cast(Policy | None, value)


def choose_schedule(schedule: object, poll_interval: object, *, default: Policy) -> Policy:
    """Return the schedule that two arguments of a wait name, and *default* when both are None."""
    if poll_interval is None:
        return check_schedule(schedule) or default
    if schedule is not None:
        raise InvalidArgumentError("poll_interval: give only one of schedule and poll_interval")
    seconds = check_seconds("poll_interval", poll_interval)
    if seconds > MAX_INTERVAL:
        raise _error("poll_interval", f"at most {MAX_INTERVAL:g} seconds", poll_interval)
    return Schedule(intervals=(seconds,))


def _check_instance(
    name: str, value: object, cls: type[Instance], expected: str
) -> Instance | None:
    if value is not None and not isinstance(value, cls):
        raise _error(name, expected, value)
    return value


def check_duration_history(value: object) -> DurationHistory | None:
    """Return a duration history or None."""
    return _check_instance("duration_history", value, DurationHistory, "a DurationHistory")


def check_rate_limit(value: object) -> RateLimit | None:
    """Return a rate limit or None."""
    return _check_instance("rate_limit", value, RateLimit, "a RateLimit")


def check_ssl(value: object) -> ssl.SSLContext | None:
    """Return a TLS context or None."""
    return _check_instance("ssl", value, ssl.SSLContext, "an ssl.SSLContext")


def make_file_source(name: str, value: object, *, kinds: tuple[str, ...]) -> FileSource:
    """Return a file to send; an address is none."""
    if isinstance(value, str) and value.lower().startswith(("http://", "https://")):
        raise InvalidArgumentError(f"{name}: expected a file, got an address")
    return FileSource(name, value, kinds=kinds)


def check_call_headers(value: Mapping[str, str] | None) -> SecretHeaders:
    """Return the headers of one request; None is none."""
    headers = hide_headers(value)
    check_headers(headers)
    for name in headers:
        argument = _ARGUMENTS_OF_HEADERS.get(name.lower())
        if argument is not None:
            raise InvalidArgumentError(f"headers: {name} is set by the client; see {argument}=")
    return headers


def check_idempotency_key(value: object) -> str:
    """Return a key, or a new one for None."""
    if value is None:
        return make_idempotency_key()
    if not isinstance(value, str) or not _IDEMPOTENCY_KEY.fullmatch(value):
        raise InvalidArgumentError(
            "idempotency_key: expected 1 to 255 visible ASCII characters without spaces, "
            f"got {shorten(value)}"
        )
    return value


def _check_flag(name: str, value: object) -> bool | None:
    return None if value is None else check_bool(name, value)


def _check_whole(name: str, value: object) -> int | None:
    if value is not None and not is_whole_number(value):
        raise _error(name, "a whole number", value)
    return value


_CREATE_OPTIONS: Mapping[str, Callable[[Any], Any]] = {
    "model": partial(check_text, "model"),
    "prompt": check_prompt,
    "seconds": read_seconds,
    "size": partial(check_text, "size"),
    "aspect_ratio": partial(check_text, "aspect_ratio"),
    "resolution": partial(check_text, "resolution"),
    "negative_prompt": partial(check_text, "negative_prompt"),
    "seed": partial(_check_whole, "seed"),
    "generate_audio": partial(_check_flag, "generate_audio"),
    "n": lambda value: None if value is None else check_count("n", value, least=1),
}
"""The options of a create that have a name here, and what checks them; others go as they are."""

_REFERENCE_ORDER: tuple[ReferenceRole, ...] = (
    *("first_frame", "last_frame"),
    *(role for role in REFERENCE_ROLES if not role.endswith("_frame")),
)
"""The order of the references in a list that they share: frames first."""


def make_task_payload(dialect: Dialect, arguments: Mapping[str, Any]) -> CreatePayload:
    """
    Return a create with all arguments checked but the files, which are read when it is sent.

    Args:
        dialect: How the service spells them.
        arguments: Those of :meth:`SoraClient.create_task
            <sora_async.SoraClient.create_task>`, by their names.
    """
    given = dict(arguments)
    as_json = _check_flag("as_json", given.pop("as_json", None))
    headers = check_call_headers(given.pop("headers", None))
    key = check_idempotency_key(given.pop("idempotency_key", None))
    references = [
        one for role in _REFERENCE_ORDER for one in make_references(role, given.pop(role, None))
    ]
    options = {name: check(given.pop(name, None)) for name, check in _CREATE_OPTIONS.items()}
    encoding = choose_encoding(dialect, references, as_json=as_json)
    payload = CreatePayload(
        fields=check_fields({**options, **given}),
        dialect=dialect,
        encoding=encoding,
        is_encoding_open=as_json is None and dialect.body == "auto",
        references=references,
        headers=headers,
        idempotency_key=key,
    )
    payload.check()
    return payload


def choose_encoding(
    dialect: Dialect, references: Sequence[Reference], *, as_json: bool | None
) -> Literal["form", "json"]:
    """
    Return how a create is sent first.

    With ``"auto"``, a file goes in a form, and an address that no form of the dialect carries goes
    in JSON.
    """
    if as_json is not None:
        return "json" if as_json else "form"
    if dialect.body != "auto":
        return dialect.body
    spellings = [(one, dialect.spelling(one.role)) for one in references]
    needs_json = any(
        one.url is not None and spelling is not None and spelling.url_field is None
        for one, spelling in spellings
    )
    return "json" if needs_json else "form"
