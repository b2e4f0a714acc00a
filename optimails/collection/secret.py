"""Passwords of sources, encrypted where they are kept.

The key is a file beside the database (0600), so that a copy of the database alone gives no password away. AES-256-GCM;
the account's id is bound to it, so that a password moved to another account's source cannot be read.
"""

import contextlib
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from optimails.collection.api import CollectFailed, Trouble
from optimails.model.ids import AccountId

_KEY, _NONCE = 32, 12  # bytes


class Secrets:
    def __init__(self, path: Path) -> None:
        self._path = path

    def seal(self, account: AccountId, password: str) -> bytes:
        """The key is made when there is none."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + AESGCM(self._key(make=True)).encrypt(nonce, password.encode(), account.encode())

    def open(self, account: AccountId, sealed: bytes) -> str:
        """Raises ``CollectFailed(KEY)`` when the key is not the one it was sealed with, or is gone."""
        try:
            plain = AESGCM(self._key(make=False)).decrypt(sealed[:_NONCE], sealed[_NONCE:], account.encode())
        except (InvalidTag, OSError, ValueError) as wrong:
            raise CollectFailed(Trouble.KEY, str(self._path)) from wrong
        return plain.decode()

    def _key(self, *, make: bool) -> bytes:
        if make and not self._path.exists():
            self._make()
        key = self._path.read_bytes()
        if len(key) != _KEY:
            raise ValueError("not a key")
        return key

    def _make(self) -> None:
        """Whole and synced under another name first; who comes second uses the first one's."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._path.with_name(f"{self._path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, secrets.token_bytes(_KEY))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        with contextlib.suppress(FileExistsError):
            os.link(draft, self._path)
        draft.unlink()
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
