"""FETCH and its items (RFC 9051 §6.4.5)."""

import re

from imap.wire.commands import (
    Attribute,
    Binary,
    BinarySize,
    BodySection,
    Fetch,
    FetchItem,
    Partial,
    SectionKind,
)
from imap.wire.scanner import MAX_NUMBER, Scanner
from optimails.model.errors import BadSyntax

_FAST = (Attribute.FLAGS, Attribute.INTERNAL_DATE, Attribute.SIZE)
_MACROS = {
    "FAST": _FAST,
    "ALL": (*_FAST, Attribute.ENVELOPE),
    "FULL": (*_FAST, Attribute.ENVELOPE, Attribute.BODY),
}
_ATTRIBUTES: dict[str, FetchItem] = {attribute.value: attribute for attribute in Attribute}
_ATTRIBUTES |= {  # RFC 3501 §6.4.5
    "RFC822": BodySection(obsolete="RFC822"),
    "RFC822.HEADER": BodySection(kind=SectionKind.HEADER, peek=True, obsolete="RFC822.HEADER"),
    "RFC822.TEXT": BodySection(kind=SectionKind.TEXT, obsolete="RFC822.TEXT"),
}
_SECTION = re.compile(
    rb"\[([0-9.]*)(HEADER\.FIELDS\.NOT(?= )|HEADER\.FIELDS(?= )|HEADER(?=\])|TEXT(?=\])|MIME(?=\])|(?=\]))",
    re.IGNORECASE,
)
_PARTIAL = re.compile(rb"<([0-9]{1,10})\.([0-9]{1,10})>")
MAX_DEPTH = 100  # of a section's path
MAX_FIELDS = 1000


def fetch(scan: Scanner, *, by_uid: bool) -> Fetch:
    """FETCH behind its name, with the modifiers of RFC 7162."""
    scan.space()
    messages = scan.message_set()
    scan.space()
    if scan.at(b"("):
        items = scan.list_of(lambda: _item(scan, scan.word()))
    else:
        word = scan.word()
        items = list(_MACROS[word]) if word in _MACROS else [_item(scan, word)]
    changed_since, vanished = None, False
    if scan.skip(b" ("):
        while True:
            match scan.word():
                case "CHANGEDSINCE":
                    scan.space()
                    changed_since = scan.number64()
                case "VANISHED":
                    vanished = True
                case _:
                    raise BadSyntax("Unknown fetch modifier")
            if scan.skip(b")"):
                break
            scan.space()
    if vanished and (changed_since is None or not by_uid):
        raise BadSyntax("VANISHED needs UID FETCH and CHANGEDSINCE")  # RFC 7162 §3.2.6
    return Fetch(messages, by_uid, tuple(dict.fromkeys(items)), changed_since, vanished)


def _item(scan: Scanner, word: str) -> FetchItem:
    if not scan.at(b"["):
        found = _ATTRIBUTES.get(word)
        if found is None:
            raise BadSyntax("Unknown fetch item")
        return found
    match word:
        case "BODY" | "BODY.PEEK":
            path, kind = _section(scan)
            fields: tuple[str, ...] = ()
            if kind in (SectionKind.HEADER_FIELDS, SectionKind.HEADER_FIELDS_NOT):
                scan.space()
                fields = tuple(scan.list_of(lambda: _field_name(scan)))
                if len(fields) > MAX_FIELDS:
                    raise BadSyntax("Too many header fields")
            elif kind is SectionKind.MIME and not path:
                raise BadSyntax("MIME needs a part number")
            scan.expect(b"]")
            return BodySection(path, kind, fields, word == "BODY.PEEK", _partial(scan))
        case "BINARY" | "BINARY.PEEK":
            path = _path_only(scan)
            return Binary(path, word == "BINARY.PEEK", _partial(scan))
        case "BINARY.SIZE":
            return BinarySize(_path_only(scan))
    raise BadSyntax("Unknown fetch item")


def _section(scan: Scanner) -> tuple[tuple[int, ...], SectionKind]:
    found = _SECTION.match(scan.text, scan.position)
    if found is None:
        raise BadSyntax("Section is not valid")
    scan.position = found.end()
    kind = SectionKind(found[2].decode("ascii").upper())
    digits = found[1]
    if not digits:
        return (), kind
    if digits.endswith(b".") != (kind is not SectionKind.ALL):
        raise BadSyntax("Section is not valid")
    parts = digits.removesuffix(b".").split(b".")
    if len(parts) > MAX_DEPTH or any(not part or len(part) > 10 for part in parts):
        raise BadSyntax("Section is not valid")
    path = tuple(map(int, parts))
    if not all(1 <= part <= MAX_NUMBER for part in path):
        raise BadSyntax("Section is not valid")
    return path, kind


def _path_only(scan: Scanner) -> tuple[int, ...]:
    path, kind = _section(scan)
    if kind is not SectionKind.ALL:
        raise BadSyntax("BINARY takes a part number only")
    scan.expect(b"]")
    return path


def _field_name(scan: Scanner) -> str:
    name = scan.astring()
    try:
        return name.decode("ascii")
    except UnicodeDecodeError as wrong:
        raise BadSyntax("A header field's name is ASCII") from wrong


def _partial(scan: Scanner) -> Partial | None:
    if not scan.at(b"<"):
        return None
    found = _PARTIAL.match(scan.text, scan.position)
    if found is None:
        raise BadSyntax("Partial range is not valid")
    scan.position = found.end()
    offset, length = int(found[1]), int(found[2])
    if not length or offset > MAX_NUMBER or length > MAX_NUMBER:
        raise BadSyntax("Partial range is not valid")
    return Partial(offset, length)
