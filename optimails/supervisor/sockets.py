"""Listening sockets: bound once by the supervisor, shared by all workers, kept across reloads."""

import errno
import socket
import time
from collections.abc import Iterable

from optimails.config import Listener
from optimails.config.listener import host_and_port

BACKLOG = 1024
PATIENCE = 5.0  # seconds that an address may still be in use: workers of a killed supervisor are just dying


class CannotListen(OSError):
    """An address cannot be bound; the text says which and why."""


def bind(address: str, *, patience: float = PATIENCE) -> list[socket.socket]:
    """Sockets listening on every address that ``host:port`` stands for.

    Raises:
        CannotListen: one of them cannot be bound.
    """
    host, port = host_and_port(address)
    opened: list[socket.socket] = []
    try:
        for family, place in _places(host, port):
            opened.append(_listen(family, place, time.monotonic() + patience))
    except OSError as wrong:
        for one in opened:
            one.close()
        raise CannotListen(wrong.errno, f"cannot listen on {address}: {wrong.strerror or wrong}") from wrong
    return opened


def _places(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    if not host:
        return [(socket.AF_INET6, ("::", port))] if _has_ipv6() else [(socket.AF_INET, ("0.0.0.0", port))]  # noqa: S104  # asked for
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    places = [(family, (str(place[0]), port)) for family, _, _, _, place in found]
    return list(dict.fromkeys(places))


def _has_ipv6() -> bool:
    if not socket.has_dualstack_ipv6():
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def _listen(family: socket.AddressFamily, place: tuple[str, int], until: float) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, place[0] != "::")
        while True:
            try:
                one.bind(place)
                one.listen(BACKLOG)
                break
            except OSError as wrong:
                if wrong.errno != errno.EADDRINUSE or time.monotonic() > until:
                    raise
                time.sleep(0.05)
        one.setblocking(False)
    except BaseException:
        one.close()
        raise
    return one


class Sockets:
    """The sockets of a set of addresses."""

    def __init__(self) -> None:
        self._by_address: dict[str, list[socket.socket]] = {}

    def open(self, listeners: Iterable[Listener], *, patience: float = PATIENCE) -> list[str]:
        """Bind what is not bound yet, all or nothing; gives the new addresses. Raises ``CannotListen``."""
        new: list[str] = []
        try:
            for address in dict.fromkeys(listener.address for listener in listeners):
                if address not in self._by_address:
                    self._by_address[address] = bind(address, patience=patience)
                    new.append(address)
        except CannotListen:
            self.close(new)
            raise
        return new

    def of(self, listener: Listener) -> list[socket.socket]:
        return self._by_address[listener.address]

    def close_others(self, listeners: Iterable[Listener]) -> None:
        """Close all but those of these listeners."""
        wanted = {listener.address for listener in listeners}
        self.close([address for address in self._by_address if address not in wanted])

    def close(self, addresses: Iterable[str] | None = None) -> None:
        for address in list(self._by_address if addresses is None else addresses):
            for one in self._by_address.pop(address, []):
                one.close()
