"""What somebody publishes under a secret address, and how those addresses are made.

An address has a name, which is in the directory, and a proof, which only this service can make of it. So addresses can
be shown again, the directory alone gives none of them away, and one that is renewed or taken back is worth nothing.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from optimails.model.account import Account

_NAME, _PROOF = 16, 32  # characters
_TOKEN = re.compile(rf"[0-9a-f]{{{_NAME}}}[a-z2-7]{{{_PROOF}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Published:
    """``object_id`` is that of a calendar; empty: when the account is busy, all its calendars together."""

    account: Account
    object_id: str
    details: bool  # of a calendar: all that is in it and not private; else only when it says busy


def new_name() -> str:
    return secrets.token_hex(_NAME // 2)


def token_of(key: bytes, name: str) -> str:
    """The part of the address that nobody can guess: 160 bits."""
    proof = base64.b32encode(hmac.digest(key, name.encode(), hashlib.sha256)).decode().lower()
    return name + proof[:_PROOF]


def name_of(key: bytes, token: str) -> str | None:
    """The name, if the proof is right; comparing takes the same time however wrong it is."""
    if not _TOKEN.fullmatch(token):
        return None
    name = token[:_NAME]
    return name if hmac.compare_digest(token_of(key, name), token) else None
