"""Files that are known to be bad: the test file of all antivirus programs, and a list of digests of one's own."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

# The EICAR test file, taken apart so that this source is none.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE" + b"!$H+H*"
_MAX_EICAR = 128  # bytes: the file may have white space behind it, and nothing else


def eicar(data: bytes) -> str | None:
    """Whether it is the test file (eicar.org)."""
    return "Eicar-Test-Signature" if len(data) <= _MAX_EICAR and data.rstrip() == EICAR else None


class HashList:
    """SHA-256 digests with names, one a line: ``DIGEST NAME``. Read anew when the file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at = 0
        self._names: dict[str, str] = {}

    def __call__(self, data: bytes) -> str | None:
        self._refresh()
        return self._names.get(hashlib.sha256(data).hexdigest()) if self._names else None

    def _refresh(self) -> None:
        try:
            changed = self._path.stat().st_mtime_ns
        except OSError:
            self._names, self._read_at = {}, 0
            return
        if changed != self._read_at:
            self._names = dict(_pairs(self._path.read_text("utf-8", "replace").splitlines()))
            self._read_at = changed


def _pairs(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        digest, _, name = line.partition("#")[0].strip().partition(" ")
        if len(digest) == 64:
            yield digest.lower(), name.strip() or "listed"
