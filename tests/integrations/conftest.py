"""
What works with others' programs, beside these programs: in real time, on the loop that users have.

``nox -s integrations`` installs what it needs. Elsewhere, a module whose package is missing is
skipped, and so is a test that needs a Redis where there is none; both say so.
"""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
from support import KEY
from support.programs import find_free_port

from sora_async.testing import FakeSora


@pytest.fixture(autouse=True)
def virtual_time() -> None:
    """The clock of the loop below, in the place of the one that jumps."""


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Function
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """
    Give a plain loop: a server of another process knows nothing of a clock that jumps.

    A module that starts none names its loop in ``LOOP``.
    """
    return {"loop": getattr(item.module, "LOOP", asyncio.new_event_loop)}


class RedisServer:
    """
    A Redis of our own on a free port of this machine, in a folder that is thrown away.

    Attributes:
        url: Its address.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = find_free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it, also once more after a stop, on the same port; return when it answers."""
        self._process = subprocess.Popen(
            [
                *("redis-server", "--port", str(self._port), "--bind", "127.0.0.1"),
                *("--dir", str(self._folder), "--save", "", "--appendonly", "no"),
                *("--daemonize", "no", "--loglevel", "warning"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError("redis-server does not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """Kill it, with all it knew."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def _answers(self) -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self._port), 1) as connection,
        ):
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A running Redis; skips where there is no ``redis-server`` to run."""
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server (Debian: apt-get install redis-server)")
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis(redis_server: RedisServer, settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of an example that keeps its jobs in a Redis."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)


class PostgresServer:
    """
    A PostgreSQL of our own on a free port of this machine, in a folder that is thrown away.

    Attributes:
        url: The address of its one database.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._port = find_free_port()
        self.url = f"postgresql://tests@127.0.0.1:{self._port}/postgres"
        # It refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None

    def start(self) -> None:
        """Make the database, start the server, and return when it answers."""
        self._folder.mkdir()
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        data = ("-D", str(self._folder))
        how = ("--username=tests", "--auth=trust", "--no-sync", "--no-locale", "--encoding=UTF8")
        subprocess.run(
            [self._programs / "initdb", *data, *how],
            check=True,
            stdout=subprocess.DEVNULL,
            user=self._user,
        )
        # Without fsync, and with no socket but the port.
        options = ("-p", str(self._port), "-h", "127.0.0.1", "-k", "", "-F")
        self._process = subprocess.Popen(
            [self._programs / "postgres", *data, *options],
            stderr=subprocess.DEVNULL,
            user=self._user,
        )
        ready = [self._programs / "pg_isready", "-h", "127.0.0.1", "-p", str(self._port)]
        deadline = time.monotonic() + 60
        while subprocess.run(ready, stdout=subprocess.DEVNULL).returncode != 0:
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError("postgres does not start")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it, with all who are connected."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()


def find_postgres() -> Path | None:
    """Return the folder of PostgreSQL's programs; Debian keeps them off the path."""
    found = shutil.which("postgres")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    paths = [Path(found).resolve()] if found else debian
    return paths[-1].parent if paths else None


def has_user(name: str) -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam(name))
    return False


@pytest.fixture
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL; skips where there is none to run."""
    programs = find_postgres()
    if programs is None or (os.geteuid() == 0 and not has_user("postgres")):
        pytest.skip("needs PostgreSQL (Debian: apt-get install postgresql)")
    # Not in pytest's own folder: that is root's alone.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        server = PostgresServer(programs, Path(folder, "data"))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest_asyncio.fixture
async def sora() -> AsyncIterator[FakeSora]:
    """A fake service that wants a key."""
    async with FakeSora(api_key=KEY) as server:
        yield server


@pytest.fixture
def settings(sora: FakeSora, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that names the fake and its key, as that of a deployed program does."""
    monkeypatch.setenv("SORA_BASE_URL", sora.url)
    monkeypatch.setenv("SORA_API_KEY", KEY)


@pytest.fixture
def now() -> Callable[[], float]:
    """The clock of the running loop, in seconds."""
    return lambda: asyncio.get_running_loop().time()
