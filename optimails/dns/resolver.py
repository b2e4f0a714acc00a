"""One way to ask the DNS for everybody: remembered answers, two kinds of "no", and whether an answer is authentic.

What callers must keep apart is *no* and *don't know*. A name that is not there (NXDOMAIN), or has no such record, is an
``Answer`` without records, and mail for it comes back at once. SERVFAIL, a timeout or nonsense is ``Unavailable``: the
mail waits. DNSSEC is not checked here; a validating resolver does it and sets the AD bit, and that counts only where
nobody can set it on the way (RFC 7672 §2.1.1, [dns] ``trust_ad``).
"""

import ipaddress
from dataclasses import dataclass
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
from dns.asyncbackend import get_default_backend  # noqa: F401  (chosen at import, not in the first question)

from optimails.config.dns import DnsSettings, TrustAd
from optimails.config.listener import host_and_port
from optimails.model.dns_name import ascii_name
from optimails.model.errors import Unavailable

_EDNS_PAYLOAD = 1232  # bytes of a UDP answer that no network cuts


@dataclass(frozen=True, slots=True)
class Answer:
    """``records`` are dnspython's rdata objects; none when the name or the type is not there."""

    records: tuple[Any, ...]
    exists: bool  # False: there is no such name at all (NXDOMAIN)
    authenticated: bool  # the resolver vouches for it (DNSSEC), and its word counts
    canonical: str  # where CNAMEs lead to; the name itself without any


class Resolver:
    """Answers from the configured name servers. Made for one event loop."""

    def __init__(self, settings: DnsSettings) -> None:
        self._settings = settings
        self._cache = dns.resolver.LRUCache(settings.cache_entries)  # keeps to TTL, negative answers as well
        self._resolver: dns.asyncresolver.Resolver | None = None

    async def query(self, name: str, kind: str) -> Answer:
        """All records of that type (``"MX"``, ``"TLSA"``, …), CNAMEs followed.

        Raises:
            Unavailable: nobody could tell now.
        """
        try:
            question = dns.name.from_text(ascii_name(name))
            wanted = dns.rdatatype.from_text(kind)
        except (ValueError, dns.exception.DNSException):  # a label too long, an empty one: it cannot exist
            return Answer((), exists=False, authenticated=False, canonical=name)
        resolver = self._configured()
        try:
            found = await resolver.resolve(question, wanted, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN as none:
            response = none.kwargs["responses"][question]
            return Answer((), exists=False, authenticated=self._authentic(response, None), canonical=name)
        except (dns.exception.DNSException, OSError, ValueError) as wrong:
            raise Unavailable(f"The DNS does not answer for {name} {kind}") from wrong
        records = tuple(found.rrset) if found.rrset is not None else ()
        return Answer(
            records,
            exists=True,
            authenticated=self._authentic(found.response, found.nameserver),
            canonical=found.canonical_name.to_text(omit_final_dot=True).lower(),
        )

    async def addresses(self, host: str, families: tuple[str, ...] = ("ipv6", "ipv4")) -> list[str]:
        """IP addresses of a host, families in that order. A host that is an address already is its own answer.

        Raises:
            Unavailable: one family could not be had and the other has none.
        """
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass
        if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 §6.3
            return [{"ipv6": "::1", "ipv4": "127.0.0.1"}[family] for family in families]
        found: list[str] = []
        failed: Unavailable | None = None
        for family in families:
            try:
                answer = await self.query(host, "AAAA" if family == "ipv6" else "A")
            except Unavailable as wrong:
                failed = wrong
                continue
            if not answer.exists:
                break
            found += [record.address for record in answer.records]
        if not found and failed is not None:
            raise failed
        return found

    async def texts(self, name: str) -> list[str]:
        """TXT records, the strings of each joined (RFC 7208 §3.3). Raises ``Unavailable``."""
        answer = await self.query(name, "TXT")
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer.records]

    def _authentic(self, response: dns.message.Message, nameserver: str | None) -> bool:
        if not response.flags & dns.flags.AD or self._settings.trust_ad is TrustAd.NEVER:
            return False
        if self._settings.trust_ad is TrustAd.ALWAYS:
            return True
        servers = [nameserver] if nameserver else [_server_address(one) for one in self._configured().nameservers]
        try:
            return all(ipaddress.ip_address(server).is_loopback for server in servers)
        except ValueError:
            return False

    def _configured(self) -> dns.asyncresolver.Resolver:
        if self._resolver is None:
            named = self._settings.nameservers
            try:
                resolver = dns.asyncresolver.Resolver(configure=not named)
            except (dns.resolver.NoResolverConfiguration, OSError) as wrong:
                raise Unavailable("This machine has no name servers; see [dns]") from wrong
            if named:
                pairs = [host_and_port(one) for one in named]
                resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in pairs]
            resolver.cache = self._cache
            resolver.timeout = self._settings.timeout
            resolver.lifetime = self._settings.lifetime
            resolver.flags = dns.flags.RD | dns.flags.AD  # RFC 6840 §5.7: asking for the AD bit
            resolver.use_edns(0, 0, _EDNS_PAYLOAD)
            self._resolver = resolver
        return self._resolver


def _server_address(server: str | dns.nameserver.Nameserver) -> str:
    return server if isinstance(server, str) else server.answer_nameserver()
