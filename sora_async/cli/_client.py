"""The client that the options ask for."""

import argparse

from .. import SoraClient


def make_client(options: argparse.Namespace) -> SoraClient:
    """
    Return a client; what no option says comes from the environment.

    Raises:
        InvalidArgumentError: An option cannot be used.
    """
    return SoraClient(
        api_key=options.api_key,
        base_url=options.base_url,
        allow_plain_http=options.allow_plain_http,
    )
