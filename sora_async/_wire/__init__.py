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
from .ranges import Part, read_part
from .reply import Reply, decode_reply
from .secret import hide_in_text
from .task import describe_task, open_envelope
from .video import ENOUGH, describe_stranger, find_video_type, is_text, missing_bytes, read_link

__all__ = [
    "ENOUGH",
    "HEAD",
    "File",
    "Frame",
    "Page",
    "Part",
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
    "describe_stranger",
    "describe_task",
    "encode_base64",
    "fill_in",
    "find_media_type",
    "find_poll_address",
    "find_video_type",
    "frame_form",
    "frame_json",
    "hide_in_text",
    "is_loopback",
    "is_text",
    "make_name",
    "missing_bytes",
    "open_envelope",
    "read_link",
    "read_part",
    "read_seconds",
    "reference_name",
    "spell_order",
]
