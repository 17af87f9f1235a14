"""
Fixtures for tests with other programs: in real time, on asyncio's own event loop.

``nox -s integrations`` installs what they need. Elsewhere, a test whose package or server is
missing is skipped, and says so.
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
    """Replace the virtual clock of the other tests by that of the loop below."""


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Function
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """
    Return a loop in real time: servers in other processes know nothing of virtual time.

    A module that starts no process may set its own loop as ``LOOP``.
    """
    return {"loop": getattr(item.module, "LOOP", asyncio.new_event_loop)}


class RedisServer:
    """
    A Redis on a free port of this machine, with its data in a temporary folder.

    Attributes:
        url: Its URL.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = find_free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start or restart it on the same port; return when it responds."""
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
        while not self._responds():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError("redis-server does not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """Kill it; its data is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Let it respond to nothing for a while; its connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _responds(self) -> bool:
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
    """The environment of an example that uses Redis."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)


class PostgresServer:
    """
    A PostgreSQL on a free port of this machine, with its data in a temporary folder.

    Attributes:
        url: The URL of its only database.
    """

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._port = find_free_port()
        self.url = f"postgresql://tests@127.0.0.1:{self._port}/postgres"
        # It refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None

    def start(self) -> None:
        """Create the database and start the server; return when it responds."""
        self._folder.mkdir()
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        data = ("-D", str(self._folder))
        cluster = ("--username=tests", "--auth=trust", "--no-sync", "--no-locale", "-E", "UTF8")
        subprocess.run(
            [self._programs / "initdb", *data, *cluster],
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
        """Stop it and end all connections."""
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
    # Not in pytest's own folder, which only root may read.
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
