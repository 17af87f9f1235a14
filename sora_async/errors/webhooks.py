"""Errors of a webhook: it cannot be read, or its signature is wrong."""

import attrs

from .base import SoraError


@attrs.define(slots=False, repr=False)
class WebhookError(SoraError):
    """
    A webhook that names no task: not JSON, no id in it, or an event of another kind.

    Attributes:
        reason: What is wrong with it, in words.
    """

    reason: str

    def __str__(self) -> str:
        return f"webhook refused: {self.reason}"


class WebhookSignatureError(WebhookError):
    """A webhook that is not signed with the secret, or not within five minutes of now."""
