"""Chains of another implementation hold, and every broken one is seen (RFC 8617)."""

import re
from collections.abc import Iterator

import pytest

from optimails.authentication import Policy
from tests.support.dns_server import SERVFAIL, LocalDns, local_dns
from tests.support.in_loop import in_loop
from tests.support.senders import MESSAGE, checked, key_record, sealed, signed, txt, with_field

ZONE = (
    key_record("example.org")
    | key_record("list.test", number=1)
    | key_record("forward.test", number=2)
    | {
        ("away._domainkey.list.test", "TXT"): SERVFAIL,
        ("_dmarc.example.org", "TXT"): txt("v=DMARC1; p=reject"),
    }
)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalDns]:
    with local_dns(ZONE) as running:
        yield running


def seen(message: bytes, authserv: str, dmarc: str, arc: str = "none", author: str = "example.org") -> bytes:
    results = f"Authentication-Results: {authserv}; dmarc={dmarc} header.from={author}; arc={arc}"
    return with_field(message, results.encode())


def by_list(message: bytes = MESSAGE, dmarc: str = "pass") -> bytes:
    """Handed on by a mailing list, which writes into the subject before it seals."""
    return sealed(
        seen(message, "mx.list.test", dmarc).replace(b"hello", b"[list] hello"), "list.test", "mx.list.test", number=1
    )


def by_both(message: bytes = MESSAGE, dmarc: str = "pass") -> bytes:
    once = seen(by_list(message, dmarc), "mx.forward.test", "fail", "pass")
    return sealed(once, "forward.test", "mx.forward.test", number=2)


@in_loop
async def test_chains_of_another_implementation(server: LocalDns) -> None:
    none = (await checked(server, MESSAGE)).arc
    one = (await checked(server, by_list())).arc
    two = (await checked(server, by_both(signed()))).arc
    assert (none.result.value, none.sets) == ("none", 0)
    assert (one.result.value, one.sets, one.sealers) == ("pass", 1, ("list.test",)), one.reason
    assert (two.result.value, two.sets, two.sealers) == ("pass", 2, ("list.test", "forward.test")), two.reason
    assert "dmarc=pass" in two.assessments[0]


def without(message: bytes, *names: bytes, instance: int = 1) -> bytes:
    """Without these fields of that instance; without names the whole set."""
    for name in names or (b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results"):
        pattern = rb"(?im)^" + name + rb":[ \t\r\n]*i=%d;[^\n]*\n(?:[ \t][^\n]*\n)*" % instance
        message, times = re.subn(pattern, b"", message)
        assert times == 1
    return message


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (by_both().replace(b"[list] hello", b"[list] bye"), "does not fit"),
        (by_both().replace(b"Hello  Bob", b"Hello Mallory"), "body"),
        (by_both().replace(b"dmarc=pass", b"dmarc=fail"), "does not fit"),
        (without(by_both(), b"ARC-Seal"), "not complete"),
        (without(by_both(), b"ARC-Message-Signature"), "not complete"),
        (without(by_both(), b"ARC-Authentication-Results"), "not complete"),
        (without(by_both()), "missing"),
        (without(by_both(), instance=2) + b"x", "body"),
        (by_both().replace(b"cv=pass", b"cv=none"), "wrong state"),
        (by_list().replace(b"cv=none", b"cv=pass"), "wrong state"),
        (by_both().replace(b"cv=pass", b"cv=fail"), "broken when it was sealed"),
        (with_field(by_list(), b"ARC-Seal: i=1; a=rsa-sha256; d=x.test; s=x; cv=none; b=AAAA"), "twice"),
        (with_field(by_list(), b"ARC-Seal: i=0; a=rsa-sha256; d=x.test; s=x; cv=none; b=AAAA"), "instance"),
        (with_field(by_list(), b"ARC-Seal: i=51; a=rsa-sha256; d=x.test; s=x; cv=none; b=AAAA"), "instance"),
        (with_field(by_list(), b"ARC-Authentication-Results: nothing"), "instance"),
        (with_field(MESSAGE, b"ARC-Seal: garbage"), ""),
        (by_list().replace(b"a=rsa-sha256", b"a=rsa-sha1"), "algorithm"),
        (by_list().replace(b"d=list.test", b"d=nokey.test"), "no key"),
        (b"".join(b"ARC-Seal: i=%d; cv=pass\r\n" % number for number in range(1, 5_000)) + MESSAGE, "more sets"),
    ],
)  # fmt: skip
@in_loop
async def test_broken_chains(server: LocalDns, message: bytes, reason: str) -> None:
    found = (await checked(server, message)).arc
    assert found.result.value == "fail", found
    assert reason in found.reason
    assert found.sealers == ()


@in_loop
async def test_a_key_that_cannot_be_had_now_says_nothing(server: LocalDns) -> None:
    message = sealed(seen(MESSAGE, "mx.list.test", "pass"), "list.test", "mx.list.test", selector="away", number=1)
    assert (await checked(server, message)).arc.result.value == "temperror"


@pytest.mark.parametrize(
    ("message", "trusted", "excused"),
    [
        (by_list(), ("list.test",), True),
        (by_list(), (), False),
        (by_list(), ("forward.test",), False),
        (by_list(dmarc="fail"), ("list.test",), False),
        (by_both(), ("list.test", "forward.test"), True),
        (by_both(), ("list.test",), False),
        (by_both(), ("forward.test",), False),
        (by_list().replace(b"Hello  Bob", b"Hello Mallory"), ("list.test",), False),
        (
            sealed(seen(MESSAGE, "mx.list.test", "pass", author="another.test"), "list.test", "mx.list.test", number=1),
            ("list.test",),
            False,
        ),
    ],
)
@in_loop
async def test_trusted_sealers_excuse(
    server: LocalDns, message: bytes, trusted: tuple[str, ...], excused: object
) -> None:
    found = await checked(server, message, sender="x@elsewhere.test", trusted_sealers=trusted)
    assert found.dmarc.result.value == "fail"
    assert found.wish is (Policy.NONE if excused else Policy.REJECT)
    assert bool(found.dmarc.reason) == excused
