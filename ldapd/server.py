"""LDAP on Twisted; nearly all of it is ``optimails.door.stream``."""

from typing import Any
from weakref import WeakValueDictionary

from prometheus_client import Gauge

from ldapd.session.books import Books
from ldapd.session.conversation import converse
from ldapd.session.session import Session
from ldapd.wire import responses
from ldapd.wire.responses import Code
from optimails.config.listener import Listener
from optimails.door.context import Services
from optimails.door.session import Surroundings
from optimails.door.stream import DoorFactory, StreamConnection

_BOOKS: "WeakValueDictionary[int, Books]" = WeakValueDictionary()  # by the directory that they hold
_OPEN = Gauge("optimails_ldap_connections", "Open LDAP connections.", multiprocess_mode="livesum")


class Connection(StreamConnection):
    """One client; see ``optimails.door.peer.Peer`` for what the session sees of it."""

    factory: "LdapFactory"

    def begin(self) -> tuple[Session, Any]:
        session = Session(self.factory.surroundings, self, self.factory.books)
        return session, converse(session)

    def too_many(self) -> bytes:
        return responses.notice(Code.BUSY, "Too many connections from your address")


class LdapFactory(DoorFactory[Connection]):
    """One per listener and worker."""

    def __init__(self, services: Services, listener: Listener) -> None:
        super().__init__(services, listener, _OPEN)
        config = services.config
        self.surroundings = Surroundings(config.ldapd, services.mail, services.login, services.sessions)
        self.books = _books(services)

    def connection(self, address: str) -> Connection:
        return Connection(self, address, self.surroundings.settings)


def _books(services: Services) -> Books:
    """The listeners of a worker share them."""
    books = _BOOKS.get(id(services.directory))
    if books is None:
        books = Books(services.directory, services.config.dav.company_book_hides)
        _BOOKS[id(services.directory)] = books
    return books


def factory(services: Services, listener: Listener) -> LdapFactory:
    """What the worker listens with. A listener with implicit TLS is wrapped by the worker."""
    return LdapFactory(services, listener)
