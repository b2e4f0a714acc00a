"""Processes: the supervisor binds the sockets and keeps the workers alive.

``optimails serve`` is the supervisor. It reads the configuration, binds every listening socket, gives up root, and
starts the workers: one mail worker per core, all accepting from the same sockets, and one jobs worker. It holds no
mail and no connection, so it has little to die of; when it dies all the same, its workers go with it.

    control.py    what supervisor and workers say to each other
    supervisor.py start, reload, drain: the life of generations of workers
    worker.py     the other end: a process that serves connections
    assembly.py   the parts of the service, put together in a worker
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optimails.config import Config


def run(config: "Config", path: Path, *, role: str | None = None) -> int:
    """Serve until told to stop; gives the exit code. Start and stop are logged.

    Args:
        config: as loaded from ``path``.
        path: the file, read again at each reload.
        role: protocols this host serves, separated by commas (``jobs`` is one, too); None is all.
    """
    from optimails.supervisor.serve import serve  # noqa: PLC0415  # Twisted only when it is needed

    return serve(config, path, role=role)
