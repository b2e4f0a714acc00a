"""A connection to a filter, on asyncio: plays dialogues, with a limit for every wait."""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Mapping

from smtp.milter import wire
from smtp.milter.dialogue import Patience, Read, Send, Talk
from smtp.milter.wire import Final, PacketReader

_READ = 65_536  # bytes taken at a time
_WRITE_LIMIT = 262_144  # bytes waiting to be sent, at which we wait


class Lost(Exception):
    """The filter is away, or says nothing for too long."""


class Link:
    """All methods are for one task at a time."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: Mapping[Patience, float]
    ) -> None:
        self._reader, self._writer = reader, writer
        self._patience = patience
        self._packets = PacketReader()
        self._waiting: deque[bytes] = deque()

    @classmethod
    async def open(
        cls, place: str | tuple[str, int], connect_timeout: float, patience: Mapping[Patience, float]
    ) -> "Link":
        """``place`` is the path of a Unix socket, or host and port. Raises ``Lost``."""
        try:
            async with asyncio.timeout(connect_timeout):
                if isinstance(place, str):
                    reader, writer = await asyncio.open_unix_connection(place, limit=_READ)
                else:
                    reader, writer = await asyncio.open_connection(*place, limit=_READ)
        except TimeoutError as wrong:
            raise Lost(f"no connection within {connect_timeout:g} seconds") from wrong
        except OSError as wrong:
            raise Lost(_said(wrong)) from wrong
        writer.transport.set_write_buffer_limits(_WRITE_LIMIT)
        return cls(reader, writer, patience)

    async def play(self, talk: Talk) -> Final:
        """Say what the dialogue says; gives the filter's word. Raises ``Lost``, ``Nonsense``."""
        answer: wire.Answer | None = None
        while True:
            try:
                action = talk.send(answer)  # type: ignore[arg-type]  # None begins it
            except StopIteration as done:
                word: Final = done.value
                return word
            answer = None
            match action:
                case Send(data):
                    await self._send(data)
                case Read(patience):
                    answer = wire.answer(await self._packet(patience))

    async def _send(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            async with asyncio.timeout(self._patience[Patience.CONTENT]):
                await self._writer.drain()
        except TimeoutError as wrong:
            raise Lost("it takes nothing") from wrong
        except OSError as wrong:
            raise Lost(_said(wrong)) from wrong

    async def _packet(self, patience: Patience) -> bytes:
        seconds = self._patience[patience]
        try:
            async with asyncio.timeout(seconds):
                while not self._waiting:
                    data = await self._reader.read(_READ)
                    if not data:
                        raise Lost("it closed the connection")
                    self._waiting.extend(self._packets.feed(data))
        except TimeoutError as wrong:
            raise Lost(f"no answer within {seconds:g} seconds") from wrong
        except OSError as wrong:
            raise Lost(_said(wrong)) from wrong
        return self._waiting.popleft()

    def close(self, last_words: bytes = b"") -> None:
        """Nobody waits for what becomes of the last words."""
        with contextlib.suppress(OSError, RuntimeError):
            if last_words and not self._writer.is_closing():
                self._writer.write(last_words)
            self._writer.close()

    def abort(self) -> None:
        """At once."""
        self._writer.transport.abort()


def _said(wrong: OSError) -> str:
    """In the words of the system where there are any: asyncio's own name addresses only."""
    return os.strerror(wrong.errno) if wrong.errno and wrong.errno > 0 else str(wrong) or "the connection broke"
