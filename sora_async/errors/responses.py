"""Errors of one request: no response, an unreadable one, or an error of the service."""

from typing import ClassVar

import attrs

from ..models import TaskFailure
from .base import SoraError


@attrs.define(slots=False, repr=False)
class ConnectionFailedError(SoraError):
    """
    No complete response: no connection, a broken one, or no response in time.

    Attributes:
        url: The address of the request.
        reason: What went wrong, in words.
    """

    transient: ClassVar[bool] = True
    advice: ClassVar[str] = "Check base_url (SORA_BASE_URL) and the network"

    url: str
    reason: str

    def __str__(self) -> str:
        return f"no response from {self.url}: {self.reason}. {self.advice}"


class CertificateError(ConnectionFailedError):
    """
    The server's TLS certificate cannot be verified: expired, for another host, or of a private CA.

    Before a service has given its first response it ends a wait at once; later it is treated as
    an outage, as a certificate may be renewed.
    """

    advice: ClassVar[str] = (
        "For a private CA pass ssl= with a context that trusts it, or set SSL_CERT_FILE"
    )


@attrs.define(slots=False, repr=False)
class InvalidResponseError(SoraError):
    """
    A response that is not a task: a web page, broken JSON, the response of another endpoint.

    Attributes:
        url: The address of the request.
        status: The HTTP status of the response.
        reason: What the response was instead of a task.
        is_html: Whether it was a web page. As the very first response it means
            a wrong *base_url*; later, that a gateway answered for the service, with a challenge
            for instance (403).
        body: The beginning of the response to a create, without secrets; None for other requests.
    """

    transient: ClassVar[bool] = True

    url: str
    status: int
    reason: str
    is_html: bool = False
    body: str | None = None

    def __str__(self) -> str:
        text = f"{self.url} {self.outcome}"
        if not self.is_html:
            return text
        if self.status == 403:
            return (
                f"{text}. A gateway or firewall refused the request; "
                "or is base_url (SORA_BASE_URL) the address of a web site?"
            )
        return f"{text}. Is base_url (SORA_BASE_URL) the address of the API and not of a web site?"

    @property
    def outcome(self) -> str:
        """The status and what the response was, without what to do."""
        return f"answered {self.status} with {self.reason}"


@attrs.define(slots=False, repr=False)
class ResponseError(SoraError):
    """
    The service answered with an error that will not go away by repeating the request.

    Attributes:
        url: The address of the request.
        status: The HTTP status; 2xx for an error that was sent as a success.
        code: The service's code of the error; None when it sent none.
        message: The service's message, in any language.
        request_id: The service's id of the request, for its support; None when it sent none.
        retry_after: Seconds to wait before the next request; None when the service named none.
    """

    advice: ClassVar[str] = ""

    url: str
    status: int
    code: str | None = None
    message: str | None = None
    request_id: str | None = None
    retry_after: float | None = None

    def __str__(self) -> str:
        text = f"{self.url} {self.outcome}"
        if self.request_id is not None and self.request_id not in text:
            text += f" (request id: {self.request_id})"
        return f"{text.rstrip('.。')}. {self._advice()}".removesuffix(". ")

    @property
    def outcome(self) -> str:
        """The status, code and message, without what to do."""
        reason = TaskFailure(self.code if self.code != self.message else None, self.message)
        return f"answered {self.status}: {reason}"

    def _advice(self) -> str:
        return self.advice


@attrs.define(slots=False, repr=False)
class AuthenticationError(ResponseError):
    """
    The service does not accept the API key, or requires one (401).

    Attributes:
        is_keyless: Whether the request was sent without a key.
    """

    is_keyless: bool = False

    def _advice(self) -> str:
        if self.is_keyless:
            return "No API key was sent: set SORA_API_KEY or pass api_key="
        return "Check the API key (SORA_API_KEY): is it a valid key of this service?"


class PermissionDeniedError(ResponseError):
    """The service knows the API key, which does not have the permission for this request (403)."""

    advice: ClassVar[str] = "Check the permissions of the API key, the model and the account"


class InsufficientQuotaError(ResponseError):
    """The account has no quota or money left, whatever the status; a later request fails too."""

    advice: ClassVar[str] = "Top up the account; trying again does not help"


class TaskNotFoundError(ResponseError):
    """The service does not know the id: it is wrong, not visible yet, or another account's."""

    advice: ClassVar[str] = (
        "Check the id, the key (is it of the account that created the task?) "
        "and base_url (SORA_BASE_URL)"
    )


class RateLimitError(ResponseError):
    """Too many requests (429)."""

    transient: ClassVar[bool] = True
    advice: ClassVar[str] = "Send fewer requests"


class ServiceUnavailableError(ResponseError):
    """The service or its gateway has a problem that may go away (408, 409, 425, 5xx)."""

    transient: ClassVar[bool] = True
    advice: ClassVar[str] = "Try again later"


@attrs.define(slots=False, repr=False)
class UnsupportedOperationError(ResponseError):
    """
    This server, or the dialect in use, does not have the call (404, 405, 501).

    Attributes:
        status: The HTTP status; 0 when the dialect has no path for it, and nothing was sent.
        hint: Which other dialects the service may speak; None when none is likely.
    """

    advice: ClassVar[str] = (
        "This server does not have that call; or is base_url the address of another server?"
    )

    hint: str | None = None

    def __str__(self) -> str:
        return super().__str__() if self.status else f"{self.message} ({self.url})"

    def _advice(self) -> str:
        return self.hint or self.advice
