"""Mailbox names between Unicode and the wire: modified UTF-7 (RFC 3501 §5.1.3) or UTF-8 (RFC 9051 §5.1, RFC 6855)."""

import re
from base64 import b64decode, b64encode

from optimails.model.errors import BadSyntax

_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-|&")
_NOT_DIRECT = re.compile(r"&|[^\x20-\x7e]+")


def decode_mailbox(raw: bytes, *, utf8: bool) -> str:
    """The name in Unicode; INBOX and other meanings are not looked at.

    Outside ``utf8`` mode unencoded UTF-8 is accepted too, since some clients send it and it cannot be mistaken.

    Raises:
        BadSyntax: for bytes that are neither.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise BadSyntax("Mailbox name is not valid UTF-8") from wrong
    return text if utf8 or "&" not in text else _SHIFTED.sub(_unshifted, text)


def _unshifted(found: re.Match[str]) -> str:
    shifted = found[1]
    if shifted is None:
        raise BadSyntax("Mailbox name is not valid modified UTF-7")
    if not shifted:
        return "&"
    try:
        units = b64decode(shifted.replace(",", "/") + "=" * (-len(shifted) % 4))
        return units.decode("utf-16-be")
    except ValueError as wrong:  # binascii.Error and UnicodeDecodeError are both
        raise BadSyntax("Mailbox name is not valid modified UTF-7") from wrong


def encode_mailbox(name: str, *, utf8: bool) -> bytes:
    """The bytes of the name, not yet quoted. ``decode_mailbox`` gives it back."""
    if utf8:
        return name.encode("utf-8", "replace")
    if name.isascii() and name.isprintable() and "&" not in name:
        return name.encode("ascii")
    return _NOT_DIRECT.sub(_shifted, name).encode("ascii")


def _shifted(found: re.Match[str]) -> str:
    text = found[0]
    if text == "&":
        return "&-"
    return "&" + b64encode(text.encode("utf-16-be", "replace")).decode("ascii").rstrip("=").replace("/", ",") + "-"
