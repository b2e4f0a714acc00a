"""The POP3 door on real sockets over a world in memory: a program that tests run, one per module.

Prints the ports (plain with STLS, implicit TLS) as JSON; then each line on standard input is an order: ``drain``,
``empty`` (alice's mailbox), or the size of a message to deliver to her. Ends with its input.
"""
# ruff: noqa: E402 - the reactor must be chosen before it is used

import asyncio
import json
import sys
import threading
from pathlib import Path

from twisted.internet import asyncioreactor

LOOP = asyncio.new_event_loop()
asyncioreactor.install(LOOP)

from twisted.internet import reactor
from twisted.protocols.tls import TLSMemoryBIOFactory

from optimails.config import parse
from optimails.config.listener import Listener
from optimails.mailbox.api import NewMessage
from optimails.model.mailbox_name import INBOX
from optimails.supervisor.tls import ServerTls
from pop3.server import factory
from tests.support import certificates
from tests.support.pop3_door import large_message
from tests.support.world import World


async def _serve(folder: Path, settings: str) -> None:
    _, certificate, key = certificates.make(folder)
    text = f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n{settings}'
    config = parse(text, folder / "optimails.toml", {})
    tls = ServerTls(config.tls)
    world = World()
    services = world.services(config, tls=tls)
    doors = [
        factory(services, Listener(protocol="pop3", address="127.0.0.1:0", tls=mode))
        for mode in ("starttls", "implicit")
    ]
    ports = [
        reactor.listenTCP(0, doors[0], interface="127.0.0.1"),
        reactor.listenTCP(0, TLSMemoryBIOFactory(tls, False, doors[1]), interface="127.0.0.1"),
    ]
    print(json.dumps([port.getHost().port for port in ports]), flush=True)  # noqa: T201

    loop = asyncio.get_running_loop()
    orders: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(orders.put_nowait, line.strip())
        loop.call_soon_threadsafe(orders.put_nowait, "end")

    threading.Thread(target=read, daemon=True).start()
    while (order := await orders.get()) != "end":
        if order == "drain":
            for door in doors:
                door.drain()
        elif order == "empty":
            world.files.clear()
            await world.close()
        else:
            async with await world.mail.open(world.directory.accounts["alice@demo.test"]) as mail:
                await mail.append(INBOX, [NewMessage(large_message(int(order)))])
        print("done", flush=True)  # noqa: T201
    open_connections = [connection for door in doors for connection in door.connections]
    for connection in open_connections:
        connection.transport.abortConnection()
    await asyncio.gather(*(connection.task for connection in open_connections))
    await world.close()


def _ended(task: "asyncio.Task[None]") -> None:
    if reactor.running:
        reactor.stop()
    task.result()


if __name__ == "__main__":
    task = LOOP.create_task(_serve(Path(sys.argv[1]), sys.argv[2]))
    task.add_done_callback(_ended)
    reactor.run()
