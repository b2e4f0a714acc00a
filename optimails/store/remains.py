"""What is in the journals of processes that are gone: read after the machine went down, and settled in the end."""

import contextlib
import fcntl
import logging
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from optimails.store import segment
from optimails.store.doubt import Doubt
from optimails.store.journal import NEW, SUFFIX, sync_file_system
from optimails.store.segment import Record

log = logging.getLogger(__name__)

_UNFINISHED = 3600.0  # seconds after which a segment that is still being made has no maker any more
_Found = dict[str, list[tuple[Record, int]]]  # records by account, with the offset of their content


class Unsettled(NamedTuple):
    """A message that was acknowledged, and whose file may not be whole since the machine went down."""

    folder: str
    name: str
    content: bytes


class Remains:
    """The journals below ``folder`` that were written before this ``boot``. For any number of threads."""

    def __init__(self, folder: Path, boot: str) -> None:
        self._folder = folder
        self._boot = boot
        self._read: dict[str, _Found] = {}  # by file; empty for one of this boot, which it will stay

    def of(self, account: str) -> Iterator[Unsettled]:
        """What they have of an account."""
        found: list[tuple[Path, Record, int]] = []
        taken_back = set()
        for path in self._segments():
            for record, offset in self._records(path).get(account, ()):
                if offset < 0:
                    taken_back.add((record.folder, record.name))
                else:
                    found.append((path, record, offset))
        for path, record, offset in found:
            if (record.folder, record.name) not in taken_back:
                content = segment.content_at(path, offset, record)
                if content is not None:  # or somebody has settled it meanwhile
                    yield Unsettled(record.folder, record.name, content)

    def _segments(self) -> list[Path]:
        try:
            names = sorted(name for name in os.listdir(self._folder) if name.endswith(SUFFIX))
        except FileNotFoundError:
            return []
        if len(self._read) > len(names):
            self._read = {name: found for name, found in self._read.items() if name in names}
        return [self._folder / name for name in names]

    def _records(self, path: Path) -> _Found:
        found = self._read.get(path.name)
        if found is None:
            found = {}
            content = segment.read(path, unless=self._boot)
            if content is not None:
                found = defaultdict(list)
                for record, offset in content[1]:
                    found[record.account].append((record, offset))
            self._read[path.name] = found
        return found

    def accounts(self, path: Path) -> list[str]:
        """Whose messages are in a segment of an earlier boot."""
        return list(self._records(path))


class Orphans:
    """The segments whose processes are dead, locked until ``release``."""

    def __init__(self, folder: Path, boot: str) -> None:
        self._locked: dict[Path, int] = {}
        self._doubt = Doubt(folder, boot)
        if self._doubt:
            return  # they stay until the next boot
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX):
                    self._take(Path(entry.path))
                elif entry.name.endswith(NEW):
                    with contextlib.suppress(FileNotFoundError):
                        if entry.stat().st_mtime < time.time() - _UNFINISHED:
                            Path(entry.path).unlink()

    def _take(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # its process lives
            os.close(descriptor)
            return
        self._locked[path] = descriptor

    @property
    def segments(self) -> list[Path]:
        return sorted(self._locked)

    def keep(self, path: Path) -> None:
        """Not this one: something in it could not be restored."""
        os.close(self._locked.pop(path))

    def release(self, mail: Path) -> None:
        """Make durable what they are for, and remove them. Raises ``OSError``."""
        try:
            if self._locked:
                descriptor = os.open(mail, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    sync_file_system(descriptor)
                except OSError as wrong:
                    self._doubt.begin(wrong)
                    raise
                finally:
                    os.close(descriptor)
                for path in self._locked:
                    path.unlink(missing_ok=True)
        finally:
            for descriptor in self._locked.values():
                os.close(descriptor)
            self._locked = {}
