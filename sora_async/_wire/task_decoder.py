"""One JSON object to one :class:`~sora_async.VideoTask`; nothing in it can make this raise."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..models import Cost, Phase, VideoTask
from ..models.json_fields import read_label, read_mapping, read_number, read_text
from .error_decoder import has_error_code, read_failure
from .general_rules import (
    guess_names,
    guess_status,
    has_request_id,
    is_id,
    is_operation,
    word_set,
)
from .redaction import MAX_TEXT, find_texts
from .task_fields import read_fields
from .urls import fill_in
from .video_url import find_promised_url, find_video_urls
from .vocabulary import (
    CALL_WORDS,
    FAILED,
    OK_CODES,
    QUEUED,
    RUNNING,
    SUCCEEDED,
    VOCABULARY,
    Places,
    Vocabulary,
    compile_places,
    walk,
)

_NAMING_KEYS = ("object", "progress", "model", "created_at", "video_url", "fail_reason", "seconds")
"""Keys of which a body that speaks of a task has one, beside its id and a ``detail`` tree."""

_SHORTEST_ID = 6
"""Characters of an id that can be told from a number by chance."""

_MAX_WORD = 64
_MAX_STATUS = 200
"""Characters of a status that are kept."""

_MAX_USAGE = 32
"""Entries of a usage that are kept."""


def normalise(word: object, vocabulary: Vocabulary = VOCABULARY) -> str:
    """Return a status word in the spelling of our list, "" for what is no word."""
    if type(word) is not str:
        return ""
    if word in vocabulary.words:
        return word
    text = word[:_MAX_WORD].strip().lower().replace("-", "_").replace(" ", "_")
    if text in vocabulary.words:
        return text
    for prefix in vocabulary.prefixes:
        if text.startswith(prefix) and text.removeprefix(prefix) in vocabulary.words:
            return text.removeprefix(prefix)
    return text


def read_word(body: Mapping[str, Any], vocabulary: Vocabulary = VOCABULARY) -> str:
    """Return the status word of a task in our spelling, "" where there is none."""
    return _read_status(body, vocabulary)[0]


def _read_status(body: Mapping[str, Any], vocabulary: Vocabulary) -> tuple[str, Any]:
    """Return the status word of a task in our spelling, and what the server sent."""
    for key in vocabulary.statuses:
        status = body.get(key)
        if type(status) is str:
            word = status if status in vocabulary.words else normalise(status, vocabulary)
            if word:
                return word, status
    for text in guess_status(body):
        word = normalise(text, vocabulary)
        if word:
            return word, text
    return "", body.get("status")


def has_call_word(body: Mapping[str, Any], vocabulary: Vocabulary = VOCABULARY) -> bool:
    """Return whether ``status`` has a word that may speak of the call and not of the task."""
    return normalise(body.get("status"), vocabulary) in CALL_WORDS


def is_described(body: Mapping[str, Any]) -> bool:
    """Return whether a body describes a task, beside its status and its id."""
    for key in _NAMING_KEYS:
        if body.get(key) is not None:
            return True
    return isinstance(body.get("detail"), dict)


def is_named(body: Mapping[str, Any], vocabulary: Vocabulary = VOCABULARY) -> bool:
    """Return whether a body has a sign of a task beside its status: an id or a description."""
    if isinstance(body.get("id"), str) or isinstance(body.get("task_id"), str):
        return True  # an empty one, too, tells that this is a task
    return any(True for _ in read_names(body, vocabulary)) or is_described(body)


def is_named_as(body: Mapping[str, Any], task_id: str, vocabulary: Vocabulary = VOCABULARY) -> bool:
    """Return whether the id in a body is the one asked for, perhaps without its prefix."""
    return any(
        name == task_id
        or (len(name) >= _SHORTEST_ID and (task_id.endswith(name) or name.endswith(task_id)))
        for name in map(str, read_names(body, vocabulary))
    )


def read_names(body: Mapping[str, Any], vocabulary: Vocabulary = VOCABULARY) -> Iterator[Any]:
    """Yield the ids of a task: at the places of the table, or else under any key that says so."""
    has_any = False
    for key in vocabulary.ids:
        value = body.get(key)
        if is_id(value) and (key != "name" or is_operation(key, value)):
            has_any = True
            yield value
    if not has_any:
        yield from guess_names(body)


def is_task(body: Mapping[str, Any], vocabulary: Vocabulary = VOCABULARY) -> bool:
    """Return whether a body has any sign of a task: ``{"status": "ok"}`` has none."""
    if is_named(body, vocabulary):
        return True
    if read_word(body, vocabulary) and not has_call_word(body, vocabulary):
        return True
    if any(body.get(key) is not None for key in vocabulary.done) or has_request_id(body):
        return True
    if walk(body, _RESULT):
        return True
    numbers = (walk(body, places) for places, _ in vocabulary.numbers)
    return any(type(number) is int for found in numbers for number in found)


_RESULT = compile_places({"video.url": "fal"})
"""Where a response that is the result of a task alone has its video."""


def open_envelope(
    body: Mapping[str, Any], vocabulary: Vocabulary = VOCABULARY
) -> Mapping[str, Any]:
    """
    Return the task inside ``{"code", "message", "data": {…}}``, or the body itself.

    A record that has its own id and status is no envelope: its ``data`` is the upstream's answer.
    """
    for _ in range(_MAX_ENVELOPES):
        inner = _find_inner(body, vocabulary)
        if inner is None:
            break
        body = inner
    return body


_MAX_ENVELOPES = 4

_NO_ENVELOPES = word_set(
    """
    input inputs params parameters request config error metadata usage properties user
    account webhook callback billing payment queue upstream moderation
    """
)
"""Keys of objects whose status is not the task's."""


def _find_inner(
    body: Mapping[str, Any], vocabulary: Vocabulary, *, depth: int = 0
) -> Mapping[str, Any] | None:
    """
    Return the task that a body has under a key of an envelope, None when it is one itself.

    Args:
        body: A response, or what an envelope had inside.
        vocabulary: How services spell a task.
        depth: The number of envelopes around the body that say nothing of a task.
    """
    word = read_word(body, vocabulary)
    is_call = has_call_word(body, vocabulary)
    if word in vocabulary.words and not is_call:
        return None
    has_id = any(True for _ in read_names(body, vocabulary)) and not is_call
    if "task_id" in body and word:
        return None
    for key in filter(body.__contains__, vocabulary.envelopes):
        inner = _only_object(body[key], is_list=body.get("object") == "list")
        inner_word = read_word(inner, vocabulary)
        if has_id:
            if not word and inner_word in vocabulary.words:
                return inner
        elif inner_word or (not word and any(True for _ in read_names(inner, vocabulary))):
            return inner
    is_of_call = is_call and vocabulary.words.get(word) is not FAILED
    if (word and not is_of_call) or has_id or is_described(body):
        return None
    inside = (_read_wrapped(*one, vocabulary, depth=depth) for one in body.items())
    return next(filter(None, inside), None)


def _only_object(value: object, *, is_list: bool) -> Mapping[str, Any]:
    """Return an object, or the only one in a list; an empty one for all else."""
    if isinstance(value, list) and len(value) == 1 and not is_list:
        value = value[0]
    return read_mapping(value)


def _read_wrapped(
    key: str, value: object, vocabulary: Vocabulary, *, depth: int
) -> Mapping[str, Any] | None:
    """Return the task that a key of a body without any sign of one has, None for none."""
    inner = read_mapping(value)
    if key in _NO_ENVELOPES or not inner:
        return None
    if read_word(inner, vocabulary) in vocabulary.words:
        return inner if is_named(inner, vocabulary) else None
    if key not in vocabulary.envelopes or depth >= _MAX_ENVELOPES:
        return None
    return _find_inner(inner, vocabulary, depth=depth + 1)


def is_about_the_call(body: Mapping[str, Any], vocabulary: Vocabulary = VOCABULARY) -> bool:
    """Return whether the status word speaks of the call: ``{"status": "error", "message": …}``."""
    return has_call_word(body, vocabulary) and not is_named(body, vocabulary)


def decode_task(
    body: Mapping[str, Any],
    *,
    response: Mapping[str, Any],
    raw: Mapping[str, Any] | bytes,
    task_id: str,
    url: str,
    content: str | None,
    poll_after: float | None = None,
    vocabulary: Vocabulary = VOCABULARY,
) -> VideoTask:
    """
    Return the snapshot that a response holds.

    Args:
        body: The task, out of its envelope.
        response: The whole response.
        raw: The whole response, kept as the task's *raw*.
        task_id: The id that was asked for, whatever the response calls the task.
        url: The address that was asked.
        content: Where the service serves a file, with ``{id}``; None where it does not.
        poll_after: The seconds until the next poll that the headers ask for.
        vocabulary: How services spell a task.
    """
    word, status = _read_status(body, vocabulary)
    phase = _read_phase(body, response, word=word, vocabulary=vocabulary)
    video_urls: tuple[str, ...] = ()
    if phase is SUCCEEDED:
        video_urls = find_video_urls(
            body, response, url=url, task_id=task_id, vocabulary=vocabulary
        )
        if not video_urls and _is_failed_success(body):
            phase = FAILED
    elif phase is not FAILED:
        promised = find_promised_url(body, url=url, task_id=task_id, vocabulary=vocabulary)
        if promised is not None:
            video_urls, phase = (promised,), SUCCEEDED
    fields = read_fields(body, vocabulary.fields)
    progress = fields.pop("progress", None)
    progress = fields.pop("progress_fraction", progress)
    if phase is SUCCEEDED or phase is FAILED:  # of no meaning after a failure
        progress = 1.0 if phase is SUCCEEDED else None
    if poll_after is not None:
        fields["poll_after"] = poll_after
    failure = content_url = cost = usage = None
    if phase is FAILED:
        failure = read_failure(body, response, word=word, vocabulary=vocabulary)
    elif phase is SUCCEEDED and content is not None:
        content_url = fill_in(content, task_id)
    keys = vocabulary.bill_keys
    if not (keys.isdisjoint(body) and keys.isdisjoint(response)):
        cost = _read_cost(body, response, vocabulary)
        usage = _read_usage(body, response, vocabulary)
    return VideoTask(
        id=task_id,
        status=_read_status_text(status),
        phase=phase,
        progress=progress,
        video_url=video_urls[0] if video_urls else None,
        video_urls=video_urls,
        content_url=content_url,
        failure=failure,
        cost=cost,
        usage=usage,
        raw=raw,
        **fields,
    )


_KNOWN_WORDS = {word: word for word in VOCABULARY.words}
"""Thousands of snapshots share our copy of a known status."""


def _read_status_text(status: object) -> str:
    """Return the status word as the server has spelled it."""
    text = read_label(status) or ""
    return _KNOWN_WORDS.get(text) or text[:_MAX_STATUS]


def _read_phase(
    body: Mapping[str, Any], response: Mapping[str, Any], *, word: str, vocabulary: Vocabulary
) -> Phase:
    """
    Return the phase: the word of the task decides an end.

    Without a word a number does, by the table of its service, or the ``done`` of an operation.
    An unknown word means "still going", unless an error is beside it. ``pending_info`` of the
    upstream only tells queued from running, and names the reason of a failure.
    """
    phase = vocabulary.words.get(word)
    if phase is None:
        phase = _read_phase_without_word(body, response, word=word, vocabulary=vocabulary)
    if phase is SUCCEEDED or phase is FAILED:
        if not is_about_the_call(body, vocabulary):
            return phase
        phase = RUNNING
    detail = body.get("detail")
    pending = detail.get("pending_info") if isinstance(detail, dict) else None
    if not isinstance(pending, dict):
        return phase
    reason = pending.get("failure_reason")
    if read_text(reason) is not None or read_mapping(reason):
        return FAILED
    inner = normalise(pending.get("status"), vocabulary)
    if not inner:
        return phase
    return QUEUED if vocabulary.words.get(inner) is QUEUED else RUNNING


def _read_phase_without_word(
    body: Mapping[str, Any], response: Mapping[str, Any], *, word: str, vocabulary: Vocabulary
) -> Phase:
    """Return the phase of a task whose status is no word of the list."""
    if word:
        return FAILED if has_error_code(body) else RUNNING
    for places, phases in vocabulary.numbers:
        for number in walk(response, places):
            if type(number) is int:
                return phases.get(number, RUNNING)
    for key in vocabulary.done:
        if body.get(key) is True:
            return FAILED if body.get("error") else SUCCEEDED
        if body.get(key) is False:
            return RUNNING
    return _read_phase_of_items(body, vocabulary)


def _read_phase_of_items(body: Mapping[str, Any], vocabulary: Vocabulary) -> Phase:
    """Return the phase of a task of several videos: it ends with the last of them."""
    for key in vocabulary.item_lists:
        items = body.get(key)
        if isinstance(items, list) and items and all(isinstance(item, dict) for item in items):
            words = [read_word(item, vocabulary) for item in items]
            phases = {vocabulary.words.get(word, RUNNING) for word in words if word}
            if SUCCEEDED in phases and phases <= {SUCCEEDED, FAILED}:
                return SUCCEEDED
            if phases:
                return phases.pop() if len(phases) == 1 else RUNNING
    return QUEUED


def _is_failed_success(body: Mapping[str, Any]) -> bool:
    """Return whether a task that says it has succeeded has no video and names an error instead."""
    error = body.get("error")
    if isinstance(error, dict):
        return has_error_code(body)
    texts = (error, body.get("detail"), *walk(body, _FILTERED))
    return any(text is not None and text.lower() not in OK_CODES for text in map(read_text, texts))


_FILTERED = compile_places(
    {
        "response.generateVideoResponse.raiMediaFilteredReasons[0]": "Gemini",
        "response.raiMediaFilteredReasons[0]": "Vertex",
        "AigcVideoTask.Message": "Tencent",
        "output.error": "RunPod",
    }
)
"""Why a task that is done has no video."""


def _read_usage(
    body: Mapping[str, Any], response: Mapping[str, Any], vocabulary: Vocabulary
) -> Mapping[str, Any] | None:
    """Return what a task has used, as the service says."""
    for outer in (body, response) if body is not response else (body,):
        for usage in walk(outer, vocabulary.usages):
            if isinstance(usage, dict) and 0 < len(usage) <= _MAX_USAGE and _is_short(usage):
                return usage
    return None


def _is_short(usage: Mapping[str, Any]) -> bool:
    """Return whether the texts in a usage are short enough to be searched for secrets."""
    return sum(map(len, find_texts(usage))) <= MAX_TEXT


def _read_cost(
    body: Mapping[str, Any], response: Mapping[str, Any], vocabulary: Vocabulary
) -> Cost | None:
    """Return the price of a task."""
    for places, unit_key, unit in vocabulary.costs:
        for outer in (body, response) if body is not response else (body,):
            for found in walk(outer, places):
                amount = read_number(found)
                if amount is not None and amount >= 0:
                    return Cost(amount, _read_unit(outer, places, unit_key) or unit)
    return None


def _read_unit(body: Mapping[str, Any], places: Places, unit_key: str) -> str | None:
    """Return the currency or unit that stands beside an amount."""
    beside: Any = body
    (step, inner, _), *_ = places
    while inner:
        beside = beside[step]
        (step, inner, _), *_ = inner
    return read_label(beside.get(unit_key)) if unit_key else None
