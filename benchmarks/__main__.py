"""The one command: run the rows, keep what they found, and draw the page's table and pictures."""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import attrs

from .contestants import NAMES
from .plots import draw_all
from .processes import ROOT, Figures
from .rows import QUICK, ROWS, Settings
from .table import write_table

RESULTS = Path(__file__).parent / "results.json"
PACKAGES = (
    *("aiohttp", "orjson", "uvloop", "openai", "runwayml", "replicate", "fal-client"),
    *("httpx", "httpx2", "pydantic"),
)


def main() -> None:
    """Do what the command line asks."""
    options = read_options(sys.argv[1:])
    kept: dict[str, Figures] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    if not options.draw:
        settings = make_settings(options)
        for row in options.rows:
            kept[row] = run_row(row, settings)
            # One row at a time: an hour's work is not lost by an error in its last minute.
            RESULTS.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    write_table(kept, ROOT / "docs" / "explanation" / "performance-table.txt")
    draw_all(kept, ROOT / "docs" / "_static")


def read_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and short, to try it all")
    parser.add_argument("--draw", action="store_true", help="run nothing: table and pictures only")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    parser.add_argument(
        "--contestants", nargs="+", choices=NAMES, default=list(NAMES), metavar="NAME"
    )
    parser.add_argument("--repeat", type=int, help="3 times each, or once with --quick")
    parser.epilog = f"Rows: {', '.join(ROWS)}. Contestants: {', '.join(NAMES)}."
    return parser.parse_args(arguments)


def make_settings(options: argparse.Namespace) -> Settings:
    """Return how much is to be run."""
    settings = QUICK if options.quick else Settings(is_quick=False, repeat=3)
    return attrs.evolve(
        settings, contestants=tuple(options.contestants), repeat=options.repeat or settings.repeat
    )


def run_row(row: str, settings: Settings) -> Figures:
    """Run a row, telling each run as it ends, and return it with where and how it was run."""
    runs = []
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    for run in ROWS[row](settings):
        print(row, _shorten(run), flush=True)
        runs.append(run)
    return {
        "machine": describe_machine() | {"load_before": load},
        "settings": attrs.asdict(settings),
        "runs": runs,
    }


def describe_machine() -> Figures:
    """Return what the figures depend on, and nothing that names a machine."""
    versions = {}
    for name in PACKAGES:
        if importlib.util.find_spec(name.replace("-", "_")):
            versions[name] = importlib.metadata.version(name)
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "packages": versions,
    }


def _shorten(run: Figures) -> str:
    shown = {key: value for key, value in run.items() if not isinstance(value, list)}
    return " ".join(
        f"{key}={value:.6g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in shown.items()
        if value is not None
    )


if __name__ == "__main__":
    main()
