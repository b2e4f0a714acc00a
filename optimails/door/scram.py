"""The arithmetic and grammar of SCRAM-SHA-256, server side (RFC 5802 §5 and §7, RFC 7677). Pure."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping

from optimails.directory.api import ScramKeys
from optimails.model.errors import BadSyntax, Reason, Refused

_GS2 = re.compile(rb"(?:(n)|(y)|p=([A-Za-z0-9.\-]{1,64})),(?:a=([^,\0]{1,1000}))?,")
_FIRST_BARE = re.compile(rb"n=([^,\0]{1,1000}),r=([\x21-\x2b\x2d-\x7e]{1,512})(?:,[A-Za-z]=[^,\0]+)*")
_FINAL = re.compile(
    rb"(c=([A-Za-z0-9+/=]{4,3000}),r=([\x21-\x2b\x2d-\x7e]{1,600})(?:,[A-Za-z]=[^,\0]+)*),p=([A-Za-z0-9+/=]{44})"
)


class ScramFailed(Exception):
    """The client did not prove that it knows the password."""


class ScramExchange:
    """Made from client-first; ``first(keys)`` gives server-first; ``final`` verifies, and gives server-final."""

    __slots__ = ("_auth_message", "_binding", "_first_bare", "_gs2", "_keys", "_nonce", "login")

    def __init__(self, client_first: bytes, bindings: Mapping[str, bytes] | None, *, plus: bool) -> None:
        """Read client-first.

        Raises:
            BadSyntax: the grammar is not followed.
            Refused: a channel binding that we do not have, or one taken away on the road (RFC 5802 §6).
        """
        header = _GS2.match(client_first)
        bare = _FIRST_BARE.fullmatch(client_first, header.end()) if header else None
        if header is None or bare is None:
            raise BadSyntax("SCRAM client-first message is not valid")
        wanted = header[3].decode("ascii") if header[3] else None
        if plus != (wanted is not None):
            raise BadSyntax("SCRAM channel binding flag does not fit the mechanism")
        if header[2] and bindings:
            # The client would bind, and believes that we cannot: somebody removed -PLUS from what we announced.
            raise Refused(Reason.AUTHENTICATION_FAILED, "Channel binding is on offer, and was hidden from the client")
        self._binding = b""
        if wanted is not None:
            data = (bindings or {}).get(wanted)
            if data is None:
                raise Refused(Reason.AUTHENTICATION_FAILED, "This type of channel binding is not on offer")
            self._binding = data
        self.login = _name(bare[1])
        if header[4] and _name(header[4]).casefold() != self.login.casefold():
            raise Refused(Reason.AUTHORIZATION_FAILED, "Logging in for another account is not possible")
        self._gs2 = header[0]
        self._first_bare = bare[0]
        self._nonce = bare[2] + secrets.token_urlsafe(18).encode()
        self._keys: ScramKeys | None = None
        self._auth_message = b""

    def first(self, keys: ScramKeys) -> bytes:
        """server-first: nonce, salt, iterations."""
        self._keys = keys
        message = b"r=%b,s=%b,i=%d" % (self._nonce, base64.b64encode(keys.salt), keys.iterations)
        self._auth_message = b"%b,%b," % (self._first_bare, message)
        return message

    def final(self, client_final: bytes) -> bytes:
        """server-final, once the proof is verified.

        Raises:
            BadSyntax: the grammar is not followed.
            ScramFailed: wrong proof, nonce or channel binding.
        """
        assert self._keys is not None
        fields = _FINAL.fullmatch(client_final)
        if fields is None:
            raise BadSyntax("SCRAM client-final message is not valid")
        without_proof, binding, nonce, proof = fields[1], _unbase64(fields[2]), fields[3], _unbase64(fields[4])
        message = self._auth_message + without_proof
        signature = hmac.digest(self._keys.stored_key, message, "sha256")
        client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=False))
        proven = hmac.compare_digest(hashlib.sha256(client_key).digest(), self._keys.stored_key)
        bound = hmac.compare_digest(binding, self._gs2 + self._binding)
        fresh = hmac.compare_digest(nonce, self._nonce)
        if not (proven and bound and fresh and self._keys.real):
            raise ScramFailed
        return b"v=" + base64.b64encode(hmac.digest(self._keys.server_key, message, "sha256"))


def _name(escaped: bytes) -> str:
    """A saslname: ``=2C`` and ``=3D`` are the only escapes (RFC 5802 §5.1)."""
    if re.search(rb"=(?!2C|3D)", escaped):
        raise BadSyntax("SCRAM name has a wrong escape")
    try:
        return escaped.replace(b"=2C", b",").replace(b"=3D", b"=").decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise BadSyntax("SCRAM name is not UTF-8") from wrong


def _unbase64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise BadSyntax("SCRAM attribute is not base64") from wrong
