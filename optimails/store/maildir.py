"""Message files in a Maildir++ tree on this machine.

``DIR/Maildir`` is the tree (INBOX at its root, other folders as ``.Name``), ``DIR/.expunged`` what was expunged and is
kept. A message is written to the root's ``tmp/`` and synced, then renamed into ``cur/`` of its folder, then that folder
is synced; only then may anybody acknowledge it. All folders are on one file system, so renames and links never copy.

What is done once a message uses plain strings and ``os``: building a ``Path`` costs more than the call it is for.
"""

# ruff: noqa: PTH104, PTH108, PTH116

import contextlib
import errno
import fcntl
import json
import logging
import mmap
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from optimails.store import names
from optimails.store.api import AccountFiles, FolderLabel, Placed, Staged
from optimails.store.journal import Journal, sync_file_system
from optimails.store.remains import Remains, Unsettled
from optimails.store.segment import Record
from optimails.store.staged import IN_MEMORY, StagedFile, write_all

log = logging.getLogger(__name__)

LABEL = "maildirfolder"  # the file that marks a Maildir++ folder; ours has the label in it
_PIECE = 1024 * 1024  # bytes that are copied at once
_FEW = 8  # files that are synced one by one; for more, the file system is synced once
MAPPED = 128 * 1024  # bytes; a smaller message is read, a larger one mapped


class OpenFile:
    """One message file, open."""

    __slots__ = ("_descriptor", "size")

    def __init__(self, path: str) -> None:
        self._descriptor = -1  # also when opening fails
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._descriptor).st_size

    def view(self) -> bytes:
        if self.size <= MAPPED:
            return os.pread(self._descriptor, self.size, 0)
        return mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ)  # type: ignore[return-value]  # reads as bytes

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, offset)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()


class MaildirFiles:
    """The files of one account below ``directory``, which is made when missing."""

    def __init__(self, directory: Path, journal: Journal | None = None, remains: Remains | None = None) -> None:
        """With a ``journal``, small messages need no sync of their own; ``remains`` has those of earlier boots."""
        self.directory = directory
        self._remains = remains
        self._account = directory.name
        self._root = directory / "Maildir"
        self._shelf = directory / ".expunged"
        self._text = str(self._root)
        self._tmp = self._root / "tmp"
        if not (self._root / "tmp").exists():
            _make_durable(self._root)
            _make_durable(self._shelf)
            self._make(self._root)
            _sync(self._root)
        on_same_disk = journal is not None and self._root.stat().st_dev == journal.device
        self._journal = journal if on_same_disk else None

    @staticmethod
    def _make(path: Path) -> None:
        for folder in (path, path / "cur", path / "new", path / "tmp"):
            folder.mkdir(exist_ok=True, mode=0o700)

    def _file(self, folder: str, name: str) -> str:
        return f"{self._text}/{folder}/cur/{name}" if folder else f"{self._text}/cur/{name}"

    def _path(self, folder: str) -> Path:
        return self._root / folder if folder else self._root

    @contextlib.contextmanager
    def opening(self) -> Iterator[None]:
        with _locked(self.directory, fcntl.LOCK_EX):
            yield

    @contextlib.contextmanager
    def taking(self, folder: str) -> Iterator[bool]:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(_locked(self._path(folder) / "new", fcntl.LOCK_EX | fcntl.LOCK_NB))
                ours = True
            except (BlockingIOError, FileNotFoundError):
                ours = False
            yield ours

    # -- folders -------------------------------------------------------------------------------------------------------

    def create_folder(self, folder: str, label: FolderLabel) -> None:
        path = self._path(folder)
        self._make(path)
        self._write_label(path, label, durable=True)
        _sync(path)
        _sync(self._root)

    def has_folder(self, folder: str) -> bool:
        return self._path(folder).exists()

    def relabel(self, folder: str, label: FolderLabel) -> None:
        self._write_label(self._path(folder), label, durable=False)

    @staticmethod
    def _write_label(path: Path, label: FolderLabel, *, durable: bool) -> None:
        text = json.dumps({"name": label.name, "uid_validity": label.uid_validity, "special_use": label.special_use})
        temporary = path / "tmp" / names.new_name()
        with temporary.open("x", encoding="utf-8") as file:
            file.write(text + "\n")
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path / LABEL)

    def remove_folder(self, folder: str) -> None:
        if folder:
            shutil.rmtree(self._path(folder), ignore_errors=True)

    def folders(self) -> dict[str, FolderLabel | None]:
        found = {names.INBOX_FOLDER: self._label(self._root)}
        for entry in os.scandir(self._root):
            if entry.name.startswith(".") and entry.is_dir() and Path(entry.path, "cur").is_dir():
                found[entry.name] = self._label(Path(entry.path))
        return found

    @staticmethod
    def _label(path: Path) -> FolderLabel | None:
        try:
            fields = json.loads((path / LABEL).read_text("utf-8"))
            return FolderLabel(str(fields["name"]), int(fields["uid_validity"]), fields.get("special_use"))  # type: ignore[arg-type]  # int read from JSON
        except (OSError, ValueError, KeyError, TypeError):
            return None

    # -- messages ------------------------------------------------------------------------------------------------------

    def stage(self) -> StagedFile:
        return StagedFile(self._tmp)

    def place(self, staged: Sequence[Staged], folder: str) -> Placed:
        journaled = self._journal is not None and all(one.size <= IN_MEMORY for one in staged)
        placed: list[str] = []
        records: list[Record] = []
        try:
            for one in staged:
                if journaled:
                    records.append(self._place_unsynced(one, folder, placed))
                else:
                    self._place_synced(one, folder, placed)
            if not journaled:
                self.sync(folder)
        except BaseException:
            for name in placed:
                with contextlib.suppress(OSError):
                    self.remove(folder, name)
            raise
        return Placed(folder, placed, records, self._text)

    def _place_synced(self, staged: Staged, folder: str, placed: list[str]) -> None:
        assert isinstance(staged, StagedFile)
        temporary = staged.settle()
        name = names.new_name()
        os.rename(temporary, self._file(folder, name))
        placed.append(name)
        staged.placed()

    def _place_unsynced(self, staged: Staged, folder: str, placed: list[str]) -> Record:
        content = staged.view()
        name = names.new_name(len(content))
        # At once under its name: what has no row is no message yet, and a torn file is known by its size.
        descriptor = os.open(self._file(folder, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        placed.append(name)
        try:
            write_all(descriptor, content)
        finally:
            os.close(descriptor)
        return Record(self._account, folder, name, content)

    def commit(self, placed: Sequence[Placed]) -> None:
        records = [record for one in placed for record in one.records]
        if not records or self._journal is None:
            return
        try:
            self._journal.write(records)
        except OSError as wrong:
            log.warning("journal_failed", extra={"fields": {"error": str(wrong.__cause__)}})
            for one in placed:
                folder = f"{one.root}/{one.folder}/cur" if one.folder else f"{one.root}/cur"
                for record in one.records:
                    _sync_file(f"{folder}/{record.name}")
                _sync(Path(folder))

    def withdraw(self, placed: Placed) -> None:
        if self._journal is not None and placed.records:
            self._journal.take_back([record._replace(content=None) for record in placed.records])
        for name in placed.names:
            self.remove(placed.folder, name)

    def link(self, folder: str, name: str, target: str) -> str:
        linked = names.new_name()
        os.link(self._file(folder, name), self._file(target, linked))
        return linked

    def link_from(self, source: "AccountFiles", folder: str, name: str, target: str) -> str:
        assert isinstance(source, MaildirFiles)
        linked = names.new_name()
        try:
            os.link(source._file(folder, name), self._file(target, linked))  # noqa: SLF001 - of the same class
        except OSError as wrong:
            if wrong.errno not in (errno.EXDEV, errno.EMLINK, errno.EPERM):
                raise
            staged = self.stage()
            with contextlib.closing(source.open(folder, name)) as file:
                for at in range(0, file.size, _PIECE):
                    staged.write(file.read(at, min(_PIECE, file.size - at)))
            placed = self.place([staged], target)
            self.commit([placed])
            return placed.names[0]
        return linked

    def settle(self, folder: str, messages: Sequence[str]) -> None:
        fresh = [name for name in messages if names.unsettled(name)]
        if len(fresh) > _FEW:
            descriptor = os.open(self._text, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                sync_file_system(descriptor)
            finally:
                os.close(descriptor)
            return
        for name in fresh:
            with contextlib.suppress(FileNotFoundError):
                _sync_file(self._file(folder, name))

    def sync(self, folder: str) -> None:
        _sync(self._path(folder) / "cur")

    def remove(self, folder: str, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._file(folder, name))

    def shelve(self, folder: str, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.rename(self._file(folder, name), f"{self._shelf}/{name}")

    def unshelve(self, name: str, folder: str) -> str:
        placed = names.new_name()
        if names.unsettled(name):
            _sync_file(f"{self._shelf}/{name}")
        os.link(f"{self._shelf}/{name}", self._file(folder, placed))
        return placed

    def open_shelved(self, name: str) -> OpenFile:
        return OpenFile(f"{self._shelf}/{name}")

    def remove_shelved(self, name: str) -> None:
        (self._shelf / name).unlink(missing_ok=True)

    def shelved(self) -> Iterator[str]:
        return iter(os.listdir(self._shelf))

    def open(self, folder: str, name: str) -> OpenFile:
        return OpenFile(self._file(folder, name))

    def names(self, folder: str) -> Iterator[str]:
        return iter(os.listdir(self._path(folder) / "cur"))

    def modified(self, folder: str, name: str) -> float:
        return (self._path(folder) / "cur" / name).stat().st_mtime

    def writer(self, name: str) -> int | None:
        return names.writer(name)

    # -- after the machine went down -----------------------------------------------------------------------------------

    def unsettled(self) -> Iterator[Unsettled]:
        return iter(()) if self._remains is None else self._remains.of(self._account)

    def mend(self, folder: str, name: str, content: bytes) -> bool:
        self._make(self._path(folder))
        return self._mend(f"{self._text}/{folder}/cur" if folder else f"{self._text}/cur", name, content)

    def mend_shelved(self, name: str, content: bytes) -> bool:
        return self._mend(str(self._shelf), name, content)

    def _mend(self, folder: str, name: str, content: bytes) -> bool:
        path = f"{folder}/{name}"
        with contextlib.suppress(FileNotFoundError):
            file = OpenFile(path)
            try:
                if file.size == len(content) and file.read(0, file.size) == content:
                    return False
            finally:
                file.close()
        staged = self.stage()
        try:
            staged.write(content)
            os.rename(staged.settle(), path)
            staged.placed()
        finally:
            staged.discard()
        _sync(Path(folder))
        return True

    def torn(self, folder: str, name: str) -> bool:
        promised = names.promised_size(name)
        return promised is not None and os.stat(self._file(folder, name)).st_size != promised

    # -- what other programs leave -------------------------------------------------------------------------------------

    def arrivals(self, folder: str) -> Iterator[str]:
        try:
            return iter(sorted(os.listdir(self._path(folder) / "new")))
        except FileNotFoundError:  # the folder was deleted while a session had it open
            return iter(())

    def arrivals_stamp(self, folder: str) -> int:
        try:
            return os.stat(f"{self._root}/{folder}/new").st_mtime_ns
        except FileNotFoundError:
            return 0

    def read_arrival(self, folder: str, name: str) -> tuple[bytes, float]:
        path = self._path(folder) / "new" / name
        return path.read_bytes(), path.stat().st_mtime

    def remove_arrival(self, folder: str, name: str) -> None:
        (self._path(folder) / "new" / name).unlink(missing_ok=True)

    def destroy(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


def _sync_file(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_durable(path: Path) -> None:
    """Make the folder and those above it that are missing, for nobody else to read, each synced in its own parent."""
    if not path.exists():
        _make_durable(path.parent)
        path.mkdir(exist_ok=True, mode=0o700)
        _sync(path.parent)


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    """Hold a lock on the folder; the kernel takes it from a process that dies."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
