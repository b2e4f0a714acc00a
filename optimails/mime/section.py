"""Which bytes BODY[…] names (RFC 9051 §6.4.5)."""

from enum import Enum

from optimails.mime.buffer import Buffer
from optimails.mime.header import body_start
from optimails.mime.part import Part
from optimails.mime.scan import parse


class SectionKind(Enum):
    FULL = ""
    HEADER = "HEADER"  # of the message, or of an embedded message; HEADER.FIELDS filters these bytes
    TEXT = "TEXT"  # the body of the message, or of an embedded message
    MIME = "MIME"  # the header of a part


def section(message: Buffer, path: tuple[int, ...], kind: SectionKind) -> tuple[int, int] | None:
    """Start and end of the section in the message; None when there is no such part. Parses only for a path."""
    if path:
        return section_of(parse(message), path, kind)
    size = len(message)
    if kind is SectionKind.FULL:
        return 0, size
    if kind is SectionKind.MIME:  # needs a part
        return None
    body = body_start(message, 0, size)
    return (0, body) if kind is SectionKind.HEADER else (body, size)


def section_of(root: Part, path: tuple[int, ...], kind: SectionKind) -> tuple[int, int] | None:
    """As ``section``, in a message that was parsed before."""
    if path:
        part = find_part(root, path)
        if part is None or kind is SectionKind.FULL:
            return (part.body_start, part.body_end) if part else None
        if kind is SectionKind.MIME:
            return part.header_start, part.body_start
        if part.message is None:  # HEADER and TEXT are those of an embedded message only
            return None
        root = part.message
    if kind is SectionKind.FULL:
        return root.header_start, root.body_end
    if kind is SectionKind.MIME:
        return None
    return (root.header_start, root.body_start) if kind is SectionKind.HEADER else (root.body_start, root.body_end)


def find_part(root: Part, path: tuple[int, ...]) -> Part | None:
    """The part of that number. ``root`` is a message: its parts are those of its multipart, or else part 1 is all of
    its body; the same holds for an embedded message inside the part that carries it."""
    holder: Part | None = root
    part: Part | None = None
    for number in path:
        if holder is None or number < 1:
            return None
        if holder.children:
            if number > len(holder.children):
                return None
            part = holder.children[number - 1]
        elif number == 1 and holder is not part:
            part = holder  # the body of a message that is no multipart
        else:
            return None
        # Inside an embedded message the numbers are those of its content; a leaf has nothing inside.
        holder = part.message if part.message is not None else (part if part.children else None)
    return part
