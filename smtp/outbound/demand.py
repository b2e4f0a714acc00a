"""How much TLS a host must give, and where that is said.

Who knows best wins: a route of ours, then DANE of the host (RFC 7672; before MTA-STS by RFC 8461 §2), then MTA-STS of
the domain, then [outbound] ``tls``. What the sender requires of this one message (RFC 8689) comes on top.
"""

import ssl
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal

from optimails.config.outbound import OutboundSettings
from optimails.dns import Resolver
from smtp.outbound.dane import Tlsa, chain_matches, tlsa_of
from smtp.outbound.dialogue import NotUsable
from smtp.outbound.link import Link, TlsFailed
from smtp.outbound.mta_sts import StsPolicy
from smtp.outbound.routing import Host

PolicyType = Literal["no-policy-found", "sts", "tlsa"]


class Level(IntEnum):
    """Strength of TLS."""

    NONE = 0
    MAY = 1  # when offered, any certificate; in plaintext otherwise
    MUST = 2  # any certificate
    VERIFIED = 3  # an authority vouches for the host's name
    DANE = 4  # the DNS does


LEVELS = {
    "none": Level.NONE,
    "opportunistic": Level.MAY,
    "required": Level.MUST,
    "verified": Level.VERIFIED,
    "implicit": Level.VERIFIED,
}


class Forbidden(NotUsable):
    """A policy says that mail must not go to this host; ``kind`` is the result type of RFC 8460 §4.3."""

    def __init__(self, status: str, text: str, kind: str) -> None:
        super().__init__(status, text)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Demand:
    """What one host must fulfil."""

    level: Level
    implicit: bool = False
    tlsa: tuple[Tlsa, ...] = ()
    names: tuple[str, ...] = ()  # one of them must be in a certificate that an authority by DANE vouches for
    policy: PolicyType = "no-policy-found"
    policy_lines: tuple[str, ...] = ()  # as published
    testing: bool = False  # a failure is reported, and the mail goes there all the same

    @property
    def relaxed(self) -> "Demand":
        """After a failure that does not count."""
        return replace(self, level=Level.MAY, testing=False, policy="no-policy-found")


async def demand_of(  # noqa: PLR0913  (each is a plain fact)
    host: Host,
    *,
    wish: str,
    require_tls: bool,
    domain: str,
    port: int,
    sts: StsPolicy | None,
    routed: bool,
    settings: OutboundSettings,
    resolver: Resolver,
) -> Demand:
    """The demand on one host.

    Args:
        host: to be connected to.
        wish: of a route of ours; empty when it has none.
        require_tls: the sender requires it for this message.
        domain: the destination, A-labels.
        port: of the host.
        sts: the domain's policy, if it has one that holds.
        routed: our own configuration names the host, not the DNS.
        settings: [outbound].
        resolver: for TLSA records.

    Raises:
        Forbidden: the host must not be used.
        Unavailable: the DNS could not tell whether there are TLSA records (RFC 7672 §2.2.1).
    """
    demand = await _ordinary(host, wish, domain, port, sts, settings, resolver)
    if not require_tls:
        return demand
    # RFC 8689 §4.2.1: the name of the host must be certain, and so must be its certificate.
    certain = routed or host.authenticated or demand.policy == "tlsa" or (demand.policy == "sts" and not demand.testing)
    if not certain:
        raise Forbidden("5.7.10", f"The sender requires TLS, and nothing vouches for {host.name}", "validation-failure")
    return replace(demand, level=max(demand.level, Level.VERIFIED), testing=False)


async def _ordinary(  # noqa: PLR0913, PLR0917  (as above)
    host: Host,
    wish: str,
    domain: str,
    port: int,
    sts: StsPolicy | None,
    settings: OutboundSettings,
    resolver: Resolver,
) -> Demand:
    if wish:
        return Demand(LEVELS[wish], implicit=wish == "implicit")
    if settings.dane and host.authenticated:
        found = await tlsa_of(resolver, host.name, port)
        if found.present:
            lines = tuple(f"_{port}._tcp.{found.base}. IN TLSA {one}" for one in found.records)
            level = Level.DANE if found.records else Level.MUST
            names = tuple(dict.fromkeys((host.name, found.base, domain)))
            return Demand(level, tlsa=found.records, names=names, policy="tlsa", policy_lines=lines)
    if sts is not None:
        testing = sts.mode == "testing"
        if not sts.matches(host.name):
            if not testing:
                raise Forbidden(
                    "4.7.5", f"{host.name} is not among the hosts of the domain's MTA-STS policy", "validation-failure"
                )
            return Demand(LEVELS[settings.tls])
        return Demand(Level.VERIFIED, policy="sts", policy_lines=sts.lines, testing=testing)
    return Demand(LEVELS[settings.tls])


class Contexts:
    """OpenSSL's contexts, made once."""

    def __init__(self, settings: OutboundSettings) -> None:
        self.any = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.any.check_hostname = False
        self.any.verify_mode = ssl.CERT_NONE
        cafile = str(settings.ca_file) if settings.ca_file else None
        self.verified = ssl.create_default_context(cafile=cafile)

    def of(self, demand: Demand) -> ssl.SSLContext:
        return self.verified if demand.level is Level.VERIFIED else self.any


def check_dane(link: Link, demand: Demand) -> None:
    """After the handshake. Raises ``TlsFailed`` when the certificate is not the one in the DNS."""
    if demand.level is Level.DANE and not chain_matches(_chain(link.ssl_object), demand.tlsa, demand.names):
        link.abort()
        raise TlsFailed("The certificate is not one that the host's TLSA records name")


def _chain(session: ssl.SSLObject | None) -> list[bytes]:
    """The certificates as the server sent them. Python has a public name for this from 3.13 on."""
    if session is None:
        return []
    if hasattr(session, "get_unverified_chain"):
        return [bytes(one) for one in session.get_unverified_chain()]
    inner = session._sslobj  # type: ignore[attr-defined]  # noqa: SLF001  # 3.11 and 3.12 have it there only
    return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in inner.get_unverified_chain() or ()]


def failure_kind(error: BaseException) -> str:
    """The result type of RFC 8460 §4.3 for a handshake that failed."""
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return {
            10: "certificate-expired",
            62: "certificate-host-mismatch",
        }.get(cause.verify_code, "certificate-not-trusted")
    if isinstance(error, TlsFailed) and cause is None:
        return "validation-failure"
    return "starttls-not-supported" if isinstance(error, NotUsable) else "validation-failure"
