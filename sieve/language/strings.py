"""Strings as ``encoded-character`` and ``variables`` read them (RFC 5228 §2.4.2.4, RFC 5229 §3)."""

import re

from sieve.language.tree import Template, Text, Variable

_ENCODED = re.compile(
    r"\$\{(?:(?P<kind>hex):(?P<hex>[ \t\r\n]*+(?:[0-9a-fA-F]{1,2}(?![0-9a-fA-F])[ \t\r\n]*+)++)"
    r"|unicode:(?P<unicode>[ \t\r\n]*+(?:[0-9a-fA-F]++[ \t\r\n]*+)++))\}",
    re.IGNORECASE,
)
_VARIABLE = re.compile(
    r"\$\{(?:(?P<number>[0-9]++)|(?:(?P<namespace>[A-Za-z_][A-Za-z0-9_]*+)\.)?(?P<name>[A-Za-z_][A-Za-z0-9_]*+))\}"
)
_NAME = re.compile(r"(?:(?P<namespace>[A-Za-z_][A-Za-z0-9_]*+)\.)?(?P<name>[A-Za-z_][A-Za-z0-9_]*+)")
MATCH_VARIABLES = 32  # ${0} to ${32}; RFC 5229 §3.2 wants ten


def decode_characters(text: str) -> str:
    """``${hex: …}`` and ``${unicode: …}`` replaced. Raises ``ValueError`` for what is no character."""
    if "${" not in text:
        return text
    at, parts = 0, []
    for found in _ENCODED.finditer(text):
        parts.append(text[at : found.start()].encode())
        at = found.end()
        if found["hex"] is not None:
            parts.append(bytes(int(digits, 16) for digits in found["hex"].split()))
        else:
            parts += [_character(digits) for digits in found["unicode"].split()]
    if not parts:
        return text
    parts.append(text[at:].encode())
    decoded = b"".join(parts).decode()  # UnicodeDecodeError is a ValueError
    if "\0" in decoded:
        raise ValueError("the NUL character cannot be encoded")
    return decoded


def _character(digits: str) -> bytes:
    value = int(digits[-8:], 16) if not digits[:-8].strip("0") else 0x110000
    if value > 0x10FFFF or 0xD800 <= value <= 0xDFFF:
        raise ValueError(f"{digits} is not a Unicode character")
    return chr(value).encode()


def template(text: str) -> Text:
    """The string with its variables. Raises ``ValueError`` for a namespace or a number that cannot be."""
    if "${" not in text:
        return text
    at = 0
    parts: list[str | Variable] = []
    for found in _VARIABLE.finditer(text):
        if found.start() > at:
            parts.append(text[at : found.start()])
        at = found.end()
        if found["number"] is not None:
            number = found["number"].lstrip("0") or "0"
            if len(number) > 4 or int(number) > MATCH_VARIABLES:
                raise ValueError(f"there is no match variable {found['number'][:20]}")
            parts.append(Variable(number))
        else:
            parts.append(Variable(found["name"].lower(), _namespace(found["namespace"])))
    if not parts:
        return text
    if at < len(text):
        parts.append(text[at:])
    return Template(tuple(parts))


def variable_name(text: str) -> Variable:
    """The name of a variable that may be set. Raises ``ValueError``."""
    found = _NAME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:50]!r} is not the name of a variable")
    return Variable(found["name"].lower(), _namespace(found["namespace"]))


def _namespace(name: str | None) -> str:
    if name and name.lower() != "global":
        raise ValueError(f"there is no namespace {name[:50]}")
    return (name or "").lower()
