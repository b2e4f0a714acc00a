"""What this service offers to mail programs, as the configuration has it; pure."""

from dataclasses import dataclass
from enum import StrEnum

from optimails.config import Config, Protocol, TlsMode
from optimails.dns.records import Service
from optimails.model.dns_name import ascii_name


class Kind(StrEnum):
    IMAP = "imap"
    POP3 = "pop3"
    SUBMISSION = "submission"


@dataclass(frozen=True, slots=True)
class Server:
    """One that mail programs may use; ``host`` in A-labels, ``implicit`` TLS or else STARTTLS."""

    kind: Kind
    host: str
    port: int
    implicit: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything that set-up documents tell."""

    provider: str
    servers: tuple[Server, ...]  # IMAP before POP3 before submission
    web: str  # "https://host" or "https://host:port"
    dav: tuple[str, int] | None = None  # host and port of calendars and contacts
    ldap: tuple[str, int] | None = None  # the same of the company's address book, with implicit TLS

    def first(self, kind: Kind) -> Server | None:
        return next((server for server in self.servers if server.kind is kind), None)


def offer_of(config: Config) -> Offer:
    """Raises ``ValueError`` when a configured host name cannot stand in the DNS."""
    host, port = _web(config)
    servers = tuple(server for kind in Kind if (server := _server(config, kind)) is not None)
    web = f"https://{host}" if port == 443 else f"https://{host}:{port}"
    served = any(one.protocol is Protocol.HTTP for one in config.listener)
    dav = (host, port) if config.dav.enabled and served else None
    secure = _port(config, Protocol.LDAP, TlsMode.IMPLICIT)
    ldap = (ascii_name(config.server.hostname), secure) if secure else None
    return Offer(config.web.provider or config.server.hostname, servers, web, dav, ldap)


def services_of(config: Config) -> list[Service]:
    """The same for SRV records (RFC 6186, RFC 8314 §5.1): with both ways to TLS, and what is found by name alone.

    Raises ``ValueError`` as above.
    """
    found = []
    for kind in Kind:
        host = ascii_name(getattr(config.web, f"{kind.value}_host") or config.server.hostname)
        public: int = getattr(config.web, f"{kind.value}_port")
        if port := public or _port(config, Protocol(kind.value), TlsMode.IMPLICIT):
            found.append(Service(f"_{kind.value}s._tcp", port, host))
        if port := _port(config, Protocol(kind.value), TlsMode.STARTTLS):
            found.append(Service(f"_{kind.value}._tcp", port, host))
    if port := _port(config, Protocol.MANAGESIEVE, TlsMode.STARTTLS):
        found.append(Service("_sieve._tcp", port, ascii_name(config.server.hostname)))
    if any(one.protocol is Protocol.HTTP for one in config.listener):
        names = ("_caldavs._tcp", "_carddavs._tcp") if config.dav.enabled else ()
        host, port = _web(config)
        found += [Service(name, port, host) for name in (*names, "_autodiscover._tcp")]
    return found


def _web(config: Config) -> tuple[str, int]:
    """Host and port of everything over HTTPS."""
    port = config.web.port or _port(config, Protocol.HTTP, TlsMode.IMPLICIT) or 443
    return ascii_name(config.web.host or config.server.hostname), port


def _server(config: Config, kind: Kind) -> Server | None:
    """Implicit TLS before STARTTLS (RFC 8314 §3); without TLS nothing is told."""
    named: str = getattr(config.web, f"{kind.value}_host")
    host = ascii_name(named or config.server.hostname)
    public: int = getattr(config.web, f"{kind.value}_port")
    if port := public or _port(config, Protocol(kind.value), TlsMode.IMPLICIT):
        return Server(kind, host, port, implicit=True)
    if port := _port(config, Protocol(kind.value), TlsMode.STARTTLS):
        return Server(kind, host, port, implicit=False)
    return None


def _port(config: Config, protocol: Protocol, tls: TlsMode) -> int:
    found = (one.port for one in config.listener if one.protocol is protocol and one.tls is tls)
    return next(found, 0)
