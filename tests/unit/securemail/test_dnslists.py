"""Block lists, asked of a name server on this machine."""

import asyncio
from collections.abc import Iterator

import pytest

from optimails.config.dns import DnsSettings
from optimails.dns import Resolver
from securemail.dnslists import DnsLists
from securemail.facts import Fact
from tests.support.dns_server import SERVFAIL, SILENCE, LocalDns

ZONE = {
    ("34.216.184.93.bl.test", "A"): ["127.0.0.2"],
    ("9.9.9.9.bl.test", "A"): ["127.255.255.254"],
    ("8.8.8.8.bl.test", "A"): SERVFAIL,
    ("4.4.8.8.bl.test", "A"): SILENCE,
    ("1.1.1.1.bl.test", "A"): ["192.0.2.1"],
    (f"{'.'.join(reversed('2606470000000000000000000000aaaa'))}.bl.test", "A"): ["127.0.0.2"],
    ("evil.example.uribl.test", "A"): ["127.0.0.2"],
}


@pytest.fixture(scope="module")
def server() -> Iterator[LocalDns]:
    server = LocalDns(ZONE)
    server.start()
    yield server
    server.stop()


def asked(server: LocalDns, client: str = "", hosts: tuple[str, ...] = ()) -> list[Fact]:
    async def ask() -> list[Fact]:
        resolver = Resolver(DnsSettings(nameservers=[server.address], timeout=0.3, lifetime=0.5))
        lists = DnsLists(resolver, ["bl.test"], ["uribl.test"], seconds=1)
        return [*await lists.of_client(client), *await lists.of_links(hosts)]

    return asyncio.run(ask())


def test_a_listed_client(server: LocalDns) -> None:
    (fact,) = asked(server, "93.184.216.34")
    assert (fact.symbol, fact.evidence) == ("LISTED_CLIENT", ("93.184.216.34", "bl.test"))
    assert fact.weight > 0


def test_a_listed_client_of_the_new_protocol(server: LocalDns) -> None:
    assert [fact.symbol for fact in asked(server, "2606:4700::aaaa")] == ["LISTED_CLIENT"]


@pytest.mark.parametrize("client", ["93.184.216.35", "9.9.9.9", "8.8.8.8", "8.8.4.4", "1.1.1.1", "10.0.0.1", ""])
def test_what_is_no_listing(server: LocalDns, client: str) -> None:
    """Not there, no right to ask, an error, silence, no answer of a list, a private address, no address."""
    assert asked(server, client) == []


def test_links_are_asked_by_their_organisation(server: LocalDns) -> None:
    (fact,) = asked(server, hosts=("www.shop.evil.example", "evil.example", "good.example", "[::1]", "10.1.1.1"))
    assert (fact.symbol, fact.evidence) == ("LISTED_LINK", ("evil.example (uribl.test)",))


def test_private_networks_are_not_asked_about(server: LocalDns) -> None:
    server.asked.clear()
    asked(server, "192.168.1.1", ("localhost", "10.2.2.2"))
    assert server.asked == []
