"""Passwords at rest: bcrypt for the account's password, SCRAM keys beside it, SHA-256 for application passwords.

bcrypt reads 72 octets and stops at a NUL. Longer passwords are hashed first (HMAC-SHA-256 under a fixed label, so that
the inner hash is of no use anywhere else, and base64, so that no NUL can occur); NULs are refused by SASLprep.

Application passwords are made by us: 120 random bits. No list and no brute force finds such a one, so a single SHA-256
is as good as bcrypt here, and lets a phone that logs in every minute cost nothing.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

import bcrypt

from optimails.directory.saslprep import saslprep

BCRYPT_OCTETS = 72
MAX_OCTETS = 1024  # of a password; longer ones are refused before any work is done
_LONG = b"optimails long password"
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 letters and digits that nobody mistakes for another
_TOKEN_LENGTH = 24  # of 5 bits each


@dataclass(frozen=True, slots=True)
class Scram:
    """SCRAM-SHA-256 keys (RFC 5802 §3)."""

    salt: bytes
    iterations: int
    stored: bytes
    server: bytes


def prepared(password: str) -> bytes | None:
    """The octets that are hashed; None for what can be nobody's password."""
    try:
        octets = saslprep(password).encode()
    except ValueError:  # forbidden characters, lone surrogates
        return None
    return octets if 0 < len(octets) <= MAX_OCTETS else None


def hash_password(octets: bytes, cost: int) -> str:
    """The bcrypt hash of a prepared password; takes a quarter of a second at cost 12."""
    return bcrypt.hashpw(_short(octets), bcrypt.gensalt(cost)).decode()


def matches(octets: bytes, hashed: str) -> bool:
    """Whether the prepared password is the one behind the hash; takes as long."""
    try:
        return bcrypt.checkpw(_short(octets), hashed.encode())
    except ValueError:  # a hash that is none
        return False


def _short(octets: bytes) -> bytes:
    if len(octets) <= BCRYPT_OCTETS:
        return octets
    return base64.b64encode(hmac.digest(_LONG, octets, "sha256"))


def scram_keys(octets: bytes, iterations: int) -> Scram:
    """New keys with a random salt."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", octets, salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    return Scram(salt, iterations, stored, hmac.digest(salted, b"Server Key", "sha256"))


def new_token() -> str:
    """A new application password: 24 characters, in groups of four as it is shown."""
    characters = "".join(secrets.choice(_ALPHABET) for _ in range(_TOKEN_LENGTH))
    return "-".join(characters[start : start + 4] for start in range(0, _TOKEN_LENGTH, 4))


def token_hash(token: str) -> bytes | None:
    """What is kept of an application password; None for what cannot be one. Groups may be typed in any way."""
    bare = token.replace("-", "").replace(" ", "").lower()
    if len(bare) != _TOKEN_LENGTH or not bare.isascii():
        return None
    return hashlib.sha256(bare.encode()).digest()
