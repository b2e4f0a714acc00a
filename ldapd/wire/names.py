"""Distinguished names (RFC 4514): parsed for comparing, and written."""

import re

from optimails.model.errors import BadSyntax

MAX_PARTS = 50
Part = tuple[str, str]
"""Attribute in lower case, value without its escapes."""
_SPECIAL = re.compile(r'[,+"\\<>;=]|^[ #]| $')
_PIECE = re.compile(r'(?:[^\\,;+"]|\\[0-9A-Fa-f]{2}|\\[^0-9A-Fa-f]|"(?:[^"\\]|\\.)*")*', re.DOTALL)
_HEX = re.compile(rb"\\([0-9A-Fa-f]{2})|\\(.)", re.DOTALL)
_TYPES = {
    "domaincomponent": "dc", "commonname": "cn", "userid": "uid", "organizationalunitname": "ou",
    "organizationname": "o", "0.9.2342.19200300.100.1.25": "dc", "2.5.4.3": "cn",
    "0.9.2342.19200300.100.1.1": "uid", "2.5.4.11": "ou", "2.5.4.10": "o",
}  # fmt: skip


def parse(text: str) -> tuple[Part, ...]:
    """The parts, the nearest first; of one with several values the first. Raises ``BadSyntax``."""
    if not text.strip():
        return ()
    parts: list[Part] = []
    at, more = 0, False
    while True:
        found = _PIECE.match(text, at)
        assert found is not None
        name, equals, value = found[0].partition("=")
        name = name.strip().lower()
        if not equals or not name:
            raise BadSyntax("A part of a name has the form type=value")
        if not more:
            parts.append((_TYPES.get(name, name), _plain(value)))
        if len(parts) > MAX_PARTS:
            raise BadSyntax("A name has too many parts")
        at = found.end()
        if at == len(text):
            return tuple(parts)
        if text[at] not in ",;+":
            raise BadSyntax("A name has a stray character")
        more = text[at] == "+"
        at += 1


def escaped(value: str) -> str:
    """As a value within a name (RFC 4514 §2.4)."""
    return _SPECIAL.sub(lambda found: "\\" + found[0], value).replace("\0", "\\00")


def _plain(value: str) -> str:
    value = value.lstrip(" ")
    stripped = value.rstrip(" ")
    if stripped.endswith("\\") and stripped != value:
        stripped += " "
    if len(stripped) > 1 and stripped[0] == stripped[-1] == '"':
        stripped = stripped[1:-1]
    if "\\" not in stripped:
        return stripped
    octets = _HEX.sub(
        lambda found: bytes.fromhex(found[1].decode()) if found[1] else found[2], stripped.encode("utf-8", "replace")
    )
    return octets.decode("utf-8", "replace")
