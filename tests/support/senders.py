"""Domains that sign their mail: their keys, their records, and signatures by another implementation (dkimpy)."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from optimails.authentication.authenticator import Authenticator, Origin
from optimails.authentication.results import Authentication
from optimails.config.authentication import AuthenticationSettings
from optimails.config.dns import DnsSettings
from optimails.dkim.keys import SigningKey
from optimails.dns import Resolver
from optimails.model.address import EmailAddress
from tests.support.dns_server import LocalDns

MESSAGE = (
    b"From: Ann <ann@example.org>\r\nTo: bob@demo.test\r\nSubject:  hello   you\r\n"
    b"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nHello  Bob.\r\n\r\n\r\n"
)
Zone = dict[tuple[str, str], Any]


@cache
def rsa_key(number: int, bits: int = 1024) -> rsa.RSAPrivateKey:
    """One of several keys, made once; short ones are quicker."""
    del number
    return rsa.generate_private_key(65537, bits)


@cache
def ed25519_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def signing_key(domain: str, selector: str = "sel", number: int = 0) -> SigningKey:
    return SigningKey(domain, selector, rsa_key(number))


def txt(*texts: str) -> list[str]:
    """TXT records, long ones in pieces as the DNS wants them."""
    return [" ".join(f'"{text[at : at + 250]}"' for at in range(0, max(len(text), 1), 250)) for text in texts]


def key_record(domain: str, selector: str = "sel", number: int = 0, *, record: str = "") -> Zone:
    """Where the public half of a key stands."""
    return {(f"{selector}._domainkey.{domain}", "TXT"): txt(record or signing_key(domain, selector, number).record)}


def signed(
    message: bytes = MESSAGE, domain: str = "example.org", selector: str = "sel", number: int = 0, **more: Any
) -> bytes:
    """The message with a signature by dkimpy on top."""
    settings: dict[str, Any] = {"include_headers": [b"from", b"to", b"subject"]} | more
    pem = rsa_key(number).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return bytes(dkim.sign(message, selector.encode(), domain.encode(), pem, **settings)) + message


def sealed(message: bytes, domain: str, authserv: str, selector: str = "sel", number: int = 0) -> bytes:
    """The message with one more set of ARC by dkimpy, from its topmost results of ``authserv``."""
    pem = rsa_key(number).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    made = dkim.arc_sign(message, selector.encode(), domain.encode(), pem, authserv.encode(),
                         include_headers=[b"from", b"to", b"subject"])  # fmt: skip
    return b"".join(made) + message


def dns_of(server: LocalDns):
    """What dkimpy asks instead of the DNS: the records of a local server."""

    def ask(name: bytes, timeout: float = 5) -> bytes | None:
        found = server.zone.get((name.decode().rstrip("."), "TXT"))
        return found[0].replace('" "', "").strip('"').encode() if found else None

    return ask


def resolver(server: LocalDns, **settings: Any) -> Resolver:
    return Resolver(DnsSettings(nameservers=(server.address,), **({"timeout": 0.5, "lifetime": 1.0} | settings)))


async def checked(
    server: LocalDns,
    message: bytes,
    *,
    remote: str = "192.0.2.1",
    helo: str = "mx.example.org",
    sender: str = "ann@example.org",
    **settings: Any,
) -> Authentication:
    """All checks of a message that comes from that address."""
    header, _, body = message.partition(b"\r\n\r\n")
    pieces: Iterable[bytes] = (body[:7], body[7:])
    origin = Origin(remote, helo, EmailAddress.parse(sender) if sender else None)
    authenticator = Authenticator(resolver(server), AuthenticationSettings(**settings))
    return await authenticator.check(origin, header + b"\r\n", lambda: pieces, len(message))


def names(found: Authentication) -> dict[str, Any]:
    """The results alone."""
    return {
        "spf": found.mailfrom.result.value,
        "dkim": [one.result.value for one in found.dkim],
        "dmarc": found.dmarc.result.value,
        "arc": found.arc.result.value,
    }


def with_field(message: bytes, field: bytes) -> bytes:
    return field + b"\r\n" + message
