"""The surroundings a door is given when a worker builds it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twisted.internet.interfaces import IOpenSSLServerConnectionCreator

    from optimails.config import Config, Listener
    from optimails.delivery.api import Delivery
    from optimails.delivery.stored.api import MailEvents
    from optimails.directory.api import Directory
    from optimails.door.connections import Connections
    from optimails.door.greylist import Greylist
    from optimails.door.login import Login
    from optimails.door.sessions import Sessions
    from optimails.door.traffic import Traffic
    from optimails.events import Bus
    from optimails.mailbox.api import MailService


@dataclass(frozen=True, slots=True)
class Services:
    """One per worker."""

    config: "Config"
    directory: "Directory"
    mail: "MailService"
    delivery: "Delivery"
    login: "Login"
    tls: "IOpenSSLServerConnectionCreator | None"  # for ``transport.startTLS``, as it is; None: no TLS at all
    connections: "Connections"  # how many an address and an account hold on this host
    sessions: "Sessions"  # those that are logged in at this worker
    bus: "Bus"
    events: "MailEvents | None" = None  # scripts that wait for what users do by IMAP
    traffic: "Traffic | None" = None
    greylist: "Greylist | None" = None
    filtered: "Delivery | None" = None  # through the mail filter; None: there is none
    footers: Any = None  # ``securemail.transform.outbound.Footers``, which stands above this package

    def delivery_of(self, listener: "Listener") -> "Delivery":
        """Where the mail of a listener goes: through the filter, where the settings want that."""
        wanted = self.filtered is not None and listener.protocol in self.config.securemail.protocols
        return self.filtered if wanted and self.filtered is not None else self.delivery


# Each door's ``server.py`` has ``def factory(services: Services, listener: Listener) -> twisted Factory``.
# A listener with tls = "implicit" is wrapped by the worker; STARTTLS is the door's (``services.tls``).
