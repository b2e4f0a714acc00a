"""Talking to one LDAP service: connections, searches, binds. What it cannot tell is ``Unavailable``, never 'no'.

- Searches reuse idle connections; a login binds on a fresh one, so that no search ever runs as a user.
- Requests run in a few threads. When the service is away, a breaker opens: for ``retry_seconds`` requests fail at once,
  then one is let through to try, so that a dead server never holds more than that many threads and that much time.
"""

import asyncio
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import ldap3
from ldap3.core.exceptions import LDAPException

from optimails.config.base import read_secret
from optimails.config.directory import LdapConnection, LdapTls
from optimails.model.errors import Unavailable

log = logging.getLogger(__name__)
T = TypeVar("T")

QUEUE_PER_CONNECTION = 25
IDLE_SECONDS = 60.0  # an idle connection older than this is not trusted
# RFC 4511 §4.1.9. What a bind answers when the name or the password is wrong, locked or expired.
SUCCESS, SIZE_LIMIT, NO_SUCH_OBJECT = 0, 4, 32
BIND_REFUSED = {19, 32, 34, 48, 49, 50}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; attribute names in lower case. In ``attributes``, values that are no UTF-8 are left out."""

    dn: str
    attributes: dict[str, list[str]]
    octets: dict[str, list[bytes]] = field(default_factory=dict)  # the values as they came

    def first(self, attribute: str) -> str:
        """The first value, or nothing."""
        values = self.attributes.get(attribute.lower()) if attribute else None
        return values[0] if values else ""

    def all(self, attribute: str) -> list[str]:
        return self.attributes.get(attribute.lower(), []) if attribute else []


class LdapServer:
    def __init__(self, settings: LdapConnection) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(settings.connections, "ldap")
        self._waiting = 0
        self._lock = threading.Lock()
        self._idle: list[tuple[Any, float]] = []
        self._closed_until = 0.0  # the breaker, on the monotonic clock
        self._tls = (
            ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(settings.ca_file) if settings.ca_file else None)
            if settings.tls is not LdapTls.NONE
            else None
        )

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work of this object in one of its threads; ``Unavailable`` when too much waits already."""
        if self._waiting >= self._settings.connections * QUEUE_PER_CONNECTION:
            raise Unavailable("The LDAP server is busy")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def search(self, base: str, query: str, attributes: list[str], *, limit: int, one: bool = False) -> list[Entry]:
        """Entries below ``base`` (``one``: that entry itself, if it is there). Blocking; raises ``Unavailable``."""
        with self._connection() as connection:
            connection.search(
                base,
                query,
                search_scope=ldap3.BASE if one else ldap3.SUBTREE,
                attributes=attributes,
                size_limit=limit,
                time_limit=self._settings.answer_seconds,
            )
            code = connection.result["result"]
            if code == NO_SUCH_OBJECT and one:
                return []
            if code not in (SUCCESS, SIZE_LIMIT):
                # NO_SUCH_OBJECT too: then the base is wrong, and nobody would exist.
                raise Unavailable(f"LDAP search failed: {connection.result['description']}")
            entries = [found for found in connection.response or () if found["type"] == "searchResEntry"]
        return [
            Entry(found["dn"], _texts(found["raw_attributes"]), _lower(found["raw_attributes"])) for found in entries
        ]

    def bind(self, dn: str, password: str) -> bool:
        """Whether this is the password of that entry. Blocking; raises ``Unavailable``."""
        if not dn or not password:
            return False  # RFC 4513 §5.1.2: a bind with an empty password succeeds, and proves nothing.
        with self._guarded():
            connection = self._open(dn, password)
            try:
                connection.bind(read_server_info=False)
                code = connection.result["result"]
            finally:
                _close(connection)
        if code == SUCCESS:
            return True
        if code in BIND_REFUSED:
            return False
        raise Unavailable(f"LDAP bind failed with code {code}")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            while self._idle:
                _close(self._idle.pop()[0])

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """A connection bound as ourselves: an idle one that still lives, or a new one."""
        with self._guarded():
            connection = self._take_idle() or self._bound()
            try:
                yield connection
            except BaseException:
                _close(connection)
                raise
            with self._lock:
                self._idle.append((connection, time.monotonic()))

    def _take_idle(self) -> Any | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection, since = self._idle.pop()
            # The server may have hung up meanwhile: a bind is a cheap question, and renews who we are.
            if time.monotonic() - since < IDLE_SECONDS:
                try:
                    if connection.bind(read_server_info=False):
                        return connection
                except (LDAPException, OSError):
                    pass
            _close(connection)

    def _bound(self) -> Any:
        file = self._settings.bind_password_file
        password = read_secret(file) if file is not None else None
        connection = self._open(self._settings.bind_dn or None, password)
        if not connection.bind(read_server_info=False):
            description = connection.result["description"]
            _close(connection)
            log.error("ldap_bind_dn_refused", extra={"fields": {"dn": self._settings.bind_dn, "result": description}})
            raise Unavailable("The LDAP server refuses our own bind")
        return connection

    def _open(self, dn: str | None, password: str | None) -> Any:
        """A connection to the first server that answers, with TLS as configured, not bound yet."""
        failure: Exception | None = None
        for host in self._settings.servers:
            connection = None
            try:
                connection = ldap3.Connection(
                    self._server(host),
                    user=dn,
                    password=password,
                    client_strategy=ldap3.SYNC,
                    receive_timeout=self._settings.answer_seconds,
                    auto_referrals=False,
                    raise_exceptions=False,
                )
                connection.open(read_server_info=False)
                if self._settings.tls is LdapTls.STARTTLS:
                    connection.start_tls(read_server_info=False)
                    if not connection.tls_started:
                        raise LDAPException("StartTLS was refused")  # noqa: TRY301 - same way out as the library's
                return connection
            except (LDAPException, OSError, ValueError) as wrong:
                failure = wrong
                log.warning("ldap_unreachable", extra={"fields": {"server": host, "error": str(wrong)[:300]}})
                if connection is not None:
                    _close(connection)
        raise failure or LDAPException("no server configured")

    def _server(self, host: str) -> Any:
        # A new object each time: the library's remembers an address that once answered, and then hides failures.
        name, _, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        if not name or not port.isdigit():
            name, port = host, ""
        secure = self._settings.tls is LdapTls.LDAPS
        return ldap3.Server(
            name.strip("[]"),
            port=int(port) if port else 636 if secure else 389,
            use_ssl=secure,
            tls=self._tls,
            get_info=ldap3.NONE,
            connect_timeout=self._settings.connect_seconds,
        )

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """The breaker, and one error for everything that says that the service is away."""
        with self._lock:
            now = time.monotonic()
            if now < self._closed_until:
                raise Unavailable("The LDAP server is away")
            if self._closed_until:
                # Half open: this request tries, the others go on failing until it is back.
                self._closed_until = now + self._settings.retry_seconds
        try:
            yield
        except (LDAPException, OSError, ValueError) as wrong:
            with self._lock:
                self._closed_until = time.monotonic() + self._settings.retry_seconds
            raise Unavailable("The LDAP server is away") from wrong
        with self._lock:
            self._closed_until = 0.0


def _lower(raw: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
    return {name.lower(): values for name, values in raw.items()}


def _texts(raw: dict[str, list[bytes]]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for name, values in raw.items():
        for value in values:
            try:
                texts.setdefault(name.lower(), []).append(value.decode())
            except UnicodeDecodeError:
                continue
    return texts


def _close(connection: Any) -> None:
    with suppress(LDAPException, OSError):
        connection.unbind()
