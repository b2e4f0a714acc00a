"""A key in a file of its own (0600), so that a copy of what it encrypts gives nothing away by itself."""

import contextlib
import os
import secrets
from pathlib import Path

SIZE = 32  # bytes


def read_key(path: Path, *, make: bool = False) -> bytes:
    """The key, a new one where there is none and ``make`` says so. Raises ``OSError``; ``ValueError`` for no key."""
    if make and not path.exists():
        _make(path)
    key = path.read_bytes()
    if len(key) != SIZE:
        raise ValueError(f"{path} is not a key")
    return key


def _make(path: Path) -> None:
    """Whole and synced under another name first; who comes second uses the first one's."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(SIZE))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
