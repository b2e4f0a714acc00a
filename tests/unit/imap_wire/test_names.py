"""Mailbox names in modified UTF-7 (RFC 3501 §5.1.3) and UTF-8."""

import pytest

from imap.wire.names import decode_mailbox, encode_mailbox
from optimails.model.errors import BadSyntax

PAIRS = [
    ("", b""),
    ("INBOX", b"INBOX"),
    ("a b/c", b"a b/c"),
    ("a&b", b"a&-b"),
    ("&&", b"&-&-"),
    ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
    ("été", b"&AOk-t&AOk-"),
    ("é&è", b"&AOk-&-&AOg-"),
    ("\U0001f600", b"&2D3eAA-"),
    ("tab\there", b"tab&AAk-here"),
    ("\x7f", b"&AH8-"),
]


@pytest.mark.parametrize(("name", "wire"), PAIRS)
def test_pairs(name: str, wire: bytes) -> None:
    assert encode_mailbox(name, utf8=False) == wire
    assert decode_mailbox(wire, utf8=False) == name
    assert encode_mailbox(name, utf8=True) == name.encode()
    assert decode_mailbox(name.encode(), utf8=True) == name


@pytest.mark.parametrize(
    "raw", [b"&", b"a&b", b"&AOk", b"&AOk/-", b"&A-", b"&AA-", b"&2D0-", b"&3gA-", b"\xff", b"&!-"]
)
def test_not_a_name(raw: bytes) -> None:
    with pytest.raises(BadSyntax):
        decode_mailbox(raw, utf8=False)


def test_utf8_is_understood_from_clients_that_never_heard_of_utf7() -> None:
    assert decode_mailbox("été/&AOk-".encode(), utf8=False) == "été/é"


def test_names_that_cannot_be_written_do_no_harm() -> None:
    assert encode_mailbox("a\ud800", utf8=False).startswith(b"a&")
    assert encode_mailbox("a\ud800", utf8=True) == b"a?"
