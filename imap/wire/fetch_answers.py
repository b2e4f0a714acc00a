"""The pieces of FETCH answers (RFC 9051 §7.5.2).

Join pieces with ``fetch``. When a body is streamed send ``fetch_head``, the pieces with a space between them (a
streamed one as label, space, ``literal_header`` and data), and ``FETCH_TAIL``.
"""

import time
from collections.abc import Iterable

from imap.wire.commands import Binary, BinarySize, BodySection, SectionKind
from imap.wire.strings import astring, literal_header

FETCH_TAIL = b")\r\n"
_MONTHS = (b"", b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")


def fetch(number: int, pieces: Iterable[bytes]) -> bytes:
    """``* n FETCH (piece piece)`` CRLF."""
    return b"* %d FETCH (%b)\r\n" % (number, b" ".join(pieces))


def fetch_head(number: int) -> bytes:
    """``* n FETCH (``."""
    return b"* %d FETCH (" % number


def flags_piece(rendered: bytes) -> bytes:
    """From names joined by spaces."""
    return b"FLAGS (%b)" % rendered


def uid_piece(uid: int) -> bytes:
    return b"UID %d" % uid


def modseq_piece(modseq: int) -> bytes:
    return b"MODSEQ (%d)" % modseq


def _date_time(seconds: int) -> bytes:
    at = time.gmtime(seconds)
    return b'"%2d-%b-%04d %02d:%02d:%02d +0000"' % (
        at.tm_mday,
        _MONTHS[at.tm_mon],
        at.tm_year,
        at.tm_hour,
        at.tm_min,
        at.tm_sec,
    )


def internal_date_piece(seconds: int) -> bytes:
    """From Unix seconds, in UTC."""
    return b"INTERNALDATE " + _date_time(seconds)


def save_date_piece(seconds: int | None) -> bytes:
    """RFC 8514 §4.3; NIL when it is not known."""
    return b"SAVEDATE NIL" if seconds is None else b"SAVEDATE " + _date_time(seconds)


def size_piece(size: int) -> bytes:
    return b"RFC822.SIZE %d" % size


def envelope_piece(prepared: bytes) -> bytes:
    """``prepared`` has its parentheses, as the index keeps it; likewise the two below."""
    return b"ENVELOPE " + prepared


def body_structure_piece(prepared: bytes) -> bytes:
    return b"BODYSTRUCTURE " + prepared


def body_piece(prepared: bytes) -> bytes:
    """The structure without extension data."""
    return b"BODY " + prepared


def email_id_piece(object_id: str) -> bytes:
    """RFC 8474 §5.1."""
    return b"EMAILID (%b)" % object_id.encode("ascii")


def thread_id_piece(object_id: str | None) -> bytes:
    """RFC 8474 §5.2."""
    return b"THREADID NIL" if object_id is None else b"THREADID (%b)" % object_id.encode("ascii")


def section_label(item: BodySection | Binary | BinarySize) -> bytes:
    """``BODY[1.HEADER.FIELDS (To)]<0>``, ``BINARY[2]``, ``BINARY.SIZE[2]``, ``RFC822.TEXT``: no space after it.

    The same for every message: compute it once per command. Header fields stand in upper case.
    """
    path = ".".join(map(str, item.path)).encode("ascii")
    if isinstance(item, BinarySize):
        return b"BINARY.SIZE[%b]" % path
    if isinstance(item, Binary):
        label = b"BINARY[%b]" % path
    elif item.obsolete:
        return item.obsolete.encode("ascii")
    else:
        section = item.kind.value.encode("ascii")
        if item.kind in (SectionKind.HEADER_FIELDS, SectionKind.HEADER_FIELDS_NOT):
            section += b" (%b)" % b" ".join(astring(field.upper()) for field in item.fields)
        label = b"BODY[%b]" % (path + b"." + section if path and section else path + section)
    if item.partial is not None:
        label += b"<%d>" % item.partial.offset
    return label


def section_piece(label: bytes, data: bytes | None, *, binary: bool = False) -> bytes:
    """The label and the data as a literal, NIL for None. With ``binary``, a literal8 when it has NUL bytes."""
    if data is None:
        return label + b" NIL"
    return b"%b %b%b" % (label, literal_header(len(data), binary=binary and b"\x00" in data), data)


def binary_size_piece(label: bytes, size: int) -> bytes:
    return b"%b %d" % (label, size)
