"""A connection to another server, on asyncio: plays dialogues, with a limit for every wait.

Memory stays flat whatever the size of a message: its file is read in pieces in a thread, and the next piece is read
when the socket has taken the one before. What the server sends is bounded by ``ReplyReader``.
"""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from optimails.config.outbound import OutboundSettings
from smtp.outbound.dialogue import Action, Capabilities, Lost, Phase, Read, Send, SendContent, StartTls
from smtp.outbound.replies import MAX_WAITING, Reply, ReplyReader
from smtp.wire.content import bare_line_ends, with_line_ends

_PIECE = 262_144  # bytes of content read at a time
_WRITE_LIMIT = 524_288  # bytes waiting to be sent, at which we wait
T = TypeVar("T")


class TlsFailed(Exception):
    """The handshake did not succeed; ``cause`` is OpenSSL's error."""


class Link(asyncio.Protocol):
    """One connection. All methods are for one task at a time."""

    def __init__(self, settings: OutboundSettings) -> None:
        self._settings = settings
        self._reader = ReplyReader()
        self._replies: deque[Reply] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._full = False
        self._ended: str = ""
        self._transport: asyncio.Transport | None = None
        self.remote = ""  # name of the host, for results
        self.address = ""  # its IP address
        self.capabilities = Capabilities("", {})
        self.messages = 0  # carried so far

    # -- asyncio's side ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # asyncio declares less than it gives
        self._transport.set_write_buffer_limits(_WRITE_LIMIT)  # type: ignore[union-attr]  # set above

    def data_received(self, data: bytes) -> None:
        """Replies, wanted or not."""
        self._replies += self._reader.feed(data)
        if len(self._replies) > MAX_WAITING:
            while len(self._replies) > MAX_WAITING:
                self._replies.pop()
            self._end("The server sends replies without end")
            self.abort()
        if self._reader.error:
            self._end(f"The server does not speak SMTP: {self._reader.error}")
            self.abort()
        self._notify()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(f"The server closed the connection{f': {exc}' if exc else ''}")

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    # -- our side ------------------------------------------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Whether nothing came that nobody asked for, not even the end."""
        return not self._ended and not self._replies and self._reader.idle

    @property
    def ssl_object(self) -> ssl.SSLObject | None:
        """The TLS session, when there is one."""
        found = self._transport.get_extra_info("ssl_object") if self._transport else None
        return found if isinstance(found, ssl.SSLObject) else None

    async def play(
        self,
        dialogue: Generator[Action, Reply, T],
        *,
        context: ssl.SSLContext | None = None,
        server_name: str | None = None,
        check: Callable[["Link"], None] | None = None,
        content: Path | None = None,
    ) -> T:
        """Do what the dialogue says; gives what it returns.

        Args:
            dialogue: from ``smtp.outbound.dialogue`` or ``transaction``.
            context: for STARTTLS, with the ``server_name`` to ask for.
            server_name: a host name, or None for addresses.
            check: called after the handshake, before anything is said; raises ``TlsFailed``.
            content: the message, for ``SendContent``.

        Raises:
            Lost: the connection broke, and the dialogue did not say what this means.
            TlsFailed: the handshake failed.
        """
        answer: Any = None
        failure: Lost | None = None
        while True:
            try:
                action = dialogue.throw(failure) if failure else dialogue.send(answer)
            except StopIteration as done:
                result: T = done.value
                return result
            answer, failure = None, None
            try:
                match action:
                    case Send():
                        self._write(action.data)
                    case Read():
                        answer = await self._reply(action.phase)
                    case StartTls():
                        assert context is not None
                        await self.start_tls(context, server_name)
                        if check is not None:
                            check(self)
                    case SendContent():
                        assert content is not None
                        await self._send(content, dots=action.dots)
            except Lost as lost:
                failure = lost

    async def start_tls(self, context: ssl.SSLContext, server_name: str | None) -> None:
        """The handshake, as client. Raises ``TlsFailed``; the connection is of no more use then."""
        if self._transport is None or not self.usable:
            self.abort()
            raise TlsFailed("The server sent something between STARTTLS and the handshake")
        try:
            self._transport = await asyncio.get_running_loop().start_tls(
                self._transport,
                self,
                context,
                server_hostname=server_name or "",
                ssl_handshake_timeout=self._settings.tls_timeout,
                ssl_shutdown_timeout=1.0,
            )
        except OSError as wrong:
            self._end("The TLS handshake failed")
            self.abort()
            raise TlsFailed(str(wrong) or type(wrong).__name__) from wrong
        if self._transport is None:  # it broke in the very moment
            raise TlsFailed("The connection ended in the handshake")
        self._transport.set_write_buffer_limits(_WRITE_LIMIT)

    def close(self) -> None:
        """With good manners: QUIT, but nobody waits for the answer."""
        if not self._ended and self._transport is not None:
            with contextlib.suppress(OSError, RuntimeError):
                self._transport.write(b"QUIT\r\n")
                self._transport.close()
        self._end("closed")

    def abort(self) -> None:
        """Close at once; may be called twice."""
        if self._transport is not None:
            self._transport.abort()
        self._end("closed")

    def _write(self, data: bytes) -> None:
        if self._ended or self._transport is None:
            return  # what it means is seen when the answer is read: the server may have said why before it closed
        self._transport.write(data)

    async def _reply(self, phase: Phase) -> Reply:
        settings = self._settings
        patience = {
            Phase.GREETING: settings.greeting_timeout,
            Phase.DATA: settings.data_timeout,
            Phase.END: settings.end_timeout,
        }.get(phase, settings.command_timeout)
        try:
            async with asyncio.timeout(patience):
                while not self._replies:
                    if self._ended:
                        raise Lost(self._ended, phase)
                    await self._changed()
        except TimeoutError:
            self.abort()
            raise Lost(f"no answer to {phase.value} within {patience:g} seconds", phase) from None
        return self._replies.popleft()

    async def _send(self, content: Path, *, dots: bool) -> None:
        loop = asyncio.get_running_loop()
        try:
            file = await loop.run_in_executor(None, lambda: content.open("rb"))
        except OSError as wrong:
            self.abort()
            raise Lost(f"The message cannot be read: {wrong.strerror}", Phase.END) from wrong
        stuffer = DotStuffer() if dots else None
        complete = False
        try:
            piece = await loop.run_in_executor(None, _read, file)
            while not self._ended and not self._replies:  # who answers before the end is not going to take it
                # Nothing is waited for between the last byte and the end: the answer to it may come at any moment.
                following = await loop.run_in_executor(None, _read, file) if piece else b""
                self._write(stuffer.feed(piece) if stuffer else piece)
                if not following:
                    self._write(stuffer.finish() if stuffer else b"")
                    complete = True
                    break
                await self._room()
                piece = following
        except OSError as wrong:
            self.abort()
            raise Lost(f"The message cannot be read: {wrong.strerror}", Phase.END) from wrong
        finally:
            file.close()
        if not complete:
            self._cut()

    def _cut(self) -> None:
        """The content was not sent in full: what the server said counts if it is a refusal; nothing more can follow."""
        early = self._replies[0] if self._replies else None
        self._end("The server answered before the message was sent")
        self.abort()
        self._replies.clear()
        if early is not None and not early.positive:
            self._replies.append(early)

    async def _room(self) -> None:
        if not self._full or self._ended:
            return
        self._drained = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._settings.block_timeout):
                await self._drained
        except TimeoutError:
            self.abort()
            raise Lost(f"The server took nothing for {self._settings.block_timeout:g} seconds", Phase.END) from None
        finally:
            self._drained = None

    async def _changed(self) -> None:
        self._wake = asyncio.get_running_loop().create_future()
        try:
            await self._wake
        finally:
            self._wake = None

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _end(self, why: str) -> None:
        self._ended = self._ended or why
        self._notify()
        self.resume_writing()


def _read(file: BinaryIO) -> bytes:
    return file.read(_PIECE)


class DotStuffer:
    """Content as DATA wants it (RFC 5321 §4.5.2), piece by piece; bare CR and LF, which could hide a message's end from
    careless servers, are made line ends.
    """

    __slots__ = ("_fresh", "_held")

    def __init__(self) -> None:
        self._held = b""  # a CR at the end of a piece: the LF may follow
        self._fresh = True  # at the beginning of a line

    def feed(self, piece: bytes) -> bytes:
        data = self._held + piece
        self._held = b""
        if data.endswith(b"\r"):
            data, self._held = data[:-1], b"\r"
        if not data:
            return b""
        if bare_line_ends(data):
            data = with_line_ends(data)
        stuffed = data.replace(b"\r\n.", b"\r\n..")
        if self._fresh and data.startswith(b"."):
            stuffed = b"." + stuffed
        self._fresh = data.endswith(b"\r\n")
        return stuffed

    def finish(self) -> bytes:
        """The end: a line end where the content has none, and the dot."""
        held, self._held = self._held, b""
        return b".\r\n" if self._fresh and not held else b"\r\n.\r\n"
