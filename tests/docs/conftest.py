"""The built pages, for tests of the site."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    The folder of the built pages; skips where Sphinx or what the pages need is missing.

    ``nox -s docs`` names the pages that it has built, so that nobody builds them again.
    """
    for name in ("sphinx", "furo", "sphinx_copybutton"):
        pytest.importorskip(name, reason=f"needs {name}: nox -s docs")
    if "SORA_ASYNC_TEST_PAGES" in os.environ:
        return Path(os.environ["SORA_ASYNC_TEST_PAGES"])
    folder = tmp_path_factory.mktemp("html")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(ROOT / "docs"), str(folder)]
    subprocess.run(command, check=True)
    return folder
