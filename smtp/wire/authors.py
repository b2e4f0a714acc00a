"""The addresses of From and Sender in submitted mail, read as RFC 5322 §3.4 writes them and no other way.

``optimails.mime`` reads what mail programs get wrong, and guesses. Here a guess would let somebody write in another's
name: one program shows the address in the comment, the next the one after the comma. So what two readers could
understand in two ways is refused: groups, routes, strays, brackets that stay open, control characters.
"""

import re
from dataclasses import dataclass

from optimails.mime.header import unfolded
from optimails.mime.words import decode_header
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax

MAX_VALUE = 32_768  # bytes
MAX_AUTHORS = 20
_TOKEN = re.compile(r'(?P<space>[ \t]++)|"(?:[^"\\]|\\.)*+"|\[[^\[\]\\]*+\]|[^ \t"(),:;<>@\[\]\\]++|[(,<>@]')
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BEHIND = re.compile(r"[()\\]")


@dataclass(frozen=True, slots=True)
class Author:
    """``name`` is what readers see beside the address, decoded."""

    address: EmailAddress
    name: str


def authors(value: bytes) -> list[Author]:
    """Everybody in the value of such a field.

    Raises:
        BadSyntax: it is no list of addresses, or could be read in two ways.
    """
    if len(value) > MAX_VALUE:
        raise BadSyntax("it is too long")
    text = unfolded(value).decode("utf-8", "surrogateescape")
    if _CONTROL.search(text):
        raise BadSyntax("it has control characters")
    found = [_author(tokens) for tokens in _elements(text)]
    if len(found) > MAX_AUTHORS:
        raise BadSyntax("it has too many addresses")
    return found


def _elements(text: str) -> list[list[str]]:
    """The tokens between commas; comments count as spaces."""
    elements: list[list[str]] = [[]]
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadSyntax("it is no list of addresses")
        at = match.end()
        token = match[0]
        if token == "(":  # noqa: S105  (no password)
            at, token = _after_comment(text, at), " "
        if token == ",":  # noqa: S105
            elements.append([])
        else:
            elements[-1].append(" " if match["space"] else token)
    return elements


def _after_comment(text: str, at: int) -> int:
    depth = 1
    while depth:
        match = _BEHIND.search(text, at)
        if match is None:
            raise BadSyntax("a comment stays open")
        at = match.end() + (match[0] == "\\")
        depth += {"(": 1, ")": -1}.get(match[0], 0)
    return at


def _author(tokens: list[str]) -> Author:
    while tokens and tokens[-1] == " ":
        tokens.pop()
    name: list[str] = []
    if "<" in tokens:
        at = tokens.index("<")
        name, tokens = tokens[:at], tokens[at + 1 :]
        if not tokens or tokens.pop() != ">" or "@" in name or any(one.startswith("[") for one in name):
            raise BadSyntax("it is no list of addresses")
    address = "".join(tokens).strip(" ")
    if " " in address.partition('"')[0] or "<" in tokens or ">" in tokens or tokens.count("@") != 1:
        raise BadSyntax("it is no list of addresses")
    return Author(EmailAddress.parse(address), _shown(name))


def _shown(name: list[str]) -> str:
    plain = "".join(re.sub(r"\\(.)", r"\1", one[1:-1]) if one.startswith('"') else one for one in name)
    shown = decode_header(plain.encode("utf-8", "surrogateescape")).strip()
    if _CONTROL.search(shown) or re.search(r"<[^>]*@", shown):
        raise BadSyntax("a name has what a name does not have")
    return shown
