"""A process that makes long answers about calendars for a web worker: its surroundings, then ``caldav.reporter``.

Its standard input is the connection to the web worker, over which it is told everything; it ends when that does.
"""

import os
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection

from caldav.answering import Place
from caldav.reporter import NICENESS, serve
from optimails.config.server import LogSettings
from optimails.supervisor import privileges


@dataclass(frozen=True, slots=True)
class ReporterOrder:
    """The first thing it is told."""

    name: str  # in the log
    log: LogSettings
    place: Place


def main() -> None:
    privileges.die_with_parent()
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):  # the web worker ends us when it has no more use
        signal.signal(ignored, signal.SIG_IGN)
    os.nice(NICENESS)
    connection = Connection(0)
    try:
        order: ReporterOrder = connection.recv()
    except (EOFError, OSError):
        return
    from optimails.supervisor import logs  # noqa: PLC0415  # it loads Twisted

    logs.set_up(order.log, order.name)
    serve(connection, order.place)


if __name__ == "__main__":
    main()
