"""Sessions that pull (IMAP, POP3) without sockets, for dialogue files and unit tests."""

import ast
import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from optimails.door.peer import Disconnected, TimedOut
from optimails.door.session import Surroundings
from optimails.door.sessions import Ending
from optimails.model.account import AccountState
from tests.support.transcript import Connection
from tests.support.world import World


class MemoryPeer:
    """The session's ``Peer``, over two queues of bytes."""

    def __init__(self, *, local: bool) -> None:
        self.address = "192.0.2.1"
        self.encrypted = False
        self.local = local
        self.can_start_tls = True
        self.sent = bytearray()  # by the server, not read by the test yet
        self.writes: list[int] = []  # the size of each
        self.stalled = False  # the client reads when ``changed`` is set, once for each ``send``
        self.closed = False
        self.impatient = False  # the next ``wait`` times out
        self.input: list[bytes] = []
        self.changed = asyncio.Event()
        self.waits = False
        self.woken = False

    def take(self) -> bytes:
        return self.input.pop(0) if self.input else b""

    async def wait(self, seconds: float) -> None:
        while not (self.input or self.woken):
            if self.closed:
                raise Disconnected
            if self.impatient:
                raise TimedOut
            await self._sleep()
        self.woken = False

    def wake(self) -> None:
        self.woken = True
        self.changed.set()

    async def send(self, data: bytes) -> None:
        if self.closed:
            raise Disconnected
        self.writes.append(len(data))
        self.receive(data)
        if self.stalled and not self.closed:
            await self._sleep()

    async def start_tls(self) -> None:
        self.input.clear()
        self.encrypted = True

    def receive(self, data: bytes) -> None:
        """The client's side of ``send``."""
        self.sent += data

    def say(self, data: bytes) -> None:
        """The client's side of ``take``."""
        self.input.append(data)
        self.changed.set()

    async def _sleep(self) -> None:
        self.waits = True
        self.changed.clear()
        await self.changed.wait()
        self.waits = False


@dataclass
class MemoryConnection:
    """``transcript.Connection``."""

    peer: Any
    session: Any
    task: "asyncio.Task[None]"

    async def send(self, data: bytes) -> None:
        self.peer.say(data)

    async def line(self) -> bytes | None:
        while b"\n" not in self.peer.sent:
            if self.task.done():
                return None
            await asyncio.sleep(0.0005)
        line, _, rest = bytes(self.peer.sent).partition(b"\n")
        self.peer.sent[:] = rest
        return line.removesuffix(b"\r")

    async def settle(self) -> bytes:
        peer = self.peer
        # What we wait for happens in threads, too.
        while not self.task.done() and (peer.input or not peer.waits or peer.woken):  # noqa: ASYNC110
            await asyncio.sleep(0.0005)
        return bytes(peer.sent)

    async def close(self) -> None:
        self.peer.closed = True
        self.peer.changed.set()
        await asyncio.wait_for(self.task, 5)


@dataclass
class PullDoor:
    """``transcript.Door`` for one protocol. Short cuts: see ``given``."""

    settings: Any = None
    world: World = field(default_factory=World)
    far: bool = False
    connections: list[MemoryConnection] = field(default_factory=list)

    @abstractmethod
    def start(self, surroundings: Any) -> tuple[Any, Any, Any]:
        """A new peer, its session, and the coroutine of its conversation."""

    @abstractmethod
    async def login(self, connection: MemoryConnection) -> None:
        """As alice."""

    async def connect(self) -> MemoryConnection:
        world = self.world
        around = Surroundings(self.settings, world.mail, world.login, world.sessions, world.events)
        peer, session, conversation = self.start(around)
        connection = MemoryConnection(peer, session, asyncio.get_running_loop().create_task(conversation))
        self.connections.append(connection)
        return connection

    async def given(  # a table of short cuts
        self, words: list[str], connection: Callable[[], Awaitable[Connection]]
    ) -> None:
        """``@setting name value``, ``@far`` (the client is on another machine), ``@sessions n`` (of one account) come
        before the first line of a connection; ``@login``, ``@away``, ``@timeout``, ``@kick going_down`` (or another
        ``Ending``), ``@account state`` (suspended, closed) and ``@changed stamp n`` when they should happen;
        the last two are told on the bus."""
        match words:
            case ["setting", name, value]:
                self.set(name, ast.literal_eval(value))
            case ["far"]:
                self.far = True
            case ["sessions", most]:
                self.world.sessions = self.world.limited(connections_per_account=int(most))
            case ["login", *_]:
                first = await connection()
                assert isinstance(first, MemoryConnection)
                await self.login(first)
            case ["away"]:
                self.world.directory.away = True
            case ["timeout"]:
                await connection()
                self.connections[0].peer.impatient = True
                self.connections[0].peer.changed.set()
            case ["kick", why]:
                self.connections[0].session.kick(Ending[why.upper()])
            case ["account", state]:
                self.world.change("alice", state=AccountState(state))
            case ["changed", *stamp]:
                self.world.change("alice", **({"stamp": int(stamp[1])} if stamp else {}))
            case _:
                raise AssertionError(f"unknown short cut {words}")

    def set(self, name: str, value: Any) -> None:
        known = getattr(self.settings, name)
        value = type(known)(value) if isinstance(known, Enum) else value
        self.settings = self.settings.model_copy(update={name: value})


async def expect(connection: MemoryConnection, line: bytes, begins: bytes) -> None:
    """Send a line; some line of the answer begins so."""
    if line:
        await connection.send(line)
    while True:
        got = await asyncio.wait_for(connection.line(), 5)
        assert got is not None, line
        if got.startswith(begins):
            return
        assert not got.startswith((begins.split(b" ")[0] + b" ", b"-")), got
