"""Whether a refused create was refused for how its body is encoded, as JSON or as a form."""

import re

from ..errors import InvalidResponseError, ResponseError, SoraError

_STATUSES = frozenset({400, 415, 422})

_FORMAT = re.compile(
    r"content[- ]?type|media type|multipart|form[- ]?data|boundary"
    r"|(invalid|malformed|not|no|expected|parse|parsing|decode|unmarshal\w*|valid)\W+(\w+\W+){0,3}json"
    r"|json\W+(\w+\W+){0,3}(invalid|malformed|expected|required|parse|error|decode|body)"
    r"|(parse|parsing|decode|read)\W+(\w+\W+){0,3}body|invalid (request )?body"
    r"|valid dictionary or object",
    re.IGNORECASE,
)
"""What services say of a body that they cannot read. Source: the answers of LLM Gateway, FastAPI,
Gin, Express and Spring to a form where they expect JSON, and the other way round."""

_NO_PROMPT = re.compile(
    r"(field required|missing|required|empty|no)\b.{0,40}\bprompt\b"
    r"|\bprompt\b.{0,40}\b(field required|missing|required|empty)|^\W*field required\W*$",
    re.IGNORECASE | re.DOTALL,
)
"""Every create has a prompt: a service that does not find it has not read the body. Of FastAPI's
errors, only the words "Field required" are left."""

_ANOTHER_REASON = re.compile(r"moderat|policy|safety|quota|balance|model|size|duration", re.I)


def is_encoding_refused(error: SoraError) -> bool:
    """
    Return whether the other encoding of the same create may be accepted.

    Never where the refusal names another reason, such as the model or the content policy.
    """
    if isinstance(error, InvalidResponseError):
        return error.status == 415
    if not isinstance(error, ResponseError) or error.status not in _STATUSES:
        return False
    if error.status == 415:
        return True
    text = " ".join(filter(None, (error.code, error.message)))
    if _ANOTHER_REASON.search(text):
        return False
    return bool(_FORMAT.search(text) or _NO_PROMPT.search(text))
