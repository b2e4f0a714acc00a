"""Passwords of sources, encrypted where they are kept.

The key is a file beside the database (0600), so that a copy of the database alone gives no password away. AES-256-GCM;
the account's id is bound to it, so that a password moved to another account's source cannot be read.
"""

import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from optimails.collection.api import CollectFailed, Trouble
from optimails.model.ids import AccountId
from optimails.store.key_file import read_key

_NONCE = 12  # bytes


class Secrets:
    def __init__(self, path: Path) -> None:
        self._path = path

    def seal(self, account: AccountId, password: str) -> bytes:
        """The key is made when there is none."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + AESGCM(read_key(self._path, make=True)).encrypt(nonce, password.encode(), account.encode())

    def open(self, account: AccountId, sealed: bytes) -> str:
        """Raises ``CollectFailed(KEY)`` when the key is not the one it was sealed with, or is gone."""
        try:
            plain = AESGCM(read_key(self._path)).decrypt(sealed[:_NONCE], sealed[_NONCE:], account.encode())
        except (InvalidTag, OSError, ValueError) as wrong:
            raise CollectFailed(Trouble.KEY, str(self._path)) from wrong
        return plain.decode()
