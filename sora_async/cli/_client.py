"""The client that the options ask for."""

import argparse
from typing import Any

from .. import SoraClient


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
