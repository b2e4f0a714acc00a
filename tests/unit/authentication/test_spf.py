"""SPF as RFC 7208 says, over a local name server."""

from collections.abc import Iterator

import pytest

from optimails.authentication import spf, spf_record
from optimails.model.address import EmailAddress
from tests.support.dns_server import SERVFAIL, LocalDns, local_dns
from tests.support.in_loop import in_loop
from tests.support.senders import resolver, txt

RECORDS = {
    "ip4.test": "v=spf1 ip4:192.0.2.0/24 -all",
    "ip6.test": "v=spf1 ip6:2001:db8::/32 -all",
    "a.test": "v=spf1 a ~all",
    "a-other.test": "v=spf1 a:a.test/24 -all",
    "mx.test": "v=spf1 mx -all",
    "ptr.test": "v=spf1 ptr -all",
    "include.test": "v=spf1 include:ip4.test -all",
    "include-none.test": "v=spf1 include:nothing.test -all",
    "include-fails.test": "v=spf1 include:neutral.test ?all",
    "neutral.test": "v=spf1",
    "redirect.test": "v=spf1 redirect=ip4.test",
    "redirect-none.test": "v=spf1 redirect=nothing.test",
    "redirect-all.test": "v=spf1 ?all redirect=ip4.test",
    "exists.test": "v=spf1 exists:%{ir}.%{v}.%{l1r-}.list.test -all",
    "p.test": "v=spf1 exists:%{p}.named.test -all",
    "ptr-of.test": "v=spf1 ptr:ptr.test -all",
    "helo.test": "v=spf1 exists:%{h}.seen.test -all",
    "upper.test": "V=SPF1 IP4:192.0.2.1 -ALL",
    "modifier.test": "v=spf1 ip4:192.0.2.1 future=%{c} -all",
    "loop.test": "v=spf1 include:loop.test -all",
    "loop-redirect.test": "v=spf1 redirect=loop-redirect.test",
    "chain.test": "v=spf1 " + " ".join(f"include:ip6.test a:a{n}.chain.test" for n in range(6)) + " +all",
    "void.test": "v=spf1 a:v1.test a:v2.test a:v3.test +all",
    "void-two.test": "v=spf1 a:v1.test a:v2.test +all",
    "many-mx.test": "v=spf1 mx +all",
    "syntax.test": "v=spf1 ip4:192.0.2.1 moo -all",
    "cidr.test": "v=spf1 ip4:192.0.2.1/33 -all",
    "cidr-zero.test": "v=spf1 ip4:192.0.2.1/032 -all",
    "macro.test": "v=spf1 exists:%{x}.test -all",
    "percent.test": "v=spf1 exists:a%b.test -all",
    "twice.test": "v=spf1 redirect=ip4.test redirect=ip4.test",
    "away-inside.test": "v=spf1 a:away.test -all",
    "other.test": "v=spf10 -all",
    "long.test": "v=spf1 " + "ip4:203.0.113.7 " * 1_200 + "+all",
}
ZONE = (
    {(name, "TXT"): txt(text) for name, text in RECORDS.items()}
    | {
        ("several.test", "TXT"): txt("v=spf1 -all", "v=spf1 +all"),
        ("beside.test", "TXT"): txt("something else", "v=spf1 ip4:192.0.2.1 -all"),
        ("away.test", "TXT"): SERVFAIL,
        ("away.test", "A"): SERVFAIL,
        ("a.test", "A"): ["192.0.2.1"],
        ("a.test", "AAAA"): ["2001:db8::1"],
        ("mx.test", "MX"): ["10 h1.mx.test.", "20 h2.mx.test."],
        ("h1.mx.test", "A"): ["203.0.113.1"],
        ("h2.mx.test", "A"): ["192.0.2.1"],
        ("many-mx.test", "MX"): [f"10 h{n}.mx.test." for n in range(11)],
        ("1.2.0.192.in-addr.arpa", "PTR"): ["liar.other.test.", "host.ptr.test."],
        ("host.ptr.test", "A"): ["192.0.2.1"],
        ("liar.other.test", "A"): ["203.0.113.9"],
        ("host.ptr.test.named.test", "A"): ["127.0.0.2"],
        ("8.2.0.192.in-addr.arpa", "PTR"): SERVFAIL,
        ("1.2.0.192.in-addr.ann.list.test", "A"): ["127.0.0.2"],
        ("mx.client.test.seen.test", "A"): ["127.0.0.2"],
    }
    | {(f"a{n}.chain.test", "A"): ["203.0.113.1"] for n in range(6)}
)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalDns]:
    with local_dns(ZONE) as running:
        yield running


@pytest.mark.parametrize(
    ("domain", "remote", "result"),
    [
        ("ip4.test", "192.0.2.9", "pass"),
        ("ip4.test", "192.0.3.9", "fail"),
        ("ip4.test", "::ffff:192.0.2.9", "pass"),
        ("ip6.test", "2001:db8::9", "pass"),
        ("ip6.test", "192.0.2.9", "fail"),
        ("a.test", "192.0.2.1", "pass"),
        ("a.test", "2001:db8::1", "pass"),
        ("a.test", "192.0.2.2", "softfail"),
        ("a-other.test", "192.0.2.200", "pass"),
        ("mx.test", "192.0.2.1", "pass"),
        ("mx.test", "192.0.2.2", "fail"),
        ("ptr.test", "192.0.2.1", "pass"),
        ("ptr.test", "192.0.2.3", "fail"),
        ("include.test", "192.0.2.1", "pass"),
        ("include.test", "203.0.113.1", "fail"),
        ("include-none.test", "192.0.2.1", "permerror"),
        ("include-fails.test", "192.0.2.1", "neutral"),
        ("neutral.test", "192.0.2.1", "neutral"),
        ("redirect.test", "192.0.2.1", "pass"),
        ("redirect.test", "203.0.113.1", "fail"),
        ("redirect-none.test", "192.0.2.1", "permerror"),
        ("redirect-all.test", "192.0.2.1", "neutral"),
        ("exists.test", "192.0.2.1", "pass"),
        ("exists.test", "192.0.2.2", "fail"),
        ("p.test", "192.0.2.1", "pass"),
        ("p.test", "192.0.2.8", "fail"),
        ("p.test", "2001:db8::8", "fail"),
        ("ptr-of.test", "192.0.2.1", "pass"),
        ("ptr-of.test", "192.0.2.8", "fail"),
        ("helo.test", "192.0.2.1", "pass"),
        ("upper.test", "192.0.2.1", "pass"),
        ("modifier.test", "192.0.2.1", "pass"),
        ("beside.test", "192.0.2.1", "pass"),
        ("nothing.test", "192.0.2.1", "none"),
        ("other.test", "192.0.2.1", "none"),
        ("several.test", "192.0.2.1", "permerror"),
        ("away.test", "192.0.2.1", "temperror"),
        ("away-inside.test", "192.0.2.1", "temperror"),
        ("loop.test", "192.0.2.1", "permerror"),
        ("loop-redirect.test", "192.0.2.1", "permerror"),
        ("chain.test", "192.0.2.1", "permerror"),
        ("void.test", "192.0.2.1", "permerror"),
        ("void-two.test", "192.0.2.1", "pass"),
        ("many-mx.test", "192.0.2.1", "permerror"),
        ("syntax.test", "192.0.2.1", "permerror"),
        ("cidr.test", "192.0.2.1", "permerror"),
        ("cidr-zero.test", "192.0.2.1", "permerror"),
        ("macro.test", "192.0.2.1", "permerror"),
        ("percent.test", "192.0.2.1", "permerror"),
        ("twice.test", "192.0.2.1", "permerror"),
        ("localhost", "192.0.2.1", "none"),
        ("[192.0.2.1]", "192.0.2.1", "none"),
    ],
)
@in_loop
async def test_sender(server: LocalDns, domain: str, remote: str, result: str) -> None:
    found = await spf.check(resolver(server), remote, "mx.client.test", EmailAddress("ann-tag", domain))
    assert found[0].result.value == result
    assert found[0].identity == "mailfrom"
    assert found[1].identity == "helo"


@in_loop
async def test_null_sender_is_judged_by_helo(server: LocalDns) -> None:
    found = await spf.check(resolver(server), "192.0.2.1", "ip4.test", None)
    assert [(one.identity, one.result.value) for one in found] == [("helo", "pass")]


@in_loop
async def test_limits_end_what_would_ask_for_ever(server: LocalDns) -> None:
    for domain in ("loop.test", "loop-redirect.test", "chain.test", "void.test", "many-mx.test"):
        before = len(server.asked)
        await spf.check(resolver(server), "192.0.2.1", "x", EmailAddress("ann", domain))
        assert len(server.asked) - before <= 25, domain


def test_too_many_terms_are_no_record() -> None:
    with pytest.raises(spf_record.BadRecord):
        spf_record.parse(RECORDS["long.test"])


@pytest.mark.parametrize(
    ("spec", "expanded"),
    [
        # RFC 7208 §7.4
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{S}%%%_%-x", "strong-bad%40email.example.com% %20x"),
        ("x." * 130 + "%{d}", ("x." * 130 + "email.example.com")[-253:].partition(".")[2]),
    ],
)
def test_macros(spec: str, expanded: str) -> None:
    values = {
        "s": "strong-bad@email.example.com",
        "o": "email.example.com",
        "d": "email.example.com",
        "l": "strong-bad",
        "i": "192.0.2.3",
        "v": "in-addr",
    }
    found = spf_record.expand(spec, {name: lambda value=value: value for name, value in values.items()})
    assert found == expanded or (len(found) <= 253 and found.endswith("x.email.example.com"))
