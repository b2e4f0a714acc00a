"""What is in containers: archives, and documents that are archives. Each opener yields name and content.

Libraries of the standard library read the bytes, within a budget that counts what comes out, not what a header claims.
"""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

import py7zr
from py7zr.io import Py7zIO, WriterFactory

from securemail.structure.budget import Budget, LockedError, TooMuchError

Files = Iterator[tuple[str, bytes]]
_PIECE = 2**20


class NotReadableError(Exception):
    """It says it is a container, and cannot be read as one."""


def opener(media: str) -> Callable[[bytes, Budget], Files] | None:
    """How to look into files of that type; None for those that hold no others, or that nobody here can open."""
    if media in _OPENERS:
        return _OPENERS[media]
    return _zip if media.startswith(("application/vnd.openxml", "application/vnd.oasis")) else None


CLOSED = frozenset(
    f"application/{name}"
    for name in (
        "vnd.rar",
        "x-ace",
        "x-arj",
        "vnd.ms-cab-compressed",
        "zstd",
        "x-iso9660-image",
        "x-vhd",
        "x-vhdx",
        "x-xar",
    )
)
"""Containers that nobody here can open: undeterminable."""


def _zip(data: bytes, budget: Budget) -> Files:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                if entry.is_dir():
                    continue
                if entry.flag_bits & 0x1:
                    raise LockedError(entry.filename)
                with archive.open(entry) as member:
                    yield entry.filename, _bounded(member.read, budget)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError,
            RuntimeError, UnicodeError) as wrong:  # fmt: skip
        raise NotReadableError(type(wrong).__name__) from wrong


def _tar(data: bytes, budget: Budget) -> Files:
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for entry in archive:
                member = archive.extractfile(entry) if entry.isreg() else None
                if member is not None:
                    yield entry.name, _bounded(member.read, budget)
    except (tarfile.TarError, EOFError, OSError, ValueError, RecursionError) as wrong:
        raise NotReadableError(type(wrong).__name__) from wrong


def _stream(open_: Callable[[io.BytesIO], BinaryIO]) -> Callable[[bytes, Budget], Files]:
    """Of a file that is compressed as a whole."""

    def unpack(data: bytes, budget: Budget) -> Files:
        try:
            with open_(io.BytesIO(data)) as file:
                yield "", _bounded(file.read, budget)
        except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError) as wrong:
            raise NotReadableError(type(wrong).__name__) from wrong

    return unpack


class _Memory(Py7zIO):
    """What py7zr writes an entry into."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.content = io.BytesIO()

    def write(self, s: bytes | bytearray) -> int:
        self._budget.spend(len(s))
        return self.content.write(s)

    def read(self, size: int | None = None) -> bytes:
        return self.content.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.content.seek(offset, whence)

    def flush(self) -> None:
        """Nothing waits."""

    def size(self) -> int:
        return self.content.getbuffer().nbytes


class _Memories(WriterFactory):
    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.files: dict[str, _Memory] = {}

    def create(self, filename: str, mode: str = "") -> Py7zIO:
        del mode
        if len(self.files) >= 5_000:
            raise TooMuchError("too many files")
        self.files[filename] = _Memory(self._budget)
        return self.files[filename]


def _seven(data: bytes, budget: Budget) -> Files:
    memories = _Memories(budget)
    try:
        with py7zr.SevenZipFile(io.BytesIO(data)) as archive:
            # Into memory, not to disk: no name in the archive leads anywhere.
            archive.extractall(factory=memories)  # noqa: S202
    except py7zr.exceptions.PasswordRequired as wrong:
        raise LockedError("7z") from wrong
    except TooMuchError:
        raise
    except Exception as wrong:  # whatever a parser of hostile bytes raises
        raise NotReadableError(type(wrong).__name__) from wrong
    for name, memory in memories.files.items():
        yield name, memory.content.getvalue()


def _bounded(read: Callable[[int], bytes], budget: Budget) -> bytes:
    """One member, as far as the budget goes. Raises ``TooMuchError``."""
    found, room = bytearray(), budget.room()
    while piece := read(_PIECE):
        budget.spend(len(piece))
        found += piece
        if len(found) > room:
            raise TooMuchError("a file too large when unpacked")
    return bytes(found)


_OPENERS: dict[str, Callable[[bytes, Budget], Files]] = {
    "application/zip": _zip,
    "application/java-archive": _zip,
    "application/vnd.android.package-archive": _zip,
    "application/appx": _zip,
    "application/x-tar": _tar,
    "application/gzip": _stream(lambda data: cast(BinaryIO, gzip.GzipFile(fileobj=data))),
    "application/x-bzip2": _stream(lambda data: cast(BinaryIO, bz2.BZ2File(data))),
    "application/x-xz": _stream(lambda data: cast(BinaryIO, lzma.LZMAFile(data))),  # noqa: SIM115 - closed by _stream
    "application/x-7z-compressed": _seven,
}
