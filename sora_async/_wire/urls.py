"""Where a service is asked: base URL, path, and the ids that may go into it."""

import re
from urllib.parse import quote, urlsplit

from ..errors import InvalidArgumentError
from ..models.repr import shorten
from .origins import encode_link, find_link_problem, is_same_origin, join_link

_UNFIT = re.compile(r"[\s\\\x00-\x1f\x7f-\x9f\ud800-\udfff]")

_MAX_ID = 1024
"""Characters of an id; the longest seen, base64 of LiteLLM, have about 200."""

_PLAIN = re.compile(r"[\w.:=~-]+", re.ASCII)
"""An id that is the same in a URL: as nearly all are."""

_OPERATION = re.compile(r"(?:[\w~-][\w.~-]*/)*operations/[\w~-][\w.~:-]*", re.ASCII)
"""The name of a long-running operation. Source: google.longrunning.Operation."""

_TRAVERSAL = re.compile(r"(?:^|/)\.{1,2}(?:/|$)")

_HOSTILE = re.compile(r"[/\\?#\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def check_task_id(task_id: object) -> str:
    """
    Return the id if it can be asked for: no id may reach another path than its own.

    The name of an operation has slashes, which are encoded.

    Raises:
        InvalidArgumentError: It is no text, empty, too long, or holds what would change the
            request's path.
    """
    if not isinstance(task_id, str):
        raise InvalidArgumentError(f"task_id: expected a str, got {shorten(task_id)}")
    if len(task_id) > _MAX_ID:
        raise InvalidArgumentError(
            f"task_id: expected at most {_MAX_ID} characters, got {shorten(task_id)}"
        )
    if _PLAIN.fullmatch(task_id) and task_id not in {".", ".."}:
        return task_id
    if not task_id or task_id != task_id.strip():
        raise InvalidArgumentError(
            "task_id: expected an id such as 'video_123', without white space around it, "
            f"got {shorten(task_id)}"
        )
    if _OPERATION.fullmatch(task_id):
        return task_id
    if task_id in {".", ".."} or _HOSTILE.search(task_id):
        raise InvalidArgumentError(
            "task_id: expected an id without / \\ ? # and control characters, "
            f"got {shorten(task_id)}"
        )
    return task_id


def read_server_id(value: object) -> str | None:
    """
    Return the id that a server names, None for what cannot be one.

    What would end a path is encoded in it. Only control characters, backslashes and the segments
    ``.`` and ``..``, which proxies may resolve although they are encoded, are refused.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    task_id = str(value).strip()
    is_hostile = _TRAVERSAL.search(task_id) or _UNFIT.search(task_id.replace(" ", ""))
    return None if not 0 < len(task_id) <= _MAX_ID or is_hostile else task_id


def fill_in(template: str, task_id: str) -> str:
    """
    Return a path or address with an id in the place of ``{id}``.

    In a path ``:`` and ``=`` stay as they are, as ids have them; the rest is percent-encoded.
    """
    if _PLAIN.fullmatch(task_id) is None:
        is_in_query = 0 <= template.find("?") < template.find("{id}")
        task_id = quote(task_id, safe=":" if is_in_query else ":=@!$,;~")
    return template.replace("{id}", task_id)


def cut_overlap(base_url: str, path: str) -> str:
    """
    Return a base URL without the end that is ours to add: that with which *path* begins.

    So an address may be given as any page names it: with or without ``/api/v1``, or whole.
    """
    parts = urlsplit(base_url)
    words = path.partition("?")[0].split("/")
    for count in range(len(words), 1, -1):
        start = "/".join(words[:count])
        if parts.path.endswith(start):
            return base_url.removesuffix(start)
    return base_url


def find_poll_address(reply_url: str, named: object) -> str | None:
    """
    Return the address that a create's reply names for its polls, as a path with its query.

    None where it names none, or one on another origin: the key goes along with each poll.

    Args:
        reply_url: The address that the reply came from.
        named: What the reply says; it may be relative to that.
    """
    if not isinstance(named, str) or not named or _UNFIT.search(named):
        return None
    url = join_link(reply_url, named)
    if url is None or not is_same_origin(url, reply_url):
        return None
    parts = urlsplit(url)
    if not parts.path:
        return None
    path = quote(parts.path, safe="/%:=@!$,;~*'()+&")
    return f"{path}?{quote(parts.query, safe='/%:=@!$,;~*()+&?')}" if parts.query else path


def check_base_url(base_url: object) -> str:
    """
    Return a base URL without its final slash and without ``/v1``, which is ours to add.

    What no URL can hold in a path, such as letters that are not ASCII, is percent-encoded.

    Raises:
        InvalidArgumentError: It is no absolute http(s) URL, or carries user, query or fragment.
            The message does not show it: a key that stands in the wrong place is a secret still.
    """
    if base_url is None or base_url == "":
        raise InvalidArgumentError(
            "base_url: not given; set the environment variable SORA_BASE_URL or pass base_url=, "
            "such as 'https://api.example'"
        )
    if not isinstance(base_url, str):
        raise InvalidArgumentError(f"base_url: expected a str, got {type(base_url).__name__}")
    base_url = base_url.strip()
    is_readable = not _UNFIT.search(base_url)
    url = encode_link(base_url)
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise InvalidArgumentError(
            "base_url: must have no user or password; pass the key as api_key="
        )
    if not is_readable or find_link_problem(url) is not None:
        raise InvalidArgumentError(
            "base_url: expected http(s)://host[:port][/path], such as 'https://api.example' "
            "(see SORA_BASE_URL); the value is not shown, as it may hold a key"
        )
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise InvalidArgumentError(
            "base_url: must have no query and no fragment; pass the key as api_key="
        )
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}"
