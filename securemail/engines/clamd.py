"""clamd, asked by INSTREAM (clamd(8)): the message goes over the socket, nothing needs to be readable by clamd."""

import asyncio
import contextlib
import re
import struct
from datetime import UTC, datetime
from functools import partial

from optimails.delivery.spool import Spool
from securemail.engines.connection import Address, exchange, pieces
from securemail.facts import Clean, Encrypted, EngineError, Examination, Infected, Outcome, Undeterminable

_LENGTH = struct.Struct(">I")
_ANSWER = 4_096  # bytes
_FOUND = re.compile(r"stream: (?P<name>.+?)(?:\([0-9a-f]{32}:\d+\))? FOUND")
_VERSION = re.compile(r"ClamAV (?P<program>[^/]+)(?:/(?P<signatures>\d+)/(?P<date>.+))?")


class Clamd:
    """``securemail.engines.api.Engine``."""

    def __init__(self, name: str, address: Address, limit: float) -> None:
        """``limit``: seconds for one message."""
        self.name = name
        self._address = address
        self._limit = limit
        self._version = ""

    async def examine(self, content: Spool) -> Examination:
        """Never raises: an engine that does not answer says so."""
        try:
            async with asyncio.timeout(self._limit):
                self._version = self._version or (await self.version())[0]
                answer = await exchange(self._address, partial(_show, content))
        except (OSError, TimeoutError, EOFError) as wrong:
            self._version = ""  # another one may answer next time
            return Examination(self.name, EngineError(type(wrong).__name__))
        return Examination(self.name, _outcome(answer), self._version)

    async def version(self) -> tuple[str, datetime | None]:
        """Program and signatures, and when those were made. Raises ``OSError``, ``EOFError``."""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
            writer.write(b"zVERSION\0")
            return await _answer(reader)

        match = _VERSION.match(await exchange(self._address, talk))
        if match is None:
            return "", None
        made = None
        if match["date"]:
            made = datetime.strptime(" ".join(match["date"].split()), "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
        return "/".join(filter(None, (match["program"], match["signatures"]))), made

    async def signatures_from(self) -> datetime | None:
        """When its signatures were made; None where it does not say, or does not answer."""
        with contextlib.suppress(OSError, EOFError):
            return (await self.version())[1]
        return None

    async def close(self) -> None:
        """Nothing is kept open."""


async def _show(content: Spool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    writer.write(b"zINSTREAM\0")
    # When it hangs up before the end it has said why.
    with contextlib.suppress(ConnectionError):
        async for piece in pieces(content):
            writer.write(_LENGTH.pack(len(piece)) + piece)
            await writer.drain()
        writer.write(_LENGTH.pack(0))
        await writer.drain()
    return await _answer(reader)


async def _answer(reader: asyncio.StreamReader) -> str:
    answer = await reader.readuntil(b"\0")
    return answer[:_ANSWER].rstrip(b"\0\n").decode("utf-8", "replace")


def _outcome(answer: str) -> Outcome:
    if answer == "stream: OK":
        return Clean()
    match = _FOUND.fullmatch(answer)
    if match is None:
        if "size limit exceeded" in answer:
            return Undeterminable("larger than clamd takes")
        return EngineError(answer[:100])
    name = match["name"]
    if name.startswith("Heuristics.Encrypted"):
        return Encrypted()
    if name.startswith("Heuristics.Limits.Exceeded"):
        return Undeterminable(name)
    return Infected(name)
