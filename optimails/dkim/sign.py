"""Signing a message (RFC 6376 §5): one ``DKIM-Signature`` field for each key, put on top of the header.

From is signed once more than it stands there, so that nobody can add a second one (§8.15). Fields that mailing lists
and gateways change anyway (Received, Return-Path) are left alone.
"""

import base64
import textwrap
import time
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
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
    body_hash = hash_of(body)
    covered = cover(header, SIGNED)
    when = int(time.time() if now is None else now)
    return b"".join(signed_field("DKIM-Signature: v=1", key, covered, body_hash, when) for key in keys)


def hash_of(body: Iterable[bytes]) -> str:
    """The value of ``bh=`` for a body in pieces."""
    hashed = RelaxedBodyHash()
    for piece in body:
        hashed.update(piece)
    return base64.b64encode(hashed.digest()).decode()


def cover(header: bytes, names: AbstractSet[bytes]) -> tuple[str, bytes]:
    """The value of ``h=`` for the fields with these names, and their canonical form."""
    # Of several fields of one name the lowest is signed first (§5.4.2).
    chosen = [(name, relaxed_field(field)) for name, field in reversed(fields(header)) if name in names]
    return ":".join([*(name.decode() for name, _ in chosen), "from"]), b"".join(field for _, field in chosen)


def signed_field(start: str, key: SigningKey, covered: tuple[str, bytes], body_hash: str, now: int) -> bytes:
    """A field that signs a message: its name and first tag, then what ``cover`` and ``hash_of`` gave."""
    names, signed = covered
    h = "\r\n\t ".join(textwrap.wrap(names.replace(":", ": "), 72)).replace(": ", ":")
    head = (
        f"{start}; a={key.algorithm}; c=relaxed/relaxed; d={key.domain};\r\n"
        f"\ts={key.selector}; t={now};\r\n"
        f"\th={h};\r\n"
        f"\tbh={body_hash};\r\n"
        "\tb="
    ).encode()
    return with_signature(head, key, signed)


def with_signature(head: bytes, key: SigningKey, signed: bytes) -> bytes:
    """A field that ends with ``b=``, with the signature over these bytes and over itself."""
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
