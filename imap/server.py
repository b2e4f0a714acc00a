"""IMAP on Twisted: what its connections have beyond ``optimails.door.stream``, which is compression."""

from typing import Any

from prometheus_client import Gauge

from imap.deflate import BadStream, Deflater, Inflater
from imap.session.conversation import converse
from imap.session.session import Session
from optimails.config.listener import Listener
from optimails.door.context import Services
from optimails.door.peer import Disconnected
from optimails.door.session import Surroundings
from optimails.door.stream import DoorFactory, StreamConnection

_OPEN = Gauge("optimails_imap_connections", "Open IMAP connections.", multiprocess_mode="livesum")


class Connection(StreamConnection):
    """One client; see ``imap.session.peer.ImapPeer`` for what the session sees of it."""

    factory: "ImapFactory"

    def __init__(self, factory: "ImapFactory", address: str) -> None:
        super().__init__(factory, address, factory.surroundings.settings)
        self._inflater: Inflater | None = None
        self._deflater: Deflater | None = None

    def begin(self) -> tuple[Session, Any]:
        session = Session(self.factory.surroundings, self)
        return session, converse(session)

    def too_many(self) -> bytes:
        return b"* BYE [LIMIT] Too many connections from your address\r\n"

    def take(self) -> bytes:
        """A portion; only when zlib has nothing left to give is more input handed to it."""
        inflater = self._inflater
        if inflater is None:
            return super().take()
        try:
            while self.has_input:
                if data := inflater.take(b"" if inflater.ready else super().take()):
                    return data
        except BadStream:
            raise Disconnected from None
        return b""

    @property
    def has_input(self) -> bool:
        return bool(self._received) or (self._inflater is not None and self._inflater.ready)

    async def send(self, data: bytes) -> None:
        await super().send(data if self._deflater is None or self._lost else self._deflater.pack(data))

    def compress(self, rest: bytes) -> None:
        self._inflater = Inflater()
        self._deflater = Deflater()
        if rest:
            self._received.insert(0, rest)
            self._waiting_size += len(rest)

    def slim(self) -> None:
        if self._deflater is not None:
            self._deflater.rest()


class ImapFactory(DoorFactory[Connection]):
    """One per listener and worker."""

    def __init__(self, services: Services, listener: Listener) -> None:
        super().__init__(services, listener, _OPEN)
        self.surroundings = Surroundings(
            services.config.imap, services.mail, services.login, services.sessions, services.events
        )

    def connection(self, address: str) -> Connection:
        return Connection(self, address)


def factory(services: Services, listener: Listener) -> ImapFactory:
    """What the worker listens with. A listener with implicit TLS is wrapped by the worker."""
    return ImapFactory(services, listener)
