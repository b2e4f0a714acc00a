"""An SMTP server that does what a test tells it: well-behaved by default, hostile on demand."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

EXTENSIONS = ("PIPELINING", "SIZE 52428800", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8")
Tamper = Callable[[int, str, bytes], bytes | None]


@dataclass
class Received:
    mail: str = ""
    recipients: list[str] = field(default_factory=list)
    content: bytes = b""
    tls: bool = False


@dataclass
class ScriptedSmtp:
    """``tamper(number, step, reply)`` may change the n-th reply of a connection; None cuts the connection instead.

    ``step`` is the verb it answers: GREETING, EHLO, MAIL, RCPT, DATA, END …
    """

    extensions: tuple[str, ...] = EXTENSIONS
    tamper: Tamper = lambda _number, _step, reply: reply
    tls: ssl.SSLContext | None = None
    lmtp: bool = False
    name: str = "mx.test"
    messages: list[Received] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    connections: int = 0
    most_at_once: int = 0
    port: int = 0
    keep_content: bool = True
    content_bytes: int = 0
    _now: int = 0
    _server: asyncio.Server | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0, *, implicit: bool = False) -> None:
        self._server = await asyncio.start_server(
            self._serve, host, port, limit=1 << 20, ssl=self.tls if implicit else None
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            await _Conversation(self, reader, writer).run()
        except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            self._now -= 1
            writer.transport.abort()


class _Conversation:
    def __init__(self, server: ScriptedSmtp, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.number = 0
        self.refused = False
        self.tls = writer.get_extra_info("ssl_object") is not None

    async def say(self, step: str, reply: bytes) -> None:
        self.number += 1
        changed = self.server.tamper(self.number, step, reply)
        if changed is None:
            self.writer.close()
            raise EOFError
        self.refused = changed[:1] in {b"4", b"5"}
        self.writer.write(changed)
        await self.writer.drain()

    async def run(self) -> None:  # noqa: C901  (a branch for each command)
        await self.say("GREETING", f"220 {self.server.name} ESMTP\r\n".encode())
        current = Received(tls=self.tls)
        while True:
            line = (await self.reader.readuntil(b"\n")).decode().rstrip("\r\n")
            self.server.lines.append(line)
            verb = line.split(" ")[0].upper()
            if verb in {"EHLO", "LHLO"}:
                known = [self.server.name, *self.server.extensions]
                if self.server.tls and not self.tls:
                    known.append("STARTTLS")
                lines = [f"250-{one}\r\n" for one in known[:-1]] + [f"250 {known[-1]}\r\n"]
                await self.say(verb, "".join(lines).encode())
            elif verb == "HELO":
                await self.say(verb, f"250 {self.server.name}\r\n".encode())
            elif verb == "STARTTLS":
                await self.say(verb, b"220 2.0.0 Go\r\n")
                if self.refused:
                    continue
                await self.writer.start_tls(self.server.tls)
                self.tls = True
                current = Received(tls=True)
            elif verb == "AUTH":
                await self.say(verb, b"235 2.7.0 Ok\r\n")
            elif verb == "MAIL":
                current = Received(mail=line, tls=self.tls)
                await self.say(verb, b"250 2.1.0 Ok\r\n")
            elif verb == "RCPT":
                current.recipients.append(line)
                await self.say(verb, b"250 2.1.5 Ok\r\n")
            elif verb == "DATA":
                await self.say(verb, b"354 Go\r\n")
                await self.data(current)
                await self.end(current)
            elif verb == "BDAT":
                current.content = await self.reader.readexactly(int(line.split()[1]))
                await self.end(current)
            elif verb == "QUIT":
                await self.say(verb, b"221 2.0.0 Bye\r\n")
                return
            else:
                await self.say(verb, b"250 2.0.0 Ok\r\n")

    async def data(self, current: Received) -> None:
        tail, kept = b"\r\n", [b""]
        while not tail.endswith(b"\r\n.\r\n"):
            piece = await self.reader.read(65_536)
            if not piece:
                raise EOFError
            self.server.content_bytes += len(piece)
            tail = (tail + piece)[-5:]
            if self.server.keep_content:
                kept.append(piece)
        current.content = b"".join(kept)

    async def end(self, current: Received) -> None:
        replies = len(current.recipients) if self.server.lmtp else 1
        self.server.messages.append(current)
        for _ in range(replies):
            await self.say("END", b"250 2.0.0 Taken\r\n")


@asynccontextmanager
async def scripted(**settings: object) -> AsyncIterator[ScriptedSmtp]:
    """One that runs on loopback."""
    where = {key: settings.pop(key) for key in ("host", "port", "implicit") if key in settings}
    server = ScriptedSmtp(**settings)  # type: ignore[arg-type]
    await server.start(**where)  # type: ignore[arg-type]
    try:
        yield server
    finally:
        await server.stop()
