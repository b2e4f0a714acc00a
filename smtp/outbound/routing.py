"""Which hosts take a domain's mail (RFC 5321 §5.1)."""

import ipaddress
import random
from collections.abc import Collection
from dataclasses import dataclass

from optimails.dns import Resolver
from optimails.model.dns_name import ascii_name


class Undeliverable(Exception):
    """The destination takes no mail, now and ever; an enhanced status code and a text."""

    def __init__(self, status: str, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Host:
    """A host to try. ``authenticated``: DNSSEC vouches that it is the domain's."""

    name: str  # A-labels, or an IP address
    authenticated: bool = False


def literal_address(domain: str) -> str | None:
    """The IP address of ``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` (RFC 5321 §4.1.3); None for a name.

    Raises:
        Undeliverable: it is a literal, but no address.
    """
    if not domain.startswith("["):
        return None
    inner = domain.strip("[]")
    if inner.lower().startswith("ipv6:"):
        inner = inner[5:]
    try:
        return str(ipaddress.ip_address(inner))
    except ValueError:
        raise Undeliverable("5.1.2", f"{domain} is not an address") from None


async def mail_hosts(resolver: Resolver, domain: str, own_names: Collection[str]) -> list[Host]:
    """Hosts for a domain, best first; those of equal preference in random order.

    Args:
        resolver: whom to ask.
        domain: as in an address, or an address literal.
        own_names: names of this server in lower case; a host that is ourselves, and those less preferred, fall away.

    Raises:
        Undeliverable: the domain is not there, takes no mail (RFC 7505), or its mail is for us.
        Unavailable: the DNS could not tell.
    """
    address = literal_address(domain)
    if address is not None:
        return [Host(address)]
    try:
        name = ascii_name(domain)
    except ValueError:
        raise Undeliverable("5.1.2", f"{domain} is not a domain name") from None
    answer = await resolver.query(name, "MX")
    if not answer.exists:
        raise Undeliverable("5.1.2", f"The domain {domain} does not exist")
    exchanges = [(record.preference, record.exchange.to_text(omit_final_dot=True).lower()) for record in answer.records]
    named = [(preference, host) for preference, host in exchanges if host not in {"", "."}]
    if exchanges and not named:
        raise Undeliverable("5.1.10", f"The domain {domain} takes no mail (null MX)")  # RFC 7505 §3
    if not exchanges:  # RFC 5321 §5.1: the domain itself is the host, if it has an address
        if not await resolver.addresses(name):
            raise Undeliverable("5.4.4", f"The domain {domain} has neither MX nor address")
        named = [(0, name)]
    ourselves = min((preference for preference, host in named if host in own_names), default=None)
    if ourselves is not None:
        named = [pair for pair in named if pair[0] < ourselves]
        if not named:
            raise Undeliverable("5.4.6", f"The mail of {domain} comes to this server, which does not know the domain")
    random.shuffle(named)
    named.sort(key=lambda pair: pair[0])
    return [Host(host, answer.authenticated) for _, host in dict.fromkeys(named)]
