"""IMAP sessions without sockets, for dialogue files and unit tests."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from imap.deflate import BadStream, Deflater, Inflater
from imap.session.conversation import converse
from imap.session.session import Session
from optimails.config.imap import ImapSettings
from optimails.config.sieve import SieveSettings
from optimails.delivery.scripts import ScriptFiles
from optimails.door.peer import Disconnected
from optimails.mailbox.service import account_directory
from tests.support import memory_peer
from tests.support.mail_events import mail_events
from tests.support.memory_peer import MemoryConnection, PullDoor, expect
from tests.support.transcript import Connection
from tests.support.world import PLANS

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


class MemoryPeer(memory_peer.MemoryPeer):
    """With compression, of both ends."""

    def __init__(self, *, local: bool) -> None:
        super().__init__(local=local)
        self._inflater: Inflater | None = None
        self._deflater: Deflater | None = None
        self._unpack: Inflater | None = None  # the client's ends
        self._pack: Deflater | None = None

    def take(self) -> bytes:
        if self._inflater is None:
            return super().take()
        try:
            return self._inflater.take(b"" if self._inflater.ready else super().take())
        except BadStream:
            raise Disconnected from None

    def receive(self, data: bytes) -> None:
        if self._deflater is not None:
            assert self._unpack is not None
            data = self._unpack.take(self._deflater.pack(data))
            while self._unpack.ready:
                data += self._unpack.take()
        super().receive(data)

    def say(self, data: bytes) -> None:
        super().say(data if self._pack is None else self._pack.pack(data))

    def compress(self, rest: bytes) -> None:
        self._inflater, self._deflater = Inflater(), Deflater()
        self._pack, self._unpack = Deflater(), Inflater()
        if rest:
            self.input.insert(0, rest)

    def slim(self) -> None:
        if self._deflater is not None:
            self._deflater.rest()


@dataclass
class ImapDoor(PullDoor):
    """``transcript.Door``. Short cuts: see ``given``."""

    settings: ImapSettings = field(default_factory=ImapSettings)

    def start(self, surroundings):
        peer = MemoryPeer(local=not self.far)
        session = Session(surroundings, peer)
        return peer, session, converse(session)

    async def login(self, connection: MemoryConnection) -> None:
        await expect(connection, b"@1 LOGIN alice secret\r\n", b"@1 OK")

    async def given(  # noqa: C901 - a table of short cuts
        self, words: list[str], connection: Callable[[], Awaitable[Connection]]
    ) -> None:
        """Also ``@limit storage bytes``, ``@plan WHO NAME``, ``@delegate OWNER WHO BUNDLE [SECONDS-FROM-NOW]``,
        ``@refuse WHO OWNER`` (what he shares), ``@common OWNER`` (``\\Seen`` is one for all), ``@folders NAME`` (a
        folder of the domain that bob administers), and ``@audit COUNT LINE`` (so many lines like this are in the audit
        log); ``@select NAME`` and ``@messages NAME what…`` are dialogues of the first connection whose answers are not
        looked at, except that they succeed, and so is ``@do COMMAND``. ``@sieve NAME script`` stores a script of alice,
        to be named by annotations; the first one comes before the first line."""
        match words:
            case ["limit", name, value]:
                self.world.directory.limit("alice", **{name: int(value)})
            case ["select" | "examine" as command, name]:
                await self._quietly(await connection(), f"{command} {name}".encode())
            case ["messages", name, *kinds]:
                for kind in kinds:
                    text = MESSAGES[kind]
                    await self._quietly(await connection(), b"APPEND %b {%d+}\r\n%b" % (name.encode(), len(text), text))
            case ["sieve", name, *script]:
                self._scripts().put(name, " ".join(script).encode())
            case ["plan", who, name]:
                self.world.change(who, entitlements=PLANS[name])
            case ["delegate", owner, delegate, bundle, *times]:
                self.world.delegate(owner, delegate, bundle, *map(int, times))
            case ["common", owner]:
                self.world.directory.rights.common_seen_of.add(self.world.directory.accounts[f"{owner}@demo.test"].id)
            case ["refuse", who, owner]:
                self.world.refuse(who, owner)
            case ["folders", name]:
                await self.world.folders(name)
            case ["audit", count, *words]:
                lines = [" ".join([*line[:3], *line[3].values()]) for line in self.world.audit.lines]
                found = [line for line in lines if line == " ".join(words)]
                assert len(found) == int(count), lines
            case ["do", *rest]:
                await self._quietly(await connection(), " ".join(rest).encode())
            case _:
                await super().given(words, connection)

    def _scripts(self) -> ScriptFiles:
        world = self.world
        if world.events is None:
            world.events = mail_events(world)
        return ScriptFiles(account_directory(world.events.data, world.directory.accounts["alice@demo.test"].id),
                           SieveSettings())  # fmt: skip

    async def _quietly(self, connection: Connection, text: bytes) -> None:
        assert isinstance(connection, MemoryConnection)
        await expect(connection, b"@2 %b\r\n" % text, b"@2 OK")
