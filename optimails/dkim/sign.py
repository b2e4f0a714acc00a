"""Signing a message (RFC 6376 §5): one ``DKIM-Signature`` field for each key, put on top of the header.

From is signed once more than it stands there, so that nobody can add a second one (§8.15). Fields that mailing lists
and gateways change anyway (Received, Return-Path) are left alone.
"""

import base64
import textwrap
import time
from collections.abc import Iterable
from pathlib import Path

from optimails.dkim.canonical import RelaxedBodyHash, fields, relaxed_field
from optimails.dkim.keys import KeyStore, SigningKey
from optimails.model.dns_name import ascii_name

SIGNED = frozenset(
    b"from sender reply-to subject date message-id to cc in-reply-to references mime-version content-type "
    b"content-transfer-encoding content-id content-description resent-date resent-from resent-sender "
    b"resent-to resent-cc resent-message-id list-id list-help list-unsubscribe list-unsubscribe-post list-subscribe "
    b"list-post list-owner list-archive autocrypt openpgp".split()
)  # RFC 6376 §5.4.1, and what Autocrypt and RFC 8058 add


def sign(header: bytes, body: Iterable[bytes], keys: Iterable[SigningKey], *, now: int | None = None) -> bytes:
    """The ``DKIM-Signature`` fields to be put before ``header``; nothing when there are no keys.

    Args:
        header: the whole header, lines ending with CR LF, with or without the empty line after it.
        body: its bytes after the empty line, in pieces of any size.
        keys: those of the domain that signs.
        now: Unix seconds; by default the clock's.
    """
    keys = tuple(keys)
    if not keys:
        return b""
    hashed = RelaxedBodyHash()
    for piece in body:
        hashed.update(piece)
    body_hash = base64.b64encode(hashed.digest()).decode()
    # Of several fields of one name the lowest is signed first (§5.4.2).
    chosen = [(name, relaxed_field(field)) for name, field in reversed(fields(header)) if name in SIGNED]
    names = ":".join([*(name.decode() for name, _ in chosen), "from"])
    signed = b"".join(field for _, field in chosen)
    made = [_field(key, names, signed, body_hash, int(time.time() if now is None else now)) for key in keys]
    return b"".join(made)


def _field(key: SigningKey, names: str, signed: bytes, body_hash: str, now: int) -> bytes:
    h = "\r\n\t ".join(textwrap.wrap(names.replace(":", ": "), 72)).replace(": ", ":")
    head = (
        f"DKIM-Signature: v=1; a={key.algorithm}; c=relaxed/relaxed; d={key.domain};\r\n"
        f"\ts={key.selector}; t={now};\r\n"
        f"\th={h};\r\n"
        f"\tbh={body_hash};\r\n"
        "\tb="
    ).encode()
    signature = key.sign(signed + relaxed_field(head + b"\r\n").removesuffix(b"\r\n"))
    shown = textwrap.wrap(base64.b64encode(signature).decode(), 72)
    return head + "\r\n\t ".join(shown).encode() + b"\r\n"


class Signer:
    """Signs for the domains that have keys. Safe in threads; reads a file only when keys changed."""

    def __init__(self, data: Path) -> None:
        """``data`` is the data folder of the service."""
        self.keys = KeyStore(data / "dkim")

    def signs_for(self, domain: str) -> bool:
        """Whether a domain has keys. Raises ``OSError`` when they are there but cannot be read."""
        try:
            return bool(self.keys.active(ascii_name(domain)))
        except ValueError:
            return False

    def sign(self, header: bytes, body: Iterable[bytes], domain: str) -> bytes:
        """Fields to put on top of a message whose author's domain is ``domain``; nothing when it has no keys.

        Raises:
            OSError: keys are there but cannot be read.
        """
        try:
            name = ascii_name(domain)
        except ValueError:
            return b""
        return sign(header, body, self.keys.active(name))
