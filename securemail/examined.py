"""A message as analysers see it: parsed once, each view of it made when the first analyser asks for it.

**Limits.** A filter is where hostile mail arrives on purpose. 500 parts and 30 levels are looked at (real mail has
fewer than 50 and 8), and 256 KiB of text; what lies beyond is not, and ``complete`` says so: leaving something out is
never the same as having found nothing in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from optimails.mime import Address, Part, body_start, decode_header, html_text, parse, parse_addresses, part_source
from optimails.mime.header import split_fields, unfolded
from optimails.mime.limits import HEADER_LIMIT
from securemail.links import Link, html_links, text_links

MAX_PARTS = 500
MAX_DEPTH = 30
MAX_TEXT = 256 * 1024  # bytes of decoded text parts, all together
MAX_LINKS = 500
MAX_FIELDS = 1000


@dataclass(frozen=True, slots=True)
class TextPart:
    """``source`` as it is written, ``shown`` without markup."""

    source: str
    shown: str
    html: bool


class Examined:
    """One message; not for several threads at a time."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    # -- the header

    @cached_property
    def fields(self) -> tuple[tuple[str, bytes], ...]:
        """Every field in its order: name in lower case, value unfolded and not decoded."""
        block = self.raw[: min(body_start(self.raw, 0, len(self.raw)), HEADER_LIMIT)]
        named = [(name, value) for _, name, value in split_fields(block) if name][:MAX_FIELDS]
        return tuple((name.decode("latin-1").lower(), unfolded(value)) for name, value in named)

    @cached_property
    def _by_name(self) -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {}
        for name, value in self.fields:
            found.setdefault(name, []).append(value)
        return found

    def values(self, name: str) -> list[bytes]:
        """The values of all fields of that name (lower case), unfolded, as written."""
        return self._by_name.get(name, [])

    def value(self, name: str) -> bytes:
        """The first of ``values``, or nothing."""
        return next(iter(self.values(name)), b"")

    def field(self, name: str) -> str:
        """The first field of that name as people read it, or nothing."""
        return decode_header(self.value(name))

    def addresses(self, name: str) -> list[Address]:
        """The addresses of all fields of that name, marks of groups left out."""
        every = (one for value in self.values(name) for one in parse_addresses(value))
        return [one for one in every if one.host is not None]

    @cached_property
    def author(self) -> tuple[str, str]:
        """Display name and address (lower case) of the first From; empty where there is none."""
        for one in self.addresses("from"):
            address = b"%b@%b" % (one.mailbox or b"", one.host or b"") if one.host else one.mailbox or b""
            return decode_header(one.name or b""), address.decode("utf-8", "replace").lower()
        return "", ""

    @property
    def author_domain(self) -> str:
        """Of the first From, in lower case."""
        return self.author[1].rpartition("@")[2]

    @cached_property
    def subject(self) -> str:
        return self.field("subject")

    # -- the parts

    @cached_property
    def structure(self) -> Part:
        return parse(self.raw)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Every part, containers too, in the order of the message; those of embedded messages as well."""
        return self._walked[0]

    @property
    def complete(self) -> bool:
        """Whether ``parts`` and ``texts`` are all that there is."""
        return self._walked[1] and self._read[1]

    @cached_property
    def _walked(self) -> tuple[tuple[Part, ...], bool]:
        found: list[Part] = []
        complete = True
        waiting = [(self.structure, 0)]
        while waiting:
            part, depth = waiting.pop()
            if len(found) >= MAX_PARTS or depth > MAX_DEPTH:
                complete = False
                continue
            found.append(part)
            inner = [part.message] if part.message is not None else part.children
            waiting += [(child, depth + 1) for child in reversed(inner)]
        return tuple(found), complete

    # -- the text

    @property
    def texts(self) -> tuple[TextPart, ...]:
        """The text parts, attached ones too, as far as ``MAX_TEXT`` goes."""
        return self._read[0]

    @cached_property
    def _read(self) -> tuple[tuple[TextPart, ...], bool]:
        found: list[TextPart] = []
        left = MAX_TEXT
        for part in self.parts:
            if part.type != b"text" or not part.size:
                continue
            if left <= 0:
                return tuple(found), False
            source = part_source(self.raw, part, left)
            left -= min(part.size, left)
            html = part.subtype == b"html"
            found.append(TextPart(source, html_text(source) if html else source, html))
        return tuple(found), left > 0

    @cached_property
    def text(self) -> str:
        """What a reader sees of the text parts, one after the other."""
        return "\n".join(part.shown for part in self.texts)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """The web addresses of the text, with what the reader sees of them."""
        found: dict[Link, None] = {}
        for link in self._links():
            found[link] = None
            if len(found) >= MAX_LINKS:
                break
        return tuple(found)

    def _links(self) -> Iterator[Link]:
        for part in self.texts:
            yield from html_links(part.source) if part.html else text_links(part.source)
