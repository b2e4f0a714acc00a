"""A secret of this service in a file of its own, the same for all processes; made when it is first needed."""

import contextlib
import os
import secrets
from pathlib import Path

_OCTETS = 32


def secret(path: Path) -> bytes:
    """The secret in that file. Raises ``OSError``."""
    return _stored(path) or _made(path)


def _stored(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _made(path: Path) -> bytes:
    """A new one, whole or not at all; the first of several processes wins."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - mode
            file.write(secrets.token_bytes(_OCTETS))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path.read_bytes()
