"""The answers of ManageSieve (RFC 5804 §1.2, §4)."""

from enum import StrEnum

_MAX_QUOTED = 1_024  # octets (RFC 5804 §4, quoted)
OK, NO, BYE = b"OK", b"NO", b"BYE"


class Code(StrEnum):
    """RFC 5804 §1.3."""

    AUTH_TOO_WEAK = "AUTH-TOO-WEAK"
    ENCRYPT_NEEDED = "ENCRYPT-NEEDED"
    QUOTA = "QUOTA"
    QUOTA_MAXSCRIPTS = "QUOTA/MAXSCRIPTS"
    QUOTA_MAXSIZE = "QUOTA/MAXSIZE"
    TRYLATER = "TRYLATER"
    ACTIVE = "ACTIVE"
    NONEXISTENT = "NONEXISTENT"
    ALREADYEXISTS = "ALREADYEXISTS"
    WARNINGS = "WARNINGS"


def string(value: str | bytes) -> bytes:
    """Quoted where that is possible, else a literal."""
    data = value if isinstance(value, bytes) else value.encode("utf-8", "replace")
    if len(data) > _MAX_QUOTED or b"\r" in data or b"\n" in data or b"\0" in data:
        return literal(data)
    return b'"%b"' % data.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def literal(data: bytes) -> bytes:
    return b"{%d}\r\n%b" % (len(data), data)


def line(kind: bytes, text: str = "", code: Code | None = None) -> bytes:
    """OK, NO or BYE."""
    parts = [kind]
    if code is not None:
        parts.append(f"({code})".encode())
    if text:
        parts.append(string(text))
    return b" ".join(parts) + b"\r\n"


def tagged(tag: bytes, text: str) -> bytes:
    """The answer to NOOP with a string (RFC 5804 §2.13)."""
    return b"OK (TAG %b) %b\r\n" % (string(tag), string(text))


def authenticated(final: bytes | None, text: str) -> bytes:
    """The end of AUTHENTICATE; ``final`` is base64 of what the mechanism says last (RFC 5804 §2.1)."""
    return line(OK, text) if final is None else b"OK (SASL %b)\r\n" % string(final)


def challenge(encoded: bytes) -> bytes:
    return string(encoded) + b"\r\n"


def capability(name: str, value: str | None = None) -> bytes:
    return string(name) + b"\r\n" if value is None else b"%b %b\r\n" % (string(name), string(value))


def script(name: str, *, active: bool) -> bytes:
    """One line of LISTSCRIPTS."""
    return string(name) + (b" ACTIVE\r\n" if active else b"\r\n")


def content(data: bytes) -> bytes:
    """The script of GETSCRIPT."""
    return literal(data) + b"\r\n"
