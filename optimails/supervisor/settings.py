"""The configuration as one state: text, place, and what it means."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from optimails.config import Config, Listener, parse
from optimails.config import Protocol as Spoken
from optimails.config.load import ConfigError
from optimails.supervisor.assembly import has_door

MAIL = "mail"  # the kinds of workers
WEB = "web"
JOBS = "jobs"


class CannotStart(Exception):
    """The service cannot be started (or reloaded) like this; the text says why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a generation of workers runs with."""

    text: str
    path: Path
    config: Config
    served: tuple[tuple[int, Listener], ...]  # index in the file, and listener
    jobs: bool

    @property
    def listeners(self) -> list[Listener]:
        return [listener for _, listener in self.served]

    def of_kind(self, kind: str) -> list[tuple[int, Listener]]:
        """What workers of that kind serve: index in the file, and listener."""
        return [(index, one) for index, one in self.served if _kind(one.protocol) == kind]

    @property
    def workers(self) -> int:
        """Mail workers to run."""
        if not self.of_kind(MAIL):
            return 0
        return self.config.server.workers or len(os.sched_getaffinity(0))


def _kind(protocol: Spoken) -> str | None:
    if protocol is Spoken.HTTP:
        return WEB
    return MAIL if has_door(protocol) else None


def read(path: Path, role: str | None) -> Settings:
    """The settings of the file as it is now.

    Args:
        path: the configuration file.
        role: protocols to serve, separated by commas, or None for all.

    Raises:
        CannotStart: the file is wrong, or nothing in it is to be served.
    """
    try:
        text = path.read_bytes().decode()
        config = parse(text, path, os.environ)
    except (OSError, UnicodeDecodeError) as wrong:
        raise CannotStart(f"{path}: {wrong}") from wrong
    except ConfigError as wrong:
        raise CannotStart(str(wrong)) from wrong
    roles = _roles(role)
    served = tuple(
        (index, listener)
        for index, listener in enumerate(config.listener)
        if (roles is None or listener.protocol.value in roles) and _kind(listener.protocol)
    )
    jobs = config.server.jobs if roles is None else JOBS in roles
    if not served and not jobs:
        raise CannotStart(f"{path}: there is no listener to serve{f' in the role {role}' if role else ''}")
    return Settings(text, path, config, served, jobs)


def _roles(role: str | None) -> frozenset[str] | None:
    if role is None:
        return None
    roles = frozenset(part.strip() for part in role.split(",") if part.strip())
    known = {protocol.value for protocol in Spoken} | {JOBS}
    if not roles or roles - known:
        raise CannotStart(
            f"unknown role {', '.join(sorted(roles - known)) or repr(role)}; known are {', '.join(sorted(known))}"
        )
    return roles


def prove(settings: Settings) -> None:
    """Try what a worker will need (certificate, directory), in a process of its own, and bring the directory's tables
    up to date. Raises ``CannotStart``."""
    try:
        done = subprocess.run(  # noqa: S603  # ourselves
            [sys.executable, "-m", "optimails.supervisor.prove", str(settings.path)],
            input=settings.text.encode(),
            stdout=subprocess.PIPE,
            timeout=300,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as wrong:
        raise CannotStart(f"{sys.executable}: {wrong}") from wrong
    if done.returncode:
        raise CannotStart(done.stdout.decode(errors="replace").strip() or "the configuration could not be tried")
