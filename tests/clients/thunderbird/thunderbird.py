"""Thunderbird as a process under Xvfb, and what a user does with it."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.clients.thunderbird import profile
from tests.clients.thunderbird.marionette import Marionette, ScriptError
from tests.support.free_ports import free_ports
from tests.support.peer import MailUser, Peer
from tests.support.programs import need

SCRIPTS = [Path(__file__).parent / name for name in ("actions.js", "calendar.js")]


class Thunderbird:
    """``call(name, …)`` runs one of the functions of ``SCRIPTS`` in the main window."""

    def __init__(self, marionette: Marionette, pid: int) -> None:
        self.marionette, self.pid = marionette, pid
        self._actions = "\n".join(script.read_text() for script in SCRIPTS)

    def call(self, name: str, *arguments: object) -> Any:
        return self.marionette.run(f"{self._actions}\nreturn await {name}(...args);", *arguments)


@contextlib.contextmanager
def display(directory: Path) -> Iterator[str]:
    """An X server of our own; gives its DISPLAY."""
    xvfb = need("Xvfb", "xvfb")
    told, tell = os.pipe()
    with (directory / "xvfb.log").open("wb") as log:
        command = [xvfb, "-displayfd", str(tell), "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
        process = subprocess.Popen(command, pass_fds=[tell], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    os.close(tell)
    try:
        with os.fdopen(told) as numbers:
            yield f":{numbers.readline().strip()}"
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def started(directory: Path, peer: Peer, user: MailUser) -> Iterator[Thunderbird]:
    """A Thunderbird whose main window is open and whose passwords are stored; its start is tried three times."""
    program = need("thunderbird")
    with display(directory) as screen:
        for attempt in range(3):
            (port,) = free_ports(1)
            place = directory / f"profile{attempt}"
            profile.make(place, peer, user, port)
            environment = {
                "PATH": os.environ["PATH"],
                "HOME": str(directory),
                "DISPLAY": screen,
                "LC_ALL": "C.UTF-8",
                "TZ": "UTC",
                "MOZ_CRASHREPORTER_DISABLE": "1",
                "NO_AT_BRIDGE": "1",
            }
            command = [program, "--no-remote", "--marionette", "--remote-allow-system-access", "--profile", str(place)]
            with (directory / f"thunderbird{attempt}.log").open("wb") as log:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
                )
            try:
                marionette = _connected(process, port)
            except (OSError, ScriptError):
                _end(process)
                if attempt == 2:
                    raise
                continue
            try:
                thunderbird = Thunderbird(marionette, process.pid)
                thunderbird.call("storePasswords", user.login, user.password, peer.host)
                yield thunderbird
            finally:
                marionette.close()
                _end(process)
            return


def _connected(process: subprocess.Popen[bytes], port: int) -> Marionette:
    until = time.monotonic() + 40
    while True:
        marionette = None
        try:
            marionette = Marionette(port)
            marionette.start()
            return marionette
        except (OSError, ScriptError):
            if marionette:
                marionette.close()
            if time.monotonic() > until or process.poll() is not None:
                raise
            time.sleep(0.25)


def _end(process: subprocess.Popen[bytes]) -> None:
    """The whole group that this start made: Thunderbird has child processes."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, number)
            process.wait(10)
