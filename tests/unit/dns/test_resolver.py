"""No and do-not-know are different answers; what is remembered is forgotten in time; who vouches must be believable."""

from typing import Any

import pytest

from optimails.config.dns import DnsSettings
from optimails.dns import Resolver
from optimails.model.errors import Unavailable
from tests.support.dns_server import SERVFAIL, SILENCE, LocalDns, local_dns
from tests.support.in_loop import in_loop

ZONE = {
    ("example.org", "MX"): ["10 mx.example.org."],
    ("mx.example.org", "A"): ["192.0.2.1"],
    ("mx.example.org", "AAAA"): ["2001:db8::1"],
    ("ill.example.org", "A"): SERVFAIL,
    ("silent.example.org", "A"): SILENCE,
    ("alias.example.org", "CNAME"): ["mx.example.org."],
    ("half.example.org", "A"): SERVFAIL,
    ("half.example.org", "AAAA"): ["2001:db8::2"],
    ("text.example.org", "TXT"): ['"one " "two"'],
}


def resolver(server: LocalDns, **settings: Any) -> Resolver:
    return Resolver(DnsSettings(nameservers=(server.address,), timeout=0.2, lifetime=0.5, **settings))


@in_loop
async def test_no_is_not_the_same_as_unknown() -> None:
    with local_dns(ZONE) as server:
        asked = resolver(server)
        there = await asked.query("Example.ORG.", "MX")
        assert (there.exists, len(there.records)) == (True, 1)
        nothing = await asked.query("example.org", "A")
        assert (nothing.exists, nothing.records) == (True, ())
        for _ in range(2):  # also from memory
            nobody = await asked.query("nobody.example.net", "A")
            assert (nobody.exists, nobody.records) == (False, ())
        for name in ("ill.example.org", "silent.example.org"):
            with pytest.raises(Unavailable):
                await asked.query(name, "A")
        for impossible in ("a..b", "x" * 70 + ".example", "\N{SNOWMAN}\ufffe.example"):
            assert not (await asked.query(impossible, "A")).exists
        assert (await asked.query("alias.example.org", "A")).canonical == "mx.example.org"


@in_loop
async def test_addresses() -> None:
    with local_dns(ZONE) as server:
        asked = resolver(server)
        assert await asked.addresses("mx.example.org") == ["2001:db8::1", "192.0.2.1"]
        assert await asked.addresses("mx.example.org", ("ipv4",)) == ["192.0.2.1"]
        assert await asked.addresses("alias.example.org", ("ipv4",)) == ["192.0.2.1"]
        assert await asked.addresses("half.example.org") == ["2001:db8::2"], "one family is enough"
        assert await asked.addresses("192.0.2.9") == ["192.0.2.9"]
        assert await asked.addresses("nobody.example.net") == []
        assert await asked.texts("text.example.org") == ["one two"]
        with pytest.raises(Unavailable):
            await asked.addresses("ill.example.org", ("ipv4",))


@in_loop
async def test_answers_are_remembered_for_their_time() -> None:
    for ttl, questions in ((300, 1), (0, 2)):
        with local_dns(ZONE, ttl=ttl) as server:
            asked = resolver(server)
            for _ in range(2):
                await asked.query("example.org", "MX")
            assert server.asked.count(("example.org", "MX")) == questions


@in_loop
async def test_whose_word_counts() -> None:
    for trust, secure, expected in (
        ("loopback", {"*"}, True),
        ("always", {"*"}, True),
        ("never", {"*"}, False),
        ("loopback", set(), False),
        ("always", set(), False),
    ):
        with local_dns(ZONE, secure=secure) as server:
            asked = resolver(server, trust_ad=trust)
            assert (await asked.query("example.org", "MX")).authenticated is expected
            assert (await asked.query("nobody.example.net", "MX")).authenticated is expected


@in_loop
async def test_a_name_server_elsewhere_is_not_believed_by_default() -> None:
    """Not even if its answer says so: the way from there is open."""
    asked = Resolver(DnsSettings(nameservers=("192.0.2.53:53",)))
    import dns.flags
    import dns.message

    response = dns.message.make_response(dns.message.make_query("example.org", "MX"))
    response.flags |= dns.flags.AD
    assert not asked._authentic(response, "192.0.2.53")
    assert not asked._authentic(response, None)
    assert asked._authentic(response, "127.0.0.1")
