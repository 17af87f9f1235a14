"""Errors of one request: no reply, one that cannot be read, and a refusal."""

from typing import ClassVar

import attrs

from ..models import TaskFailure
from .base import SoraError


@attrs.define(slots=False, repr=False)
class ConnectionFailedError(SoraError):
    """
    No whole reply came back: no connection, a broken one, or none in time.

    Attributes:
        url: What was asked for.
        reason: What went wrong, in words.
    """

    transient: ClassVar[bool] = True

    url: str
    reason: str

    def __str__(self) -> str:
        """Return what was asked for, what went wrong and where to look."""
        advice = "Check base_url (SORA_BASE_URL) and the network"
        return f"no reply from {self.url}: {self.reason}. {advice}"


@attrs.define(slots=False, repr=False)
class CertificateError(ConnectionFailedError):
    """
    The server's TLS certificate cannot be verified: expired, for another host, or of a private CA.

    Before a service has given its first response it ends a wait at once; later it is treated as
    an outage, as a certificate may be renewed.
    """

    def __str__(self) -> str:
        """Return what was asked for, why the certificate was refused, and what to do."""
        advice = "For a private CA pass ssl= with a context that trusts it, or set SSL_CERT_FILE"
        return f"no response from {self.url}: {self.reason}. {advice}"


@attrs.define(slots=False, repr=False)
class InvalidResponseError(SoraError):
    """
    A reply that is not a task: a web page, broken JSON, the answer of another endpoint.

    Attributes:
        url: What was asked for.
        status: The HTTP status of the reply.
        reason: What was found instead of a task.
        is_html: Whether it was a web page. One as the very first reply means
            a wrong *base_url*; a later one is a gateway that spoke instead
            of the service.
    """

    transient: ClassVar[bool] = True

    url: str
    status: int
    reason: str
    is_html: bool = False

    def __str__(self) -> str:
        """Return what was found, and the likely cause of a web page."""
        text = f"{self.url} answered {self.status} with {self.reason}"
        if not self.is_html:
            return text
        return f"{text}. Is base_url (SORA_BASE_URL) the address of the API and not of a web site?"


@attrs.define(slots=False, repr=False)
class ResponseError(SoraError):
    """
    The service answered with an error that asking again will not mend.

    Attributes:
        url: What was asked for.
        status: The HTTP status; 200 for an error that came as a success.
        code: The service's word for the error, None when it sent none.
        message: The service's sentence for people, in any language.
        request_id: What the service's support will ask for, when it was sent.
        retry_after: The seconds the service asks us to stay silent; None when it named none.
    """

    advice: ClassVar[str] = ""

    url: str
    status: int
    code: str | None = None
    message: str | None = None
    request_id: str | None = None
    retry_after: float | None = None

    def __str__(self) -> str:
        """Return status, code, message and what to do, in one line."""
        reason = TaskFailure(self.code if self.code != self.message else None, self.message)
        text = f"{self.url} answered {self.status}: {reason}"
        if self.request_id is not None and self.request_id not in text:
            text += f" (request id: {self.request_id})"
        return f"{text.rstrip('.。')}. {self._advice()}".removesuffix(". ")

    def _advice(self) -> str:
        return self.advice


@attrs.define(slots=False, repr=False)
class AuthenticationError(ResponseError):
    """
    The service does not accept the key, or wants one (401, 403).

    Attributes:
        is_keyless: Whether the request went without a key.
    """

    is_keyless: bool = False

    def _advice(self) -> str:
        if self.is_keyless:
            return "No API key was sent: set SORA_API_KEY or pass api_key="
        return "Check the API key (SORA_API_KEY): is it one of this service, with the rights?"


class InsufficientQuotaError(ResponseError):
    """The account has no money left, whatever the status says; a later request fails as well."""

    advice: ClassVar[str] = "Top up the account; asking again does not help"


class TaskNotFoundError(ResponseError):
    """The service does not know the id: wrong, not yet visible, or another account's."""

    advice: ClassVar[str] = (
        "Check the id, the key (is it of the account that made the task?) "
        "and base_url (SORA_BASE_URL)"
    )


class RateLimitError(ResponseError):
    """The service asks us to slow down (429)."""

    transient: ClassVar[bool] = True
    advice: ClassVar[str] = "Ask less often"


class ServiceUnavailableError(ResponseError):
    """The service or its gateway is in trouble that may pass (408, 409, 425, 5xx)."""

    transient: ClassVar[bool] = True
    advice: ClassVar[str] = "Ask again later"


class UnsupportedOperationError(ResponseError):
    """
    This server, or the dialect that is spoken with it, does not have the call (404, 405, 501).

    Attributes:
        status: The HTTP status; 0 when the dialect names no address, and nothing was sent.
    """

    advice: ClassVar[str] = "This server does not offer that call; or is base_url another one's?"

    def __str__(self) -> str:
        """Return what is not offered, and by whom."""
        return super().__str__() if self.status else f"{self.message} ({self.url})"
