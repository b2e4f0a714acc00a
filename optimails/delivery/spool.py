"""A message while it comes in: small ones stay in memory, large ones go to a file without a name."""

import asyncio
import contextlib
import mmap
import os
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from optimails.model.address import EmailAddress
from optimails.model.errors import Unavailable

HEADER_LIMIT = 1_048_576  # bytes; no honest header has so many
_PIECE = 262_144  # bytes read back at a time


class Spool:
    """Write first, read afterwards, as often and in as many threads as you like; then ``close``."""

    __slots__ = ("_file", "_folder", "_memory", "_parts", "size")

    def __init__(self, folder: Path | None = None, memory: int = 262_144) -> None:
        """``folder`` is for what exceeds ``memory`` bytes; it is made when missing. None: the system's own."""
        self._folder = folder
        self._memory = memory
        self._parts: list[bytes] = []
        self._file: BinaryIO | None = None
        self.size = 0

    @classmethod
    def of(cls, content: bytes) -> "Spool":
        """A message that is here already."""
        spool = cls(memory=len(content))
        spool.write(content)
        return spool

    @classmethod
    def read(cls, path: Path, memory: int) -> "Spool":
        """A message that lies in a file already; small ones are taken into memory. Raises ``Unavailable``."""
        spool = cls(path.parent, memory)
        try:
            file = path.open("rb", buffering=0)
            spool.size = os.fstat(file.fileno()).st_size
            if spool.size > memory:
                spool._file = file
                return spool
            with file:
                spool._parts = [file.read()]
        except OSError as wrong:
            raise Unavailable("The message cannot be read back now") from wrong
        return spool

    def beside(self) -> "Spool":
        """An empty one that keeps as much in memory, and the rest in the same place."""
        return Spool(self._folder, self._memory)

    def write(self, data: bytes) -> None:
        """Append bytes. Raises ``Unavailable`` when the disk is full."""
        self.size += len(data)
        if self._file is None:
            self._parts.append(data)
            if self.size > self._memory:
                self._spill()
            return
        self._put(self._file, data)

    @staticmethod
    def _put(file: BinaryIO, data: bytes) -> None:
        try:
            while (done := file.write(data)) < len(data):  # a raw file may take less than all
                data = data[done:]
        except OSError as wrong:
            raise Unavailable("No room for the message now") from wrong

    def _spill(self) -> None:
        try:
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115  (closed by close)
        except OSError as wrong:
            raise Unavailable("No room for the message now") from wrong
        parts, self._parts = self._parts, []
        self._put(self._file, b"".join(parts))

    def whole(self) -> bytes | None:
        """All of it, when it is in memory."""
        if self._file is not None:
            return None
        if len(self._parts) > 1:
            self._parts = [b"".join(self._parts)]
        return self._parts[0] if self._parts else b""

    def head(self) -> bytes:
        """Its beginning: everything, or as much as would have been kept in memory."""
        whole = self.whole()
        return whole if whole is not None else self._pread(self._memory, 0)

    def pieces(self) -> Iterator[bytes]:
        """All of it, one after the other. Reads from disk: in a thread, when ``whole`` gives None."""
        whole = self.whole()
        if whole is not None:
            yield whole
            return
        offset = 0
        while piece := self._pread(_PIECE, offset):
            offset += len(piece)
            yield piece

    def header(self, limit: int = HEADER_LIMIT) -> tuple[bytes, int] | None:
        """The header with its last line end, and where the body begins; None when it has more bytes than ``limit``.

        Reads from disk as ``pieces`` does.
        """
        with self.view() as content:
            if content[:2] == b"\r\n":
                return b"", 2
            end = content.find(b"\r\n\r\n", 0, limit)
            if end >= 0:
                return bytes(content[: end + 2]), end + 4
            if self.size > limit:
                return None
            whole = bytes(content[: self.size])
        return whole if whole.endswith(b"\r\n") else whole + b"\r\n", self.size

    async def header_beside(self) -> tuple[bytes, int] | None:
        """As ``header``, beside the event loop where it lies on disk."""
        return self.header() if self.whole() is not None else await asyncio.to_thread(self.header)

    def body(self, start: int) -> Iterator[bytes]:
        """What begins at ``start``, in pieces; reads from disk as they do."""
        for piece in self.pieces():
            if start < len(piece):
                yield piece[start:] if start else piece
            start = max(start - len(piece), 0)

    def with_header(self, header: bytes, start: int) -> "Spool":
        """Another one, with this header before the body that begins here at ``start``. Reads from disk."""
        spool = self.beside()
        try:
            spool.write(header)
            for piece in self.body(start):
                spool.write(piece)
        except BaseException:
            spool.close()
            raise
        return spool

    @contextlib.contextmanager
    def view(self) -> Iterator[bytes | mmap.mmap]:
        """All of it to look at; large ones as a memory map."""
        whole = self.whole()
        if whole is not None or self._file is None:
            yield whole or b""
            return
        try:
            mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as wrong:
            raise Unavailable("The message cannot be read back now") from wrong
        with mapped:
            yield mapped

    def digest(self, salt: bytes) -> bytes:
        """A fingerprint of 20 bytes. Reads from disk, as ``pieces`` does."""
        hashed = blake2b(salt + b"\0", digest_size=20)
        for piece in self.pieces():
            hashed.update(piece)
        return hashed.digest()

    async def fingerprint(self, sender: EmailAddress | None) -> bytes:
        """Messages with the same one are one that was sent twice. Reads beside the event loop."""
        salt = str(sender or "").encode()
        return self.digest(salt) if self.whole() is not None else await asyncio.to_thread(self.digest, salt)

    def _pread(self, length: int, offset: int) -> bytes:
        if self._file is None:
            return b""
        try:
            return os.pread(self._file.fileno(), length, offset)
        except OSError as wrong:
            raise Unavailable("The message cannot be read back now") from wrong

    def close(self) -> None:
        """Forget it; may be called twice."""
        self._parts = []
        if self._file is not None:
            self._file.close()
