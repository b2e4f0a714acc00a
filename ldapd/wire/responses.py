"""Answers into bytes (RFC 4511 §4)."""

from collections.abc import Iterable, Sequence
from enum import IntEnum

from ldapd.wire.ber import BOOLEAN, ENUMERATED, OCTETS, SEQUENCE, SET, element, integer

ENTRY, DONE, EXTENDED = 0x64, 0x65, 0x78
NOTICE = "1.3.6.1.4.1.1466.20036"
PAGES = "1.2.840.113556.1.4.319"  # RFC 2696
Attribute = tuple[str, Sequence[bytes]]


class Code(IntEnum):
    """RFC 4511 §4.1.9."""

    SUCCESS = 0
    OPERATIONS_ERROR = 1
    PROTOCOL_ERROR = 2
    TIME_LIMIT = 3
    SIZE_LIMIT = 4
    NO_SUCH_METHOD = 7
    ADMIN_LIMIT = 11
    NO_SUCH_CONTROL = 12
    CONFIDENTIALITY_REQUIRED = 13
    NO_SUCH_OBJECT = 32
    BAD_NAME = 34
    INVALID_CREDENTIALS = 49
    NO_ACCESS = 50
    BUSY = 51
    UNAVAILABLE = 52
    UNWILLING = 53
    OTHER = 80


def result(  # noqa: PLR0913 - the parts of an LDAPResult
    message: int, tag: int, code: Code, text: str = "", *, matched: str = "", name: str = "", controls: bytes = b""
) -> bytes:
    """The end of a request; ``name`` is that of an extended response."""
    parts = [integer(code, ENUMERATED), element(OCTETS, matched.encode()), element(OCTETS, text.encode())]
    if name:
        parts.append(element(0x8A, name.encode()))
    return _message(message, element(tag, *parts), controls)


def answer(message: int, value: bytes) -> bytes:
    """An extended response with a value."""
    parts = (integer(Code.SUCCESS, ENUMERATED), element(OCTETS, b""), element(OCTETS, b""), element(0x8B, value))
    return _message(message, element(EXTENDED, *parts))


def notice(code: Code, text: str) -> bytes:
    """We hang up (RFC 4511 §4.4.1)."""
    return result(0, EXTENDED, code, text, name=NOTICE)


def entry(message: int, dn: str, attributes: Iterable[Attribute]) -> bytes:
    """One entry that was found."""
    found = [
        element(SEQUENCE, element(OCTETS, name.encode()), element(SET, *(element(OCTETS, value) for value in values)))
        for name, values in attributes
    ]
    return _message(message, element(ENTRY, element(OCTETS, dn.encode()), element(SEQUENCE, *found)))


def pages(total: int, cookie: bytes) -> bytes:
    """The control that says where to go on; an empty cookie: this was the last page."""
    value = element(SEQUENCE, integer(total), element(OCTETS, cookie))
    control = element(SEQUENCE, element(OCTETS, PAGES.encode()), element(BOOLEAN, b"\0"), element(OCTETS, value))
    return element(0xA0, control)


def _message(number: int, operation: bytes, controls: bytes = b"") -> bytes:
    return element(SEQUENCE, integer(number), operation, controls)
