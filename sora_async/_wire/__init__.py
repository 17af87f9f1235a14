"""From bytes to a :class:`~sora_async.VideoTask` or an error: the room of servers' spellings."""

from .address import check_api_key, check_base_url, check_task_id, is_loopback, task_path
from .reply import Reply, decode_reply
from .secret import hide_in_text
from .task import describe_task, open_envelope

__all__ = [
    "Reply",
    "check_api_key",
    "check_base_url",
    "check_task_id",
    "decode_reply",
    "describe_task",
    "hide_in_text",
    "is_loopback",
    "open_envelope",
    "task_path",
]
