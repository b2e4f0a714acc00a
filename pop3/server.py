"""POP3 on Twisted; nearly all of it is ``optimails.door.stream``."""

from typing import Any

from prometheus_client import Gauge

from optimails.config.listener import Listener
from optimails.door.context import Services
from optimails.door.session import Surroundings
from optimails.door.stream import DoorFactory, StreamConnection
from pop3.session.conversation import converse
from pop3.session.session import Session

_OPEN = Gauge("optimails_pop3_connections", "Open POP3 connections.", multiprocess_mode="livesum")


class Connection(StreamConnection):
    """One client; see ``optimails.door.peer.Peer`` for what the session sees of it."""

    factory: "Pop3Factory"

    def begin(self) -> tuple[Session, Any]:
        session = Session(self.factory.surroundings, self)
        return session, converse(session)

    def too_many(self) -> bytes:
        return b"-ERR [SYS/TEMP] Too many connections from your address\r\n"


class Pop3Factory(DoorFactory[Connection]):
    """One per listener and worker."""

    def __init__(self, services: Services, listener: Listener) -> None:
        super().__init__(services, listener, _OPEN)
        self.surroundings = Surroundings(services.config.pop3, services.mail, services.login, services.sessions)

    def connection(self, address: str) -> Connection:
        return Connection(self, address, self.surroundings.settings)


def factory(services: Services, listener: Listener) -> Pop3Factory:
    """What the worker listens with. A listener with implicit TLS is wrapped by the worker."""
    return Pop3Factory(services, listener)
