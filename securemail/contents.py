"""The messages that wait or are kept: one encrypted file each, shared by all their recipients.

A file is a salt and frames of up to 1 MiB, each sealed by AES-256-GCM with the message's name, its number and whether
it is the last one bound to it: nothing can be cut off, moved or put into another's place unseen.
"""

import contextlib
import os
import secrets
import struct
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from optimails.delivery.spool import Spool
from optimails.model.errors import Unavailable
from optimails.store.key_file import read_key

GRACE = 3_600.0  # seconds after which a file without a row is none that is just coming in
_FRAME = 2**20  # bytes of content
_TAG = 16
_SALT = 8
_LENGTH = struct.Struct(">I")


class Contents:
    """The folder. All calls block on the disk: in a thread, please."""

    def __init__(self, folder: Path, memory: int = 262_144) -> None:
        """What is read back stays in memory up to ``memory`` bytes."""
        self._folder = folder / "contents"
        self._key_file = folder / "key"
        self._memory = memory

    def write(self, message: str, pieces: Iterable[bytes]) -> int:
        """Safe on disk when this returns, name and all; gives the size of the content. Raises ``Unavailable``."""
        path = self._path(message)
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                for folder in (self._folder, self._folder.parent):
                    _sync(folder)
            try:
                size = self._seal(path, message, pieces)
            except BaseException:
                self.remove(message)
                raise
        except (OSError, ValueError) as wrong:
            raise Unavailable("No room for the message now") from wrong
        return size

    def read(self, message: str) -> Spool:
        """The content; close it afterwards. Raises ``Unavailable``: it is gone, damaged, or its key is."""
        spool = Spool(self._folder.parent / "spool", self._memory)
        try:
            for piece in self._open(message):
                spool.write(piece)
        except (OSError, ValueError, InvalidTag) as wrong:
            spool.close()
            raise Unavailable(f"The content of {message} cannot be read") from wrong
        return spool

    def remove(self, message: str) -> None:
        """Forget it. A crash before this leaves a file that ``orphans`` finds."""
        with contextlib.suppress(OSError):
            self._path(message).unlink()

    def orphans(self, known: Collection[str]) -> list[str]:
        """Files without a row that are old enough not to be on their way in."""
        before = time.time() - GRACE
        found = []
        for folder in sorted(self._folder.glob("??")):
            for path in folder.iterdir():
                with contextlib.suppress(OSError):
                    if path.name not in known and path.stat().st_mtime < before:
                        found.append(path.name)
        return found

    def _path(self, message: str) -> Path:
        return self._folder / message[:2] / message

    def _seal(self, path: Path, message: str, pieces: Iterable[bytes]) -> int:
        cipher, salt = AESGCM(read_key(self._key_file, make=True)), secrets.token_bytes(_SALT)
        size = number = 0
        with path.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(salt)
            for frame, last in _frames(pieces):
                sealed = cipher.encrypt(_nonce(salt, number), frame, _bound(message, last=last))
                file.write(_LENGTH.pack(len(sealed)) + sealed)
                size, number = size + len(frame), number + 1
            file.flush()
            os.fsync(file.fileno())
        _sync(path.parent)
        return size

    def _open(self, message: str) -> Iterator[bytes]:
        cipher = AESGCM(read_key(self._key_file))
        with self._path(message).open("rb") as file:
            salt = file.read(_SALT)
            left, number, last = os.fstat(file.fileno()).st_size - _SALT, 0, False
            while not last:
                (length,) = _LENGTH.unpack(file.read(_LENGTH.size).ljust(_LENGTH.size, b"\0"))
                if not _TAG <= length <= _FRAME + _TAG:
                    raise ValueError("the file is cut off")
                left -= _LENGTH.size + length
                last = left == 0
                yield cipher.decrypt(_nonce(salt, number), file.read(length), _bound(message, last=last))
                number += 1


def _frames(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The content in frames of equal size, and whether each is the last one; there is always one."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) > _FRAME:
            yield bytes(waiting[:_FRAME]), False
            del waiting[:_FRAME]
    yield bytes(waiting), True


def _nonce(salt: bytes, number: int) -> bytes:
    return salt + number.to_bytes(4, "big")


def _bound(message: str, *, last: bool) -> bytes:
    return message.encode() + (b".last" if last else b".more")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
