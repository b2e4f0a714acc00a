"""A connection to a far mail server: TLS verified, every wait limited, never more than a little in memory.

A client of our own, and not poplib and imaplib: those keep a whole message and every untagged line in memory, wait in
threads that nobody can call back, and imaplib's literals may have any size. Here a message passes through piece by
piece, and cancelling a task ends its connection.
"""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator

from optimails.collection.api import Access, CollectFailed, SourceTls, Trouble
from optimails.config.collection import CollectionSettings

PIECE = 65_536  # bytes
MAX_LINE = 65_536  # bytes of a line that is not message text


class Wire:
    """Lines and pieces; errors of the connection become ``CollectFailed``."""

    def __init__(self, access: Access, settings: CollectionSettings) -> None:
        self._access = access
        self._settings = settings
        self._context = ssl.create_default_context(cafile=settings.ca_file)
        self._buffer = b""
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self._plain: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        host, port = self._access.host, self._access.port
        implicit = self._access.tls is SourceTls.IMPLICIT
        wrong: OSError | None = None
        async with self._limits():
            for address in await self._addresses(host, port):
                try:
                    self._reader, self._writer = await asyncio.open_connection(
                        address,
                        port,
                        limit=PIECE,
                        ssl=self._context if implicit else None,
                        server_hostname=host if implicit else None,
                    )
                except ssl.SSLError:
                    raise
                except OSError as error:
                    wrong = error
                else:
                    return
            assert wrong is not None
            raise wrong

    async def _addresses(self, host: str, port: int) -> list[str]:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        if not self._settings.private_addresses:  # or users could look around in the operator's own network
            addresses = [address for address in addresses if ipaddress.ip_address(address).is_global]
        if not addresses:
            raise CollectFailed(Trouble.CONNECT, f"{host} is at a private address")
        return addresses

    async def start_tls(self) -> None:
        """From here on encrypted. What came before is thrown away with its reader: it may be anybody's."""
        assert self._writer is not None
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=PIECE)
        protocol = asyncio.StreamReaderProtocol(reader)
        async with self._limits():
            transport = await loop.start_tls(
                self._writer.transport, protocol, self._context, server_hostname=self._access.host
            )
            if transport is None:
                raise ConnectionResetError("the connection was closed")
        protocol.connection_made(transport)
        self._plain = self._writer  # kept: it closes the connection when it is forgotten
        self._buffer, self._reader = b"", reader
        self._writer = asyncio.StreamWriter(transport, protocol, reader, loop)

    async def send(self, data: bytes) -> None:
        assert self._writer is not None
        async with self._limits():
            self._writer.write(data)
            await self._writer.drain()

    async def line(self) -> bytes:
        """The next line without its end."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > MAX_LINE:
                raise CollectFailed(Trouble.PROTOCOL, "the server sends a line without end")
            await self._more()
        line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
        return line.removesuffix(b"\r")

    async def piece(self) -> bytes:
        """The next line with its end, or a part of a very long one."""
        while (end := self._buffer.find(b"\n")) < 0 and len(self._buffer) < PIECE:
            await self._more()
        cut = end + 1 or len(self._buffer)
        piece, self._buffer = self._buffer[:cut], self._buffer[cut:]
        return piece

    async def some(self, most: int) -> bytes:
        """What is there, at least one byte and at most so many."""
        if not self._buffer:
            await self._more()
        piece, self._buffer = self._buffer[:most], self._buffer[most:]
        return piece

    def abort(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()

    async def _more(self) -> None:
        async with self._limits():
            data = await self._reader.read(PIECE)
        if not data:
            raise CollectFailed(Trouble.CONNECT, "the server closed the connection")
        self._buffer += data

    @contextlib.asynccontextmanager
    async def _limits(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._settings.timeout):
                yield
        except TimeoutError as error:
            raise CollectFailed(Trouble.SILENT, self._access.host) from error
        except ssl.SSLCertVerificationError as error:
            raise CollectFailed(Trouble.CERTIFICATE, error.verify_message) from error
        except (OSError, UnicodeError) as error:  # a host name that cannot be one
            raise CollectFailed(Trouble.CONNECT, getattr(error, "strerror", None) or str(error)) from error


def shown(line: bytes) -> str:
    """What a server said, fit to be shown."""
    return "".join(char for char in line.decode("utf-8", "replace") if char.isprintable())[:200]
