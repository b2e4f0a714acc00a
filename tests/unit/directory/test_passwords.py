"""Passwords at rest, and which of them are the same."""

import base64
import hashlib
import hmac

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimails.directory import passwords
from optimails.directory.saslprep import saslprep


def same(one: str, other: str) -> bool:
    octets, tried = passwords.prepared(one), passwords.prepared(other)
    assert octets is not None
    return tried is not None and passwords.matches(tried, passwords.hash_password(octets, 4))


def test_long_passwords_count_to_the_last_character():
    for length in (71, 72, 73, 200, 1024):
        password = "x" * length
        assert same(password, password)
        assert not same(password, password[:-1] + "y")
    assert not same("x" * 80, "x" * 72)
    assert not same("é" * 50, "é" * 36)  # 72 octets in UTF-8


def test_the_hash_of_a_long_password_is_not_itself_a_password():
    password = "correct horse battery staple " * 4
    inner = base64.b64encode(hashlib.sha256(password.encode()).digest()).decode()
    assert not same(password, inner)


def test_what_cannot_be_a_password():
    for wrong in ("", "nul\0", "line\n", "tab\t", "x" * 1025, "é" * 513, "\ud800", "\u00ad", "a\u202eb", "\u0627x"):
        assert passwords.prepared(wrong) is None, ascii(wrong)
    assert not passwords.matches(b"x", "not a hash")


def test_a_standard_bcrypt_hash_from_elsewhere_is_accepted():
    assert passwords.matches(b"correct horse", bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode())


# RFC 4013 §3 and RFC 7613's classics.
@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("I\u00adX", "IX"), ("user", "user"), ("USER", "USER"), ("\u00aa", "a"), ("\u2168", "IX"),
        ("e\u0301", "é"), ("a\u00a0b", "a b"), ("p\u200bq", "pq"),
        ("\uff46\uff55\uff4c\uff4c", "full"), ("\U0001f600!", "\U0001f600!"),
        ("\u0627\u0661\u0628", "\u0627\u0661\u0628"),
    ],
)  # fmt: skip
def test_saslprep_of_examples(typed, meant):
    assert saslprep(typed) == meant


@pytest.mark.parametrize("typed", ["\u0007", "\u06271", "a\u0628", "\ue000", "\ufffe", "\u2028", "\U000e0001"])
def test_saslprep_forbids(typed):
    with pytest.raises(ValueError, match="password"):
        saslprep(typed)


@given(st.text(max_size=50))
@settings(max_examples=300)
def test_any_text_is_prepared_once_and_for_all_or_none(text):
    octets = passwords.prepared(text)
    if octets is not None:
        assert passwords.prepared(octets.decode()) == octets


def test_scram_keys_are_those_of_the_rfc():
    # RFC 7677 §3: user "user", password "pencil".
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", salt, 4096)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    message = (
        b"n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    server_signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
    assert base64.b64encode(server_signature) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    made = passwords.scram_keys(b"pencil", 4096)
    again = hashlib.pbkdf2_hmac("sha256", b"pencil", made.salt, 4096)
    assert made.stored == hashlib.sha256(hmac.digest(again, b"Client Key", "sha256")).digest()
    assert (len(stored), len(made.salt)) == (32, 16)
    assert passwords.scram_keys(b"pencil", 4096).salt != made.salt


def test_application_passwords_are_random_and_forgiving():
    tokens = {passwords.new_token() for _ in range(100)}
    assert len(tokens) == 100
    for token in tokens:
        assert len(token.split("-")) == 6
        typed = token.upper().replace("-", " ")
        assert passwords.token_hash(typed) == passwords.token_hash(token)
    for wrong in ("", "short", "é" * 24, "x" * 23, "x" * 25):
        assert passwords.token_hash(wrong) is None
