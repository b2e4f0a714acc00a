"""The client's side of IMAP (RFC 3501, which every server speaks), as far as collecting the INBOX needs it."""

import re
from collections.abc import Callable, Sequence

from optimails.collection.api import CollectFailed, RemoteMessage, SourceTls, Trouble
from optimails.collection.wire import PIECE, Wire, shown

_LITERAL = re.compile(rb"\{(\d{1,18})\}$")
_VALIDITY = re.compile(rb"\* OK \[UIDVALIDITY (\d{1,10})\]", re.IGNORECASE)
_FETCH = re.compile(rb"\* \d{1,10} FETCH \(", re.IGNORECASE)
_UID = re.compile(rb"[ (]UID (\d{1,10})[ )]", re.IGNORECASE)
_SIZE = re.compile(rb"[ (]RFC822\.SIZE (\d{1,18})[ )]", re.IGNORECASE)
_BODY = re.compile(rb"[ (]BODY\[\] \{(\d{1,18})\}$", re.IGNORECASE)
_SPARE = 1_000  # lines that are no answer to what was asked
_SMALL = 65_536  # bytes of a literal that is not the message
_AVERAGE = 256  # bytes that answers may have, each
_SET = 500  # UIDs named in one command


class ImapRemote:
    def __init__(self, wire: Wire, limit: int) -> None:
        self._wire = wire
        self._limit = limit
        self._tag = 0
        self._validity = 0
        self._can_expunge = False

    async def start(self, tls: SourceTls, login: str, password: str) -> None:
        await self._wire.connect()
        greeting = await self._wire.line()
        if not greeting.upper().startswith(b"* OK"):
            raise CollectFailed(Trouble.PROTOCOL, shown(greeting))
        if tls is SourceTls.STARTTLS:
            await self._ask([b"STARTTLS"])
            await self._wire.start_tls()
        await self._ask([b"LOGIN ", login.encode(), password.encode()], trouble=Trouble.LOGIN)
        for line in await self._ask([b"CAPABILITY"]):
            self._can_expunge |= b"UIDPLUS" in line.upper().split() or b"IMAP4REV2" in line.upper().split()
        for line in await self._ask([b"SELECT INBOX"]):
            if match := _VALIDITY.match(line):
                self._validity = int(match[1])
        if not self._validity:
            raise CollectFailed(Trouble.PROTOCOL, "UIDVALIDITY")

    async def messages(self) -> list[RemoteMessage]:
        found = {}
        for line in await self._ask([b"UID FETCH 1:* (UID RFC822.SIZE FLAGS)"], lines=self._limit):
            uid, size = _UID.search(line), _SIZE.search(line)
            if _FETCH.match(line) and uid and size and b"\\DELETED" not in line.upper():
                found[int(uid[1])] = int(size[1])
        return [RemoteMessage(f"{self._validity}.{uid}", uid, found[uid]) for uid in sorted(found)]

    async def fetch(self, message: RemoteMessage, write: Callable[[bytes], None]) -> None:
        self._tag += 1
        await self._wire.send(b"c%d UID FETCH %d (UID BODY.PEEK[])\r\n" % (self._tag, message.number))  # PEEK: unread
        came = False
        for _ in range(_SPARE):
            line = await self._wire.line()
            if self._ends(line, Trouble.PROTOCOL):
                if not came:
                    raise CollectFailed(Trouble.PROTOCOL, "the message did not come")
                return
            body = _BODY.search(line)
            if _FETCH.match(line) and body:
                if came:
                    raise CollectFailed(Trouble.PROTOCOL, "the message came twice")
                came = True
                await self._stream(int(body[1]), write)
                line = await self._wire.line()
            await self._finish(line)
        raise CollectFailed(Trouble.PROTOCOL, "too many answers")

    async def delete(self, messages: Sequence[RemoteMessage]) -> None:
        for start in range(0, len(messages), _SET):
            uids = b",".join(b"%d" % message.number for message in messages[start : start + _SET])
            await self._ask([b"UID STORE " + uids + rb" +FLAGS.SILENT (\Deleted)"], lines=self._limit)
            if self._can_expunge:  # a plain EXPUNGE would also remove what the user only marked
                await self._ask([b"UID EXPUNGE " + uids], lines=self._limit)  # RFC 4315 §2.1

    async def close(self) -> None:
        await self._ask([b"LOGOUT"])
        self._wire.abort()

    def abort(self) -> None:
        self._wire.abort()

    # -- commands and answers

    async def _ask(self, parts: Sequence[bytes], *, trouble: Trouble = Trouble.PROTOCOL, lines: int = 0) -> list[bytes]:
        """The untagged lines that answer; all parts but the first are sent as literals (RFC 3501 §4.3)."""
        self._tag += 1
        first, *literals = parts
        start = b"c%d " % self._tag + first
        for literal in literals:
            await self._wire.send(start + b"{%d}\r\n" % len(literal))
            while not (line := await self._wire.line()).startswith(b"+"):
                if self._ends(line, trouble):
                    raise CollectFailed(Trouble.PROTOCOL, shown(line))
            await self._wire.send(literal)
            start = b" "
        await self._wire.send(b"\r\n" if literals else start + b"\r\n")
        found: list[bytes] = []
        left = (lines + _SPARE) * _AVERAGE
        for _ in range(lines + _SPARE):
            line = await self._wire.line()
            if self._ends(line, trouble):
                return found
            found.append(line)
            left -= len(line)
            if left < 0:
                break
            await self._finish(line)
        raise CollectFailed(Trouble.PROTOCOL, f"more than {lines} messages" if lines else "too many answers")

    def _ends(self, line: bytes, trouble: Trouble) -> bool:
        """Whether the command has come to its end, in good order."""
        if line.upper().startswith(b"* BYE") and trouble is Trouble.LOGIN:
            raise CollectFailed(Trouble.PROTOCOL, shown(line))
        tag = b"c%d " % self._tag
        if not line.startswith(tag):
            return False
        said = line[len(tag) :]
        if not said.upper().startswith(b"OK"):
            passing = said.upper().startswith((b"NO [UNAVAILABLE]", b"NO [INUSE]", b"NO [LIMIT]"))  # RFC 5530
            raise CollectFailed(Trouble.PROTOCOL if passing else trouble, shown(said))
        return True

    async def _finish(self, line: bytes) -> None:
        """Read on to the end of an answer that has literals."""
        for _ in range(100):
            match = _LITERAL.search(line)
            if match is None:
                return
            if int(match[1]) > _SMALL:
                raise CollectFailed(Trouble.PROTOCOL, "an answer is too large")
            await self._stream(int(match[1]), lambda _: None)
            line = await self._wire.line()
        raise CollectFailed(Trouble.PROTOCOL, "an answer has no end")

    async def _stream(self, size: int, write: Callable[[bytes], None]) -> None:
        while size:
            piece = await self._wire.some(min(size, PIECE))
            size -= len(piece)
            write(piece)
