"""IMAP sessions without sockets, for dialogue files and unit tests."""

import ast
import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from imap.deflate import BadStream, Deflater, Inflater
from imap.session.conversation import converse
from imap.session.peer import Disconnected, TimedOut
from imap.session.session import Session, Surroundings
from optimails.config.imap import ImapSettings
from optimails.config.login import LoginSettings
from optimails.door.connections import Connections
from tests.support.transcript import Connection
from tests.support.world import World

MESSAGES = {
    "plain": b"""From: Alice <alice@demo.test>
To: bob@demo.test
Subject: Plain words
Date: Mon, 2 Jan 2023 10:00:00 +0100
Message-ID: <plain@demo.test>

Hello Bob,
this is plain.
""",
    "french": """From: =?utf-8?q?Ren=C3=A9e?= <renee@demo.test>
To: alice@demo.test
Subject: =?utf-8?q?R=C3=A9union_=C3=A0_midi?=
Date: Tue, 3 Jan 2023 11:30:00 +0000
Message-ID: <french@demo.test>
X-Odd: one
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Le déjeuner est à midi.
""".encode(),
    "parts": b"""From: carol@demo.test
To: alice@demo.test
Subject: Two parts
Date: Wed, 4 Jan 2023 12:00:00 +0000
Message-ID: <parts@demo.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="XX"

Preamble
--XX
Content-Type: text/plain

First part.
--XX
Content-Type: application/octet-stream; name="a.bin"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="a.bin"

AAECAwQF
--XX
Content-Type: message/rfc822

From: dave@demo.test
Subject: Inside

Inner text.
--XX--
""",
}
MESSAGES = {name: text.replace(b"\n", b"\r\n") for name, text in MESSAGES.items()}


class MemoryPeer:
    """The session's ``Peer``, and the test's ``Connection``, over two queues of bytes."""

    def __init__(self) -> None:
        self.address = "192.0.2.1"
        self.encrypted = False
        self.local = True
        self.can_start_tls = True
        self.session: Session | None = None
        self.task: asyncio.Task[None] | None = None
        self.sent = bytearray()  # by the server, not read by the test yet
        self.writes = self.largest = 0
        self.stalled = False  # the client does not read: ``send`` waits
        self._input: list[bytes] = []
        self._woken = self._closed = False
        self._changed = asyncio.Event()
        self._waits = False
        self.impatient = False  # the next ``wait`` times out
        self._inflater: Inflater | None = None
        self._unpack: Inflater | None = None  # the client's ends
        self._pack: Deflater | None = None
        self._deflater: Deflater | None = None

    # -- the session's side

    def take(self) -> bytes:
        if self._inflater is not None:
            try:
                return self._inflater.take(self._input.pop(0) if self._input and not self._inflater.ready else b"")
            except BadStream:
                raise Disconnected from None
        return self._input.pop(0) if self._input else b""

    async def wait(self, seconds: float) -> None:
        while not (self._input or self._woken):
            if self._closed:
                raise Disconnected
            if self.impatient:
                raise TimedOut
            await self._sleep()
        self._woken = False

    def wake(self) -> None:
        self._woken = True
        self._changed.set()

    async def send(self, data: bytes) -> None:
        self.writes += 1
        self.largest = max(self.largest, len(data))
        if self._closed:
            raise Disconnected
        self.sent += data if self._deflater is None else self._through(self._deflater.pack(data))
        self._changed.set()
        while self.stalled and not self._closed:
            await self._sleep()

    async def start_tls(self) -> None:
        self._input.clear()
        self.encrypted = True

    def compress(self, rest: bytes) -> None:
        self._inflater, self._deflater = Inflater(), Deflater()
        self._pack, self._unpack = Deflater(), Inflater()
        if rest:
            self._input.insert(0, rest)

    def slim(self) -> None:
        if self._deflater is not None:
            self._deflater.rest()

    def _through(self, packed: bytes) -> bytes:
        """What the client unpacks."""
        assert self._unpack is not None
        data = self._unpack.take(packed)
        while self._unpack.ready:
            data += self._unpack.take()
        return data

    async def _sleep(self) -> None:
        self._waits = True
        self._changed.set()
        try:
            self._changed.clear()
            await self._changed.wait()
        finally:
            self._waits = False

    # -- the test's side

    async def send_input(self, data: bytes) -> None:
        self._input.append(data if self._pack is None else self._pack.pack(data))
        self._changed.set()

    async def line(self) -> bytes | None:
        while True:
            end = self.sent.find(b"\n")
            if end >= 0:
                line = bytes(self.sent[:end]).removesuffix(b"\r")
                del self.sent[: end + 1]
                return line
            assert self.task is not None
            if self.task.done():
                return None
            await asyncio.sleep(0)
            if not self.sent:
                await asyncio.sleep(0.001)

    async def settle(self) -> bytes:
        assert self.task is not None
        # Polled: what ends the wait are three things, one of them a task.
        while not self.task.done() and (self._input or not self._waits or self._woken):  # noqa: ASYNC110
            await asyncio.sleep(0.0005)
        return bytes(self.sent)

    async def close(self) -> None:
        self._closed = True
        self._changed.set()
        if self.task is not None:
            await asyncio.wait_for(self.task, 5)


class MemoryConnection:
    """``transcript.Connection`` over a peer, so that ``send`` can mean the client's sending."""

    def __init__(self, peer: MemoryPeer) -> None:
        self.peer = peer

    async def send(self, data: bytes) -> None:
        await self.peer.send_input(data)

    async def line(self) -> bytes | None:
        return await self.peer.line()

    async def settle(self) -> bytes:
        return await self.peer.settle()

    async def close(self) -> None:
        await self.peer.close()


@dataclass
class ImapDoor:
    """``transcript.Door``. Short cuts: see ``given``."""

    world: World = field(default_factory=World)
    settings: ImapSettings = field(default_factory=ImapSettings)
    connections: Connections = field(default_factory=lambda: Connections(LoginSettings()))
    far: bool = False
    peers: list[MemoryPeer] = field(default_factory=list)

    def surroundings(self) -> Surroundings:
        return Surroundings(self.settings, self.world.mail, self.world.login, self.connections)

    async def connect(self) -> MemoryConnection:
        peer = MemoryPeer()
        peer.local = not self.far
        peer.session = Session(self.surroundings(), peer)
        peer.task = asyncio.get_running_loop().create_task(converse(peer.session))
        self.peers.append(peer)
        return MemoryConnection(peer)

    async def given(  # noqa: C901  a list of short cuts, one below the other
        self, words: list[str], connection: Callable[[], Awaitable[Connection]]
    ) -> None:
        """``@setting name value``, ``@far`` (the client is on another machine) and ``@limit storage bytes`` stand
        before the first line of the dialogue; ``@login``, ``@select NAME`` and ``@messages NAME what…`` are dialogues
        of the first connection whose answers are not looked at, except that they succeed; ``@kick``, ``@timeout``."""
        match words:
            case ["setting", name, value]:
                self.settings = self.settings.model_copy(
                    update={name: type(getattr(self.settings, name))(ast.literal_eval(value))}
                )
            case ["far"]:
                self.far = True
            case ["sessions", most]:
                self.connections = Connections(LoginSettings(connections_per_account=int(most)))
            case ["limit", name, value]:
                self.world.directory.limit("alice", **{name: int(value)})
            case ["away"]:
                self.world.directory.away = True
            case ["login", *_]:
                await self._quietly(await connection(), b"@1 LOGIN alice secret\r\n")
            case ["select", name]:
                await self._quietly(await connection(), b"@2 SELECT %b\r\n" % name.encode())
            case ["examine", name]:
                await self._quietly(await connection(), b"@2 EXAMINE %b\r\n" % name.encode())
            case ["messages", name, *kinds]:
                for kind in kinds:
                    text = MESSAGES[kind]
                    await self._quietly(
                        await connection(), b"@3 APPEND %b {%d+}\r\n%b\r\n" % (name.encode(), len(text), text)
                    )
            case ["do", *rest]:
                await self._quietly(await connection(), b"@4 " + " ".join(rest).encode() + b"\r\n")
            case ["kick", *text]:
                assert self.peers[0].session is not None
                self.peers[0].session.kick(" ".join(text))
            case ["timeout"]:
                await connection()
                self.peers[0].impatient = True
                self.peers[0]._changed.set()
            case _:
                raise AssertionError(f"unknown short cut {words}")

    async def _quietly(self, connection: Connection, data: bytes) -> None:
        assert isinstance(connection, MemoryConnection)
        tag = data.split(b" ", 1)[0]
        await connection.send(data)
        while True:
            line = await asyncio.wait_for(connection.line(), 5)
            assert line is not None, data
            if line.startswith(tag):
                assert line.split(b" ")[1] == b"OK", line
                return
