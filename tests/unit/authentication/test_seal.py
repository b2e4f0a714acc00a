"""Our seals hold for another implementation, and ours reads them too (RFC 8617 §5.1)."""

from collections.abc import Iterator
from hashlib import sha256

import dkim
import pytest

from optimails.authentication import header as results
from optimails.authentication.seal import seal
from optimails.dkim import SigningKey, canonical, signature
from optimails.dkim.canonical import relaxed_field
from optimails.dkim.public_key import parse_key
from tests.support.dns_server import LocalDns, local_dns
from tests.support.in_loop import in_loop
from tests.support.senders import (
    MESSAGE,
    checked,
    dns_of,
    ed25519_key,
    key_record,
    sealed,
    signed,
    signing_key,
    with_field,
)

NAME = "mx.demo.test"
KEYS = [signing_key("demo.test", number=3)]
ZONE = key_record("example.org") | key_record("demo.test", number=3) | key_record("list.test", number=1)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalDns]:
    with local_dns(ZONE) as running:
        yield running


async def arrived(server: LocalDns, message: bytes) -> bytes:
    """As it stands here after the checks."""
    return results.render(NAME, await checked(server, message)) + message


def sent_on(message: bytes, name: str = NAME) -> bytes:
    header, _, body = message.partition(b"\r\n\r\n")
    return seal(header + b"\r\n", [body[:5], body[5:]], KEYS, name) + message


def by_list(message: bytes) -> bytes:
    found = b"Authentication-Results: mx.list.test; dmarc=pass header.from=example.org; arc=none"
    return sealed(with_field(message, found), "list.test", "mx.list.test", number=1)


def verdict(message: bytes, server: LocalDns) -> tuple[bytes, str]:
    state, _, reason = dkim.arc_verify(message, dnsfunc=dns_of(server))
    return state, reason


@pytest.mark.parametrize("body", [b"", b"\r\n", b"no end", b"Hello  Bob \t\r\n\r\n\r\n"])
@in_loop
async def test_the_first_of_a_chain(server: LocalDns, body: bytes) -> None:
    message = signed(MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body)
    made = sent_on(await arrived(server, message))
    assert made.startswith(b"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=demo.test;")
    assert b"ARC-Authentication-Results: i=1; mx.demo.test;\r\n\tspf=" in made
    assert verdict(made, server) == (dkim.CV_Pass, "success")
    found = (await checked(server, made)).arc
    assert (found.result.value, found.sealers) == ("pass", ("demo.test",))
    assert "dkim=pass" in found.assessments[0]


@in_loop
async def test_after_another(server: LocalDns) -> None:
    made = sent_on(await arrived(server, by_list(signed())))
    assert made.startswith(b"ARC-Seal: i=2; a=rsa-sha256; cv=pass; d=demo.test;")
    assert verdict(made, server)[0] == dkim.CV_Pass
    again = sent_on(await arrived(server, made))
    assert again.startswith(b"ARC-Seal: i=3; a=rsa-sha256; cv=pass;")
    assert verdict(again, server)[0] == dkim.CV_Pass
    assert (await checked(server, again)).arc.sealers == ("list.test", "demo.test", "demo.test")


@in_loop
async def test_what_we_changed_ourselves_is_sealed_as_we_send_it(server: LocalDns) -> None:
    here = await arrived(server, by_list(signed()))
    made = sent_on(here.replace(b"hello   you", b"[sales] hello you").replace(b"Hello  Bob", b"Hello all"))
    assert verdict(made, server)[0] == dkim.CV_Pass
    assert (await checked(server, made)).arc.result.value == "pass"


@in_loop
async def test_a_broken_chain_is_sealed_as_broken_once(server: LocalDns) -> None:
    here = await arrived(server, by_list(signed()).replace(b"Hello  Bob", b"Hello Mallory"))
    made = sent_on(here)
    assert made.startswith(b"ARC-Seal: i=2; a=rsa-sha256; cv=fail; d=demo.test;")
    found = (await checked(server, made)).arc
    assert (found.result.value, found.sealed_fail) == ("fail", True)
    assert verdict(made, server)[0] is None, "another implementation, too, says that the chain has ended"
    # Its seal covers its own set alone, as if that were the only one (§5.1.2).
    names = (b"arc-authentication-results", b"arc-message-signature", b"arc-seal")
    own = {name: field for name, field in reversed(canonical.fields(made)) if name in names}
    unsigned = signature.without_value(own[b"arc-seal"])
    covered = relaxed_field(own[names[0]]) + relaxed_field(own[names[1]]) + relaxed_field(unsigned).rstrip(b"\r\n")
    value = signature.base64_of(signature.tags_of(own[b"arc-seal"]), "b")
    assert parse_key(KEYS[0].record).verifies("rsa-sha256", sha256(covered).digest(), value)
    again = await arrived(server, made)
    assert sent_on(again) == again, "a chain that ended goes on"


def test_no_seal() -> None:
    """Without a key, with Ed25519 alone, on a chain whose state nobody has told, after the fiftieth."""
    header = MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n"
    assert seal(header, [b""], [], NAME) == b""
    assert seal(header, [b""], [SigningKey("demo.test", "ed", ed25519_key())], NAME) == b""
    chained = by_list(signed())
    assert sent_on(chained) == chained
    unsure = with_field(chained, f"Authentication-Results: {NAME}; arc=temperror".encode())
    assert sent_on(unsure) == unsure
    lying = with_field(MESSAGE, f"Authentication-Results: {NAME}; arc=pass".encode())
    assert sent_on(lying) == lying
    many = b"ARC-Seal: i=50; cv=pass\r\n" + with_field(MESSAGE, f"Authentication-Results: {NAME}; arc=fail".encode())
    assert sent_on(many) == many


def test_what_was_not_checked_is_sealed_as_unchecked() -> None:
    assert b"ARC-Authentication-Results: i=1; mx.demo.test; none\r\n" in sent_on(MESSAGE)
