"""A worker whose only door answers lines: it tells its pid, echoes, or fails when told to."""
# ruff: noqa: N802 - Twisted names its methods so

import os
import sys

from twisted.internet.protocol import Factory, Protocol

from optimails.supervisor import worker


class Toy(Protocol):
    def connectionMade(self):
        self.factory.open.add(self)
        self.transport.write(b"%d %s\n" % (os.getpid(), self.transport.getPeer().host.encode()))

    def dataReceived(self, data):
        if data == b"fail\n":
            raise RuntimeError("as ordered\nwith a second line")
        self.transport.write(data)

    def connectionLost(self, reason):
        self.factory.open.discard(self)


class ToyFactory(Factory):
    protocol = Toy

    def __init__(self):
        self.open = set()

    def drain(self):
        for one in self.open:
            one.transport.write(b"draining\n")


class ToyAssembly:
    def __init__(self, config, bus, tls):
        if config.server.hostname == "broken.test":
            raise RuntimeError("this configuration makes workers fail")

    async def start(self):
        pass

    def factory(self, listener):
        return ToyFactory()

    async def healthy(self):
        return True

    async def follow(self):
        """Nothing waits to be done."""

    async def maintain(self):
        return {"toys": 1}

    async def close(self):
        pass


if __name__ == "__main__":
    sys.exit(worker.main(sys.argv[1:], ToyAssembly))
