"""Answers into bytes. Pure functions; no text given to them can break out of its place (CR, LF and NUL never pass
outside a literal). Lines come complete, with CRLF. (Signatures first.)"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from imap.wire.codes import Code
from imap.wire.commands import Binary, BinarySize, BodySection, StatusItem
from optimails.model.number_set import NumberSet


class Condition(Enum):
    OK = b"OK"
    NO = b"NO"
    BAD = b"BAD"
    PREAUTH = b"PREAUTH"
    BYE = b"BYE"


# -- strings


def quoted(text: str | bytes) -> bytes:
    """Quoted, or a literal when it cannot be quoted (8-bit, CR, LF, long)."""
    raise NotImplementedError


def nstring(text: str | bytes | None) -> bytes:
    """``quoted``, or NIL."""
    raise NotImplementedError


def astring(text: str | bytes) -> bytes:
    """An atom when it can be, else ``quoted``."""
    raise NotImplementedError


def mailbox(name: str, *, utf8: bool) -> bytes:
    """A mailbox name as an astring, in modified UTF-7 or UTF-8."""
    raise NotImplementedError


def literal_header(size: int, *, binary: bool = False) -> bytes:
    """``{size}`` CRLF (``~{size}`` for literal8); exactly ``size`` bytes must follow."""
    raise NotImplementedError


# -- status responses


def tagged(tag: bytes, condition: Condition, text: str, code: Code | None = None) -> bytes:
    """``A1 OK [CODE] text``."""
    raise NotImplementedError


def untagged(condition: Condition, text: str, code: Code | None = None) -> bytes:
    """``* OK [CODE] text``; also the greeting and BYE."""
    raise NotImplementedError


def continuation(text: str = "OK") -> bytes:
    """``+ text`` (a literal may come, IDLE began)."""
    raise NotImplementedError


def challenge(data: bytes) -> bytes:
    """``+ base64`` (SASL)."""
    raise NotImplementedError


# -- untagged data


def capability(names: Iterable[str]) -> bytes: ...
def enabled(names: Iterable[str]) -> bytes: ...
def flags(rendered: bytes) -> bytes:
    """``* FLAGS (…)`` from names already joined by spaces (``Keywords.render``)."""
    raise NotImplementedError


def exists(count: int) -> bytes: ...
def recent(count: int) -> bytes: ...
def expunge(number: int) -> bytes: ...
def list_line(
    name: str,
    attributes: Iterable[str],
    *,
    utf8: bool,
    command: str = "LIST",
    old_name: str | None = None,
    child_info: Sequence[str] = (),
) -> bytes:
    """``* LIST (\\HasNoChildren) "/" name``, with CHILDINFO (RFC 5258 §3.5) and OLDNAME (RFC 9051 §6.3.9.7)."""
    raise NotImplementedError


def list_separator() -> bytes:
    """``* LIST (\\Noselect) "/" ""``."""
    raise NotImplementedError


def status(name: str, values: Mapping[StatusItem, int | str | None], *, utf8: bool) -> bytes:
    """``* STATUS name (…)`` in the mapping's order. Strings are object ids; None is NIL (APPENDLIMIT)."""
    raise NotImplementedError


def namespace(
    personal: Sequence[tuple[str, str]],
    others: Sequence[tuple[str, str]] = (),
    shared: Sequence[tuple[str, str]] = (),
    *,
    utf8: bool = False,
) -> bytes:
    """Pairs of prefix and separator (RFC 2342)."""
    raise NotImplementedError


def ident(fields: Mapping[str, str | None] | None) -> bytes:
    """``* ID (…)`` or NIL (RFC 2971)."""
    raise NotImplementedError


def quota(root: str, resources: Iterable[tuple[str, int, int]]) -> bytes:
    """``* QUOTA root (STORAGE used limit)``: name, usage, limit, in the resource's unit (KiB for STORAGE)."""
    raise NotImplementedError


def quota_root(name: str, roots: Iterable[str], *, utf8: bool) -> bytes: ...
def search(numbers: Iterable[int], modseq: int | None = None) -> bytes: ...
def esearch(
    tag: bytes,
    *,
    by_uid: bool,
    minimum: int | None = None,
    maximum: int | None = None,
    count: int | None = None,
    numbers: NumberSet | None = None,
    modseq: int | None = None,
) -> bytes:
    """``* ESEARCH (TAG "a") UID …``; an empty ``numbers`` is left out (RFC 9051 §7.3.4)."""
    raise NotImplementedError


# -- FETCH: join pieces with ``fetch``, or send head, pieces separated by a space, and tail when a body is streamed


def fetch(number: int, pieces: Iterable[bytes]) -> bytes:
    """``* n FETCH (piece piece)`` CRLF."""
    raise NotImplementedError


def fetch_head(number: int) -> bytes:
    """``* n FETCH (``."""
    raise NotImplementedError


FETCH_TAIL = b")\r\n"


def flags_piece(rendered: bytes) -> bytes: ...
def uid_piece(uid: int) -> bytes: ...
def modseq_piece(modseq: int) -> bytes: ...
def internal_date_piece(seconds: int) -> bytes:
    """From Unix seconds, in UTC."""
    raise NotImplementedError


def save_date_piece(seconds: int | None) -> bytes: ...
def size_piece(size: int) -> bytes: ...
def envelope_piece(prepared: bytes) -> bytes: ...
def body_structure_piece(prepared: bytes) -> bytes: ...
def body_piece(prepared: bytes) -> bytes: ...
def email_id_piece(object_id: str) -> bytes: ...
def thread_id_piece(object_id: str | None) -> bytes: ...
def section_label(item: BodySection | Binary | BinarySize) -> bytes:
    """``BODY[1.HEADER.FIELDS ("To")]<0>``, ``BINARY[2]``, ``BINARY.SIZE[2]``, ``RFC822.TEXT``: no space after it.
    The same for every message: compute it once per command."""
    raise NotImplementedError


def section_piece(label: bytes, data: bytes | None, *, binary: bool = False) -> bytes:
    """The label and the data as a literal (literal8 when ``binary`` and it has NUL bytes), NIL for None."""
    raise NotImplementedError


def binary_size_piece(label: bytes, size: int) -> bytes: ...
