"""TLS for a client that knows none: a loopback port whose connections reach an SMTP server by STARTTLS."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def starttls_tunnel(host: str, port: int, ca_file: str) -> Iterator[int]:
    """The port, as long as the context. The server's certificate is verified."""
    context = ssl.create_default_context(cafile=ca_file)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            there, back = await asyncio.open_connection(host, port)
            try:
                greeting = await there.readline()
                back.write(b"EHLO tunnel.example\r\n")
                while not (await there.readline()).startswith(b"250 "):
                    pass
                back.write(b"STARTTLS\r\n")
                assert (await there.readline()).startswith(b"220")
                await back.start_tls(context, server_hostname=host)
                writer.write(greeting)
                await asyncio.gather(_copy(reader, back), _copy(there, writer))
            finally:
                back.close()
        writer.close()

    thread.start()
    try:
        starting = asyncio.run_coroutine_threadsafe(asyncio.start_server(connected, "127.0.0.1", 0), loop)
        server = starting.result(20)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            loop.call_soon_threadsafe(server.close)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    finally:
        target.close()
