"""DKIM signatures (RFC 6376, RFC 8463): keys of our domains, and signing."""

from optimails.dkim.keys import KeyStore, SigningKey
from optimails.dkim.sign import Signer, sign

__all__ = ["KeyStore", "Signer", "SigningKey", "sign"]
