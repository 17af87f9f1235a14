"""The cells of the page "Use it in a Jupyter notebook", run by a kernel."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from support import KEY
from support.programs import EXAMPLES

from sora_async.testing import FakeSora, Scenario

nbclient = pytest.importorskip("nbclient", reason="needs nbclient: nox -s integrations")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel", reason="needs ipykernel: nox -s integrations")


@pytest_asyncio.fixture
async def sora() -> AsyncIterator[FakeSora]:
    """A fake service whose videos take two seconds."""
    async with FakeSora(api_key=KEY, default_scenario=Scenario(queued=0, running=2)) as server:
        yield server


def read_cells() -> Iterator[str]:
    text = (EXAMPLES / "jupyter_cells.py").read_text("utf-8")
    yield from re.split(r"^# %%\n", text, flags=re.MULTILINE)[1:]


async def test_the_cells_create_show_progress_and_download(
    sora: FakeSora, settings: None, tmp_path: Path
) -> None:
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in read_cells()]

    client = nbclient.NotebookClient(
        notebook, timeout=60, resources={"metadata": {"path": tmp_path}}
    )
    await client.async_execute()

    pictures = [
        output.data["text/html"]
        for output in notebook.cells[2].outputs
        if output.output_type == "display_data"
    ]
    assert all(task.id[-8:] in pictures[-1] for task in sora.tasks)  # ids are cut in the middle
    assert "2 done, 2 succeeded" in pictures[-1]
    assert {path.name for path in tmp_path.glob("*.mp4")} == {"boat-0.mp4", "boat-1.mp4"}
