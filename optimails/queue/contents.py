"""The contents of queued messages: one file each, named as the message."""

import contextlib
import os
import time
from collections.abc import Collection, Iterable
from pathlib import Path

from optimails.model.errors import Unavailable

GRACE = 3_600.0  # seconds after which a file without a message is none that is just coming in


class Contents:
    """The folder. All calls block on the disk: in a thread, please."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, message: str) -> Path:
        return self._folder / message

    def write(self, message: str, pieces: Iterable[bytes]) -> int:
        """Safe on disk when this returns, name and all; gives its size. Raises ``Unavailable``: there is no room."""
        path = self.path(message)
        try:
            if not self._folder.is_dir():
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._sync(self._folder.parent)
            size = 0
            try:
                with path.open("xb", buffering=0) as file:
                    for piece in pieces:
                        rest = memoryview(piece)
                        while rest:
                            rest = rest[file.write(rest) :]
                        size += len(piece)
                    os.fsync(file.fileno())
                self._sync(self._folder)
            except BaseException:
                self.remove(message)
                raise
        except OSError as wrong:
            raise Unavailable("No room for the message now") from wrong
        return size

    def header(self, message: str, limit: int = 262_144) -> bytes:
        """Its header with the last line end, at most ``limit`` bytes in whole lines; nothing when the file is away."""
        try:
            with self.path(message).open("rb") as file:
                head = file.read(limit)
        except OSError:
            return b""
        end = head.find(b"\r\n\r\n")
        return head[: end + 2] if end >= 0 else head[: head.rfind(b"\r\n") + 2]

    def whole(self, message: str, limit: int) -> bytes | None:
        """All of it, when it is there and not larger than ``limit`` bytes."""
        try:
            path = self.path(message)
            return path.read_bytes() if path.stat().st_size <= limit else None
        except OSError:
            return None

    def beginning(self, message: str, limit: int) -> bytes:
        """Its first bytes; nothing when the file is away."""
        try:
            with self.path(message).open("rb") as file:
                return file.read(limit)
        except OSError:
            return b""

    def remove(self, message: str) -> None:
        """Forget it. A crash before this leaves a file that ``orphans`` finds."""
        with contextlib.suppress(OSError):
            self.path(message).unlink()

    def orphans(self, known: Collection[str]) -> list[str]:
        """Files of no known message that are old enough not to be on their way in."""
        before = time.time() - GRACE
        found = []
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.name not in known and entry.stat().st_mtime < before:
                        found.append(entry.name)
        return found

    @staticmethod
    def _sync(folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
