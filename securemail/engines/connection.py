"""One conversation with an engine: connected, talked, closed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from optimails.delivery.spool import Spool

_T = TypeVar("_T")
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[_T]]
_PIECE = 262_144  # bytes


@dataclass(frozen=True, slots=True)
class Address:
    """Host and port, or the path of a Unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""


async def exchange(address: Address, talk: "Talk[_T]") -> _T:
    """What the conversation gives. Raises ``OSError``, ``EOFError``."""
    if address.path:
        reader, writer = await asyncio.open_unix_connection(address.path)
    else:
        reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        return await talk(reader, writer)
    except asyncio.LimitOverrunError as wrong:
        raise OSError("the answer is too long") from wrong
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def pieces(content: Spool) -> AsyncIterator[bytes]:
    """The content; what lies on disk is read beside the event loop."""
    whole = content.whole()
    if whole is not None:
        for start in range(0, len(whole), _PIECE):
            yield whole[start : start + _PIECE]
        return
    found = content.pieces()
    while piece := await asyncio.to_thread(next, found, b""):
        yield piece
