"""The client that the options ask for."""

import argparse
from typing import Any

from .. import SoraClient, Until, Watch


def make_client(options: argparse.Namespace, **more: Any) -> SoraClient:
    """
    Return a client; what no option says comes from the environment.

    Args:
        options: Those of the command.
        more: Further arguments of the client.

    Raises:
        InvalidArgumentError: An option cannot be used.
    """
    if options.dialect is not None:
        more["dialect"] = options.dialect
    return SoraClient(
        api_key=options.api_key,
        base_url=options.base_url,
        allow_plain_http=options.allow_plain_http,
        **more,
    )


def make_watch(options: argparse.Namespace, client: SoraClient, task_id: str) -> Watch:
    """
    Return the wait that the options ask for.

    Raises:
        InvalidArgumentError: The id or an option cannot be used.
    """
    until: Until = options.until or ("video" if options.download is None else "completed")
    return client.wait_until_complete(task_id, timeout=options.timeout, until=until)
