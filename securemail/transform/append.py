"""Text put at the end of a message's text, plain and HTML, with everything else left as it is, byte for byte.

What is signed or encrypted by its sender (S/MIME, PGP) is not touched, and neither is a text that we could not write
back as we read it.
"""

import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass

from optimails.mime import Part, decode_part, parse
from optimails.mime.buffer import Buffer
from optimails.mime.charset import codec_of
from optimails.mime.header import split_fields, unfolded
from optimails.model.errors import Refused

_MAX_TEXT = 4 * 2**20  # bytes of a text that is rewritten
_MAX_LEVELS = 10
_PGP = b"-----BEGIN PGP "
_BODY_END = re.compile(r"</body\s*>", re.IGNORECASE)
_CHARSET = re.compile(rb';\s*charset\s*=\s*(?:"[^"]*"|[^\s;]+)', re.IGNORECASE)
_CLOSED = {(b"multipart", b"signed"), (b"multipart", b"encrypted"), (b"application", b"pkcs7-mime"),
           (b"application", b"x-pkcs7-mime")}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """The bytes from ``start`` to ``end`` become others."""

    start: int
    end: int
    new: bytes


def changes(message: Buffer, plain: str, html: str) -> list[Change]:
    """What to change so that the texts stand at the end, in the order of the message; nothing where they may not."""
    root = parse(message)
    targets = list(_targets(root, 0))
    found = []
    for part in targets:
        change = _change(message, part, html if part.subtype == b"html" else plain, root=part is root)
        if change is None:
            return []  # one of two alternatives alone would be another message to another reader
        found.append(change)
    return found


def _targets(part: Part, level: int) -> Iterator[Part]:
    """The text that is read first, in all its alternatives."""
    kind = (part.type, part.subtype)
    if kind in _CLOSED or level > _MAX_LEVELS or part.disposition == b"attachment":
        return
    if part.type == b"text":
        if part.subtype in (b"plain", b"html"):
            yield part
    elif part.subtype == b"alternative":
        for child in part.children:
            yield from _targets(child, level + 1)
    elif part.children:
        yield from _targets(part.children[0], level + 1)


def _change(message: Buffer, part: Part, added: str, *, root: bool) -> Change | None:
    codec = codec_of(part.charset or "us-ascii")
    if codec is None or part.size > _MAX_TEXT:
        return None
    try:
        body = bytes(decode_part(message, part))
        text = body.decode(codec)
    except (Refused, UnicodeDecodeError):
        return None
    if _PGP in body:
        return None
    whole = _joined(text, added, html=part.subtype == b"html")
    charset, data = _encoded(whole, codec, part.charset)
    encoding, written = _transferred(data)
    header = _header(bytes(message[part.header_start : part.body_start]), charset, encoding, root=root)
    tail = bytes(message[part.body_start : part.body_end])
    written = written if tail.endswith(b"\n") or not tail else written.removesuffix(b"\r\n")
    return Change(part.header_start, part.body_end, header + written)


def _joined(text: str, added: str, *, html: bool) -> str:
    if not html:
        return text.rstrip("\r\n") + "\r\n\r\n" + added.replace("\r\n", "\n").replace("\n", "\r\n") + "\r\n"
    ends = list(_BODY_END.finditer(text))
    place = ends[-1].start() if ends else len(text)
    return f"{text[:place]}<div>{added}</div>{text[place:]}"


def _encoded(text: str, codec: str, charset: str) -> tuple[str, bytes]:
    """In the charset it came in where that has all the letters, else in UTF-8."""
    if text.isascii():
        return charset or "us-ascii", text.encode("ascii")
    if charset and codec != "utf_8":
        try:
            return charset, text.encode(codec)
        except UnicodeEncodeError:
            pass
    return "utf-8", text.encode("utf-8", "replace")


def _transferred(data: bytes) -> tuple[bytes, bytes]:
    """Content-Transfer-Encoding, and the bytes in it."""
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    if data.isascii() and b"\r" not in b"".join(lines) and max(map(len, lines)) <= 998:
        return b"7bit", b"\r\n".join(lines)
    return b"quoted-printable", quopri.encodestring(b"\n".join(lines)).replace(b"\n", b"\r\n")


def _header(block: bytes, charset: str, encoding: bytes, *, root: bool) -> bytes:
    """The part's header with the type and encoding of its new body; every other field as it was."""
    kept, kind, mime = b"", b"text/plain", not root
    for whole, name, value in split_fields(block):
        lower = name.lower()
        if lower == b"content-type":
            kind = unfolded(value)
        elif lower == b"mime-version":
            mime = True
            kept += whole + b"\n"
        elif name and lower != b"content-transfer-encoding":
            kept += whole + b"\n"
    kind = _CHARSET.sub(b"", kind) + b'; charset="' + charset.encode("ascii", "replace") + b'"'
    added = b"Content-Type: " + kind + b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n"
    return kept + (b"" if mime else b"MIME-Version: 1.0\r\n") + added
