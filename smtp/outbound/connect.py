"""Reaching a host by one of its addresses: the next is tried beside the first when that takes long (RFC 8305)."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from optimails.config.outbound import OutboundSettings
from smtp.outbound.link import Link


@dataclass(frozen=True, slots=True)
class Source:
    """Where connections leave from; empty: the system chooses."""

    ipv4: str = ""
    ipv6: str = ""
    interface: str = ""

    def fits(self, address: str) -> bool:
        """Whether that address may be tried: who fixed an address of one family alone does not use the other."""
        fixed = bool(self.ipv4 or self.ipv6)
        return not fixed or bool(self.ipv6 if ":" in address else self.ipv4)


def interleaved(addresses: Sequence[str]) -> list[str]:
    """Families in turns, so that a family that does not work costs one delay, not one for each address."""
    first: list[str] = []
    second: list[str] = []
    for one in addresses:
        (first if (":" in one) == (":" in addresses[0]) else second).append(one)
    mixed = [one for pair in zip(first, second, strict=False) for one in pair]
    return mixed + first[len(second) :] + second[len(first) :]


async def connect(addresses: Sequence[str], port: int, source: Source, settings: OutboundSettings) -> Link:
    """The first connection that comes about; others are given up.

    Raises:
        OSError: none did; the error of the last.
    """
    waiting = list(addresses)
    running: set[asyncio.Task[Link]] = set()
    failure: OSError = OSError("no address")
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(_open(waiting.pop(0), port, source, settings)))
            delay = settings.address_delay if waiting else None
            done, running = await asyncio.wait(running, timeout=delay, return_when=asyncio.FIRST_COMPLETED)
            winner: Link | None = None
            for task in done:
                error = task.exception()
                if error is None and winner is None:
                    winner = task.result()
                elif error is None:
                    task.result().abort()
                elif isinstance(error, OSError):
                    failure = error
                else:
                    raise error
            if winner is not None:
                return winner
        raise failure
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(_abandon)


def _abandon(task: asyncio.Task[Link]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().abort()


async def _open(address: str, port: int, source: Source, settings: OutboundSettings) -> Link:
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source.interface:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, source.interface.encode() + b"\0")
        own = source.ipv6 if family == socket.AF_INET6 else source.ipv4
        if own:
            sock.bind((own, 0))
        async with asyncio.timeout(settings.connect_timeout):
            await loop.sock_connect(sock, (address, port))
        _, link = await loop.create_connection(lambda: Link(settings), sock=sock)
    except TimeoutError:
        sock.close()
        raise OSError(f"{address} does not answer") from None
    except BaseException:
        sock.close()
        raise
    link.address = address
    return link
