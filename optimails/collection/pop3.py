"""The client's side of POP3 (RFC 1939), as far as collecting needs it."""

from collections.abc import AsyncIterator, Callable, Sequence

from optimails.collection.api import CollectFailed, RemoteMessage, SourceTls, Trouble
from optimails.collection.wire import Wire, shown

_MAX_ID = 70  # RFC 1939 §7
_MAX_DIGITS = 18


class Pop3Remote:
    def __init__(self, wire: Wire, limit: int) -> None:
        self._wire = wire
        self._limit = limit

    async def start(self, tls: SourceTls, login: str, password: str) -> None:
        await self._wire.connect()
        await self._answer(Trouble.PROTOCOL)
        if tls is SourceTls.STARTTLS:
            await self._ask("STLS")  # RFC 2595 §4
            await self._wire.start_tls()
        await self._ask(f"USER {login}", Trouble.LOGIN)
        await self._ask(f"PASS {password}", Trouble.LOGIN)

    async def messages(self) -> list[RemoteMessage]:
        await self._ask("LIST")
        sizes = {}
        async for number, size, *_ in self._lines():
            sizes[_number(number)] = _number(size)
        await self._ask("UIDL")
        found = []
        async for number, identity, *_ in self._lines():
            if len(identity) > _MAX_ID * 2 or _number(number) not in sizes:  # some servers' are longer than allowed
                raise CollectFailed(Trouble.PROTOCOL, "UIDL")
            found.append(RemoteMessage(identity.decode("latin-1"), int(number), sizes[int(number)]))
        return found

    async def fetch(self, message: RemoteMessage, write: Callable[[bytes], None]) -> None:
        await self._ask(f"RETR {message.number}")
        begins = True
        while (piece := await self._wire.piece()) not in (b".\r\n", b".\n") or not begins:
            write(piece[1:] if begins and piece.startswith(b".") else piece)  # RFC 1939 §3
            begins = piece.endswith(b"\n")

    async def delete(self, messages: Sequence[RemoteMessage]) -> None:
        for message in messages:
            await self._ask(f"DELE {message.number}")

    async def close(self) -> None:
        await self._ask("QUIT")  # only now are deleted messages gone (RFC 1939 §6)
        self._wire.abort()

    def abort(self) -> None:
        self._wire.abort()

    async def _ask(self, command: str, trouble: Trouble = Trouble.PROTOCOL) -> None:
        await self._wire.send(command.encode() + b"\r\n")
        await self._answer(trouble)

    async def _answer(self, trouble: Trouble) -> None:
        line = await self._wire.line()
        if not line.upper().startswith(b"+OK"):
            # RFC 3206: the mailbox is in use, or the server has trouble of its own: the password is not to blame.
            passing = line.upper().startswith((b"-ERR [IN-USE]", b"-ERR [SYS/TEMP]"))
            raise CollectFailed(Trouble.PROTOCOL if passing else trouble, shown(line))

    async def _lines(self) -> AsyncIterator[list[bytes]]:
        for _ in range(self._limit + 1):
            line = await self._wire.line()
            if line == b".":
                return
            words = line.split()
            if len(words) < 2:
                raise CollectFailed(Trouble.PROTOCOL, shown(line))
            yield words
        raise CollectFailed(Trouble.PROTOCOL, f"more than {self._limit} messages")


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > _MAX_DIGITS:
        raise CollectFailed(Trouble.PROTOCOL, shown(text))
    return int(text)
