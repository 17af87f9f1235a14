"""The servers that the fake can be, each as one page of data."""

from collections.abc import Mapping
from typing import Any, Final

import attrs

from .http_message import fastapi_error, make_message, openai_error, openrouter_error, vllm_error
from .openai_formats import (
    make_uuid,
    pack_id,
    render_litellm,
    render_openai,
    render_openrouter,
    render_relay,
    render_sglang,
    render_vllm,
)
from .relay_formats import render_page, render_unified, render_unified_created
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
_REMIX: Final[Calls] = {"POST /v1/videos/{id}/remix": "remix"}
_CHARACTERS: Final[Calls] = {
    "POST /v1/videos/characters": "character",
    "GET /v1/videos/characters/{id}": "character",
}

_NOT_READY: Final = "Video is not ready yet, use GET /v1/videos/{video_id} to check status."
_IN_PROGRESS: Final = "The generation is still going on"
_BEHIND_FASTAPI: Final[Any] = {
    "render_routing_error": fastapi_error,
    "no_route": "Not Found",
    "no_method": "Method Not Allowed",
}

# Relays built on new-api, which is written with gin: it knows no 405, and has no list.
_PAGE: Final = ServerProfile(
    routes=make_routes({**_BASIC_CALLS, **_REMIX}),
    make_id=lambda number: f"sora-2:task_01fake{number:020d}",
    render_task=render_page,
    # Only its polls are nested.
    render_created=render_relay,
    wrong_key=openai_error(
        401,
        "无效的令牌 (request id: 20260114080001000000000abcdefgh)",
        type="new_api_error",
        code="",
    ),
    unknown_task="Video with id '{}' not found.",
    no_method=None,
    not_ready=(400, _NOT_READY),
)
_RELAY: Final = attrs.evolve(
    _PAGE,
    make_id=lambda number: f"video_{make_uuid(number)}",
    render_task=render_relay,
    render_created=None,
)
_UNIFIED: Final = attrs.evolve(
    _PAGE,
    routes=make_routes({"POST /v1/video/create": "create", "GET /v1/video/query?id={id}": "poll"}),
    accepted_bodies=frozenset({"json"}),
    field_names={"seconds": "duration"},
    seconds_type=int,
    render_task=render_unified,
    render_created=render_unified_created,
)

# openai-python 3.57, resources/videos.py.
_OPENAI: Final = ServerProfile(
    routes=make_routes({**_CHARACTERS, **_BASIC_CALLS, **_LIST, **_DELETE, **_REMIX}),
    seconds_type=str,
    make_id=lambda number: f"video_{number:048x}",
    render_task=render_openai,
    wrong_key=openai_error(401, "Incorrect API key provided.", code="invalid_api_key"),
    unknown_task="Video with id '{}' not found.",
    not_ready=(404, _NOT_READY),
)

# vllm-omni, entrypoints/openai/api_server.py and protocol/videos.py.
_VLLM: Final = ServerProfile(
    routes=make_routes({**_BASIC_CALLS, **_LIST, **_DELETE}),
    accepted_bodies=frozenset({"form"}),
    make_id=lambda number: f"video_gen_{number:032x}",
    render_task=render_vllm,
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
    make_id=make_uuid,
    render_task=render_sglang,
    **_BEHIND_FASTAPI,
    render_error=fastapi_error,
    wrong_key=fastapi_error(401, "Unauthorized"),
    not_ready=(404, _IN_PROGRESS),
    file_is_at_url=(400, "The video is in cloud storage: use its url"),
    page_size=None,
    has_cursors=False,
    shows_deleted=True,
)

# litellm, proxy/video_endpoints/endpoints.py and types/videos/utils.py; it has no delete.
_LITELLM: Final = attrs.evolve(
    _OPENAI,
    routes=make_routes({**_CHARACTERS, **_BASIC_CALLS, **_LIST, **_REMIX}),
    make_id=lambda number: pack_id("deploy-0", f"video_{number:048x}"),
    render_task=render_litellm,
    **_BEHIND_FASTAPI,
    wrong_key=openai_error(401, "Authentication Error: the token is not valid.", type="auth_error"),
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
    field_names={"seconds": "duration"},
    seconds_type=int,
    make_id=lambda number: f"job-{number:020d}",
    render_task=render_openrouter,
    created_status=202,
    render_error=openrouter_error,
    wrong_key=openrouter_error(401, "No credentials were found"),
    unknown_task="Job {} not found",
    no_route="Not Found",
    no_method=None,
    not_ready=(404, "The video is not ready"),
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
}
