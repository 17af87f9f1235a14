"""
What the script ``sora-async`` runs: the command, and a quiet end when Ctrl-C comes early.

It is a package of its own, because importing anything from ``sora_async`` imports aiohttp first,
which takes a few tenths of a second.
"""

INTERRUPTED = 130
"""The exit code for Ctrl-C, as ``sora_async.cli.exit_codes`` has it."""


def main() -> int:
    """Run the command and return its exit code."""
    try:
        from sora_async.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        return INTERRUPTED
