"""Runs dialogue files: what clients send, what the server must answer, line by line, with several connections.

A file begins with a comment that says what it proves and the RFC section. Then::

    @login alice              what the door's adapter offers as a short cut (``Door.given``)
    C: a1 NOOP                sent by the first connection, CRLF added
    S: a1 OK <<text>>         expected from it, the whole line
    C2: b1 SELECT INBOX       a second connection, opened at its first line
    S2: ...                   any lines, until the next expected one is met

``<<name>>`` stands for what varies: it matches anything, must match the same text at its next place, and is put in
when it stands in a ``C:`` line. ``<<name=regex>>`` matches only that; ``<<hex:00ff>>`` are bytes. ``S: [closed]``
is the end of the connection, ``C: [close]`` makes it, ``C: [half] text`` sends without CRLF. What the server says
beyond the expected lines is an error, found before the next ``C:`` line of that connection and at the end of the file.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

_LINE = re.compile(r"(?P<who>[CS])(?P<number>\d*):(?: (?P<text>.*))?$")
_HOLE = re.compile(r"<<(?P<name>[A-Za-z0-9_]*)(?:=(?P<regex>(?:(?!>>).)+)|:(?P<hex>[0-9a-f]+))?>>")
PATIENCE = 5.0  # seconds until a line that was promised counts as missing


class Connection(Protocol):
    """One client of a door: over the pure session, or over a socket."""

    async def send(self, data: bytes) -> None: ...
    async def line(self) -> bytes | None:
        """The next line without CRLF; None when the server has closed."""

    async def settle(self) -> bytes:
        """Wait until the server waits for us; what it said that was not read."""

    async def close(self) -> None: ...


class Door(Protocol):
    async def connect(self) -> Connection: ...
    async def given(self, words: list[str], connection: Callable[[], Awaitable[Connection]]) -> None:
        """Carry out a short cut; ``await connection()`` gives the first one, opening it if need be."""


@dataclass
class Transcript:
    """One run of one file."""

    door: Door
    path: Path
    connections: dict[str, Connection] = field(default_factory=dict)
    holes: dict[str, str] = field(default_factory=dict)
    skipping: set[str] = field(default_factory=set)
    number: int = 0

    async def run(self) -> None:
        lines = self.path.read_text(encoding="utf-8").split("\n")
        assert lines[0].startswith("# "), f"{self.path.name}: the first line says what the dialogue proves"
        try:
            for number, line in enumerate(lines, 1):
                self.number = number
                await self._step(line)
            for name, connection in self.connections.items():
                await self._nothing_more(name, connection)
        finally:
            for connection in self.connections.values():
                await connection.close()

    async def _step(self, line: str) -> None:
        if not line.strip() or line.startswith("#"):
            return
        if line.startswith("@"):
            await self.door.given(line[1:].split(), lambda: self._connection(""))
            return
        match = _LINE.fullmatch(line)
        assert match, self._where(f"cannot be read: {line}")
        name, text = match["number"], match["text"] or ""
        connection = await self._connection(name)
        if match["who"] == "S":
            await self._expect(name, connection, text)
        else:
            await self._say(name, connection, text)

    async def _connection(self, name: str) -> Connection:
        if name not in self.connections:
            self.connections[name] = await self.door.connect()
        return self.connections[name]

    async def _say(self, name: str, connection: Connection, text: str) -> None:
        await self._nothing_more(name, connection)
        if text == "[close]":
            await connection.close()
            return
        half = text.startswith("[half] ")
        await connection.send(self._filled(text.removeprefix("[half] ")) + (b"" if half else b"\r\n"))

    async def _nothing_more(self, name: str, connection: Connection) -> None:
        rest = await connection.settle()
        if name in self.skipping:
            self.skipping.discard(name)
            return
        assert not rest, self._where(f"connection {name or '1'} also said {rest[:2000]!r}")

    async def _expect(self, name: str, connection: Connection, text: str) -> None:
        if text == "...":
            self.skipping.add(name)
            return
        seen: list[bytes] = []
        while True:
            try:
                got = await asyncio.wait_for(connection.line(), PATIENCE)
            except TimeoutError:
                raise AssertionError(self._where(f"nothing came for {text!r}; before it: {seen[-8:]}")) from None
            if text == "[closed]" and got is None:
                return
            if got is not None and self._matches(text, got):
                self.skipping.discard(name)
                return
            seen.append(b"[closed]" if got is None else got)
            assert got is not None, self._where(f"the server closed before {text!r}; before it: {seen[-8:]}")
            assert name in self.skipping, self._where(f"expected {text!r}\n     got {got!r}")

    def _matches(self, expected: str, got: bytes) -> bool:
        pattern, last, fresh = "", 0, []
        for hole in _HOLE.finditer(expected):
            pattern += re.escape(expected[last : hole.start()])
            last = hole.end()
            name = hole["name"]
            if hole["hex"] and name == "hex":
                pattern += re.escape(bytes.fromhex(hole["hex"]).decode("utf-8", "surrogateescape"))
            elif name in self.holes and not hole["regex"]:
                pattern += re.escape(self.holes[name])
            elif name and name not in fresh:
                fresh.append(name)
                pattern += f"(?P<{name}>{hole['regex'] or '.*?'})"
            else:
                pattern += f"(?:{hole['regex'] or '.*?'})"
        pattern += re.escape(expected[last:])
        match = re.fullmatch(pattern, got.decode("utf-8", "surrogateescape"), re.DOTALL)
        if match:
            self.holes.update((name, match[name]) for name in fresh)
        return match is not None

    def _filled(self, text: str) -> bytes:
        def value(hole: re.Match[str]) -> str:
            if hole["name"] == "hex":
                return bytes.fromhex(hole["hex"]).decode("utf-8", "surrogateescape")
            return self.holes[hole["name"]]

        return _HOLE.sub(value, text).encode("utf-8", "surrogateescape")

    def _where(self, what: str) -> str:
        return f"{self.path.name}:{self.number}: {what}"
