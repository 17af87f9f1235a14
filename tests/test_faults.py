"""The fault matrix: every row is met by a real wait over real sockets."""

import asyncio
import re
from collections.abc import Callable

import pytest
from support.fault_matrix import ABOUT_A_MISSING_URL, COMPARED_PAGE, DONE, PAGE, ROWS, Row, render

from sora_async import Schedule, SoraClient, SoraError
from sora_async.testing import FakeSora, Scenario, running

EXACT = Schedule(intervals=[2.0], jitter=float, first_jitter=float)


async def wait(client: SoraClient, row: Row) -> str:
    """Return how a wait ends, in the words of the table."""
    try:
        task = await client.wait_until_complete("task_1", timeout=row.timeout, schedule=EXACT)
    except SoraError as error:
        return type(error).__name__
    return DONE if task.is_complete else "its content address"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_a_wait_does_what_the_table_says(
    sora: FakeSora, client: SoraClient, now: Callable[[], float], row: Row
) -> None:
    lead = () if row.is_first else (running(0.3),)
    sora.script("task_1", *lead, *row.answers(sora))
    sora.script("elsewhere", running(0.5))
    start = now()

    outcome = await wait(client, row)

    assert outcome == row.outcome
    assert now() - start - (0.0 if row.is_first else 2.0) <= row.within


async def test_a_service_that_is_down_for_a_while_is_waited_for(
    sora: FakeSora, client: SoraClient
) -> None:
    sora.add(Scenario(queued=0, running=50), task_id="task_1")
    waiting = asyncio.create_task(client.wait_until_complete("task_1").result())
    await asyncio.sleep(5)

    await sora.close()
    await asyncio.sleep(60)
    await sora.start()

    assert (await waiting).is_complete


def test_there_are_forty_faults_and_more_and_each_has_one_name() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 40


def test_the_page_shows_this_table() -> None:
    assert PAGE.read_text("utf-8") == render(), (
        "run: PYTHONPATH=tests python -m support.fault_matrix"
    )


def test_the_page_about_other_clients_has_the_same_rows() -> None:
    compared = COMPARED_PAGE.read_text("utf-8")
    text = COMPARED_PAGE.with_suffix(".rst").read_text("utf-8")
    named = [name.strip("`") for name in re.findall(r"^   \* - (.+)$", compared, re.MULTILINE)]

    names = [row.name for row in ROWS if row.name not in ABOUT_A_MISSING_URL]
    assert [name for name in named if name != "Fault"] == names, "run: python benchmarks/faults.py"
    assert len(names) == len(ROWS) - 2
    assert f"of {len(names)} faults;" in compared
    assert text.splitlines()[3].startswith(f"Of {len(names)} faults ")
