"""POP3 sessions without sockets, for dialogue files and unit tests."""

import ast
import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from optimails.config.pop3 import Pop3Settings
from optimails.mailbox.api import MessageSet, NewMessage, StoreMode
from optimails.model.flags import DELETED
from optimails.model.mailbox_name import INBOX
from optimails.model.number_set import NumberSet
from pop3.session.conversation import converse
from pop3.session.peer import Disconnected, TimedOut
from pop3.session.session import Count, Session, Surroundings
from tests.support.transcript import Connection
from tests.support.world import World

MESSAGES = {
    "plain": b"Subject: Plain\r\nFrom: bob@demo.test\r\n\r\none\r\ntwo\r\nthree\r\n",
    "dots": b"Subject: Dots\r\n\r\n.one\r\n..two\r\n.\r\nend\r\n",
    "open": b"Subject: No last line end\r\n\r\nend",
    "header": b"Subject: Header only\r\n",
    "utf8": "Subject: Réunion\r\n\r\nÀ midi\r\n".encode(),
}


def large_message(size: int) -> bytes:
    """Of about that size, all lines beginning with a dot."""
    head = b"Subject: %d\r\n\r\n" % size
    line = b".a line of the message\r\n"
    return head + line * ((size - len(head)) // len(line))


class MemoryPeer:
    """The session's ``Peer``, and the test's ``Connection`` is made of it."""

    def __init__(self, *, local: bool) -> None:
        self.address = "192.0.2.1"
        self.encrypted = False
        self.local = local
        self.can_start_tls = True
        self.task: asyncio.Task[None] | None = None
        self.sent = bytearray()  # by the server, not read by the test yet
        self.writes: list[int] = []  # the size of each
        self.stalled = False  # the client reads when ``changed`` is set, once for each ``send``
        self.closed = False
        self.impatient = False  # the next ``wait`` times out
        self.input: list[bytes] = []
        self.changed = asyncio.Event()
        self.waits = False
        self._woken = False

    def take(self) -> bytes:
        return self.input.pop(0) if self.input else b""

    async def wait(self, seconds: float) -> None:
        while not (self.input or self._woken):
            if self.closed:
                raise Disconnected
            if self.impatient:
                raise TimedOut
            await self._sleep()
        self._woken = False

    def wake(self) -> None:
        self._woken = True
        self.changed.set()

    async def send(self, data: bytes) -> None:
        if self.closed:
            raise Disconnected
        self.writes.append(len(data))
        self.sent += data
        if self.stalled and not self.closed:
            await self._sleep()

    async def start_tls(self) -> None:
        self.input.clear()
        self.encrypted = True

    async def _sleep(self) -> None:
        self.waits = True
        self.changed.clear()
        await self.changed.wait()
        self.waits = False


@dataclass
class MemoryConnection:
    """``transcript.Connection``."""

    peer: MemoryPeer
    session: Session
    task: "asyncio.Task[None]"

    async def send(self, data: bytes) -> None:
        self.peer.input.append(data)
        self.peer.changed.set()

    async def line(self) -> bytes | None:
        while b"\n" not in self.peer.sent:
            if self.task.done():
                return None
            await asyncio.sleep(0.0005)
        line, _, rest = bytes(self.peer.sent).partition(b"\n")
        self.peer.sent[:] = rest
        return line.removesuffix(b"\r")

    async def settle(self) -> bytes:
        # What we wait for happens in threads, too.
        while not self.task.done() and (self.peer.input or not self.peer.waits):  # noqa: ASYNC110
            await asyncio.sleep(0.0005)
        return bytes(self.peer.sent)

    async def close(self) -> None:
        self.peer.closed = True
        self.peer.changed.set()
        await asyncio.wait_for(self.task, 5)


@dataclass
class Pop3Door:
    """``transcript.Door``. Short cuts: see ``given``."""

    world: World = field(default_factory=World)
    settings: Pop3Settings = field(default_factory=Pop3Settings)
    far: bool = False
    most_sessions: int = 0
    connections: list[MemoryConnection] = field(default_factory=list)
    sessions: Count = field(default_factory=Count)

    async def connect(self) -> MemoryConnection:
        peer = MemoryPeer(local=not self.far)
        around = Surroundings(self.settings, self.world.mail, self.world.login, self.sessions, self.most_sessions)
        session = Session(around, peer)
        connection = MemoryConnection(peer, session, asyncio.get_running_loop().create_task(converse(session)))
        self.connections.append(connection)
        return connection

    async def deliver(self, *messages: bytes) -> None:
        async with await self._mail() as mail:
            for message in messages:
                await mail.append(INBOX, [NewMessage(message)])

    async def expunge(self, *numbers: int) -> None:
        """What an IMAP session of the same account does meanwhile."""
        async with await self._mail() as mail:
            mailbox = await mail.select(INBOX)
            uids = NumberSet.of(await mailbox.uids(MessageSet(NumberSet.of(numbers), by_uid=False)))
            await mailbox.store(MessageSet(uids, by_uid=True), StoreMode.ADD, frozenset({DELETED}))
            await mailbox.expunge(uids)
            await mailbox.close()

    async def unseen(self) -> int:
        async with await self._mail() as mail:
            return (await mail.status(INBOX)).unseen

    async def _mail(self):
        return await self.world.mail.open(self.world.directory.accounts["alice@demo.test"])

    async def given(  # noqa: C901 - a table of short cuts
        self, words: list[str], connection: Callable[[], Awaitable[Connection]]
    ) -> None:
        """``@setting name value``, ``@far``, ``@sessions n``, ``@messages name…`` come before the first line of a
        connection; ``@login``, ``@expunge n…`` (by somebody else), ``@deliver name…``, ``@away``, ``@kick``,
        ``@timeout`` when they should happen."""
        match words:
            case ["setting", name, value]:
                self.settings = self.settings.model_copy(update={name: ast.literal_eval(value)})
            case ["far"]:
                self.far = True
            case ["sessions", most]:
                self.most_sessions = int(most)
            case ["messages" | "deliver", *names]:
                await self.deliver(*(MESSAGES[name] for name in names))
            case ["expunge", *numbers]:
                await self.expunge(*map(int, numbers))
            case ["away"]:
                self.world.directory.away = True
            case ["login"]:
                first = await connection()
                for line in (b"", b"USER alice\r\n", b"PASS secret\r\n"):
                    if line:
                        await first.send(line)
                    answer = await asyncio.wait_for(first.line(), 5)
                    assert answer is not None
                    assert answer.startswith(b"+OK"), answer
            case ["kick"]:
                self.connections[0].session.kick()
            case ["timeout"]:
                self.connections[0].peer.impatient = True
                self.connections[0].peer.changed.set()
            case _:
                raise AssertionError(f"unknown short cut {words}")
