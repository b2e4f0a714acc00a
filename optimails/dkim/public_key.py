"""Public keys as the DNS has them (RFC 6376 §3.6.1, RFC 8301, RFC 8463)."""

import base64
import binascii
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa, utils

from optimails.dkim.tags import parse_tags, without_white

MIN_BITS = 1024  # RFC 8301 §3.2: shorter RSA keys prove nothing
MAX_BITS = 8192  # beyond that one signature costs as much as a hundred
MAX_EXPONENT_BITS = 33  # everybody has 3 or 65537; a long one is a way to burn our time
_ED25519_SIZE = 32


class BadKey(Exception):
    """The record is no key that can be used; the text says why. ``weak``: it is one, and proves too little."""

    def __init__(self, reason: str, *, weak: bool = False) -> None:
        super().__init__(reason)
        self.weak = weak


@dataclass(frozen=True, slots=True)
class PublicKey:
    """``strict``: only for the domain itself (``t=s``); ``testing``: the domain only tries DKIM out (``t=y``)."""

    key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey
    strict: bool = False
    testing: bool = False

    def verifies(self, algorithm: str, digest: bytes, signature: bytes) -> bool:
        """Whether it is a signature of what has this SHA-256; ``algorithm`` as signatures name it."""
        try:
            if isinstance(self.key, rsa.RSAPublicKey):
                if algorithm != "rsa-sha256":
                    return False
                self.key.verify(signature, digest, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))
            else:
                if algorithm != "ed25519-sha256":
                    return False
                self.key.verify(signature, digest)  # RFC 8463 §3
        except InvalidSignature:
            return False
        return True


def parse_key(text: str) -> PublicKey:
    """The key in a TXT record.

    Raises:
        BadKey: it cannot be used for mail.
    """
    try:
        tags = parse_tags(text)
    except ValueError as wrong:
        raise BadKey(f"the key record is malformed: {wrong}") from wrong
    if tags.get("v", "DKIM1") != "DKIM1" or ("v" in tags and next(iter(tags)) != "v"):
        raise BadKey("the key record has another version")
    if "p" not in tags:
        raise BadKey("the key record has no key")
    if not tags["p"]:
        raise BadKey("the key was revoked")  # RFC 6376 §3.6.1
    if "h" in tags and "sha256" not in _list(tags["h"]):
        raise BadKey("the key is not for SHA-256")
    if "s" in tags and not {"*", "email"} & set(_list(tags["s"])):
        raise BadKey("the key is not for mail")
    kind = tags.get("k", "rsa").lower()
    try:
        data = base64.b64decode(without_white(tags["p"]), validate=True)
        key = _rsa(data) if kind == "rsa" else _ed25519(data) if kind == "ed25519" else None
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as wrong:
        raise BadKey("the key cannot be read") from wrong
    if key is None:
        raise BadKey("the key is of an unknown kind")
    flags = _list(tags.get("t", ""))
    return PublicKey(key, strict="s" in flags, testing="y" in flags)


def _rsa(data: bytes) -> rsa.RSAPublicKey:
    key = serialization.load_der_public_key(data)
    if not isinstance(key, rsa.RSAPublicKey):
        raise BadKey("the key is of another kind than the record says")
    if key.key_size < MIN_BITS:
        raise BadKey(f"the key has {key.key_size} bits only", weak=True)
    if key.key_size > MAX_BITS or key.public_numbers().e.bit_length() > MAX_EXPONENT_BITS:
        raise BadKey("the key is too large")
    return key


def _ed25519(data: bytes) -> ed25519.Ed25519PublicKey:
    if len(data) != _ED25519_SIZE:
        raise BadKey("the key has another length than Ed25519 keys have")
    return ed25519.Ed25519PublicKey.from_public_bytes(data)


def _list(value: str) -> list[str]:
    return [one.strip().lower() for one in value.split(":")]
