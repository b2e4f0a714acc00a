"""A private PostgreSQL from Debian's package: own cluster, loopback only, gone with the test run."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support.free_ports import free_ports

PACKAGE = "postgresql"
_USER = "postgres"


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if not found:
        pytest.skip(f"PostgreSQL is not installed (Debian package {PACKAGE})")
    return found[-1].parent


class Postgres:
    """A running cluster."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._numbers = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        return f"postgresql://{_USER}@127.0.0.1:{self._port}/{database}"

    def create_database(self, template: str = "template1") -> str:
        """A new database, a copy of the template; gives its name."""
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                _programs() / "postgres", "-D", self._folder / "data", "-p", str(self._port), "-h", "127.0.0.1",
                "-c", "unix_socket_directories=", "-c", "fsync=off",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=(self._folder / "log").open("wb"),
            cwd="/", **_identity(),
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((self._folder / "log").read_text()) from None
                time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # stop at once, clients or not, and lose nothing
            self._process.wait(10)
            self._process = None


def _identity() -> dict[str, object]:
    """PostgreSQL does not run as root: then it runs as the package's own user."""
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam(_USER)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A cluster for the length of the block; skips where PostgreSQL is not installed."""
    programs = _programs()
    # Not pytest's own folder: the package's user may not enter it.
    folder = Path(tempfile.mkdtemp(prefix="pg-test-"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, _USER, _USER)
        subprocess.run(
            [programs / "initdb", "-D", folder / "data", "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync",
             "--locale=C.UTF-8"],
            check=True, capture_output=True, cwd="/", **_identity(),
        )  # fmt: skip
        cluster = Postgres(folder, free_ports(1)[0])
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
