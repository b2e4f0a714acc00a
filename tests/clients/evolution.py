"""Evolution's data server, in a D-Bus session and a home of its own, that is told what to do step by step."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import need

PYTHON = "/usr/bin/python3"
SCRIPT = Path(__file__).parent / "scripts" / "evolution_session.py"
PARTS = "import gi; [gi.require_version(*one) for one in (('ECal', '2.0'), ('EBook', '1.2'), ('EDataServer', '1.2'))]"


class Refused(Exception):
    """The data server said no; the text is its own."""


class Evolution:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, *step: object) -> Any:
        """One of the script's ``STEPS``, with its arguments."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(step) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the script ended"
        answer = json.loads(line)
        if "refused" in answer:
            raise Refused(answer["refused"])
        return answer["value"]


@contextlib.contextmanager
def started(directory: Path, url: str, login: str, password: str) -> Iterator[Evolution]:
    session = need("dbus-run-session", "dbus-daemon")
    if subprocess.run([PYTHON, "-c", PARTS], capture_output=True, check=False).returncode:
        pytest.skip("MISSING PROGRAM evolution-data-server: apt install gir1.2-ecal-2.0 gir1.2-ebook-1.2 python3-gi")
    environment = {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "GSETTINGS_BACKEND": "memory",
        "HOME": str(directory),
        **{
            f"XDG_{name}": str(directory / name.lower())
            for name in ("RUNTIME_DIR", "CONFIG_HOME", "DATA_HOME", "CACHE_HOME")
        },
    }
    (directory / "runtime_dir").mkdir(mode=0o700)
    with (directory / "evolution.log").open("wb") as log:
        process = subprocess.Popen(
            [session, "--", PYTHON, str(SCRIPT), url, login, password],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, text=True,
        )  # fmt: skip
    try:
        yield Evolution(process)
    finally:
        assert process.stdin
        process.stdin.close()  # ends the script, then the session with everything in it
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
