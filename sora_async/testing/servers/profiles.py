"""The servers that the fake can be, each as one page of data."""

from collections.abc import Mapping
from typing import Any, Final

import attrs

from ..answers.http_message import (
    make_message,
    tell_error,
    tell_like_fastapi,
    tell_like_openrouter,
    tell_like_vllm,
)
from ..server.routes import Endpoint, make_routes
from .flat_formats import (
    make_uuid,
    pack_id,
    spell_litellm,
    spell_openai,
    spell_openrouter,
    spell_relay,
    spell_sglang,
    spell_vllm,
)
from .relay_format import spell_page, spell_unified, spell_unified_created
from .server_profile import ServerProfile
from .task_state import Shape

Calls = Mapping[str, Endpoint]

_BASIC: Final[Calls] = {
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
    "tell_away": tell_like_fastapi,
    "no_route": "Not Found",
    "no_method": "Method Not Allowed",
}

# Relays built on new-api, which is written with gin: it knows no 405, and has no list.
_PAGE: Final = ServerProfile(
    routes=make_routes({**_BASIC, **_REMIX}),
    make_id=lambda number: f"sora-2:task_01fake{number:020d}",
    spell=spell_page,
    # Only its polls are nested.
    spell_created=spell_relay,
    wrong_key=tell_error(
        401,
        "无效的令牌 (request id: 20260114080001000000000abcdefgh)",
        kind="new_api_error",
        code="",
    ),
    unknown_task="Video with id '{}' not found.",
    no_method=None,
    early=(400, _NOT_READY),
)
_RELAY: Final = attrs.evolve(
    _PAGE,
    make_id=lambda number: f"video_{make_uuid(number)}",
    spell=spell_relay,
    spell_created=None,
)
_UNIFIED: Final = attrs.evolve(
    _PAGE,
    routes=make_routes({"POST /v1/video/create": "create", "GET /v1/video/query?id={id}": "poll"}),
    bodies=frozenset({"json"}),
    names={"seconds": "duration"},
    seconds_type=int,
    spell=spell_unified,
    spell_created=spell_unified_created,
)

# openai-python 3.57, resources/videos.py.
_OPENAI: Final = ServerProfile(
    routes=make_routes({**_CHARACTERS, **_BASIC, **_LIST, **_DELETE, **_REMIX}),
    seconds_type=str,
    make_id=lambda number: f"video_{number:048x}",
    spell=spell_openai,
    wrong_key=tell_error(401, "Incorrect API key provided.", code="invalid_api_key"),
    unknown_task="Video with id '{}' not found.",
    early=(404, _NOT_READY),
)

# vllm-omni, entrypoints/openai/api_server.py and protocol/videos.py.
_VLLM: Final = ServerProfile(
    routes=make_routes({**_BASIC, **_LIST, **_DELETE}),
    bodies=frozenset({"form"}),
    make_id=lambda number: f"video_gen_{number:032x}",
    spell=spell_vllm,
    **_BEHIND_FASTAPI,
    tells_failure_as_error=True,
    tell=tell_like_vllm,
    wrong_key=make_message({"error": "Unauthorized"}, status=401),
    early=(404, _IN_PROGRESS),
    lost=(422, "The generation failed: the status of the job says why"),
    page_size=None,
)

# sglang, multimodal_gen/runtime/entrypoints/openai/video_api.py.
_SGLANG: Final = ServerProfile(
    routes=make_routes({**_BASIC, **_LIST, **_DELETE}),
    make_id=make_uuid,
    spell=spell_sglang,
    **_BEHIND_FASTAPI,
    tell=tell_like_fastapi,
    wrong_key=tell_like_fastapi(401, "Unauthorized"),
    early=(404, _IN_PROGRESS),
    elsewhere=(400, "The video is in cloud storage: use its url"),
    page_size=None,
    has_cursors=False,
    shows_deleted=True,
)

# litellm, proxy/video_endpoints/endpoints.py and types/videos/utils.py; it has no delete.
_LITELLM: Final = attrs.evolve(
    _OPENAI,
    routes=make_routes({**_CHARACTERS, **_BASIC, **_LIST, **_REMIX}),
    make_id=lambda number: pack_id("deploy-0", f"video_{number:048x}"),
    spell=spell_litellm,
    **_BEHIND_FASTAPI,
    wrong_key=tell_error(401, "Authentication Error: the token is not valid.", kind="auth_error"),
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
    bodies=frozenset({"json"}),
    names={"seconds": "duration"},
    seconds_type=int,
    make_id=lambda number: f"job-{number:020d}",
    spell=spell_openrouter,
    created_status=202,
    tell=tell_like_openrouter,
    wrong_key=tell_like_openrouter(401, "No credentials were found"),
    unknown_task="Job {} not found",
    no_route="Not Found",
    no_method=None,
    early=(404, "The video is not ready"),
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
