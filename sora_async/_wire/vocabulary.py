"""
How services spell a task: the places of its fields, their words and their numbers.

To teach the package a new spelling, add one line to a table here: the place, then who uses it.
A place is a path of keys (``output.videos[0].url``), from the task, or from the whole response.
The rules in :mod:`~sora_async._wire.general_rules` read what no table has.

Source: the services' documentation and code, and the responses in ``tests/responses``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from ..models import Phase
from .json import parse_text

QUEUED, RUNNING, SUCCEEDED, FAILED = Phase

ENVELOPES = {
    "data": "new-api, kie.ai, Kling, sora2api, PiAPI, WaveSpeed",
    "task": "v2 relays, Novita",
    "result": "relays",
    "video": "relays",
    "output": "DashScope",
    "Resp": "PixVerse",
    "response": "Shotstack",
    "Response": "Tencent",
    "job": "Merge",
    "movie": "JSON2Video",
    "inference_status": "DeepInfra",
}
"""Keys under which a response has the task itself."""

IDS = {
    "task_id": "new-api, Kling, MiniMax, DashScope, Vidu, Baidu",
    "id": "OpenAI",
    "taskId": "kie.ai, Pollo",
    "video_id": "PixVerse, HeyGen",
    "job_id": "Krea",
    "name": "Gemini, Vertex",
    "_id": "A2E",
    "prompt_id": "ComfyUI",
    "call_id": "Modal",
}
"""
Where the id of a task is, in reading order. Beside a ``task_id``, an ``id`` is that of a request
(Baidu) or of a row (new-api). ``name`` is one only for a long-running operation.
"""

REQUEST_IDS = {
    "request_id": "xAI, fal, qiniu, Higgsfield",
    "requestId": "SiliconFlow",
}
"""Ids of an HTTP request, which are the id of the task where there is no other."""

STATUSES = {
    "status": "OpenAI",
    "task_status": "Kling, DashScope, Zhipu",
    "state": "kie.ai, Vidu, Luma",
    "finish_reason": "Stability",
}
"""Where the status word is; the first place with a word counts."""

STATUS_WORDS = (
    (QUEUED, "queued pending waiting submitted created", "common"),
    (QUEUED, "not_start not_started notstarted", "new-api, v2 relays"),
    (QUEUED, "starting preparing unknown", "Replicate, MiniMax, relays"),
    (QUEUED, "queueing queuing", "MiniMax, kie.ai"),
    (QUEUED, "in_queue inqueue", "fal, qiniu, RunPod, SiliconFlow"),
    (QUEUED, "initializing", "qiniu"),
    (QUEUED, "throttled", "Runway"),
    (QUEUED, "scheduled backlogged", "Krea"),
    (QUEUED, "draft", "Magic Hour"),
    (QUEUED, "planned", "Creatomate"),
    (QUEUED, "wait", "Tencent"),
    (RUNNING, "in_progress inprogress processing running generating rendering", "common"),
    (
        RUNNING,
        "preprocessing image_downloading video_generating video_upsampling",
        "unified relays",
    ),
    (RUNNING, "video_generation_completed", "unified relays"),
    (RUNNING, "dreaming", "Luma"),
    (RUNNING, "sampling intermediate_complete", "Krea"),
    (RUNNING, "fetching saving", "Shotstack"),
    (RUNNING, "executing", "Alibaba"),
    (RUNNING, "retrying canceling cancelling", "relays"),
    (SUCCEEDED, "completed complete succeeded succeed success done finished", "common"),
    (SUCCEEDED, "video_upsampling_completed", "unified relays"),
    (SUCCEEDED, "ready", "BFL, Fireworks, Tavus"),
    (SUCCEEDED, "finish", "Tencent"),
    (FAILED, "failed failure fail error cancelled canceled expired", "common"),
    (FAILED, "video_generation_failed video_upsampling_failed", "unified relays"),
    (FAILED, "timeout timed_out timedout", "RunPod, relays"),
    (FAILED, "aborted", "Replicate"),
    (FAILED, "rejected", "D-ID"),
    (FAILED, "nsfw", "Higgsfield"),
    (FAILED, "content_moderated request_moderated", "BFL"),
    (FAILED, "terminated", "Baidu"),
    (FAILED, "interrupted", "Seedance relays"),
    (FAILED, "revoked", "Celery"),
    (FAILED, "stopped", "FastVideo"),
    (FAILED, "errored", "Mux"),
    (FAILED, "blocked moderated moderation_blocked", "relays"),
)
"""
What the words mean, in lower case with ``_``.

The list is open, and so a word that is not here means "still going": a wait that takes an
unknown word for an end throws away a video that is being made.
"""

WORD_PREFIXES = {
    "task_status_": "Novita",
    "job_state_": "Vertex",
    "task_": "relays",
    "job_": "relays",
    "status_": "relays",
}
"""What a status word may begin with, before a word of the list."""

STATUS_NUMBERS = (
    ("successFlag", {0: RUNNING, 1: SUCCEEDED, 2: FAILED, 3: FAILED}, "kie.ai"),
    ("data.successFlag", {0: RUNNING, 1: SUCCEEDED, 2: FAILED, 3: FAILED}, "kie.ai"),
    (
        "Resp.status",
        {1: SUCCEEDED, 5: RUNNING, 6: FAILED, 7: FAILED, 8: FAILED},
        "PixVerse",
    ),
    ("data.video_status", {1: QUEUED, 2: RUNNING, 3: SUCCEEDED, 4: FAILED}, "AKOOL"),
)
"""Statuses that are numbers, each with its service's own meaning; from the whole response."""

DONE = {"done": "Gemini, Vertex"}
"""A bool that tells whether an operation has ended. Source: google.longrunning.Operation."""

ITEM_LISTS = {"generations": "Pollo", "jobs": "Higgsfield"}
"""Where a task without a status of its own has a status for each video."""

CALL_WORDS = frozenset({"success", "fail", "error", "ok"})
"""Words under ``status`` that may speak of the call. Source: the JSend convention."""

OK_CODES = frozenset(
    {"success", "succeed", "ok", "0", "00000", "100", "200", "201", "1000", "10000"}
)
"""Codes and texts that say "no error", in lower case. 100: HeyGen; 1000: AKOOL; 10000: Jimeng."""

PROGRESS = {
    "progress": "OpenAI",
    "progress_percent": "Novita",
    "percent": "useapi",
    "percentage": "relays",
}
"""Percentages."""

PROGRESS_FRACTIONS = {
    "detail.pending_info.progress_pct": "unified relays",
    "progress_pct": "unified relays",
}

QUEUE_POSITIONS = {
    "detail.pending_info.progress_pos_in_queue": "unified relays",
    "queue_position": "fal, qiniu",
}

VIDEO_URLS = {
    "video_url": "relays",
    "url": "new-api, Gemini, PixVerse",
    "result_url": "sora2api",
    "video.url": "xAI",
    "output": "v2 relays",
    "output.url": "Lumenfall",
    "output.video_url": "relays",
    "output.videos[0].url": "relays",
    "outputs.video_url": "Together",
    "data.output": "v2 relays",
    "data.video_url": "relays",
    "data.url": "relays",
    "data.result_url": "relays",
    "result.video_url": "relays",
    "metadata.url": "new-api",
    "unsigned_urls[0]": "OpenRouter",
    "urls[0]": "relays",
    "detail.url": "unified relays",
    "detail.video_url": "unified relays",
    "detail.draft_info.downloadable_url": "unified relays",
    "detail.draft_info.url": "unified relays",
    "detail.generations[0].url": "unified relays",
    "detail.pending_info.generations[0].url": "unified relays",
}
"""Where the address of the video is, in reading order; it ends a task that has not failed."""

VIDEO_URLS_AFTER_SUCCESS = {
    "video_url.url": "relays",
    "video_url[0]": "relays",
    "output[0]": "Replicate, Runway",
    "output[0].url": "relays",
    "output_url": "relays",
    "videos[0].url": "Bifrost",
    "videos[0].video_url": "Novita",
    "generations[0].url": "Pollo",
    "task_result.videos[0].url": "Kling, qiniu",
    "content.video_url": "Ark",
    "results[0]": "evolink",
    "results[0].url": "relays",
    "result.video.url": "fal, qiniu",
    "result.videos[0].url[0]": "APIMart",
    "resultJson.resultUrls[0]": "kie.ai",
    "response.resultUrls[0]": "kie.ai",
    "response.generateVideoResponse.generatedSamples[0].video.uri": "Gemini",
    "creations[0].url": "Vidu",
    "video_result[0].url": "Zhipu",
    "generated[0]": "Freepik",
    "jobs[0].results.raw.url": "Higgsfield",
    "assets.video": "Luma",
    "download_url": "relays",
    "data[0].url": "relays",
    "result_urls[0]": "sora2api",
    "outputs[0]": "WaveSpeed",
}
"""Read after all others, and after a success only: before, they may hold an input or a still."""

FAILURE_CODES = {
    "error.code": "OpenAI",
    "error.kind": "D-ID",
    "code": "new-api, DashScope",
    "failCode": "kie.ai",
    "errorCode": "kie.ai",
    "failureCode": "Runway",
    "err_code": "Vidu",
    "error_code": "relays",
    "failure_reason": "sora2api, Azure",
    "detail.failure_reason": "unified relays",
    "detail.pending_info.failure_reason": "unified relays",
    "detail.pending_info.failure_reason.code": "unified relays",
    "base_resp.status_code": "MiniMax",
    "ErrCode": "PixVerse",
    "AigcVideoTask.ErrCode": "Tencent",
}
"""Where the code of a failure is."""

_ALSO_OTHER = {"code"}
"""Places of a code that may say something else than an error."""

FAILURE_MESSAGES = {
    "error.message": "OpenAI",
    "error.msg": "relays",
    "error.message_zh": "relays",
    "error.detail": "relays",
    "error.description": "D-ID",
    "error": "OpenRouter, relays",
    "message": "new-api, DashScope",
    "msg": "relays",
    "message_zh": "relays",
    "detail": "qiniu, FastAPI",
    "detail[0].msg": "FastAPI",
    "detail[0]": "FastAPI",
    "error_message": "sora2api, Hedra",
    "errorMessage": "kie.ai",
    "failMsg": "kie.ai, Pollo",
    "fail_reason": "new-api",
    "failure": "Runway",
    "task_status_msg": "Kling",
    "base_resp.status_msg": "MiniMax",
    "detail.draft_info.reason_str": "unified relays",
    "response.generateVideoResponse.raiMediaFilteredReasons[0]": "Gemini",
    "response.raiMediaFilteredReasons[0]": "Vertex",
    "reason": "Novita, SiliconFlow",
    "ErrMsg": "PixVerse",
    "AigcVideoTask.Message": "Tencent",
    "output.error": "RunPod",
}
"""Where the message of a failure is."""

MODELS = {
    "model": "OpenAI",
    "properties.origin_model_name": "new-api",
    "detail.input.model": "unified relays",
}
PROMPTS = {
    "prompt": "OpenAI",
    "detail.input.prompt": "unified relays",
    "orig_prompt": "DashScope",
}
ENHANCED_PROMPTS = {"enhanced_prompt": "unified relays", "actual_prompt": "DashScope"}
SIZES = {"size": "OpenAI", "detail.input.size": "unified relays", "resolution": "Ark"}
SECONDS = {
    "seconds": "OpenAI",
    "duration": "Ark",
    "task_info.video_duration": "evolink",
    "metadata.duration": "new-api",
}

CREATED = {
    "created_at": "OpenAI",
    "submit_time": "new-api, DashScope",
    "created": "evolink",
    "createTime": "kie.ai",
    "detail.pending_info.created_at": "unified relays",
}
COMPLETED = {
    "completed_at": "OpenAI",
    "finished_at": "relays",
    "finish_time": "new-api",
    "end_time": "DashScope",
    "completeTime": "kie.ai",
}
EXPIRES = {"expires_at": "OpenAI"}
UPDATED = {"status_update_time": "unified relays", "updated_at": "relays, Kling"}

USAGES = {"usage": "OpenRouter, evolink, Ark, DashScope"}
COSTS = (
    ("usage.cost", "currency", None, "OpenRouter"),
    ("usage.total_cost", "currency", None, "relays"),
    ("cost.amount", "currency", None, "relays"),
    ("cost", "currency", None, "relays"),
    ("total_cost", "currency", None, "relays"),
    ("cost_usd", "", "USD", "relays"),
    ("price", "currency", None, "relays"),
    ("outputs.cost", "currency", None, "Together"),
    ("usage.credits", "", "credits", "relays"),
    ("usage.credits_used", "", "credits", "relays"),
    ("usage.credits_reserved", "", "credits", "evolink"),
    ("credits", "", "credits", "Vidu"),
    ("credits_used", "", "credits", "relays"),
    ("Resp.credits", "", "credits", "PixVerse"),
)
"""Where the price of a task is, the key beside it that names its unit, and the unit without one."""

ESTIMATES = {
    "task_info.estimated_time": "evolink",
    "estimated_time": "relays",
    "eta": "Novita",
    "eta_sec": "Hedra",
}
"""Where a service says how many seconds a task will take."""

POLL_AFTER = {
    "poll_after_seconds": "relays",
    "pollAfterSeconds": "relays",
    "retryAfter": "unified relays",
    "retry_after": "relays",
    "error.retryAfter": "unified relays",
    "error.retry_after": "relays",
}
"""Where a body says how many seconds to wait before the next request."""

FIELDS = {
    "progress": PROGRESS,
    "progress_fraction": PROGRESS_FRACTIONS,
    "queue_position": QUEUE_POSITIONS,
    "model": MODELS,
    "prompt": PROMPTS,
    "enhanced_prompt": ENHANCED_PROMPTS,
    "size": SIZES,
    "seconds": SECONDS,
    "created_at": CREATED,
    "completed_at": COMPLETED,
    "expires_at": EXPIRES,
    "updated_at": UPDATED,
    "estimated_time": ESTIMATES,
    "poll_after": POLL_AFTER,
}
"""
The fields of a task that need no more than a table; each poll reads them all, as
:mod:`~sora_async._wire.task_fields` says.
"""

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")

Places = tuple[tuple[str | int, "Places", bool], ...]
"""Paths as a tree: each step, the steps after it, and whether a path ends with it."""

Keep = Callable[[str], bool]


def _keep_all(_: str) -> bool:
    return True


def compile_places(table: Mapping[str, str], keep: Keep = _keep_all) -> Places:
    """Return the places of a table whose source is kept, as a tree for :func:`walk`."""
    paths = [
        [int(index) if index else key for index, key in _STEP.findall(path)]
        for path, source in table.items()
        if keep(source)
    ]
    return _make_tree(paths)


Fields = Mapping[str, tuple[Sequence[tuple[str, int]], "Fields"]]
"""The places of several fields as one tree: for each key the fields of which a place ends with it,
each with the number of that place in the reading order, and the keys after it."""


def compile_fields(tables: Mapping[str, Mapping[str, str]], keep: Keep = _keep_all) -> Fields:
    """
    Return the places of some fields whose source is kept, as a tree.

    Their paths have keys alone, and no index of a list.
    """
    tree: dict[str, Any] = {}
    for field, table in tables.items():
        for number, (path, source) in enumerate(table.items()):
            if keep(source):
                following = tree
                for key in path.split("."):
                    ends, following = following.setdefault(key, ([], {}))
                ends.append((field, number))
    return tree


def _make_tree(paths: Sequence[Sequence[str | int]]) -> Places:
    following: dict[str | int, list[Sequence[str | int]]] = {}
    for first, *rest in paths:
        following.setdefault(first, []).append(rest)
    return tuple(
        (step, _make_tree([rest for rest in rests if rest]), [] in rests)
        for step, rests in following.items()
    )


def walk(value: object, places: Places, *, opens_texts: bool = True) -> list[Any]:
    """
    Return the values at the places of a body, in the order of the places.

    Args:
        value: The body.
        places: Where to look.
        opens_texts: Whether JSON inside a text is opened where a place leads into it.
    """
    found: list[Any] = []
    _collect(found, value, places, opens_texts)
    return found


def _collect(found: list[Any], value: object, places: Places, opens_texts: bool) -> None:
    if type(value) is dict:
        for key, inner, is_end in places:
            if key in value:
                if inner:
                    _collect(found, value[key], inner, opens_texts)
                if is_end:
                    found.append(value[key])
    elif type(value) is list:
        for key, inner, is_end in places:
            if type(key) is int and key < len(value):
                _collect(found, value[key], inner, opens_texts)
                if is_end:
                    found.append(value[key])
    elif type(value) is str and places and opens_texts:
        _collect(found, parse_text(value), places, opens_texts)


@attrs.frozen(kw_only=True)
class Vocabulary:
    """The tables above, ready to use."""

    envelopes: tuple[str, ...]
    ids: tuple[str, ...]
    request_ids: tuple[str, ...]
    statuses: tuple[str, ...]
    done: tuple[str, ...]
    item_lists: tuple[str, ...]
    words: Mapping[str, Phase]
    prefixes: tuple[str, ...]
    numbers: tuple[tuple[Places, Mapping[int, Phase]], ...]
    fields: Fields
    video_urls: Places
    video_urls_after_success: Places
    failure_codes: Places
    error_codes: Places
    failure_messages: Places
    usages: Places
    costs: tuple[tuple[Places, str, str | None], ...]
    bill_keys: frozenset[str]
    poll_after: Places


def make_vocabulary(keep: Keep = _keep_all) -> Vocabulary:
    """
    Return the tables as a vocabulary.

    Args:
        keep: Tells by the source of a line whether it is used.
    """

    def keys(table: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(key for key, source in table.items() if keep(source))

    def places(table: Mapping[str, str]) -> Places:
        return compile_places(table, keep)

    return Vocabulary(
        envelopes=keys(ENVELOPES),
        ids=keys(IDS),
        request_ids=keys(REQUEST_IDS),
        statuses=keys(STATUSES),
        done=keys(DONE),
        item_lists=keys(ITEM_LISTS),
        words={
            word: phase
            for phase, words, source in STATUS_WORDS
            if keep(source)
            for word in words.split()
        },
        prefixes=keys(WORD_PREFIXES),
        numbers=tuple(
            (places({path: source}), phases)
            for path, phases, source in STATUS_NUMBERS
            if keep(source)
        ),
        fields=compile_fields(FIELDS, keep),
        video_urls=places(VIDEO_URLS),
        video_urls_after_success=places(VIDEO_URLS_AFTER_SUCCESS),
        failure_codes=places(FAILURE_CODES),
        error_codes=places(
            {path: source for path, source in FAILURE_CODES.items() if path not in _ALSO_OTHER}
        ),
        failure_messages=places(FAILURE_MESSAGES),
        usages=places(USAGES),
        costs=tuple(
            (places({path: source}), unit_key, unit)
            for path, unit_key, unit, source in COSTS
            if keep(source)
        ),
        bill_keys=frozenset(
            path.partition(".")[0]
            for path, source in (*USAGES.items(), *((one[0], one[3]) for one in COSTS))
            if keep(source)
        ),
        poll_after=places(POLL_AFTER),
    )


VOCABULARY = make_vocabulary()
"""All that is known."""

PHASE_WORDS = VOCABULARY.words
