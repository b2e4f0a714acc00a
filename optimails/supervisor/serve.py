"""``optimails serve``: become the supervisor."""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimails.supervisor import logs
from optimails.supervisor.process import COMMAND
from optimails.supervisor.settings import CannotStart
from optimails.supervisor.supervisor import Supervisor

if TYPE_CHECKING:
    from optimails.config import Config

log = logging.getLogger("optimails.supervisor")


def serve(config: "Config", path: Path, *, role: str | None = None, command: Sequence[str] = COMMAND) -> int:
    """Serve until told to stop; gives the exit code. ``command`` starts a worker."""
    from twisted.internet import reactor  # noqa: PLC0415  # chosen and made when it is first imported

    os.umask(0o077)
    # A log file is opened once we are who we shall be; until then standard error must do.
    logs.set_up(config.log.model_copy(update={"file": None}), "supervisor")
    logs.catch_twisted()
    running: Any = reactor
    supervisor = Supervisor(running, path.absolute(), role, command)
    try:
        supervisor.prepare()
    except CannotStart as wrong:
        log.critical("start_failed", extra={"fields": {"why": str(wrong)}})
        sys.stderr.write(f"optimails: {wrong}\n")
        return 1
    running.callWhenRunning(supervisor.start)
    running.run()  # with Twisted's signal handlers: one of them hears of dead children
    logging.shutdown()
    return supervisor.exit_code
