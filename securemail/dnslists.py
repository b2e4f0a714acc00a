"""Block lists in the DNS (RFC 5782): of clients by their address, of the domains that links lead to.

Asked in the event loop while the filter workers read, and within one span of time: a list that does not answer says
nothing. No list is asked unless an administrator names it: each one sees from whom we get mail, and has its own terms.
"""

import asyncio
import contextlib
import ipaddress
from collections.abc import Iterable, Sequence

from optimails.authentication.organisation import organisational_domain
from optimails.dns import Resolver
from optimails.model.errors import Unavailable
from securemail.antispam.weights import fact
from securemail.facts import Fact

_NAME = "lists"
_LISTED = ipaddress.ip_network("127.0.0.0/8")
_NO_ANSWER = ipaddress.ip_network("127.255.255.0/24")  # what lists say to whom they do not serve
_MOST_DOMAINS = 20


class DnsLists:
    def __init__(self, resolver: Resolver, clients: Sequence[str], links: Sequence[str], seconds: float = 5.0) -> None:
        self._resolver = resolver
        self._clients = tuple(clients)
        self._links = tuple(links)
        self._seconds = seconds

    async def of_client(self, client: str) -> list[Fact]:
        """``LISTED_CLIENT`` with the lists that have it; nothing for addresses of networks that are not the world's."""
        try:
            address = ipaddress.ip_address(client)
        except ValueError:
            return []
        if not self._clients or not address.is_global:
            return []
        # RFC 5782 §2.1, §2.4: the reverse name, with the list in place of in-addr.arpa
        reverse = address.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
        found = await self._listed([(f"{reverse}.{zone}", zone) for zone in self._clients])
        return [fact(_NAME, "LISTED_CLIENT", client, *found)] if found else []

    async def of_links(self, hosts: Iterable[str]) -> list[Fact]:
        """``LISTED_LINK`` with the domains and the lists that have them."""
        domains = dict.fromkeys(
            organisational_domain(host) for host in hosts if "." in host and not host.startswith("[")
        )
        names = [one for one in domains if not one.replace(".", "").isdigit()][:_MOST_DOMAINS]
        asked = [(f"{name}.{zone}", f"{name} ({zone})") for name in names for zone in self._links]
        found = await self._listed(asked)
        return [fact(_NAME, "LISTED_LINK", *found)] if found else []

    async def _listed(self, asked: Sequence[tuple[str, str]]) -> list[str]:
        """What to tell of those names that are on their list."""
        tasks = [asyncio.create_task(self._is_listed(name)) for name, _ in asked]
        if not tasks:
            return []
        done, late = await asyncio.wait(tasks, timeout=self._seconds)
        for task in late:
            task.cancel()
        return [told for task, (_, told) in zip(tasks, asked, strict=True) if task in done and task.result()]

    async def _is_listed(self, name: str) -> bool:
        with contextlib.suppress(Unavailable):
            answer = await self._resolver.query(name, "A")
            addresses = [ipaddress.ip_address(record.address) for record in answer.records]
            return any(one in _LISTED and one not in _NO_ANSWER for one in addresses)
        return False
