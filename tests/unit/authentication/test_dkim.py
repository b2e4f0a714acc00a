"""Signatures of another implementation are accepted, and what RFC 6376 and RFC 8301 forbid is not."""

import base64
import time
from collections.abc import Iterator
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from optimails.authentication.results import Dkim
from optimails.dkim import sign
from optimails.dkim.public_key import BadKey, parse_key
from tests.support.dns_server import SERVFAIL, LocalDns, local_dns
from tests.support.in_loop import in_loop
from tests.support.senders import MESSAGE, checked, ed25519_key, key_record, rsa_key, signed, signing_key, with_field

RECORD = signing_key("example.org").record


def _public(key: rsa.RSAPublicKey | Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_bytes(serialization.Encoding.DER, form)).decode()


ZONE = (
    key_record("example.org")
    | key_record("sub.example.org")
    | key_record("example.org", "revoked", record="v=DKIM1; p=")
    | key_record("example.org", "strict", record=RECORD + "; t=s")
    | key_record("example.org", "testing", record=RECORD + "; t=y")
    | key_record("example.org", "sha1", record=RECORD + "; h=sha1")
    | key_record("example.org", "tlsrpt", record=RECORD + "; s=tlsrpt")
    | key_record("example.org", "version", record=RECORD.replace("DKIM1", "DKIM2"))
    | key_record("example.org", "bare", record=RECORD.removeprefix("v=DKIM1; "))
    | key_record("example.org", "garbage", record="v=DKIM1; p=AAAA")
    | key_record("example.org", "other", number=1)
    | key_record("example.org", "other-kind", record="v=DKIM1; k=dsa; p=AAAA")
    | {("away._domainkey.example.org", "TXT"): SERVFAIL}
)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalDns]:
    with local_dns(ZONE) as running:
        yield running


async def verdicts(server: LocalDns, message: bytes, **settings: Any) -> list[Dkim]:
    return list((await checked(server, message, **settings)).dkim)


@pytest.mark.parametrize("header", [b"simple", b"relaxed"])
@pytest.mark.parametrize("body", [b"simple", b"relaxed"])
@pytest.mark.parametrize("text", [b"", b"\r\n", b"Hello  you \t\r\n\r\n\r\n", b"no end", b" \r\n \r\nx\r\n"])
@in_loop
async def test_signatures_of_another_implementation(server: LocalDns, header: bytes, body: bytes, text: bytes) -> None:
    message = MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + text
    [found] = await verdicts(server, signed(message, canonicalize=(header, body)))
    assert (found.result.value, found.domain, found.selector, found.reason) == ("pass", "example.org", "sel", "")


@in_loop
async def test_ed25519_of_another_implementation() -> None:
    key = ed25519_key()
    seed = base64.b64encode(
        key.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    )
    field = dkim.sign(
        MESSAGE, b"ed", b"example.org", seed, signature_algorithm=b"ed25519-sha256", include_headers=[b"from"]
    )
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    record = f"v=DKIM1; k=ed25519; p={base64.b64encode(public).decode()}"
    with local_dns(key_record("example.org", "ed", record=record)) as server:
        [found] = await verdicts(server, field + MESSAGE)
        assert (found.result.value, found.algorithm) == ("pass", "ed25519-sha256")


@in_loop
async def test_our_own_signatures(server: LocalDns) -> None:
    header, _, body = MESSAGE.partition(b"\r\n\r\n")
    [found] = await verdicts(server, sign(header + b"\r\n", [body], [signing_key("example.org")]) + MESSAGE)
    assert found.result.value == "pass"


def changed(old: bytes, new: bytes) -> bytes:
    message = signed()
    assert old in message
    return message.replace(old, new)


@pytest.mark.parametrize(
    ("message", "result", "reason"),
    [
        (changed(b"Hello  Bob", b"Hello Bob, send money"), "fail", "body"),
        (changed(b"hello   you", b"hello thou"), "fail", "does not fit"),
        (with_field(signed(), b"X-Other: is not signed"), "pass", ""),
        (changed(b" s=sel;", b" s=sel; l=3;"), "fail", ""),
        (changed(b"v=1;", b"v=2;"), "permerror", "version"),
        (changed(b"v=1;", b"v=1; v=1;"), "permerror", "twice"),
        (changed(b"a=rsa-sha256", b"a=rsa-sha1"), "policy", "algorithm"),
        (changed(b"a=rsa-sha256", b"a=magic"), "permerror", "algorithm"),
        (changed(b"d=example.org", b"d=org"), "permerror", "d= is no name"),
        (changed(b"d=example.org", b"d=../../etc"), "permerror", "d= is no name"),
        (changed(b"bh=", b"xx="), "permerror", "bh= is missing"),
        (changed(b"i=@example.org", b"i=@other.test"), "permerror", "i= is not in the domain"),
        (changed(b"q=dns/txt", b"q=http"), "permerror", "not in the DNS"),
        (changed(b" s=sel;", b" s=sel; x=1000;"), "permerror", "before it was made"),
        (signed(include_headers=[b"from"], selector="missing"), "permerror", "no key"),
        (signed(selector="away"), "temperror", "did not answer"),
        (signed(selector="revoked"), "permerror", "revoked"),
        (signed(selector="sha1"), "permerror", "SHA-256"),
        (signed(selector="tlsrpt"), "permerror", "not for mail"),
        (signed(selector="version"), "permerror", "version"),
        (signed(selector="garbage"), "permerror", "cannot be read"),
        (signed(selector="other-kind"), "permerror", "unknown kind"),
        (signed(selector="other"), "fail", "does not fit"),
        (signed(selector="bare"), "pass", ""),
        (signed(selector="strict"), "pass", ""),
        (signed(selector="strict", identity=b"@sub.example.org"), "permerror", "subdomains"),
        (signed(selector="testing"), "pass", ""),
        (signed(selector="testing").replace(b"hello   you", b"bye"), "neutral", "tries"),
        (signed(length=True), "pass", ""),
        (signed(length=True) + b"and more\r\n", "policy", "not signed"),
    ],
)
@in_loop
async def test_what_is_wrong(server: LocalDns, message: bytes, result: str, reason: str) -> None:
    [found] = await verdicts(server, message)
    assert found.result.value == result, found
    assert reason in found.reason


@in_loop
async def test_expired(server: LocalDns, monkeypatch: pytest.MonkeyPatch) -> None:
    header, _, body = MESSAGE.partition(b"\r\n\r\n")
    field = sign(header + b"\r\n", [body], [signing_key("example.org")], now=1_000)
    # Our signer sets no x=, dkimpy neither: it goes in before the hash of the signature is made anew by the test's key.
    field = resigned(field.replace(b"t=1000;", b"t=1000; x=2000;"), header + b"\r\n")
    [found] = await verdicts(server, field + MESSAGE)
    assert (found.result.value, found.reason) == ("fail", "the signature has expired")
    monkeypatch.setattr(time, "time", lambda: 1_500.0)
    [found] = await verdicts(server, field + MESSAGE)
    assert found.result.value == "pass", found


def resigned(field: bytes, header: bytes) -> bytes:
    """The field with a signature over what it says now."""
    from optimails.dkim import canonical, signature

    by_name: dict[bytes, list[bytes]] = {}
    for name, whole in canonical.fields(header):
        by_name.setdefault(name, []).append(whole)
    digest = signature.header_digest(signature.parse(field), by_name)
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, utils

    value = rsa_key(0).sign(digest, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))
    return signature.without_value(field).rstrip(b"\r\n") + base64.b64encode(value) + b"\r\n"


@pytest.mark.parametrize(
    ("modulus_bits", "exponent", "weak", "reason"),
    [
        (768, 65537, True, "the key has 768 bits only"),
        (16_384, 65537, False, "the key is too large"),
        (1_024, (1 << 900) | 1, False, "the key is too large"),
    ],
)
def test_short_and_huge_keys_do_not_count(modulus_bits: int, exponent: int, weak: object, reason: str) -> None:
    key = rsa.RSAPublicNumbers(exponent, (1 << (modulus_bits - 1)) | 0x10001).public_key()
    with pytest.raises(BadKey) as bad:
        parse_key(f"v=DKIM1; k=rsa; p={_public(key)}")
    assert (str(bad.value), bad.value.weak) == (reason, weak)


@in_loop
async def test_of_many_signatures_the_authors_come_first(server: LocalDns) -> None:
    junk = [
        b"DKIM-Signature: v=1; a=rsa-sha256; d=s%d.test; s=x; h=from; bh=AAAA; b=AAAA\r\n" % n for n in range(2_000)
    ]
    before = len(server.asked)
    found = await checked(server, b"".join(junk) + signed(), max_signatures=4)
    assert len(found.dkim) == 4
    # The author's own stands below two thousand others, which is too far down to be looked for.
    assert all(one.result.value == "fail" for one in found.dkim)
    assert len(server.asked) - before < 30
    found = await checked(server, b"".join(junk[:90]) + signed(), max_signatures=4)
    assert (found.dkim[0].domain, found.dkim[0].result.value) == ("example.org", "pass")
    assert len(found.dkim) == 4


@in_loop
async def test_several_signatures_each_have_their_result(server: LocalDns) -> None:
    twice = signed(signed(), domain="sub.example.org").replace(b"hello   you", b"hello you")
    assert [one.domain for one in await verdicts(server, twice)] == ["sub.example.org", "example.org"]


@in_loop
async def test_a_large_signature_is_not_read(server: LocalDns) -> None:
    field = (
        b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=sel; h=" + b"from:" * 20_000 + b"from; bh=AA==; b=AA=="
    )
    [found] = await verdicts(server, with_field(MESSAGE, field))
    assert found.result.value == "permerror"
