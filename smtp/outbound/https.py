"""One small document over HTTPS, checked certificate and all; for policies of other domains.

Not ``http.client``: a hostile host may send a byte a minute, and must not hold a thread for it. No redirects
(RFC 8461 §3.3), no cookies, nothing kept.
"""

import asyncio
import ssl
from collections.abc import Sequence

_MAX_HEAD = 16_384


class FetchFailed(Exception):
    """It could not be had; ``__cause__`` is the error of TLS or network, where there was one."""


async def fetch(  # noqa: PLR0913  (each is a plain fact)
    addresses: Sequence[str], host: str, path: str, context: ssl.SSLContext, *, port: int = 443, limit: int
) -> tuple[str, bytes]:
    """Content type and body of ``limit`` bytes at most, from the first address that answers. Has no time limit itself.

    Raises:
        FetchFailed: no address answers, the certificate is wrong, the status is not 200, or it is too large.
    """
    failure: OSError | None = None
    for address in addresses[:4]:
        try:
            reader, writer = await asyncio.open_connection(
                address, port, ssl=context, server_hostname=host, limit=_MAX_HEAD
            )
        except OSError as wrong:
            failure = wrong
            continue
        try:
            return await _get(reader, writer, host, path, limit)
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError) as wrong:
            raise FetchFailed(f"{host} does not answer as it should") from wrong
        finally:
            writer.transport.abort()
    raise FetchFailed(f"{host} cannot be reached: {failure or 'it has no address'}") from failure


async def _get(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, path: str, limit: int
) -> tuple[str, bytes]:
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/plain\r\nUser-Agent: Optimails\r\nConnection: close"
    writer.write(f"{request}\r\n\r\n".encode("ascii"))
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    words = status.split(maxsplit=2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or words[1] != "200":
        raise FetchFailed(f"{host} answers {status[:100]!r}")
    head = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "chunked" in head.get("transfer-encoding", "").lower():
        body = await _chunks(reader, limit)
    elif "content-length" in head:
        if int(head["content-length"][:10]) > limit:
            raise FetchFailed(f"{host} sends too much")
        body = await reader.readexactly(int(head["content-length"][:10]))
    else:
        body = await _all(reader, limit)
    return head.get("content-type", ""), body


async def _all(reader: asyncio.StreamReader, limit: int) -> bytes:
    body = b""
    while piece := await reader.read(8_192):
        body += piece
        if len(body) > limit:
            raise FetchFailed("it is too large")
    return body


async def _chunks(reader: asyncio.StreamReader, limit: int) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0].strip()[:8], 16):
        if not 0 < size <= limit - len(body):
            raise FetchFailed("it is too large")
        body += (await reader.readexactly(size + 2))[:-2]
    return body
