"""POP3 sessions without sockets, for dialogue files and unit tests."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from optimails.config.pop3 import Pop3Settings
from optimails.mailbox.api import MessageSet, NewMessage, StoreMode
from optimails.model.flags import DELETED
from optimails.model.mailbox_name import INBOX
from optimails.model.number_set import NumberSet
from pop3.session.conversation import converse
from pop3.session.session import Session
from tests.support.memory_peer import MemoryConnection, MemoryPeer, PullDoor, expect
from tests.support.transcript import Connection

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


@dataclass
class Pop3Door(PullDoor):
    """``transcript.Door``. Short cuts: see ``given``."""

    settings: Pop3Settings = field(default_factory=Pop3Settings)

    def start(self, surroundings):
        peer = MemoryPeer(local=not self.far)
        session = Session(surroundings, peer)
        return peer, session, converse(session)

    async def login(self, connection: MemoryConnection) -> None:
        for line in (b"", b"USER alice\r\n", b"PASS secret\r\n"):
            await expect(connection, line, b"+OK")

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

    async def given(self, words: list[str], connection: Callable[[], Awaitable[Connection]]) -> None:
        """Also ``@messages name…`` before the first line; ``@expunge n…`` (by somebody else), ``@deliver name…``."""
        match words:
            case ["messages" | "deliver", *names]:
                await self.deliver(*(MESSAGES[name] for name in names))
            case ["expunge", *numbers]:
                await self.expunge(*map(int, numbers))
            case _:
                await super().given(words, connection)
