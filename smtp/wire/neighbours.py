"""XCLIENT and XFORWARD, Postfix's extensions: what a server in front of us says of the client it serves.

The grammar is that of Postfix's XCLIENT_README and XFORWARD_README: attributes ``NAME=value``, values in xtext
(RFC 3461 §4). ``[UNAVAILABLE]`` and ``[TEMPUNAVAIL]`` say that there is no value; ``IPV6:`` stands before addresses of
that family.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

from optimails.model.errors import BadSyntax
from smtp.wire.replies import BadCommand

_XTEXT = re.compile(rb"(?:[^\x00-\x20\x7f+=]|\+[0-9A-Fa-f]{2})*")  # beyond ASCII, too: names that need SMTPUTF8
_CODE = re.compile(rb"\+([0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NOT_IN_NAMES = re.compile(r"[ ()<>@,;\\\"]")
_PORT = re.compile(r"[0-9]{1,5}")
_PROTOCOL = re.compile(r"[A-Za-z0-9]{1,32}")
MAX_VALUE = 255  # characters of a name or HELO
MAX_ATTRIBUTES = 20


class Missing(StrEnum):
    """Why there is no value."""

    UNAVAILABLE = "[UNAVAILABLE]"
    TEMPORARILY = "[TEMPUNAVAIL]"


Value = str | Missing


@dataclass(frozen=True, slots=True)
class XClient:
    """The session is that of the client described, from now on and from its beginning."""

    attributes: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class XForward:
    """The next message came from the client described."""

    attributes: Mapping[str, Value]


def _name(text: str) -> str:
    """Of a machine, as its client chose it: what could pretend to be more of a trace header is made harmless."""
    return _NOT_IN_NAMES.sub("?", _text(text))


def _address(text: str) -> str:
    bare = text[5:] if text[:5].upper() == "IPV6:" else text
    try:
        address = ip_address(bare)
    except ValueError:
        raise BadSyntax("not an address") from None
    if isinstance(address, IPv6Address):
        if address.scope_id:
            raise BadSyntax("not an address")
        address = address.ipv4_mapped or address
    return str(address)


def _port(text: str) -> str:
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise BadSyntax("not a port")
    return str(int(text))


def _spoken(text: str) -> str:
    if text.upper() not in ("SMTP", "ESMTP"):
        raise BadSyntax("not a protocol")
    return text.upper()


def _any_protocol(text: str) -> str:
    if not _PROTOCOL.fullmatch(text):
        raise BadSyntax("not a protocol")
    return text.upper()


def _text(text: str) -> str:
    if not text or len(text) > MAX_VALUE:
        raise BadSyntax("empty or too long")
    return text


def _source(text: str) -> str:
    if text.upper() not in ("LOCAL", "REMOTE"):
        raise BadSyntax("neither LOCAL nor REMOTE")
    return text.upper()


Reader = Callable[[str], str]
XCLIENT: Mapping[str, Reader] = {
    "NAME": _name,
    "ADDR": _address,
    "PORT": _port,
    "PROTO": _spoken,
    "HELO": _name,
    "LOGIN": _text,
    "DESTADDR": _address,
    "DESTPORT": _port,
}
XFORWARD: Mapping[str, Reader] = {
    "NAME": _name,
    "ADDR": _address,
    "PORT": _port,
    "PROTO": _any_protocol,
    "HELO": _name,
    "IDENT": _text,
    "SOURCE": _source,
}


def xclient(rest: bytes) -> XClient:
    """What follows the verb. Raises ``BadCommand``."""
    return XClient(_attributes(rest, XCLIENT))


def xforward(rest: bytes) -> XForward:
    """As ``xclient``."""
    return XForward(_attributes(rest, XFORWARD))


def _attributes(rest: bytes, known: Mapping[str, Reader]) -> dict[str, Value]:
    words = rest.split()
    if not 1 <= len(words) <= MAX_ATTRIBUTES:
        raise BadCommand(501, "5.5.4", "Expected attributes such as ADDR=192.0.2.1")
    found: dict[str, Value] = {}
    for word in words:
        name, _, coded = word.partition(b"=")
        key = name.decode("ascii", "replace").upper()
        reader = known.get(key)
        if reader is None:
            raise BadCommand(501, "5.5.4", "Unknown attribute")
        try:
            found[key] = _value(coded, reader)
        except BadSyntax:
            raise BadCommand(501, "5.5.4", f"Bad value of {key}") from None
    return found


def _value(coded: bytes, reader: Reader) -> Value:
    if not _XTEXT.fullmatch(coded):
        raise BadSyntax("not xtext")
    try:
        text = _CODE.sub(lambda match: bytes.fromhex(match[1].decode("ascii")), coded).decode("utf-8")
    except UnicodeError:
        raise BadSyntax("neither ASCII nor UTF-8") from None
    if text.upper() in tuple(Missing):
        return Missing(text.upper())
    if _CONTROL.search(text):
        raise BadSyntax("control characters")
    return reader(text)
