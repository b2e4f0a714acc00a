"""A supervisor as a real process: started, watched through its log and management address, ended by its pid."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from tests.support.eventually import eventually

SERVE = (sys.executable, "-m", "optimails.cli.main")


def alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Supervised:
    """Use it as a context manager. ``command`` is the whole command line of the supervisor."""

    def __init__(self, command: Sequence[str], log: Path, management: int) -> None:
        self.command = list(command)
        self.log = log
        self.management = management
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_for("ready")
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.end()
        if error[0] is not None:
            sys.stdout.write(f"--- log of the service\n{self.text()[-20_000:]}\n---\n")

    def start(self) -> None:
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    # -- what it says

    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log's events of that name, oldest first."""
        found = []
        for line in self.text().splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and event.get("event") == name:
                found.append(event)
        return found

    def wait_for(self, name: str, times: int = 1, limit: float = 60) -> dict[str, Any]:
        """The event, once it was logged so often; fails when the process ends instead."""

        def look() -> bool:
            if len(self.events(name)) >= times:
                return True
            ended = self.process is None or self.process.poll() is not None
            assert not ended or len(self.events(name)) >= times, f"ended before {name!r}:\n{self.text()}"
            return False

        assert eventually_or_now(look, limit), f"no {name!r} in the log:\n{self.text()}"
        return self.events(name)[-1]

    def get(self, page: str) -> tuple[int, str]:
        """A page of the management address; code 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.management}/{page}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()
        except OSError:
            return 0, ""

    def info(self) -> dict[str, Any]:
        code, text = self.get("info")
        return json.loads(text) if code == 200 else {}

    def workers(self, kind: str = "mail") -> dict[str, int]:
        """Pids of the workers that serve, by name."""
        told = self.info().get("workers", [])
        return {one["name"]: one["pid"] for one in told if one["listening"] and one["name"].startswith(kind)}

    # -- what we do to it

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, limit: float = 60) -> int:
        """Its exit code."""
        assert self.process is not None
        return self.process.wait(limit)

    def family(self) -> list[int]:
        """Our supervisor and all its children, spare ones too."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [self.pid, *(int(pid) for pid in children.read_text().split())] if children.exists() else []

    def end(self) -> None:
        """End it for good, with all of its children."""
        if self.process is None:
            return
        family = self.family() if self.process.poll() is None else []
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        for pid in family[1:]:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)


def eventually_or_now(look: Any, limit: float) -> bool:
    """As ``eventually``, but a failed assertion ends the wait at once."""
    failure: list[AssertionError] = []

    def guarded() -> bool:
        try:
            return bool(look())
        except AssertionError as wrong:
            failure.append(wrong)
            return True

    seen = eventually(guarded, limit=limit)
    if failure:
        raise failure[0]
    return seen
