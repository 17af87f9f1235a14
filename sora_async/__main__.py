"""The command ``sora-async``, also ``python -m sora_async``."""

import sys

from .cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
