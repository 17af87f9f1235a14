"""From bytes to a :class:`~sora_async.VideoTask` or an error: the room of servers' spellings."""

from .address import check_api_key, check_base_url, check_task_id, is_loopback, task_path
from .ranges import Part, read_part
from .reply import Reply, decode_reply
from .secret import hide_in_text
from .task import describe_task, open_envelope
from .video import ENOUGH, describe_stranger, find_video_type, is_text, missing_bytes, read_link

__all__ = [
    "ENOUGH",
    "Part",
    "Reply",
    "check_api_key",
    "check_base_url",
    "check_task_id",
    "decode_reply",
    "describe_stranger",
    "describe_task",
    "find_video_type",
    "hide_in_text",
    "is_loopback",
    "is_text",
    "missing_bytes",
    "open_envelope",
    "read_link",
    "read_part",
    "task_path",
]
