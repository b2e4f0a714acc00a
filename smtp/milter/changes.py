"""What a filter may do to a message: its header fields, its body, its envelope. Pure.

**The header** is a list of fields, each as it stands in the message. Positions are those of Sendmail and Postfix: an
inserted field has that many fields before it, the Received line that we write ourselves included; the n-th field of a
name is the n-th that is there now, and a number beyond the last adds one.

**Values** come from the filter with line ends of its own. They are made lines of a folded field whatever they are, so
that no value can end the header, or begin a field of another name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from optimails.delivery.spool import Spool
from smtp.milter import wire
from smtp.milter.wire import Nonsense

MAX_HEADER = 1_048_576  # bytes, as received
MAX_CHANGED_HEADER = 2 * MAX_HEADER
MAX_RECIPIENTS = 1_000  # that a filter may add
_NAME = re.compile(rb"[\x21-\x39\x3b-\x7e]{1,256}")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_FIELD = re.compile(rb"[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n")
_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Field:
    """One field, ``raw`` as it stands in the message, with its line end. A line that is none has no name."""

    name: bytes
    value: bytes  # everything after the colon, without the last line end
    raw: bytes


def made(name: bytes, value: bytes) -> Field:
    return Field(name, value, name + b":" + value + b"\r\n")


def fields_of(header: bytes) -> list[Field]:
    """``header`` ends with a line end, without the empty line."""
    found = []
    for raw in _FIELD.findall(header):
        name, colon, value = raw[:-2].partition(b":")
        name = name.rstrip(b" \t")  # RFC 5322 §4.5: obsolete, and programs read it
        found.append(Field(name, value, raw) if colon and _NAME.fullmatch(name) else Field(b"", b"", raw))
    return found


def clean(value: bytes, *, leading_space: bool) -> bytes:
    """A value from a filter as it may stand after the colon."""
    lines = [line for line in _LINE_END.split(value.replace(b"\0", b"")) if line.strip(b" \t")] or [b""]
    first = lines[0] if leading_space else b" " + lines[0]
    rest = (line if line[:1] in (b" ", b"\t") else b"\t" + line for line in lines[1:])
    return b"\r\n".join((first, *rest))


@dataclass(slots=True)
class Message:
    """A message between two filters. ``body`` may be a spool of its own, or the whole message from ``skip`` on."""

    fields: list[Field]
    body: Spool
    skip: int
    separated: bool = True  # an empty line stands after the header
    changed: bool = False

    def header(self) -> bytes:
        """With the empty line."""
        joined = b"".join(one.raw for one in self.fields)
        return joined + (b"\r\n" if self.separated or self.body_size else b"")

    @property
    def body_size(self) -> int:
        return self.body.size - self.skip

    def pieces(self) -> Iterator[bytes]:
        """The body. Reads from disk: in a thread, when the spool's ``whole`` gives None."""
        skip = self.skip
        for piece in self.body.pieces():
            if skip < len(piece):
                yield piece[skip:] if skip else piece
            skip = max(skip - len(piece), 0)


def read(spool: Spool, before: bytes = b"") -> Message | None:
    """The message in a spool, with fields ``before`` it that we add ourselves; None when its header is too large.

    Reads from disk, as ``Spool.pieces`` does.
    """
    head = b""
    end = -1
    for piece in spool.pieces():
        start = max(len(head) - 3, 0)
        head += piece[: MAX_HEADER + 4 - len(head)]
        end = 0 if head.startswith(b"\r\n") else head.find(_END, start)
        if end >= 0 or len(head) > MAX_HEADER:
            break
    if end < 0 and len(head) > MAX_HEADER:
        return None
    if end < 0:  # no body at all
        lines = head if not head or head.endswith(b"\r\n") else head + b"\r\n"
        return Message(fields_of(before + lines), spool, spool.size, separated=False, changed=bool(before))
    skip = end + 2 if end == 0 else end + 4
    header = b"" if end == 0 else head[: end + 2]
    return Message(fields_of(before + header), spool, skip, changed=bool(before))


def write(message: Message, spool: Spool) -> None:
    """The message as it is now, into an empty spool. Raises ``Unavailable``."""
    spool.write(message.header())
    for piece in message.pieces():
        spool.write(piece)


@dataclass(slots=True)
class Wishes:
    """What one filter wants done, gathered until it has said its last word."""

    leading_space: bool
    header: list[wire.AddHeader | wire.InsertHeader | wire.ChangeHeader] = field(default_factory=list)
    sender: str | None = None
    added: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    quarantine: str | None = None
    body: Spool | None = None
    size: int = 0  # bytes of header fields
    held: bytes = b""  # a CR at the end of a piece of the body

    def take(self, change: wire.Change, empty: Spool, limit: int) -> None:
        """Note one change; a new body, of at most ``limit`` bytes, goes into the ``empty`` spool.

        Raises ``Nonsense`` when that is more than a filter may say, ``Unavailable`` when the disk is full.
        """
        match change:
            case wire.AddHeader() | wire.InsertHeader() | wire.ChangeHeader():
                self.size += len(change.name) + len(change.value) + 16
                if not _NAME.fullmatch(change.name) or self.size > MAX_HEADER:
                    raise Nonsense("a header field that cannot be")
                self.header.append(change)
            case wire.ReplaceBody(chunk):
                self.body = self.body or empty
                self._write(self.held + chunk)
                if self.body.size > limit:
                    raise Nonsense("a new body that is too large")
            case wire.AddRecipient(address):
                self._address(self.added, address)
            case wire.DeleteRecipient(address):
                self._address(self.deleted, address)
            case wire.ChangeSender(address):
                self.sender = address
            case wire.Quarantine(reason):
                self.quarantine = reason

    @staticmethod
    def _address(known: list[str], address: str) -> None:
        if len(known) >= MAX_RECIPIENTS:
            raise Nonsense("too many recipients")
        known.append(address)

    def _write(self, data: bytes) -> None:
        assert self.body is not None
        self.held = b"\r" if data.endswith(b"\r") else b""
        self.body.write(_LINE_END.sub(b"\r\n", data[: len(data) - len(self.held)]))

    def finish(self) -> None:
        """The filter has said its last word."""
        if self.held:
            self._write(self.held + b"\n")


def apply(wishes: Wishes, message: Message) -> Message:
    """The message with new fields and body; the envelope is the caller's affair. Raises ``Nonsense``."""
    fields = list(message.fields)
    for change in wishes.header:
        match change:
            case wire.AddHeader(name, value):
                fields.append(made(name, clean(value, leading_space=wishes.leading_space)))
            case wire.InsertHeader(index, name, value):
                # Our own Received line, which is not in the list, is what stands before number 1.
                fields.insert(max(index - 1, 0), made(name, clean(value, leading_space=wishes.leading_space)))
            case wire.ChangeHeader(index, name, value):
                _change(fields, max(index, 1), name, value, leading_space=wishes.leading_space)
    if sum(len(one.raw) for one in fields) > MAX_CHANGED_HEADER:
        raise Nonsense("a header that is too large")
    changed = message.changed or bool(wishes.header) or wishes.body is not None
    if wishes.body is not None:
        return Message(fields, wishes.body, 0, separated=True, changed=changed)
    return Message(fields, message.body, message.skip, message.separated, changed)


def _change(fields: list[Field], number: int, name: bytes, value: bytes, *, leading_space: bool) -> None:
    wanted = name.lower()
    places = [at for at, one in enumerate(fields) if one.name.lower() == wanted]
    if number > len(places):
        if value:
            fields.append(made(name, clean(value, leading_space=leading_space)))
    elif value:
        fields[places[number - 1]] = made(name, clean(value, leading_space=leading_space))
    else:
        del fields[places[number - 1]]
