"""``sora-async dialects``: the API formats, and which calls each has."""

import argparse

from ...dialects import DIALECTS, Dialect
from ..display.json_lines import print_object
from ..exit_codes import Exit


def dialects(options: argparse.Namespace) -> Exit:
    """Print a line or an object for each format."""
    if not options.json:
        print(_format_line("NAME", "BODY", "CREATE", "OTHER CALLS"))
    for dialect in DIALECTS.values():
        if options.json:
            _print_object(dialect)
        else:
            print(_describe(dialect))
    return Exit.OK


def _describe(dialect: Dialect) -> str:
    paths = {
        "list": dialect.list_path,
        "delete": dialect.delete_path,
        "cancel": dialect.cancel_path,
        "remix": dialect.remix_path,
    }
    calls = " ".join(name for name, path in paths.items() if path) or "-"
    return _format_line(dialect.name, dialect.body, dialect.create_path, calls)


def _format_line(name: str, body: str, create: str, calls: str) -> str:
    return f"{name:<11}{body:<6}{create:<36}{calls}"


def _print_object(dialect: Dialect) -> None:
    print_object(
        "dialect",
        name=dialect.name,
        body=dialect.body,
        create_path=dialect.create_path,
        poll_path=dialect.poll_path,
        content_path=dialect.content_path,
        list_path=dialect.list_path,
        delete_path=dialect.delete_path,
        cancel_path=dialect.cancel_path,
        cancel_method=dialect.cancel_method,
        remix_path=dialect.remix_path,
    )
