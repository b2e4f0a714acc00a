"""The files of the journal: how a record looks in them, and how records are read back. No locks, no syncs.

A segment is a file of fixed size. Its first page says to which boot it belongs and has the segment's mark, a number
that is new each time the file is used again. Records follow, each beginning on a page of its own, so that writing one
never touches a page with another. A record repeats the mark and has a checksum: reading ends where the next record
should begin and none does, which is the end, or a record that was being written when the power went. Such a record was
never acknowledged, and nothing after it was.
"""

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

PAGE = 4096
_MAGIC = b"optimails journal 1\n"
_HEADING = struct.Struct("<20s16s36s")
_RECORD = struct.Struct("<16sIQI")  # the mark, length of the place, length of the content, checksum of both
_CANCELLED = 2**64 - 1  # as length: no content, the message was taken back
_MOST = 64 * 1024 * 1024  # bytes; no content is longer, so a larger length is no record


class Heading(NamedTuple):
    """What a segment says of itself."""

    mark: bytes
    boot: str


class Record(NamedTuple):
    """A message file of an account: where it is, and what is in it; None: it was taken back."""

    account: str
    folder: str
    name: str
    content: bytes | None


def new_mark() -> bytes:
    return os.urandom(16)


def heading(of: Heading) -> bytes:
    """The first page."""
    return _HEADING.pack(_MAGIC, of.mark, of.boot.encode("ascii")[:36].ljust(36)).ljust(PAGE, b"\0")


def encoded(mark: bytes, record: Record) -> Sequence[bytes]:
    """The record in pieces, together a multiple of the page."""
    place = "\0".join(record[:3]).encode("utf-8", "surrogateescape")
    content = record.content
    checksum = zlib.crc32(content or b"", zlib.crc32(place))
    length = _CANCELLED if content is None else len(content)
    head = _RECORD.pack(mark, len(place), length, checksum) + place
    return (head, content or b"", bytes(-(len(head) + len(content or b"")) % PAGE))


def size_of(record: Record) -> int:
    """Bytes that the record takes in a segment."""
    place = sum(len(part.encode("utf-8", "surrogateescape")) for part in record[:3]) + 2
    exact = _RECORD.size + place + len(record.content or b"")
    return exact + -exact % PAGE


def read_heading(descriptor: int) -> Heading | None:
    """None: this is no segment, or one that was never used."""
    page = os.pread(descriptor, _HEADING.size, 0)
    if len(page) < _HEADING.size or not page.startswith(_MAGIC):
        return None
    _, mark, boot = _HEADING.unpack(page)
    return Heading(mark, boot.decode("ascii", "replace").rstrip())


def read(path: Path, *, unless: str = "") -> tuple[Heading, list[tuple[Record, int]]] | None:
    """The segment's records without their content, each with the offset of the content; None as for ``read_heading``.

    Those that were taken back have no offset (-1). None, too, for a file that is gone, or of the boot ``unless``.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        first = read_heading(descriptor)
        return None if first is None or first.boot == unless else (first, [*_records(descriptor, first.mark)])
    finally:
        os.close(descriptor)


def _records(descriptor: int, mark: bytes) -> Iterator[tuple[Record, int]]:
    at = PAGE
    while True:
        page = os.pread(descriptor, PAGE, at)
        if len(page) < _RECORD.size or page[:16] != mark:
            return
        _, length, size, checksum = _RECORD.unpack_from(page)
        taken_back = size == _CANCELLED
        if (size > _MOST and not taken_back) or length > PAGE:
            return
        rest = os.pread(descriptor, length + (0 if taken_back else size), at + _RECORD.size)
        place, content = rest[:length], rest[length:]
        if zlib.crc32(rest) != checksum or place.count(b"\0") != 2:
            return
        account, folder, name = place.decode("utf-8", "surrogateescape").split("\0")
        start = at + _RECORD.size + length
        yield Record(account, folder, name, None), -1 if taken_back else start
        end = start + len(content)
        at = end + -end % PAGE


def content_at(path: Path, offset: int, record: Record) -> bytes | None:
    """The content of a record that ``read`` found; None when the segment is gone or was used again meanwhile."""
    head = _RECORD.size + len("\0".join(record[:3]).encode("utf-8", "surrogateescape"))
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fields = os.pread(descriptor, _RECORD.size, offset - head)
        if len(fields) < _RECORD.size:
            return None
        _, length, size, checksum = _RECORD.unpack(fields)
        if length > PAGE or size > _MOST:
            return None
        rest = os.pread(descriptor, length + size, offset - head + _RECORD.size)
        return rest[length:] if zlib.crc32(rest) == checksum else None
    finally:
        os.close(descriptor)
