"""The servers that the fake can be, each as one page of data."""

from collections.abc import Mapping
from typing import Any, Final

import attrs

from . import gateway_formats, openai_formats, relay_formats
from .http_message import fastapi_error, make_message, openai_error, openrouter_error, vllm_error
from .routes import Endpoint, make_routes
from .server_profile import ServerProfile
from .task_state import Shape

Calls = Mapping[str, Endpoint]

_BASIC_CALLS: Final[Calls] = {
    "POST /v1/videos": "create",
    "GET /v1/videos/{id}": "poll",
    "GET /v1/videos/{id}/content": "content",
}
_LIST: Final[Calls] = {"GET /v1/videos": "list"}
_DELETE: Final[Calls] = {"DELETE /v1/videos/{id}": "delete"}
_CANCEL: Final[Calls] = {"POST /v1/videos/{id}/cancel": "cancel"}
_REMIX: Final[Calls] = {"POST /v1/videos/{id}/remix": "remix"}
_EDITS: Final[Calls] = {
    "POST /v1/videos/edits": "edit",
    "POST /v1/videos/extensions": "extend",
}
_CHARACTERS: Final[Calls] = {
    "POST /v1/videos/characters": "character",
    "GET /v1/videos/characters/{id}": "character",
}

_INVALID_URL: Final = "Invalid URL ({method} {path})"
_NOT_READY: Final = "Video is not ready yet, use GET /v1/videos/{video_id} to check status."
_IN_PROGRESS: Final = "The generation is still going on"
_BEHIND_FASTAPI: Final[Any] = {
    "render_routing_error": fastapi_error,
    "no_method": "Method Not Allowed",
}

_WRONG_TOKEN: Final = openai_error(
    401,
    "无效的令牌 (request id: 20260114080001000000000abcdefgh)",
    type="new_api_error",
    code="",
)

# Relays built on new-api, which is written with gin: there is no 405, and no list. "page" is the
# default of the fake, so it has every call of the command, and its errors are in English.
_PAGE: Final = ServerProfile(
    routes=make_routes({**_BASIC_CALLS, **_LIST, **_DELETE, **_REMIX}),
    make_id=lambda number: f"sora-2:task_01fake{number:020d}",
    render_task=relay_formats.render_page,
    # Only its polls are nested.
    render_created=openai_formats.render_relay,
    wrong_key=openai_error(401, "Invalid token", type="new_api_error", code=""),
    unknown_task="Video with id '{}' not found.",
    no_route=_INVALID_URL,
    not_ready=(400, _NOT_READY),
)
_RELAY: Final = attrs.evolve(
    _PAGE,
    routes=make_routes({**_BASIC_CALLS, **_REMIX}),
    wrong_key=_WRONG_TOKEN,
    make_id=lambda number: f"video_{openai_formats.make_uuid(number)}",
    render_task=openai_formats.render_relay,
    render_created=None,
)
_UNIFIED: Final = attrs.evolve(
    _PAGE,
    routes=make_routes({"POST /v1/video/create": "create", "GET /v1/video/query?id={id}": "poll"}),
    accepted_bodies=frozenset({"json"}),
    seconds_field="duration",
    seconds_type=int,
    render_task=relay_formats.render_unified,
    render_created=relay_formats.render_unified_created,
    wrong_key=_WRONG_TOKEN,
)

# openai-python 3.57, resources/videos.py.
_OPENAI: Final = ServerProfile(
    routes=make_routes({**_CHARACTERS, **_BASIC_CALLS, **_LIST, **_DELETE, **_REMIX, **_EDITS}),
    seconds_type=str,
    make_id=lambda number: f"video_{number:048x}",
    render_task=openai_formats.render_openai,
    wrong_key=openai_error(401, "Incorrect API key provided.", code="invalid_api_key"),
    unknown_task="Video with id '{}' not found.",
    no_route=_INVALID_URL,
    no_method="Not allowed to {method} on {path}.",
    not_ready=(404, _NOT_READY),
)

# vllm-omni, entrypoints/openai/api_server.py and protocol/videos.py.
_VLLM: Final = ServerProfile(
    routes=make_routes({**_BASIC_CALLS, **_LIST, **_DELETE}),
    accepted_bodies=frozenset({"form"}),
    make_id=lambda number: f"video_gen_{number:032x}",
    render_task=openai_formats.render_vllm,
    **_BEHIND_FASTAPI,
    failure_is_http_error=True,
    render_error=vllm_error,
    wrong_key=make_message({"error": "Unauthorized"}, status=401),
    not_ready=(404, _IN_PROGRESS),
    no_file_after_failure=(422, "The generation failed: the status of the job says why"),
    page_size=None,
)

# sglang, multimodal_gen/runtime/entrypoints/openai/video_api.py.
_SGLANG: Final = ServerProfile(
    routes=make_routes({**_BASIC_CALLS, **_LIST, **_DELETE}),
    make_id=openai_formats.make_uuid,
    render_task=openai_formats.render_sglang,
    **_BEHIND_FASTAPI,
    render_error=fastapi_error,
    wrong_key=fastapi_error(401, "Unauthorized"),
    not_ready=(404, _IN_PROGRESS),
    file_is_at_url=(400, "The video is in cloud storage: use its url"),
    shows_deleted=True,
)

# litellm, proxy/video_endpoints/endpoints.py and types/videos/utils.py; it has no delete.
_LITELLM: Final = attrs.evolve(
    _OPENAI,
    routes=make_routes({**_CHARACTERS, **_BASIC_CALLS, **_LIST, **_REMIX}),
    make_id=lambda number: openai_formats.pack_id("deploy-0", f"video_{number:048x}"),
    render_task=openai_formats.render_litellm,
    **_BEHIND_FASTAPI,
    wrong_key=openai_error(400, "Authentication Error: the token is not valid.", type="auth_error"),
    unknown_status=500,
    list_style="whole",
    list_header="custom-llm-provider",
    make_list_id=openai_formats.unpack_id,
)

# openrouter.ai/docs, "Video generation".
_OPENROUTER: Final = ServerProfile(
    routes=make_routes(
        {
            "POST /api/v1/videos": "create",
            "GET /api/v1/videos/{id}": "poll",
            "GET /api/v1/videos/{id}/content": "content",
        }
    ),
    accepted_bodies=frozenset({"json"}),
    seconds_field="duration",
    seconds_type=int,
    make_id=lambda number: f"job-{number:020d}",
    render_task=openai_formats.render_openrouter,
    created_status=202,
    render_error=openrouter_error,
    wrong_key=openrouter_error(401, "No credentials were found"),
    unknown_task="Job {} not found",
    not_ready=(404, "The video is not ready"),
)

# ofox.ai/docs, "Video API": OpenRouter's format. The path of a cancel is an assumption.
_OFOX: Final = attrs.evolve(
    _OPENROUTER,
    routes=make_routes({**_BASIC_CALLS, **_CANCEL}),
    make_id=openai_formats.make_uuid,
    render_task=openai_formats.render_ofox,
    cancel_error=(400, "cancel_failed: the task is already running", "cancel_failed"),
)

# docs.llmgateway.io, "Video generation".
_LLMGATEWAY: Final = attrs.evolve(
    _OPENAI,
    routes=make_routes(_BASIC_CALLS),
    accepted_bodies=frozenset({"json"}),
    seconds_field="duration",
    seconds_type=int,
)

# docs.inworld.ai, "Video API": create, cancel and delete.
_INWORLD: Final = attrs.evolve(
    _OPENAI,
    routes=make_routes({**_BASIC_CALLS, **_LIST, **_DELETE, **_CANCEL}),
    accepted_bodies=frozenset({"json"}),
    wrong_body_status=415,
    seconds_field="duration",
    seconds_type=int,
    make_id=lambda number: f"video_{number:032x}",
    cancel_error=(409, "The video can no longer be cancelled.", "video_not_cancellable"),
    deduplicates=True,
)

# docs.merge.dev, "Video generation": its list shows what the newest poll of a task showed.
_MERGE: Final = attrs.evolve(
    _OPENAI,
    routes=make_routes({**_BASIC_CALLS, **_LIST}),
    accepted_bodies=frozenset({"json"}),
    wrong_body_status=422,
    seconds_field="duration",
    seconds_type=int,
    list_shows_last_poll=True,
)

# docs.evolink.ai, "Get task detail"; APIMart and ToAPIs have the same paths.
_TASKS: Final = ServerProfile(
    routes=make_routes({"POST /v1/videos/generations": "create", "GET /v1/tasks/{id}": "poll"}),
    accepted_bodies=frozenset({"json"}),
    seconds_field="duration",
    make_id=lambda number: f"task-unified-{1768377600 + number}-{number:08x}",
    render_task=gateway_formats.render_tasks,
    render_error=gateway_formats.tasks_error,
    wrong_key=gateway_formats.tasks_error(401, "Invalid API key", code="unauthorized"),
    unknown_task="Task {} not found",
)

# docs.x.ai, "Video generation". The path of a cancel is an assumption.
_XAI: Final = ServerProfile(
    routes=make_routes(
        {
            "POST /v1/videos/generations": "create",
            "GET /v1/videos/{id}": "poll",
            **_CANCEL,
        }
    ),
    accepted_bodies=frozenset({"json"}),
    wrong_body_status=415,
    seconds_field="duration",
    seconds_type=int,
    make_id=openai_formats.make_uuid,
    render_task=gateway_formats.render_xai,
    render_created=lambda _state, facts, _url: {"request_id": facts.task_id},
    render_error=gateway_formats.xai_error,
    wrong_key=gateway_formats.xai_error(401, "Incorrect API key provided."),
    unknown_task="Request {} not found",
)

# ai.google.dev, "OpenAI compatibility".
_GEMINI: Final = ServerProfile(
    routes=make_routes(
        {
            "POST /v1beta/openai/videos": "create",
            "GET /v1beta/openai/videos/{id}": "poll",
            "GET /v1beta/files/{id}:download": "content",
        }
    ),
    accepted_bodies=frozenset({"form"}),
    make_id=lambda number: f"veo-{number:012d}",
    render_task=gateway_formats.render_gemini,
    render_error=gateway_formats.gemini_error,
    wrong_key=gateway_formats.gemini_error(401, "Request had invalid authentication credentials."),
    unknown_task="Video {} not found.",
    not_ready=(404, "The file does not exist."),
)

# volcengine.com/docs, "Create a video generation task".
_ARK: Final = ServerProfile(
    routes=make_routes(
        {
            "POST /api/v3/contents/generations/tasks": "create",
            "GET /api/v3/contents/generations/tasks/{id}": "poll",
            "GET /api/v3/contents/generations/tasks": "list",
            "DELETE /api/v3/contents/generations/tasks/{id}": "delete",
        }
    ),
    accepted_bodies=frozenset({"json"}),
    read_create=gateway_formats.read_ark_create,
    make_id=lambda number: f"cgt-20260114-{number:05x}",
    render_task=gateway_formats.render_ark,
    render_created=lambda _state, facts, _url: {"id": facts.task_id},
    render_error=gateway_formats.ark_error,
    wrong_key=gateway_formats.ark_error(401, "The API key in the request is missing or invalid."),
    unknown_task="The task {} does not exist.",
    list_style="numbered",
    render_removed=lambda task_id, action: {},
)

# platform.minimax.io/docs, "Create video generation task" and "Cancel or delete task". The status
# of the response about an unknown id is an assumption.
_MINIMAX: Final = attrs.evolve(
    _ARK,
    routes=make_routes(
        {
            "POST /v2/video_generation": "create",
            "GET /v2/query/video_generation/{id}": "poll",
            "GET /v2/query/video_generation": "list",
            "DELETE /v2/video_generation/{id}": "delete",
        }
    ),
    make_id=lambda number: f"{424010985000000 + number}",
    render_task=gateway_formats.render_minimax,
    render_created=lambda _state, facts, _url: {"task_id": facts.task_id},
    render_error=gateway_formats.minimax_error,
    wrong_key=gateway_formats.minimax_error(401, "login fail: the API key is not valid (1004)"),
    unknown_task="invalid task_id (2013)",
    render_removed=lambda task_id, action: {"task_id": task_id, "action": action, "status": action},
    envelope="task",
)

# newapi.ai/docs, "Video generation".
_NEWAPI: Final = attrs.evolve(
    _PAGE,
    routes=make_routes(
        {
            "POST /v1/video/generations": "create",
            "GET /v1/video/generations/{id}": "poll",
        }
    ),
    accepted_bodies=frozenset({"json"}),
    seconds_field="duration",
    make_id=lambda number: f"task_{number:032d}",
    render_task=gateway_formats.render_newapi,
    render_created=lambda _state, facts, _url: {"task_id": facts.task_id, "status": "queued"},
    wrong_key=_WRONG_TOKEN,
    unknown_task="task_not_exist",
)

# docs.kie.ai, "Create task" and "Get task details".
_KIE: Final = ServerProfile(
    routes=make_routes(
        {
            "POST /api/v1/jobs/createTask": "create",
            "GET /api/v1/jobs/recordInfo?taskId={id}": "poll",
        }
    ),
    accepted_bodies=frozenset({"json"}),
    read_create=gateway_formats.read_kie_create,
    make_id=lambda number: f"{number:032x}",
    render_task=gateway_formats.render_kie,
    render_created=gateway_formats.render_kie_created,
    render_error=gateway_formats.kie_error,
    wrong_key=gateway_formats.kie_error(401, "You do not have access permissions"),
    unknown_task="The task {} does not exist",
)

SERVERS: Final[Mapping[Shape, ServerProfile]] = {
    "page": _PAGE,
    "relay": _RELAY,
    "openai": _OPENAI,
    "unified": _UNIFIED,
    "vllm": _VLLM,
    "sglang": _SGLANG,
    "litellm": _LITELLM,
    "openrouter": _OPENROUTER,
    "ofox": _OFOX,
    "llmgateway": _LLMGATEWAY,
    "inworld": _INWORLD,
    "merge": _MERGE,
    "tasks": _TASKS,
    "xai": _XAI,
    "gemini": _GEMINI,
    "ark": _ARK,
    "minimax": _MINIMAX,
    "newapi": _NEWAPI,
    "kie": _KIE,
}
