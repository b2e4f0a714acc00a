"""The message a script looks at: header fields that it may edit, and parts."""

from collections.abc import Iterator
from functools import cached_property

from optimails.mime import Buffer, Part, body_start, decode_header, decode_part
from optimails.mime import parse as parse_mime
from optimails.mime.charset import decode_bytes
from optimails.mime.header import split_fields, unfolded
from optimails.mime.limits import HEADER_LIMIT
from optimails.model.errors import Refused

MAX_VALUE = 65_536  # characters of one value that a test looks at


class Field:
    """One header field: ``line`` with its name, without its last line end."""

    __slots__ = ("_text", "line", "name", "value")

    def __init__(self, line: bytes, name: bytes, value: bytes) -> None:
        self.line = line
        self.name = name.decode("ascii", "replace").lower()
        self.value = value
        self._text: str | None = None

    @property
    def text(self) -> str:
        """Unfolded, with encoded words decoded (RFC 5228 §2.7.2), without white space around it."""
        if self._text is None:
            self._text = decode_header(self.value[:MAX_VALUE]).strip(" \t\r\n")
        return self._text

    @property
    def raw(self) -> bytes:
        """Unfolded, as it came: for addresses and dates."""
        return unfolded(self.value[:MAX_VALUE])


def fields_of(block: Buffer) -> list[Field]:
    """The fields of a header block."""
    return [Field(line, name, value) for line, name, value in split_fields(bytes(block[0 : len(block)])) if name]


class Message:
    """``received`` are fields that stand before the content in the mailbox; ``content`` may be a memory map.

    Nothing is parsed before a script asks for it.
    """

    def __init__(self, content: Buffer, received: bytes = b"") -> None:
        self.content = content
        self.received = received
        self.size = len(received) + len(content)
        self._edited: list[Field] | None = None

    @cached_property
    def body_at(self) -> int:
        return body_start(self.content, 0, len(self.content))

    @cached_property
    def _original(self) -> list[Field]:
        return fields_of(self.received) + fields_of(self.content[0 : min(self.body_at, HEADER_LIMIT)])

    @property
    def fields(self) -> list[Field]:
        """As they are now."""
        return self._original if self._edited is None else self._edited

    def named(self, name: str) -> list[Field]:
        name = name.lower()
        return [field for field in self.fields if field.name == name]

    def edit(self, fields: list[Field]) -> None:
        """Replace the whole header (RFC 5293)."""
        self._edited = fields

    def edited_header(self) -> bytes | None:
        """The block with its empty line, None when nothing was edited."""
        if self._edited is None:
            return None
        lines = [field.line.rstrip(b"\r\n") for field in self._edited]
        block = b"\n".join(lines).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return block + b"\r\n\r\n" if lines else b"\r\n"

    @cached_property
    def root(self) -> Part:
        return parse_mime(self.content)

    def part_fields(self, part: Part) -> list[Field]:
        """The header of a part; that of the whole message as it is edited."""
        if part is self.root:
            return self.fields
        end = min(part.body_start, part.header_start + HEADER_LIMIT)
        return fields_of(self.content[part.header_start : end])

    def children(self, part: Part) -> list[Part]:
        return [part.message] if part.message is not None else part.children

    def descend(self, part: Part) -> Iterator[Part]:
        """The part and everything in it, in the order of the message."""
        waiting = [part]
        while waiting:
            one = waiting.pop()
            yield one
            waiting.extend(reversed(self.children(one)))

    def part_text(self, part: Part, limit: int) -> str:
        """The decoded content of a part, beginning with its first ``limit`` bytes as transferred."""
        if part.size > limit:
            part = _shortened(part, limit)
        try:
            data = decode_part(self.content, part)
        except Refused:  # a transfer encoding that nobody knows
            data = self.content[part.body_start : part.body_end]
        return decode_bytes(bytes(data), part.charset)


def _shortened(part: Part, limit: int) -> Part:
    return Part(
        part.header_start,
        part.body_start,
        part.body_start + limit,
        part.type,
        part.subtype,
        part.params,
        part.encoding,
    )
