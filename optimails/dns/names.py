"""The name of a machine by its address, believed only when the name leads back to that address."""

import asyncio
from ipaddress import ip_address

import dns.reversename

from optimails.dns.resolver import Resolver
from optimails.model.errors import Unavailable

PATIENCE = 5.0  # seconds for all questions together: somebody waits for an answer
_MOST = 5  # names of one address that are tried; more are no honest machine's


async def host_name(resolver: Resolver, address: str) -> str:
    """The verified name of an IP address, in lower case; empty when it has none, or the DNS cannot tell in time."""
    if ip_address(address).is_loopback:
        return "localhost"
    try:
        async with asyncio.timeout(PATIENCE):
            answer = await resolver.query(dns.reversename.from_address(address).to_text(), "PTR")
            for record in answer.records[:_MOST]:
                name = record.target.to_text(omit_final_dot=True).lower()
                if await _leads_back(resolver, name, address):
                    return str(name)
    except (TimeoutError, Unavailable):
        return ""
    return ""


async def _leads_back(resolver: Resolver, name: str, address: str) -> bool:
    family = "ipv6" if ":" in address else "ipv4"
    try:
        found = await resolver.addresses(name, (family,))
    except Unavailable:
        return False
    return address in found
