"""A filter that does what a test wants: it speaks the other side of the milter protocol, written on its own."""

import asyncio
import contextlib
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tests.support.free_ports import free_ports

CONTINUE, ACCEPT, DISCARD, REJECT, TEMPFAIL, SKIP, PROGRESS = b"c", b"a", b"d", b"r", b"t", b"s", b"p"
EVERYTHING = 0x1FF
Said = bytes | list[bytes] | Callable[[bytes], "bytes | list[bytes]"] | None


def packet(answer: bytes) -> bytes:
    return struct.pack("!I", len(answer)) + answer


def add_header(name: bytes, value: bytes) -> bytes:
    return b"h" + name + b"\0" + value + b"\0"


def insert_header(index: int, name: bytes, value: bytes) -> bytes:
    return b"i" + struct.pack("!I", index) + name + b"\0" + value + b"\0"


def change_header(index: int, name: bytes, value: bytes) -> bytes:
    return b"m" + struct.pack("!I", index) + name + b"\0" + value + b"\0"


class FakeMilter:
    """``answers``: a command's letter → what is said to it (continue, when it is not there); None is silence, ``b""``
    hangs up, bytes that begin with ``!`` are sent raw. ``steps`` are the flags it wants of the protocol."""

    def __init__(
        self, answers: dict[bytes, Said] | None = None, *, steps: int = 0, version: int = 6, tcp: bool = False
    ) -> None:
        self.answers = answers or {}
        self.steps = steps
        self.version = version
        self.tcp = tcp
        self.chosen = b""  # its own lists of macros
        self.offer: tuple[int, int, int] | None = None
        self.heard: list[tuple[bytes, bytes]] = []  # letters and data, macros apart
        self.macros: dict[bytes, dict[str, str]] = {}  # by the letter they belong to
        self.open = 0
        self.most = 0
        self.connections = 0
        self._folder = tempfile.TemporaryDirectory(prefix="milter-")
        self.port = free_ports(1)[0] if tcp else 0
        self.path = str(Path(self._folder.name) / "socket")
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}" if self.tcp else f"unix:{self.path}"

    async def __aenter__(self) -> Self:
        if self.tcp:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        else:
            self._server = await asyncio.start_unix_server(self._serve, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self._folder.cleanup()

    def letters(self) -> bytes:
        return b"".join(letter for letter, _ in self.heard)

    def body(self) -> bytes:
        return b"".join(data for letter, data in self.heard if letter == b"B")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.connections += 1
        self.most = max(self.most, self.open)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    length = struct.unpack("!I", await reader.readexactly(4))[0]
                    letter, data = (await reader.readexactly(1)), await reader.readexactly(length - 1)
                    if not await self._answer(letter, data, writer):
                        break
        finally:
            self.open -= 1
            writer.close()

    async def _answer(self, letter: bytes, data: bytes, writer: asyncio.StreamWriter) -> bool:
        if letter == b"D":
            texts = [text.decode() for text in data[1:].split(b"\0")[:-1]]
            self.macros[data[:1]] = dict(zip(texts[::2], texts[1::2], strict=True))
            return True
        self.heard.append((letter, data))
        if letter == b"O":
            self.offer = struct.unpack("!III", data)
            said = self.answers.get(
                b"O", b"O" + struct.pack("!III", self.version, EVERYTHING, self.steps) + self.chosen
            )
        else:
            said = self.answers.get(letter, CONTINUE if letter not in b"QA" and not self._silent(letter) else None)
        if callable(said):
            said = said(data)
        if said is None:
            return letter != b"Q"
        for one in said if isinstance(said, list) else [said]:
            if not one:
                return False
            writer.write(one[1:] if one.startswith(b"!") else packet(one))
        await writer.drain()
        return True

    def _silent(self, letter: bytes) -> bool:
        flags = {b"L": 0x80, b"C": 0x1000, b"H": 0x2000, b"M": 0x4000, b"R": 0x8000, b"T": 0x10000, b"N": 0x40000,
                 b"B": 0x80000}  # fmt: skip
        return bool(self.steps & flags.get(letter, 0))
