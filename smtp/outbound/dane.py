"""DANE for SMTP (RFC 7672): the certificate of a host as its own domain names it in the DNS, vouched for by DNSSEC."""

import datetime as dt
import hashlib
import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from optimails.dns import Resolver

_MAX_CHAIN = 10
DANE_TA = 2  # a certificate authority of the domain's choice
DANE_EE = 3  # this very certificate, or key


@dataclass(frozen=True, slots=True)
class Tlsa:
    """One usable record (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex().upper()}"

    def matches(self, certificate: x509.Certificate) -> bool:
        """Whether it names this certificate, or its key."""
        if self.selector == 0:
            found = certificate.public_bytes(Encoding.DER)
        else:
            found = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if self.matching:
            found = (hashlib.sha256 if self.matching == 1 else hashlib.sha512)(found).digest()
        return hmac.compare_digest(found, self.data)


@dataclass(frozen=True, slots=True)
class TlsaSet:
    """What a host's domain says. ``present`` without usable ``records``: TLS is a must, its certificate is not."""

    present: bool
    records: tuple[Tlsa, ...] = ()
    base: str = ""  # the host's name they were found at


async def tlsa_of(resolver: Resolver, host: str, port: int) -> TlsaSet:
    """The TLSA records of a host (RFC 7672 §2.2).

    Raises:
        Unavailable: the DNS could not tell; the host must not be used then (§2.2.1).
    """
    address = await resolver.query(host, "A")
    if address.exists and not address.records:
        address = await resolver.query(host, "AAAA")
    if not address.authenticated:
        return TlsaSet(present=False)  # §2.2.2: an insecure host has no secure records worth asking for
    for base in dict.fromkeys((address.canonical, host)):
        answer = await resolver.query(f"_{port}._tcp.{base}", "TLSA")
        if answer.records and answer.authenticated:
            return TlsaSet(present=True, records=_usable(answer.records), base=base)
    return TlsaSet(present=False)


def _usable(records: Collection[object]) -> tuple[Tlsa, ...]:
    """Usages 0 and 1 mean nothing for SMTP (§3.1.3)."""
    lengths = {1: 32, 2: 64}
    found = []
    for record in records:
        one = Tlsa(record.usage, record.selector, record.mtype, record.cert)  # type: ignore[attr-defined]  # dnspython
        known = one.usage in {DANE_TA, DANE_EE} and one.selector in {0, 1} and one.matching in {0, 1, 2}
        if known and len(one.data) == lengths.get(one.matching, len(one.data)) and one.data:
            found.append(one)
    return tuple(found)


def chain_matches(
    chain: Sequence[bytes], records: Sequence[Tlsa], names: Collection[str], now: dt.datetime | None = None
) -> bool:
    """Whether the certificates that a server sent (DER, its own first) are those that its domain names.

    Args:
        chain: as received, nothing checked.
        records: usable ones.
        names: the certificate must have one of them, where an authority vouches (usage 2).
        now: for tests.
    """
    try:
        certificates = [x509.load_der_x509_certificate(one) for one in chain[:_MAX_CHAIN]]
        if not certificates:
            return False
        # §3.1.1: with usage 3 neither name nor date counts, the DNS says it all.
        if any(one.usage == DANE_EE and one.matches(certificates[0]) for one in records):
            return True
        authorities = [one for one in records if one.usage == DANE_TA]
        moment = now or dt.datetime.now(dt.UTC)
        return bool(authorities) and _vouched(certificates, authorities, moment) and named(certificates[0], names)
    except (ValueError, UnsupportedAlgorithm):
        return False


def _vouched(certificates: list[x509.Certificate], authorities: list[Tlsa], now: dt.datetime) -> bool:
    """Whether a path leads from the first certificate to an authority that a record names (§3.1.2)."""
    extra = [x509.load_der_x509_certificate(one.data) for one in authorities if one.matching == 0 and one.selector == 0]
    current, left = certificates[0], [*certificates[1:], *extra]
    for _ in range(_MAX_CHAIN):
        if not current.not_valid_before_utc <= now <= current.not_valid_after_utc:
            return False
        if any(one.matches(current) for one in authorities):
            return True
        issuer = next((one for one in left if _issued(current, one)), None)
        if issuer is None:
            return False
        left.remove(issuer)
        current = issuer
    return False


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
        return issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound, UnsupportedAlgorithm):
        return False


def named(certificate: x509.Certificate, names: Collection[str]) -> bool:
    """Whether a certificate is for one of these host names (RFC 7672 §3.2.3); ``*.`` stands for one label."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        own = [name.lower().rstrip(".") for name in extension.value.get_values_for_type(x509.DNSName)]
    except x509.ExtensionNotFound:
        own = [str(one.value).lower() for one in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    return any(name in own or f"*.{name.partition('.')[2]}" in own for name in names)
