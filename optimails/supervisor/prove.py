"""A short-lived process that tries what workers will need: so that a broken certificate stops a start or a reload,
and not the workers; and so that the supervisor itself stays small. Prints what is wrong."""

import os
import sys
from pathlib import Path

from optimails.config import Protocol, TlsMode, parse
from optimails.directory.database import open_database
from optimails.model.errors import Unavailable
from optimails.supervisor.tls import BadCertificate, ServerTls
from webmail.servers import offer_of


def main() -> int:
    config = parse(sys.stdin.buffer.read().decode(), Path(sys.argv[1]), os.environ)
    try:
        if any(listener.tls is not TlsMode.NONE for listener in config.listener):
            ServerTls(config.tls)
        if any(listener.protocol is Protocol.HTTP for listener in config.listener):
            offer_of(config)
        open_database(config.directory, config.server.data).close()
    except (BadCertificate, Unavailable, ValueError, OSError) as wrong:
        sys.stdout.write(f"{wrong}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
