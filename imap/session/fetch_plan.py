"""What a FETCH asks for, compiled once per command: columns of the index's rows, and sections of the message itself.

A FETCH of ten thousand rows must not think about each of them. So the items become one format (``* %d FETCH (UID %d
ENVELOPE %b)``) and for each hole a column of the row with, where needed, a function; a batch of rows is then turned
into lines by ``zip`` and ``%`` without a step of Python per item.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from imap.session.session import Session
from imap.session.updates import with_recent
from imap.wire import responses
from imap.wire.commands import Attribute, Binary, BinarySize, BodySection, Fetch, SectionKind
from optimails.mailbox.api import Row, Want
from optimails.mime import FieldFilter, field_filter
from optimails.model.rights import Right

_SEQ, _UID, _FLAGS, _MODSEQ, _DATE, _SIZE, _ENVELOPE, _STRUCTURE, _HEADERS, _SAVED, _OBJECT_ID = range(11)
assert Row._fields.index("object_id") == _OBJECT_ID

FileItem = BodySection | Binary | BinarySize | Attribute  # of attributes only BODY


@dataclass(frozen=True, slots=True)
class Column:
    """One hole of the format: the row's field and what is made of it (None: it is printed as it is)."""

    field: int | None  # None: of the whole row
    make: Callable[[Any], object] | None = None

    def values(self, rows: Sequence[Row]) -> Iterable[object]:
        found: Iterable[object] = rows if self.field is None else map(itemgetter(self.field), rows)
        return found if self.make is None else map(self.make, found)


@dataclass(frozen=True, slots=True)
class Plan:
    want: Want
    start: bytes  # the format up to the last column, without the closing parenthesis
    columns: tuple[Column, ...]
    from_file: tuple[FileItem, ...]
    from_headers: bool  # some column is made of ``Row.headers``, which may be missing
    marks_seen: bool

    def lines(self, rows: Sequence[Row]) -> bytes:
        """The complete responses for these rows; only when nothing comes from files."""
        form = self.start + responses.FETCH_TAIL
        return b"".join(map(form.__mod__, zip(*[column.values(rows) for column in self.columns], strict=True)))

    def head(self, row: Row) -> bytes:
        """The response for one row without its closing parenthesis."""
        return self.start % tuple(next(iter(column.values((row,)))) for column in self.columns)


def compile_fetch(
    session: Session, command: Fetch, *, headers_from_file: bool = False, tell_flags: bool = False
) -> Plan:
    """The plan of a command.

    Args:
        session: for its flags and what it has enabled.
        command: with its items.
        headers_from_file: read header fields from the message even where the index usually has them.
        tell_flags: print FLAGS (and MODSEQ) also when they were not asked for, because they have just changed.
    """
    columns, from_file, formats = [Column(_SEQ)], list[FileItem](), list[bytes]()
    want, marks_seen, from_headers = Want(0), False, False
    for item in _items(session, command, tell_flags=tell_flags):
        if isinstance(item, Attribute):
            if item is Attribute.BODY:
                from_file.append(item)
                continue
            form, column, needed = _attribute(session, item)
            formats.append(form)
            if column is not None:
                columns.append(column)
            want |= needed
            continue
        marks_seen = marks_seen or not (isinstance(item, BinarySize) or item.peek)
        chosen = None if headers_from_file else _prepared_filter(item)
        if chosen is None:
            from_file.append(item)
        else:
            formats.append(b"%b")
            columns.append(Column(_HEADERS, _header_maker(responses.section_label(item), chosen)))
            want |= Want.HEADERS
            from_headers = True
    marks_seen = marks_seen and not session.mailbox.read_only and session.mailbox.may(Right.SEEN)
    if marks_seen:
        want |= Want.FLAGS
    return Plan(
        want,
        b"* %d FETCH (" + b" ".join(formats),
        tuple(columns),
        tuple(from_file),
        from_headers,
        marks_seen,
    )


def _items(
    session: Session, command: Fetch, *, tell_flags: bool
) -> list[Attribute | BodySection | Binary | BinarySize]:
    items = list(command.items)
    if tell_flags and Attribute.FLAGS not in items:
        items.insert(0, Attribute.FLAGS)
    # RFC 7162 §3.1.4: MODSEQ comes with CHANGEDSINCE, and with every answer that carries flags once it is enabled.
    with_flags = session.condstore and Attribute.FLAGS in items
    if (command.changed_since is not None or with_flags) and Attribute.MODSEQ not in items:
        items.insert(0, Attribute.MODSEQ)
    if command.by_uid and Attribute.UID not in items:  # RFC 9051 §6.4.9
        items.insert(0, Attribute.UID)
    return items


def _attribute(session: Session, item: Attribute) -> tuple[bytes, Column | None, Want]:
    match item:
        case Attribute.UID:
            return b"UID %d", Column(_UID), Want(0)
        case Attribute.FLAGS:
            return b"FLAGS (%b)", _flags_column(session), Want.FLAGS
        case Attribute.MODSEQ:
            return b"MODSEQ (%d)", Column(_MODSEQ), Want.MODSEQ
        case Attribute.SIZE:
            return b"RFC822.SIZE %d", Column(_SIZE), Want.SIZE
        case Attribute.ENVELOPE:
            return b"ENVELOPE %b", Column(_ENVELOPE), Want.ENVELOPE
        case Attribute.BODY_STRUCTURE:
            return b"BODYSTRUCTURE %b", Column(_STRUCTURE), Want.STRUCTURE
        case Attribute.INTERNAL_DATE:
            return b"%b", Column(_DATE, responses.internal_date_piece), Want.INTERNAL_DATE
        case Attribute.SAVE_DATE:
            return b"%b", Column(_SAVED, responses.save_date_piece), Want.SAVED
        case Attribute.EMAIL_ID:
            return b"%b", Column(_OBJECT_ID, responses.email_id_piece), Want.OBJECT_ID
    assert item is Attribute.THREAD_ID
    return b"THREADID NIL", None, Want(0)  # RFC 8474 §5.2: threads are not kept


def _flags_column(session: Session) -> Column:
    render = session.mailbox.keywords.render
    if not session.recents:
        return Column(_FLAGS, render)

    def flags(row: Row) -> bytes:
        return with_recent(session, row.uid, render(row.flags or 0))

    return Column(None, flags)


def _prepared_filter(item: BodySection | Binary | BinarySize) -> FieldFilter | None:
    """The filter for HEADER.FIELDS of the message, when the index keeps all of these fields."""
    if not isinstance(item, BodySection) or item.kind is not SectionKind.HEADER_FIELDS or item.path or item.partial:
        return None
    chosen = field_filter(field_names(item))
    return chosen if chosen.prepared else None


def field_names(item: BodySection) -> frozenset[bytes]:
    return frozenset(name.lower().encode("utf-8", "surrogateescape") for name in item.fields)


def _header_maker(label: bytes, chosen: FieldFilter) -> Callable[[bytes], bytes]:
    def make(headers: bytes) -> bytes:
        return responses.section_piece(label, chosen(headers))

    return make
