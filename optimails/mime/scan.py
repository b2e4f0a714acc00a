"""From bytes to the tree of parts.

**How.** Each multipart finds its own delimiter lines with ``find`` and hands the stretches between them to the same
scan. An outer delimiter therefore always ends whatever is inside (RFC 2046 §5.1.2), and every search runs at the speed
of C. The price is that a byte is searched once per multipart it lies in. Matching each line against a stack of
boundaries would look once, but costs Python steps for every line that begins with ``--``; it is slower on real mail and
on hostile mail. So the searching of one message has a budget (``limits.SCAN_FACTOR``), and what lies beyond it, as
beyond the limits of depth and number, becomes one opaque leaf with true offsets.

**A delimiter** is a whole line: ``--boundary``, perhaps ``--``, perhaps blanks. RFC 2046 would let any text follow, but
mail programs use boundaries of which one is the beginning of another.

**A multipart without any delimiter**, or without a boundary, shows what it holds as one text part, so that it can be
read, and because IMAP's grammar has no empty multipart.
"""

import re

from optimails.mime.buffer import Buffer, LineCounter, count_lines, find
from optimails.mime.header import Fields, body_start, read_fields, unfolded
from optimails.mime.limits import FALSE_HIT_COST, FIELD_LIMIT, MAX_DEPTH, MAX_PARTS, SCAN_FACTOR, SCAN_FLOOR
from optimails.mime.params import DEFAULT_TYPE, content_type, disposition, first, token
from optimails.mime.part import Part

_TAIL = re.compile(rb"(--)?[ \t]*+(\r?\n|\r?\Z)")
_DIGEST_TYPE = (b"message", b"rfc822", ())  # RFC 2046 §5.1.5
_OPAQUE = (b"application", b"octet-stream", ())
_LANGUAGE = re.compile(rb"[^\s,;()]+")
_CR = 0x0D


def parse(message: Buffer) -> Part:
    """The tree of a whole message; never fails. Takes bytes or a memory map."""
    return Scanner(message).entity(0, len(message), 0)


class Scanner:
    """One scan of one message, with what it may still spend."""

    __slots__ = ("_budget", "_lines", "_message", "_parts")

    def __init__(self, message: Buffer) -> None:
        self._message = message
        self._parts = 0
        self._budget = SCAN_FLOOR + SCAN_FACTOR * len(message)
        self._lines = LineCounter(message)

    def entity(self, start: int, end: int, depth: int, default: tuple[bytes, bytes, object] = DEFAULT_TYPE) -> Part:
        """The message or part at ``start:end``."""
        body = body_start(self._message, start, end)
        return self.described(read_fields(self._message, start, body), (start, body, end), depth, default)

    def described(
        self,
        fields: Fields,
        offsets: tuple[int, int, int],
        depth: int,
        default: tuple[bytes, bytes, object] = DEFAULT_TYPE,
    ) -> Part:
        """The message or part with these fields; ``offsets`` are header start, body start, body end."""
        self._parts += 1
        start, body, end = offsets
        get = fields.get
        written = get(b"content-type")
        kind, subtype, params = content_type(written) if written is not None else default
        part = Part(start, body, end, kind, subtype, params)  # type: ignore[arg-type]
        for name, value in fields.items():
            if name.startswith(b"content-"):
                _describe(part, name, value)
        if kind == b"text":
            part.lines = count_lines(self._message, body, end)
        elif kind == b"multipart":
            self._multipart(part, depth)
        elif kind == b"message" and subtype in (b"rfc822", b"global"):
            self._embedded(part, depth)
        return part

    def _embedded(self, part: Part, depth: int) -> None:
        if depth >= MAX_DEPTH:
            part.type, part.subtype, part.params = _OPAQUE
            return
        part.lines = self._lines.count(part.body_start, part.body_end)
        part.message = self.entity(part.body_start, part.body_end, depth + 1)

    def _multipart(self, part: Part, depth: int) -> None:
        if depth >= MAX_DEPTH or self._budget < part.size:
            part.type, part.subtype, part.params = _OPAQUE
            return
        boundary = (first(part.params, b"boundary") or b"").rstrip()
        default = _DIGEST_TYPE if part.subtype == b"digest" else DEFAULT_TYPE
        stop = part.body_end
        if boundary:
            stop = self._children(part, b"\n--" + boundary, depth, default)
        if not part.children:
            part.children.append(self._leaf(part.body_start, stop, DEFAULT_TYPE))

    def _children(self, part: Part, delimiter: bytes, depth: int, default: tuple[bytes, bytes, object]) -> int:
        """Add the parts between delimiters; gives where the last part, or else the preamble, ends."""
        message, end = self._message, part.body_end
        self._budget -= part.size
        begin = -1  # of the part we are in
        at = max(part.body_start - 1, 0)  # the line end before a delimiter may be that of the header or a delimiter
        while True:
            hit = find(message, delimiter, at, end)
            if hit < 0:
                if begin >= 0:
                    part.children.append(self.entity(begin, end, depth + 1, default))
                return end
            at = hit + len(delimiter)
            tail = _TAIL.match(message, at, end)
            if tail is None:
                self._budget -= FALSE_HIT_COST
                if self._budget < 0:
                    part.children.append(self._leaf(max(begin, part.body_start), end, _OPAQUE))
                    return end
                continue
            stop = hit - 1 if hit > 0 and message[hit - 1] == _CR else hit
            if begin >= 0:
                if self._parts >= MAX_PARTS:
                    part.children.append(self._leaf(begin, end, _OPAQUE))
                    return end
                part.children.append(self.entity(begin, max(begin, stop), depth + 1, default))
            if tail[1] or tail.end() == end:
                return max(part.body_start, stop)
            begin = tail.end()
            at = begin - 1

    def _leaf(self, start: int, end: int, kind: tuple[bytes, bytes, object]) -> Part:
        self._parts += 1
        part = Part(start, start, end, *kind)  # type: ignore[arg-type]
        if part.type == b"text":
            part.lines = count_lines(self._message, start, end)
        return part


def _describe(part: Part, name: bytes, value: bytes) -> None:
    if name == b"content-transfer-encoding":
        part.encoding = token(value) or b"7bit"
    elif name == b"content-disposition":
        part.disposition, part.disposition_params = disposition(value)
    elif name == b"content-id":
        part.id = unfolded(value)
    elif name == b"content-description":
        part.description = unfolded(value)
    elif name == b"content-language":
        part.language = tuple(_LANGUAGE.findall(value[:FIELD_LIMIT])[:100])
    elif name == b"content-md5":
        part.md5 = unfolded(value)
    elif name == b"content-location":
        part.location = unfolded(value)
