"""
Between bytes and values: orders into bodies, and replies into what they hold or the error they are.

The room of servers' spellings.
"""

from .address import (
    check_api_key,
    check_base_url,
    check_task_id,
    cut_overlap,
    fill_in,
    find_poll_address,
    is_loopback,
)
from .answers import Page, decode_character, decode_created, decode_deleted, decode_page
from .media import HEAD, find_media_type, make_name
from .order import (
    File,
    Frame,
    check_fields,
    encode_base64,
    frame_form,
    frame_json,
    read_seconds,
    reference_name,
    spell_order,
)
from .reply import Reply, decode_reply
from .secret import hide_in_text
from .task import describe_task, open_envelope

__all__ = [
    "HEAD",
    "File",
    "Frame",
    "Page",
    "Reply",
    "check_api_key",
    "check_base_url",
    "check_fields",
    "check_task_id",
    "cut_overlap",
    "decode_character",
    "decode_created",
    "decode_deleted",
    "decode_page",
    "decode_reply",
    "describe_task",
    "encode_base64",
    "fill_in",
    "find_media_type",
    "find_poll_address",
    "frame_form",
    "frame_json",
    "hide_in_text",
    "is_loopback",
    "make_name",
    "open_envelope",
    "read_seconds",
    "reference_name",
    "spell_order",
]
