"""Where the video is: the places that services use, and the rule for all others."""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from ..models.json_fields import read_url
from .general_rules import Path, nodes, split_key, word_set
from .media_types import ENOUGH, find_video_type
from .origins import is_same_origin, join_link, origin_of
from .vocabulary import VOCABULARY, Vocabulary, walk

_VIDEO_WORDS = word_set(
    """
    video videos url urls uri uris output outputs result results file files download downloads
    downloadable clip clips movie movies mp4 webm mov media asset assets content contents src link
    generation generations creation creations sample samples artifact artifacts work works
    """
)
"""Words in the last key of a path that may lead to the video."""

_OTHER_WORDS = word_set(
    """
    input inputs thumbnail thumbnails thumb thumbs cover covers gif gifs callback callbacks
    webhook webhooks hook hooks notify notification poster posters preview previews image images
    img imgs picture pictures photo photos frame frames reference references ref refs source
    sources request requests req param params parameter parameters config args arguments settings
    options cancel poll polling self avatar avatars logo icon icons audio audios sound music voice
    speech subtitle subtitles caption captions srt vtt doc docs documentation help terms redirect
    return error errors log logs ws websocket stream webp png jpg jpeg snapshot snapshots still
    stills sprite sprites storyboard mask masks prompt account user owner profile billing invoice
    dashboard console web page embed transcript keyframe keyframes first last end start style
    template base api upload uploads license share permalink
    """
)
"""Words anywhere in a path that lead to something else: inputs, stills, callbacks, pages."""

_STILL_WORDS = word_set(
    """
    image images
    """
)
_CERTAIN_WORDS = word_set(
    """
    video videos mp4
    """
)

_DISK_WORDS = word_set(
    """
    file local save saved disk
    """
)
"""Words that beside ``path`` name a file on the service's own disk, as SGLang's ``file_path``."""

_LAST_WORDS = word_set(
    """
    status response get name id prompt type
    """
)
"""Words that do so in the last key only."""

_PHRASES = re.compile(r"(text|txt|image|img|video)(_to_|2|_2_)video|no_watermark|without_watermark")

_VIDEO_SUFFIX = re.compile(r"\.(mp4|webm|mov|m4v|mkv|avi|mpe?g|ogv|flv|wmv|ts)", re.IGNORECASE)
_OTHER_SUFFIX = re.compile(
    r"\.(gif|png|jpe?g|webp|avif|bmp|heic|svg|tiff?|txt|log|json|html?|xml|pdf|zip|m3u8|mpd"
    r"|mp3|wav|ogg|m4a|aac|flac|srt|vtt|ass)",
    re.IGNORECASE,
)
_LOCAL_PATH = re.compile(r"/(tmp|home|app|root|var|mnt|data|workspace|opt|usr|etc|srv)/")
_NOT_IN_PATH = re.compile(r"[\s\\:~]|^/")
"""What a relative path of a server does not have: white space, and signs of a disk or a scheme."""

_BASE64_WORDS = frozenset(("base64", "b64", "encoded", "bytes", "video", "data", "content"))
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{64}")

_MAX_URL = 1 << 16

_OWN_ADDRESS = re.compile(r"/v\d+/videos?/[^/.]+(/[a-z_]+)?/?")
"""The end of an address of the service itself: a running task may send one as its own."""


def find_promised_url(
    body: Mapping[str, Any], *, url: str, task_id: str = "", vocabulary: Vocabulary = VOCABULARY
) -> str | None:
    """
    Return the address of the video of a task that does not say that it has succeeded; or None.

    Only the places of the table count, and there only an http(s) address that is none of the
    service itself, of the task or its file: that is a promise.

    Args:
        body: The task, out of its envelope.
        url: The address that was asked; never a video.
        task_id: The id of the task.
        vocabulary: The places of the table.
    """
    for text in walk(body, vocabulary.video_urls, opens_texts=False):
        promised = _read_promised(text, url=url, task_id=task_id)
        if promised is not None:
            return promised
    return None


def find_video_urls(
    body: Mapping[str, Any],
    response: object,
    *,
    url: str,
    task_id: str = "",
    vocabulary: Vocabulary = VOCABULARY,
) -> tuple[str, ...]:
    """
    Return the addresses of the videos of a task that says it has succeeded.

    A relative address, a ``data:`` URL and the general rule count, too.

    Args:
        body: The task, out of its envelope.
        response: The whole response.
        url: The address that was asked; never a video.
        task_id: The id of the task.
        vocabulary: The places of the table.
    """
    texts = [
        *walk(body, vocabulary.video_urls),
        *walk(body, vocabulary.video_urls_after_success),
    ]
    everything = list(nodes(response))
    stills = _find_stills(everything)
    known = (
        _read_address(text, url=url, is_named=True)
        or _read_relative(text, url=url)
        or _read_data(text)
        for text in texts
        if not isinstance(text, str) or text not in stills
    )
    first = next(filter(None, known), None)
    others = _guess_videos(everything, url=url, task_id=task_id, ignored={*stills, first})
    unique = dict.fromkeys(others if first is None else [first, *others])
    return tuple(unique) or tuple(filter(None, [read_url(body.get("fail_reason"))]))


def _read_promised(text: object, *, url: str, task_id: str) -> str | None:
    """
    Return the address of a video that a task has which does not say that it has succeeded.

    One that does not end as a video's is none on the service's own origin, or with the task's id
    in it: it is where the task is asked for, or its page.
    """
    found = read_url(text)
    if found is None or len(found) > _MAX_URL or origin_of(found) is None:
        return None
    path = found.partition("?")[0].partition("#")[0]
    if _VIDEO_SUFFIX.fullmatch(_suffix(path)):
        return found
    own = _OWN_ADDRESS.search(path)
    is_own = own is not None and own.end() == len(path)
    is_own = is_own or is_same_origin(found, url) or bool(task_id and task_id in unquote(found))
    return None if is_own or _OTHER_SUFFIX.fullmatch(_suffix(path)) else found


def _read_address(text: object, *, url: str, is_named: bool) -> str | None:
    """
    Return the address of a finished video, completed where it is relative.

    Args:
        text: What a response has in some place.
        url: The address that was asked.
        is_named: Whether the place says that it is an address or a video.
    """
    if not isinstance(text, str) or len(text) > _MAX_URL:
        return None
    found = read_url(text)
    if found is None and is_named and text.startswith("/") and _LOCAL_PATH.match(text) is None:
        found = read_url(join_link(url, text))
    if found is None or origin_of(found) is None:
        return None
    path = found.partition("?")[0].partition("#")[0]
    if unquote(urlsplit(path).path).rstrip("/") == unquote(urlsplit(url).path):
        return None
    suffix = _suffix(path)
    is_video = is_named or _VIDEO_SUFFIX.fullmatch(suffix) is not None
    return found if is_video and not _OTHER_SUFFIX.fullmatch(suffix) else None


def _read_relative(text: object, *, url: str) -> str | None:
    """
    Return the address of a file such as ``r.mp4?x=1`` beside the task's; None for another text.

    A path of a disk is none, nor is a host without its scheme: ``cdn.example/r.mp4``.
    """
    if not isinstance(text, str) or len(text) > _MAX_URL or not _ends_as_video(text):
        return None
    path = text.partition("?")[0].partition("#")[0]
    first, slash, _ = path.partition("/")
    is_other = bool(slash) and "." in first
    if is_other or _NOT_IN_PATH.search(path) or _LOCAL_PATH.match(f"/{path}"):
        return None
    return read_url(join_link(url, text))


def _suffix(path: str) -> str:
    name = path.rpartition("/")[2]
    return name[name.rfind(".") :] if "." in name else ""


_KINDS = ("type", "kind", "media_type", "mime_type", "mimeType", "content_type", "contentType")
_STILL_KIND = re.compile(r"(image|audio|text|picture|photo|thumbnail|cover)(/.*)?", re.IGNORECASE)


def _find_stills(everything: Sequence[tuple[Path, Any]]) -> set[str]:
    """Return the texts of the files in a response that say to be an image or a sound."""
    return {
        text
        for _, value in everything
        if isinstance(value, dict) and _is_still(value)
        for key, text in value.items()
        if isinstance(text, str) and _last_words((key,)).isdisjoint(_CERTAIN_WORDS)
    }


def _is_still(value: Mapping[str, Any]) -> bool:
    """Return whether an object is a file of another kind; the type of a task may be "image"."""
    kinds = (value.get(key) for key in _KINDS)
    is_still = any(isinstance(kind, str) and _STILL_KIND.fullmatch(kind) for kind in kinds)
    return is_still and value.keys().isdisjoint(VOCABULARY.statuses)


def _guess_videos(
    everything: Sequence[tuple[Path, Any]], *, url: str, task_id: str, ignored: set[str | None]
) -> list[str]:
    """
    Return what looks like addresses of videos, in document order, but for those ignored.

    An address does if its path ends as a video's, or if its key says video, url, output, result,
    file or download; not under a key of inputs, stills, callbacks or pages, and not if it is the
    service's own of the task. Base64 of a video is a ``data:`` URL. Videos with a watermark come
    last, and the ``detail`` of an upstream, which repeats them in other forms, does not count.
    """
    clean: dict[str, None] = {}
    marked: dict[str, None] = {}
    for path, value in everything:
        if (
            isinstance(value, str)
            and _is_candidate(value)
            and value not in ignored
            and path[0] != "detail"
        ):
            found = _read_video(path, value, url=url, task_id=task_id)
            if found is not None:
                (marked if "watermark" in _words(path) else clean)[found] = None
    return [*clean, *marked]


def _is_candidate(text: str) -> bool:
    """Return whether a text may be an address, a ``data:`` URL or base64; most are none."""
    return (
        "://" in text
        or text[:1] == "/"
        or text[:5].lower() == "data:"
        or _BASE64.match(text) is not None
    )


def _read_video(path: Path, value: str, *, url: str, task_id: str) -> str | None:
    words, last = _words(path), _last_words(path)
    is_certain = not last.isdisjoint(_CERTAIN_WORDS)
    if is_certain or ("images" in words and _ends_as_video(value)):
        words = words - _STILL_WORDS | last  # a video among the stills, as ComfyUI has them
    if words & _OTHER_WORDS or last & _LAST_WORDS:
        return None
    if "://" not in value[:16]:
        if "path" in last and last & _DISK_WORDS:
            return None
        data = _read_data(value) or (_read_base64(value) if last & _BASE64_WORDS else None)
        if data is not None:
            return data
    found = _read_address(value, url=url, is_named=not last.isdisjoint(_VIDEO_WORDS))
    if found is None or not is_same_origin(found, url):
        return found
    parts = unquote(urlsplit(found).path).rstrip("/").split("/")
    return None if parts[-1] == task_id else found


def _ends_as_video(address: str) -> bool:
    path = address.partition("?")[0].partition("#")[0]
    return _VIDEO_SUFFIX.fullmatch(_suffix(path)) is not None


def _read_data(value: object) -> str | None:
    """Return a ``data:`` URL of a video in base64, None for anything else."""
    if not isinstance(value, str) or value[:5].lower() != "data:":
        return None
    kind = value[5:100].partition(",")[0].lower()
    is_video = kind.startswith(("video/", "application/octet-stream"))
    return value.strip() if is_video and kind.endswith(";base64") else None


def _read_base64(value: str) -> str | None:
    """Return the ``data:`` URL of base64 that begins as a video does."""
    if _BASE64.match(value) is None:
        return None
    head = value[: ENOUGH // 3 * 4].replace("-", "+").replace("_", "/")
    try:
        kind = find_video_type(base64.b64decode(head + "=" * (-len(head) % 4)))
    except ValueError:
        return None
    text = value.strip().replace("-", "+").replace("_", "/")
    return None if kind is None else f"data:{kind};base64,{text}"


def _words(path: Path) -> set[str]:
    return {
        word
        for key in path
        if isinstance(key, str)
        for word in _PHRASES.sub("", split_key(key)).split("_")
    }


def _last_words(path: Path) -> set[str]:
    """Return the words of the last key; an item of a list has the key of the list."""
    names = [key for key in path if isinstance(key, str)]
    return set(split_key(names[-1]).split("_")) if names else set()
