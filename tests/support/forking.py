"""Forks at awkward moments; run by tests/test_loops.py, for a fork takes all threads with it."""

import asyncio
import os
import sys
import threading
import warnings

from sora_async import SoraClient

warnings.filterwarnings("ignore", "This process", DeprecationWarning)  # it is what we are here for
CLIENT = SoraClient()


def ask() -> None:
    task = asyncio.run(CLIENT.get_task("video"))
    print(task.id, flush=True)


def ask_in_child() -> None:
    child = os.fork()
    if not child:
        ask()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def after_use() -> None:
    ask()
    ask_in_child()
    ask()


def during_use() -> None:
    """Fork while another thread waits; its connection must not be touched by the child."""
    began, is_over = threading.Event(), threading.Event()

    def stay() -> None:
        # Said from here: a fork while asyncio imports its executor finds the locks of that halfway.
        began.set()
        is_over.wait()

    async def wait() -> None:
        async for _ in CLIENT.wait_until_complete("video"):
            await asyncio.to_thread(stay)
            break

    thread = threading.Thread(target=asyncio.run, args=(wait(),))
    thread.start()
    began.wait()
    ask_in_child()
    is_over.set()
    thread.join()
    ask()


{"after": after_use, "during": during_use}[sys.argv[1]]()
