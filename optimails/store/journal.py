"""The journal of the mail store: what makes a small message durable without a sync of its own file.

**The problem.** A message is a file. Making a file durable takes a sync of the file and one of its folder. Each waits
for the disk, and is paid by the message alone, however many others wait at the same moment.

**The way out.** Each process that stores mail has a journal: a few files of fixed size that are used again and again.
A message is written into its mailbox folder without any sync, and once more into the journal. One sync of the journal
serves all threads that wait at that moment (the first of them does it for all). As the journal's blocks are there
already, that sync writes data and nothing else. The message may be acknowledged then.

**What the journal is for.** A process that dies, by ``kill -9`` too, loses nothing: the kernel has the files, and the
journal is not even read. Only when the machine goes down are the files perhaps missing or torn, and the journal has
them (``restoring`` in ``optimails.mailbox`` puts them right, before anybody sees the account).

**Settling.** Every half minute, or sooner when many segments are full, the file system is asked to write all that it
holds back (``syncfs``; by then most of it is written). What was in the journal before is safe by itself then, and its
segments are free. Segments of dead processes are settled by the jobs worker.

**When the journal fails** (no room for another segment, an error of the disk) the caller syncs as if there were none.
When the settling fails, nothing is settled until the next boot (``doubt``): what the journals have stays there.

Rejected: appending to a growing file (each sync then writes the file's length, too); a sync of each file at settling
(ten thousand flushes of the disk); answering first and delivering later (all that can go wrong in a delivery would
have to be told by mail instead of in the dialogue).
"""

import ctypes
import fcntl
import logging
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from prometheus_client import Counter

from optimails.store import segment
from optimails.store.doubt import Doubt
from optimails.store.segment import PAGE, Heading, Record

log = logging.getLogger(__name__)

SEGMENT = 16 * 1024 * 1024  # bytes
FULL = 8  # segments that are full: settle without waiting for the time
MOST = 32  # segments that are full: no more of them until the disk is done
INTERVAL = 30.0  # seconds between two settlings; the kernel has written most by itself when it is asked then
SUFFIX = ".segment"
NEW = ".new"  # a segment that is being made
_ZEROS = bytes(256 * 1024)
_VECTOR = 1024  # pieces in one write (IOV_MAX)

_RECORDS = Counter("optimails_journal_messages_total", "Messages made durable by the journal.")
_COMMITS = Counter("optimails_journal_syncs_total", "Syncs of the journal; each serves the messages that wait.")
_FAILURES = Counter("optimails_journal_failures_total", "Times the journal could not be used, and files were synced.")


class _Segment:
    """A file of this process, locked as long as the process lives."""

    __slots__ = ("at", "descriptor", "mark", "path")

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.mark = b""
        self.at = 0

    def begin(self, boot: str) -> None:
        """Use it, once more perhaps: what is in it no longer counts."""
        self.mark = segment.new_mark()
        os.pwrite(self.descriptor, segment.heading(Heading(self.mark, boot)), 0)
        self.at = PAGE

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


class _Group:
    """Records that share a sync."""

    __slots__ = ("done", "error", "records", "size")

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.size = 0
        self.done: threading.Event | None = None  # made by the first who waits for another
        self.error: BaseException | None = None


class Journal:
    """One per process; for any number of threads."""

    def __init__(self, folder: Path, mail: Path, boot: str) -> None:
        """``folder`` is shared by all processes; ``mail`` is where the accounts are, ``boot`` names this boot."""
        self._folder = folder
        self._boot = boot
        self._doubt = Doubt(folder, boot)
        for needed in (folder, mail):
            needed.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Open from the beginning: the kernel tells of a failed write whoever had the folder open when it failed.
        self._mail = os.open(mail, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.device = os.fstat(self._mail).st_dev
        self._joining = threading.Lock()
        self._writing = threading.Lock()
        self._settling = threading.Lock()
        self._open: _Group | None = None  # who comes now joins it
        self._segment: _Segment | None = None
        self._full: list[_Segment] = []
        self._free: list[_Segment] = []
        self._serial = 0
        self._taken_back: list[Record] = []
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    # -- writing -------------------------------------------------------------------------------------------------------

    def write(self, records: Sequence[Record]) -> None:
        """Return when they are on disk. Raises ``OSError`` when they may not be."""
        size = sum(map(segment.size_of, records))
        with self._joining:
            group = self._open
            leads = group is None
            if group is None:
                group = self._open = _Group()
            elif group.done is None:
                group.done = threading.Event()
            done = group.done
            group.records += records
            group.size += size
        if leads:
            self._lead(group)
        elif done is not None:
            done.wait()
        if group.error is not None:
            raise OSError("the journal could not be written") from group.error

    def _lead(self, group: _Group) -> None:
        with self._writing:  # while one group is on its way to the disk, the next one gathers
            with self._joining:
                self._open = None
                group.records += self._taken_back
                group.size += sum(map(segment.size_of, self._taken_back))
                self._taken_back = []
            try:
                self._commit(group)
            except BaseException as wrong:
                group.error = wrong
                _FAILURES.inc()
                self._retire()  # where it failed, reading will end: nothing may come after that
                if not isinstance(wrong, OSError):
                    raise
            finally:
                if group.done is not None:
                    group.done.set()

    def _commit(self, group: _Group) -> None:
        if self._closed:
            raise OSError("the journal is closed")
        current = self._segment
        if current is None or current.at + group.size > SEGMENT:
            self._retire()
            current = self._next(group.size)
        pieces = [piece for record in group.records for piece in segment.encoded(current.mark, record)]
        at = current.at
        for start in range(0, len(pieces), _VECTOR):
            some = pieces[start : start + _VECTOR]
            wanted = sum(map(len, some))
            if os.pwritev(current.descriptor, some, at) != wanted:
                raise OSError("the journal was written in part")
            at += wanted
        os.fdatasync(current.descriptor)
        current.at = at
        _COMMITS.inc()
        _RECORDS.inc(len(group.records))

    def _retire(self) -> None:
        """With ``_writing``: the current segment takes no more."""
        if self._segment is not None:
            self._full.append(self._segment)
            self._segment = None
            if len(self._full) >= FULL:
                self._wake.set()

    def _next(self, size: int) -> _Segment:
        """With ``_writing``: a segment to write to."""
        if size > SEGMENT - PAGE:
            raise OSError("too much for one segment")
        if len(self._full) >= MOST:
            raise OSError("the disk does not take what it holds back")
        current = self._free.pop() if self._free else self._make()
        current.begin(self._boot)
        self._segment = current
        if self._thread is None:
            self._thread = threading.Thread(target=self._settle_in_turn, name="journal", daemon=True)
            self._thread.start()
        return current

    def _make(self) -> _Segment:
        self._serial += 1
        path = self._folder / f"{os.getpid()}-{time.time_ns()}-{self._serial}{SUFFIX}"
        new = path.with_suffix(NEW)  # nobody takes it for an orphan before it is locked
        descriptor = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.posix_fallocate(descriptor, 0, SEGMENT)
            # Blocks that were never written are marked so, and each sync would write the mark, too, when it goes.
            for at in range(0, SEGMENT, len(_ZEROS)):
                os.pwrite(descriptor, _ZEROS, at)
            os.fsync(descriptor)
            new.rename(path)
            sync_folder(self._folder)
        except BaseException:
            for name in (new, path):
                name.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        return _Segment(path, descriptor)

    def take_back(self, records: Sequence[Record]) -> None:
        """What was written is not to be restored; noted with the next group, for losing the note harms nobody."""
        with self._joining:
            self._taken_back += records

    # -- settling ------------------------------------------------------------------------------------------------------

    def _settle_in_turn(self) -> None:
        while not self._closed:
            self._wake.wait(INTERVAL)
            self._wake.clear()
            try:
                if not self._closed:
                    self.settle()
            except OSError:
                log.exception("journal_not_settled")

    def settle(self) -> None:
        """Make everything durable that is in the journal now, and free the space. Raises ``OSError``."""
        with self._settling:
            with self._writing:
                if self._segment is not None and self._segment.at > PAGE:
                    self._retire()
                full = [*self._full]
            if not full or self._doubt:
                return
            try:
                sync_file_system(self._mail)
            except OSError as wrong:
                self._doubt.begin(wrong)
                raise
            with self._writing:
                self._full = self._full[len(full) :]
                self._free += full
                keep = len(full) + 1  # what will be needed until the next time, if it goes on like this
                surplus, self._free = self._free[keep:], self._free[:keep]
                for one in self._free:
                    one.begin(self._boot)  # or what is in it would be restored, should it not be used for long
            for one in surplus:
                one.remove()

    def close(self) -> None:
        """Settle, and leave nothing behind."""
        if self._closed:
            return
        with self._writing:
            self._closed = True
        self._wake.set()
        try:
            self.settle()
        except OSError:
            log.exception("journal_not_settled")  # what is in use stays, and is an orphan from now on
        with self._writing:
            for one in self._free:
                one.remove()
            for one in self._full:
                os.close(one.descriptor)
            self._free, self._full = [], []


def sync_file_system(descriptor: int) -> None:
    """Write everything that the file system holds back; for the one on which the open file is."""
    if _syncfs is None:
        os.sync()
    elif _syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


_syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
