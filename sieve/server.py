"""ManageSieve on Twisted; nearly all of it is ``optimails.door.stream``."""

from typing import Any

from prometheus_client import Gauge

from optimails.config.listener import Listener
from optimails.door.context import Services
from optimails.door.session import Surroundings
from optimails.door.stream import DoorFactory, StreamConnection
from sieve.session.conversation import converse
from sieve.session.session import Place, Session

_OPEN = Gauge("optimails_managesieve_connections", "Open ManageSieve connections.", multiprocess_mode="livesum")


class Connection(StreamConnection):
    """One client; see ``optimails.door.peer.Peer`` for what the session sees of it."""

    factory: "ManageSieveFactory"

    def begin(self) -> tuple[Session, Any]:
        session = Session(self.factory.surroundings, self, self.factory.place)
        return session, converse(session)

    def too_many(self) -> bytes:
        return b'BYE (TRYLATER) "Too many connections from your address"\r\n'


class ManageSieveFactory(DoorFactory[Connection]):
    """One per listener and worker."""

    def __init__(self, services: Services, listener: Listener) -> None:
        super().__init__(services, listener, _OPEN)
        config = services.config
        self.surroundings = Surroundings(config.sieve, services.mail, services.login, services.sessions)
        self.place = Place(config.server.data)

    def connection(self, address: str) -> Connection:
        return Connection(self, address, self.surroundings.settings)


def factory(services: Services, listener: Listener) -> ManageSieveFactory:
    """What the worker listens with. A listener with implicit TLS is wrapped by the worker."""
    return ManageSieveFactory(services, listener)
