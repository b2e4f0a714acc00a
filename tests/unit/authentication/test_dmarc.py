"""DMARC as RFC 7489 says: whose word counts for whom, and what the domain wishes."""

from collections.abc import Iterator
from typing import Any

import pytest

from optimails.authentication import Policy, Result, Spf, dmarc
from optimails.authentication.organisation import organisational_domain
from tests.support.dns_server import SERVFAIL, LocalDns, local_dns
from tests.support.in_loop import in_loop
from tests.support.senders import MESSAGE, checked, key_record, names, resolver, signed, txt

RECORDS = {
    "example.org": "v=DMARC1; p=reject; sp=quarantine; np=reject; rua=mailto:x@example.org",
    "strict.test": "v=DMARC1; p=reject; adkim=s; aspf=s",
    "none.test": "v=DMARC1; p=none",
    "half.test": "v=DMARC1; p=reject; pct=50",
    "odd.test": "v=DMARC1; p=whatever; rua=mailto:x@odd.test",
    "broken.test": "v=DMARC1; p=whatever",
    "messy.test": "v=DMARC1;; p = Quarantine ;=; fo=1:d",
    "own.sub.test": "v=DMARC1; p=none",
    "sub.test": "v=DMARC1; p=reject",
    "other.test": "DMARC1; p=reject",
}
ZONE = (
    {(f"_dmarc.{name}", "TXT"): txt(text) for name, text in RECORDS.items()}
    | {
        ("_dmarc.several.test", "TXT"): txt("v=DMARC1; p=reject", "v=DMARC1; p=none"),
        ("_dmarc.away.test", "TXT"): SERVFAIL,
        ("example.org", "TXT"): txt("v=spf1 ip4:192.0.2.1 -all"),
        ("bounces.example.org", "TXT"): txt("v=spf1 ip4:192.0.2.1 -all"),
        ("bounces.strict.test", "TXT"): txt("v=spf1 ip4:192.0.2.1 -all"),
        ("elsewhere.test", "TXT"): txt("v=spf1 ip4:192.0.2.1 -all"),
        ("slow.example.org", "TXT"): SERVFAIL,
        ("there.example.org", "A"): ["192.0.2.1"],
    }
    | key_record("example.org")
    | key_record("sub.strict.test")
    | key_record("elsewhere.test")
    | {("away._domainkey.example.org", "TXT"): SERVFAIL}
)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalDns]:
    with local_dns(ZONE) as running:
        yield running


def written_by(*authors: str, message: bytes = MESSAGE) -> bytes:
    return message.replace(b"Ann <ann@example.org>", ", ".join(authors).encode())


@pytest.mark.parametrize(
    ("message", "sender", "expected"),
    [
        (MESSAGE, "x@example.org", {"spf": "pass", "dkim": [], "dmarc": "pass"}),
        (MESSAGE, "x@bounces.example.org", {"spf": "pass", "dmarc": "pass"}),
        (MESSAGE, "x@elsewhere.test", {"spf": "pass", "dmarc": "fail"}),
        (signed(), "x@elsewhere.test", {"dkim": ["pass"], "dmarc": "pass"}),
        (signed(domain="elsewhere.test"), "x@elsewhere.test", {"dkim": ["pass"], "dmarc": "fail"}),
        (signed().replace(b"hello   you", b"bye"), "x@elsewhere.test", {"dkim": ["fail"], "dmarc": "fail"}),
        (signed(selector="away"), "x@elsewhere.test", {"dkim": ["temperror"], "dmarc": "temperror"}),
        (MESSAGE, "x@slow.example.org", {"spf": "temperror", "dmarc": "temperror"}),
        (written_by("a@strict.test"), "x@bounces.strict.test", {"spf": "pass", "dmarc": "fail"}),
        (
            signed(written_by("a@strict.test"), "sub.strict.test"),
            "x@elsewhere.test",
            {"dkim": ["pass"], "dmarc": "fail"},
        ),
        (written_by("a@nothing.test"), "x@elsewhere.test", {"dmarc": "none"}),
        (written_by("a@other.test"), "x@elsewhere.test", {"dmarc": "none"}),
        (written_by("a@several.test"), "x@elsewhere.test", {"dmarc": "none"}),
        (written_by("a@broken.test"), "x@elsewhere.test", {"dmarc": "none"}),
        (written_by("a@away.test"), "x@elsewhere.test", {"dmarc": "temperror"}),
        (written_by("not an address"), "x@elsewhere.test", {"dmarc": "permerror"}),
        (written_by("a@[192.0.2.1]"), "x@elsewhere.test", {"dmarc": "permerror"}),
        (written_by("nobody:;"), "x@elsewhere.test", {"dmarc": "permerror"}),
        (MESSAGE.replace(b"From:", b"X-From:"), "x@elsewhere.test", {"dmarc": "permerror"}),
    ],
)
@in_loop
async def test_alignment(server: LocalDns, message: bytes, sender: str, expected: dict[str, Any]) -> None:
    found = names(await checked(server, message, sender=sender))
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("author", "policy"),
    [
        ("a@example.org", Policy.REJECT),
        ("a@there.example.org", Policy.QUARANTINE),
        ("a@missing.example.org", Policy.REJECT),
        ("a@none.test", Policy.NONE),
        ("a@odd.test", Policy.NONE),
        ("a@messy.test", Policy.QUARANTINE),
        ("a@own.sub.test", Policy.NONE),
        ("a@deep.own.sub.test", Policy.REJECT),
        ("=?utf-8?q?a=40bank?= <a@example.org>", Policy.REJECT),
        ("a@EXAMPLE.ORG.", Policy.REJECT),
    ],
)
@in_loop
async def test_wish_of_the_domain(server: LocalDns, author: str, policy: Policy) -> None:
    found = await checked(server, written_by(author), sender="x@elsewhere.test")
    assert (found.dmarc.result, found.dmarc.disposition, found.wish) == (Result.FAIL, policy, policy)


@pytest.mark.parametrize(
    "message",
    [
        written_by("a@none.test", "Ann <ann@example.org>"),
        written_by("Ann <ann@example.org>", "a@none.test"),
        b"From: a@none.test\r\n" + MESSAGE,
        MESSAGE.replace(b"Subject:", b"From: a@none.test\r\nSubject:"),
        MESSAGE.replace(b"From:", b"from :"),
    ],
)
@in_loop
async def test_of_several_authors_the_strictest_domain_counts(server: LocalDns, message: bytes) -> None:
    found = await checked(server, message, sender="x@elsewhere.test")
    assert (found.dmarc.domain, found.wish) == ("example.org", Policy.REJECT)


@in_loop
async def test_a_crowd_of_authors_is_no_letter(server: LocalDns) -> None:
    crowd = written_by(*(f"a@d{number}.test" for number in range(2_000)))
    before = len(server.asked)
    found = await checked(server, crowd, sender="x@elsewhere.test")
    assert found.dmarc.result is Result.PERMERROR
    assert len(server.asked) - before < 20


@pytest.mark.parametrize(("dice", "policy"), [(0, Policy.REJECT), (49, Policy.REJECT), (50, Policy.QUARANTINE)])
@in_loop
async def test_percentage(server: LocalDns, dice: int, policy: Policy) -> None:
    """RFC 7489 §6.6.4: who is spared by pct= gets the next weaker treatment."""
    found = await dmarc.published(resolver(server), ["half.test"])
    spf = Spf(Result.NONE, "mailfrom", "x.test", "x.test")
    verdict = dmarc.judge(found, ["half.test"], spf, [], dice=lambda _: dice)
    assert (verdict.policy, verdict.disposition) == (Policy.REJECT, policy)


@pytest.mark.parametrize(
    ("domain", "organisation"),
    [
        ("a.b.example.co.uk", "example.co.uk"),
        ("example.org", "example.org"),
        ("co.uk", "co.uk"),
        ("x.demo.test", "demo.test"),
        ("one.github.io", "one.github.io"),
    ],
)
def test_organisational_domain(domain: str, organisation: str) -> None:
    assert organisational_domain(domain) == organisation
