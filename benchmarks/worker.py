"""One measurement in a process of its own; it prints what it found as one line of JSON."""

import importlib
import json
import logging
import sys

from .measures.gauges import tell
from .processes import CLIENT_CORE, pin


def main() -> None:
    """Measure what the command line names."""
    measurement, contestant, options = sys.argv[1:]
    pin(CLIENT_CORE)
    # Thousands of lost connections of a client that fails are reported once, in its figures.
    logging.disable()
    measure = importlib.import_module(f"benchmarks.measures.{measurement}").measure
    tell(measure(contestant, **json.loads(options)))


if __name__ == "__main__":
    main()
