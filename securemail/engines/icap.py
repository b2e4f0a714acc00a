"""Engines that speak ICAP (RFC 3507), as most commercial ones do: the message is shown as the answer to a request."""

import asyncio
import contextlib
import re
from datetime import datetime

from optimails.delivery.spool import Spool
from securemail.engines.connection import Address, exchange, pieces
from securemail.facts import Clean, EngineError, Examination, Infected, Outcome, Undeterminable

_REQUEST = b"GET http://optimails.invalid/message HTTP/1.1\r\nHost: optimails.invalid\r\n\r\n"
_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: message/rfc822\r\nTransfer-Encoding: chunked\r\n\r\n"
_MAX_HEADER = 65_536  # bytes
_THREAT = re.compile(r"Threat=([^;]+)")


class Icap:
    """``securemail.engines.api.Engine``. A new connection for each message: what one breaks, the next does not see."""

    def __init__(self, name: str, address: Address, service: str, limit: float) -> None:
        """``service`` is the path in its address, ``limit`` seconds for one message."""
        self.name = name
        self._address = address
        self._url = f"icap://{address.host}:{address.port}/{service.lstrip('/')}"
        self._limit = limit

    async def examine(self, content: Spool) -> Examination:
        """Never raises: an engine that does not answer says so."""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, dict[str, str], bytes]:
            # When it hangs up before the end it has answered.
            with contextlib.suppress(ConnectionError):
                await self._send(writer, content)
            return await _answer(reader)

        try:
            async with asyncio.timeout(self._limit):
                status, fields, modified = await exchange(self._address, talk)
        except (OSError, TimeoutError, EOFError, ValueError) as wrong:
            return Examination(self.name, EngineError(type(wrong).__name__))
        return Examination(self.name, _outcome(status, fields, modified), fields.get("istag", "").strip('"'))

    async def signatures_from(self) -> datetime | None:
        """ICAP has no words for that."""
        return None

    async def close(self) -> None:
        """Nothing is kept open."""

    def _head(self, method: str, *lines: bytes) -> bytes:
        first = f"{method} {self._url} ICAP/1.0".encode()
        host = f"Host: {self._address.host}".encode()
        return b"\r\n".join([first, host, b"Connection: close", *lines, b"", b""])

    async def _send(self, writer: asyncio.StreamWriter, content: Spool) -> None:
        encapsulated = (
            f"Encapsulated: req-hdr=0, res-hdr={len(_REQUEST)}, res-body={len(_REQUEST) + len(_RESPONSE)}".encode()
        )
        writer.write(self._head("RESPMOD", b"Allow: 204", encapsulated) + _REQUEST + _RESPONSE)
        async for piece in pieces(content):
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Status, fields (names in lower case), and the first line of a response that it gives in place of ours."""
    head = await reader.readuntil(b"\r\n\r\n")
    if len(head) > _MAX_HEADER:
        raise ValueError("the header is too long")
    lines = head.decode("latin-1").split("\r\n")
    protocol, _, rest = lines[0].partition(" ")
    if not protocol.startswith("ICAP/"):
        raise ValueError("that is not ICAP")
    pairs = (line.partition(":") for line in lines[1:] if ":" in line)
    fields = {name.strip().lower(): value.strip() for name, _, value in pairs}
    status = int(rest[:3])
    modified = await reader.readline() if status == 200 and "res-hdr" in fields.get("encapsulated", "") else b""
    return status, fields, modified


def _outcome(status: int, fields: dict[str, str], modified: bytes) -> Outcome:
    """There is no standard for what was found; these are the fields that engines use."""
    threat = _THREAT.search(fields.get("x-infection-found", ""))
    name = threat[1].strip() if threat else fields.get("x-virus-id") or fields.get("x-violations-found", "")
    if name and name.lower() not in ("no virus", "none", "no threats"):
        return Infected(name[:200])
    if status == 204:
        return Clean()
    if status == 200:
        # Given back as it was, or something else in its place: a page that says why.
        return Clean() if modified.split(b" ")[1:2] == [b"200"] else Infected("blocked")
    if status in (413, 507):
        return Undeterminable("larger than the engine takes")
    return EngineError(f"ICAP {status}")
