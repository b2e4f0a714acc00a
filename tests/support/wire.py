"""A transport in memory, for connections of Twisted without sockets."""
# ruff: noqa: N802 - Twisted names its methods so

import asyncio

from twisted.internet.testing import StringTransport


class Wire(StringTransport):
    """Remembers what was asked of it; ``tls`` is what STARTTLS was given."""

    tls: object = None
    aborted = False
    reading = True
    producer: object

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: FBT001
        self.nodelay = enabled

    def setTcpKeepAlive(self, enabled: bool) -> None:  # noqa: FBT001
        self.keepalive = enabled

    def startTLS(self, context: object) -> None:
        self.tls = context

    def abortConnection(self) -> None:
        self.aborted = True

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True


async def said(wire: Wire) -> bytes:
    """What the server has written since the last time, once it has nothing to do."""
    for _ in range(200):
        await asyncio.sleep(0.001)
        if wire.value():
            await asyncio.sleep(0.002)
            break
    text = wire.value()
    wire.clear()
    return text


async def hung_up(wire: Wire) -> None:
    for _ in range(2000):
        if wire.disconnecting:
            return
        await asyncio.sleep(0.001)
    raise AssertionError("the server does not hang up")
