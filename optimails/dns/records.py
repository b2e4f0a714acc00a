"""Every record a domain of ours needs in the DNS, as values; pure.

Names are A-labels without a final dot. ``hostname`` is this server: mail, clients and the policy host of MTA-STS lead
there. What stands with ``needed=False`` makes things easier or safer, and mail flows without it.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optimails.model.dns_name import ascii_name

TTL = 3600
DAV_PATH = "/dav/"
MAX_STRING = 255  # bytes of one string of a TXT record (RFC 1035 §3.3)
STS_MAX_AGE = 604_800  # seconds: a week (RFC 8461 §3.2 advises weeks)


@dataclass(frozen=True, slots=True)
class Service:
    """What programs find by an SRV record (RFC 6186, RFC 8314 §5.1, RFC 5804 §1.8, RFC 6764)."""

    name: str  # "_imaps._tcp"
    port: int
    host: str  # A-labels


@dataclass(frozen=True, slots=True)
class Record:
    """``value`` as a zone file has it, text without quotes."""

    name: str
    kind: str  # MX, TXT, SRV, CNAME
    value: str
    purpose: str  # mx, spf, dkim, dmarc, mta_sts, tls_reports, clients, dav
    needed: bool = True

    @property
    def zone_line(self) -> str:
        """One line of a zone file, absolute names."""
        return f"{self.name}. {TTL} IN {self.kind} {quoted(self.value) if self.kind == 'TXT' else self.value}"


def quoted(text: str) -> str:
    """Strings of a TXT record: each of 255 bytes at most."""
    parts = [text[start : start + MAX_STRING] for start in range(0, len(text), MAX_STRING)] or [""]
    return " ".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)


def sts_policy(hosts: Sequence[str], mode: str = "enforce") -> str:
    """The text to serve at ``https://mta-sts.<domain>/.well-known/mta-sts.txt`` (RFC 8461 §3.2)."""
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {host}" for host in hosts), f"max_age: {STS_MAX_AGE}"]
    return "".join(f"{line}\r\n" for line in lines)


def sts_id(policy: str) -> str:
    """The id of that policy: another text has another one."""
    return hashlib.sha256(policy.encode()).hexdigest()[:20]


def records_for(  # noqa: PLR0913 - what a zone is made of
    domain: str,
    hostname: str,
    *,
    dkim: Iterable[tuple[str, str]],
    postmaster: str,
    services: Iterable[Service] = (),
    mx: Sequence[str] = (),
) -> list[Record]:
    """The records.

    Args:
        domain: of ours.
        hostname: of this server.
        dkim: selector and text of each public key.
        postmaster: address that reports go to.
        services: what users find here.
        mx: hosts that take the domain's mail, best first; by default this server.

    Raises:
        ValueError: a name cannot stand in the DNS.
    """
    domain, hostname = ascii_name(domain), ascii_name(hostname)
    hosts = [ascii_name(host) for host in mx] or [hostname]
    policy = sts_policy(hosts)
    made = [Record(domain, "MX", f"{10 * number} {host}.", "mx") for number, host in enumerate(hosts, 1)]
    made.append(Record(domain, "TXT", "v=spf1 mx -all", "spf"))
    made += [Record(f"{selector}._domainkey.{domain}", "TXT", text, "dkim") for selector, text in dkim]
    made += [
        Record(f"_dmarc.{domain}", "TXT", f"v=DMARC1; p=quarantine; rua=mailto:{postmaster}", "dmarc"),
        Record(f"_mta-sts.{domain}", "TXT", f"v=STSv1; id={sts_id(policy)};", "mta_sts", needed=False),
        Record(f"mta-sts.{domain}", "CNAME", f"{hostname}.", "mta_sts", needed=False),
        Record(f"_smtp._tls.{domain}", "TXT", f"v=TLSRPTv1; rua=mailto:{postmaster}", "tls_reports", needed=False),
    ]
    for service in services:
        purpose = "dav" if "dav" in service.name else "clients"
        name = f"{service.name}.{domain}"
        made.append(Record(name, "SRV", f"0 1 {service.port} {service.host}.", purpose, needed=False))
        if purpose == "dav":  # RFC 6764 §4
            made.append(Record(name, "TXT", f"path={DAV_PATH}", purpose, needed=False))
    for name in ("autoconfig", "autodiscover"):
        made.append(Record(f"{name}.{domain}", "CNAME", f"{hostname}.", "clients", needed=False))
    return made
