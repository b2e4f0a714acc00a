"""Sections of a message for FETCH: which bytes of the file, or what is made of them (RFC 9051 §6.4.5, RFC 3516)."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from imap.session.fetch_plan import FileItem, field_names
from imap.session.session import Session
from imap.wire import responses
from imap.wire.commands import Attribute, BinarySize, BodySection, Partial, SectionKind
from optimails import mime
from optimails.door.session import FLUSH_AT
from optimails.mailbox.api import MessageFile
from optimails.mime import Buffer, Part
from optimails.mime.buffer import find

T = TypeVar("T")
SLICE = FLUSH_AT  # bytes of a large section sent at a time
IN_THREAD = 1_048_576  # bytes from which scanning or decoding a message would hold up other sessions

_KINDS = {
    SectionKind.ALL: mime.SectionKind.FULL,
    SectionKind.HEADER: mime.SectionKind.HEADER,
    SectionKind.HEADER_FIELDS: mime.SectionKind.HEADER,
    SectionKind.HEADER_FIELDS_NOT: mime.SectionKind.HEADER,
    SectionKind.TEXT: mime.SectionKind.TEXT,
    SectionKind.MIME: mime.SectionKind.MIME,
}


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a FETCH response: ``head``, then ``view[start:end]``."""

    head: bytes
    view: Buffer = b""
    start: int = 0
    end: int = 0


async def pieces(session: Session, uid: int, file: MessageFile, items: Sequence[FileItem]) -> list[Piece]:
    """What goes into the response for these items.

    Raises:
        Refused: UNKNOWN_CTE, when BINARY asks for an encoding nobody knows.
    """
    view = file.view()
    message = _Message(session, uid, view)
    return [await _piece(message, item) for item in items]


async def send(session: Session, found: Sequence[Piece]) -> None:
    """Write the pieces, a space between them; large ones go out slice by slice, as fast as the client reads."""
    for number, piece in enumerate(found):
        session.write(b" " + piece.head if number else piece.head)
        at = piece.start
        while at < piece.end:
            upto = min(at + SLICE, piece.end)
            session.write(bytes(piece.view[at:upto]))
            at = upto
            await session.relieve()


@dataclass(slots=True)
class _Message:
    """A message and, once somebody needed it, its parts."""

    session: Session
    uid: int
    view: Buffer

    async def root(self) -> Part:
        """Clients read a large part in many small pieces: the last large message's structure is kept meanwhile."""
        kept = self.session.parsed
        if kept is not None and kept[0] == self.uid:
            return kept[1]
        root = await _maybe_in_thread(len(self.view), mime.parse, self.view)
        if len(self.view) > SLICE:
            self.session.parsed = (self.uid, root)
        return root


async def _piece(message: _Message, item: FileItem) -> Piece:
    if isinstance(item, Attribute):
        return Piece(responses.body_piece(mime.basic_structure(await message.root(), message.view)))
    label = responses.section_label(item)
    if isinstance(item, BodySection):
        return await _body(message, item, label)
    part = mime.find_part(await message.root(), item.path) if item.path else None
    if part is None and item.path:
        return Piece(responses.binary_size_piece(label, 0) if isinstance(item, BinarySize) else label + b" NIL")
    if isinstance(item, BinarySize):
        size = len(message.view)
        if part is not None:
            size = await _maybe_in_thread(part.body_end - part.body_start, mime.binary_size, message.view, part)
        return Piece(responses.binary_size_piece(label, size))
    data: Buffer = message.view
    if part is not None:
        data = await _maybe_in_thread(part.body_end - part.body_start, mime.decode_part, message.view, part)
    start, end = _cut(0, len(data), item.partial)
    binary = find(data, b"\x00", start, end) >= 0  # RFC 3516 §4.3: literal8 where a literal cannot be
    return Piece(label + b" " + responses.literal_header(end - start, binary=binary), data, start, end)


async def _body(message: _Message, item: BodySection, label: bytes) -> Piece:
    kind = _KINDS[item.kind]
    if item.path:
        found = mime.section_of(await message.root(), item.path, kind)
    else:
        found = mime.section(message.view, (), kind)
    if found is None:
        return Piece(label + b" NIL")
    view, (start, end) = message.view, found
    if item.kind in (SectionKind.HEADER_FIELDS, SectionKind.HEADER_FIELDS_NOT):
        exclude = item.kind is SectionKind.HEADER_FIELDS_NOT
        view = mime.header_fields(bytes(view[start:end]), field_names(item), exclude=exclude)
        start, end = 0, len(view)
    start, end = _cut(start, end, item.partial)
    return Piece(label + b" " + responses.literal_header(end - start), view, start, end)


def _cut(start: int, end: int, partial: Partial | None) -> tuple[int, int]:
    """RFC 9051 §6.4.5: from an offset beyond the end comes the empty string."""
    if partial is None:
        return start, end
    first = min(start + partial.offset, end)
    return first, min(first + partial.length, end)


async def _maybe_in_thread(size: int, work: Callable[..., T], *arguments: object) -> T:
    if size < IN_THREAD:
        return work(*arguments)
    return await asyncio.get_running_loop().run_in_executor(None, work, *arguments)
