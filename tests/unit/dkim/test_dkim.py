"""Signatures are made as RFC 6376 says: another implementation accepts them, whatever the message looks like."""

import random
import stat
from pathlib import Path

import dkim
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimails.dkim import KeyStore, Signer, sign
from optimails.dkim.canonical import RelaxedBodyHash, relaxed_field
from optimails.dkim.signature import BodyKind, body_digests

HEADER = (
    b"Received: from a by b;\r\n\tMon, 23 Nov 2026 10:00:00 +0000\r\n"
    b"From: Ann  <ann@example.org>\r\nTo:\tbob@example.net,\r\n  carl@example.net\r\nSubject:   two   spaces  \r\n"
    b"X-Other: not signed\r\nComments: a\r\nReferences: <1@x>\r\nReferences: <2@x>\r\nMIME-Version: 1.0\r\n"
)
BODIES = [
    b"",
    b"\r\n",
    b"\r\n\r\n\r\n",
    b"hello\r\n",
    b"hello",
    b"\r\n\r\nhello  \t you \r\n \r\n\t\r\n",
    b"a\r\n\r\n\r\nb \r\n" * 500 + b"\r\n" * 5000,
    b" \t " * 2000 + b"x" + b" " * 3000 + b"\r\n",
    "caf\N{LATIN SMALL LETTER E WITH ACUTE}\r\n".encode(),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    store = KeyStore(tmp_path_factory.mktemp("keys"))
    store.make("example.org")
    return store


def accepted(message: bytes, store: KeyStore, index: int = 0) -> bool:
    records = {f"{key.selector}._domainkey.example.org.": key.record.encode() for key in store.all("example.org")}
    checker = dkim.DKIM(message, minkey=1024)
    try:
        return bool(checker.verify(idx=index, dnsfunc=lambda name, timeout=5: records.get(name.decode())))
    except dkim.ValidationError:
        return False


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_another_implementation_accepts_both_signatures(store: KeyStore, body: bytes) -> None:
    fields = sign(HEADER, [body], store.active("example.org"))
    message = fields + HEADER + b"\r\n" + body
    assert accepted(message, store, 0), "RSA"
    assert accepted(message, store, 1), "Ed25519"


@pytest.mark.parametrize(
    "change",
    [
        (b"two   spaces", b"two spaces more"),
        (b"hello", b"hallo"),
        (b"X-Other: not signed\r\n", b"From: mallory@example.org\r\n"),
    ],
)
def test_a_changed_message_is_not_accepted(store: KeyStore, change: tuple[bytes, bytes]) -> None:
    message = sign(HEADER, [b"hello\r\n"], store.active("example.org")) + HEADER + b"\r\nhello\r\n"
    assert change[0] in message
    assert not accepted(message.replace(*change), store)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"\r\n\r\n", b"word", b"\r", b"\n"]), max_size=60),
    st.randoms(),
)
def test_pieces_make_no_difference(parts: list[bytes], chance: random.Random) -> None:
    whole = b"".join(parts)
    at_once, bit_by_bit = RelaxedBodyHash(), RelaxedBodyHash()
    at_once.update(whole)
    position = 0
    while position < len(whole):
        step = chance.randint(1, 4)
        bit_by_bit.update(whole[position : position + step])
        position += step
    assert bit_by_bit.digest() == at_once.digest()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"\r\n\r\n", b"word"]), max_size=60))
def test_body_hash_is_that_of_another_implementation(parts: list[bytes]) -> None:
    from hashlib import sha256

    from dkim.canonicalization import Relaxed

    body = b"".join(parts) + b"\r\n"
    own = RelaxedBodyHash()
    own.update(body)
    expected = Relaxed.canonicalize_body(body)
    assert own.digest() == sha256(expected).digest()


def test_relaxed_field_is_the_example_of_the_rfc() -> None:
    """RFC 6376 §3.4.5."""
    assert relaxed_field(b"A: X\r\n") == b"a:X\r\n"
    assert relaxed_field(b"B : Y\t\r\n\tZ  \r\n") == b"b:Y Z\r\n"


def test_keys_are_for_the_service_alone_and_survive(tmp_path: Path) -> None:
    made = Signer(tmp_path).keys.make("example.org")
    files = list((tmp_path / "dkim/example.org").iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    again = KeyStore(tmp_path / "dkim").active("example.org")
    assert [key.record for key in again] == [key.record for key in made]


def test_rotation_signs_with_new_keys_and_remembers_the_old(tmp_path: Path) -> None:
    signer = Signer(tmp_path)
    assert signer.sign(HEADER, [b""], "example.org") == b""
    old = signer.keys.make("example.org")
    assert old[0].selector.encode() in signer.sign(HEADER, [b""], "example.org")
    new = KeyStore(tmp_path / "dkim").make("example.org")  # as the command line does, in another process
    signed = signer.sign(HEADER, [b""], "example.org")
    assert new[0].selector.encode() in signed
    assert old[0].selector.encode() + b";" not in signed
    assert {key.selector for key in signer.keys.all("example.org")} == {key.selector for key in (*old, *new)}


@pytest.mark.parametrize("domain", ["../etc", "a/b", "", ".", "example.org/", "ex\0ample"])
def test_odd_domains_have_no_keys(tmp_path: Path, domain: str) -> None:
    assert Signer(tmp_path).sign(HEADER, [b""], domain) == b""


def test_international_domains_sign_as_the_dns_has_them(tmp_path: Path) -> None:
    signer = Signer(tmp_path)
    signer.keys.make("xn--exmple-cua.org")
    assert b"d=xn--exmple-cua.org;" in signer.sign(HEADER, [b""], "ex\N{LATIN SMALL LETTER A WITH DIAERESIS}mple.org")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"\r\n\r\n", b"word", b"\r"]), max_size=40),
    st.booleans(),
    st.integers(0, 60),
)
def test_every_form_and_length_is_that_of_another_implementation(
    parts: list[bytes],
    relaxed: bool,  # noqa: FBT001
    limit: int,
) -> None:
    from hashlib import sha256

    from dkim.canonicalization import Relaxed, Simple

    expected = (Relaxed if relaxed else Simple).canonicalize_body(b"".join(parts) + b"x\r\n")
    kinds = {BodyKind(relaxed), BodyKind(relaxed, limit), BodyKind(relaxed, 3)}
    found = body_digests(kinds, [*parts, b"x\r", b"\n"])
    assert found == {
        BodyKind(relaxed): (sha256(expected).digest(), 0),
        BodyKind(relaxed, limit): (sha256(expected[:limit]).digest(), len(expected)),
        BodyKind(relaxed, 3): (sha256(expected[:3]).digest(), len(expected)),
    }
