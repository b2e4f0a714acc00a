"""The in-memory twin of the store, for tests of the layers above."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from optimails.store.api import AccountFiles, FolderLabel, Placed, Staged
from optimails.store.remains import Unsettled


class MemoryMessage:
    """A message in memory, as both ``Staged`` and ``StoredMessage``."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = bytearray(data)

    @property
    def size(self) -> int:
        return len(self._data)

    def write(self, data: bytes) -> None:
        self._data += data

    def view(self) -> bytes:
        return bytes(self._data)

    def read(self, offset: int, length: int) -> bytes:
        return bytes(self._data[offset : offset + length])

    def discard(self) -> None:
        self._data.clear()

    def close(self) -> None:
        """Nothing is open."""


class MemoryFiles:
    """As ``MaildirFiles``, in dictionaries; ``new`` may be filled by tests."""

    def __init__(self) -> None:
        self.labels: dict[str, FolderLabel | None] = {}
        self.cur: dict[str, dict[str, bytes]] = {}
        self.new: dict[str, dict[str, bytes]] = {}
        self.shelf: dict[str, bytes] = {}
        self._serial = itertools.count(1)

    def opening(self) -> AbstractContextManager[None]:
        return nullcontext()

    def taking(self, folder: str) -> AbstractContextManager[bool]:
        return nullcontext(folder in self.new)

    def create_folder(self, folder: str, label: FolderLabel) -> None:
        self.labels[folder] = label
        self.cur.setdefault(folder, {})
        self.new.setdefault(folder, {})

    def has_folder(self, folder: str) -> bool:
        return folder in self.labels

    def relabel(self, folder: str, label: FolderLabel) -> None:
        self.labels[folder] = label

    def remove_folder(self, folder: str) -> None:
        for mapping in (self.labels, self.cur, self.new):
            mapping.pop(folder, None)

    def folders(self) -> dict[str, FolderLabel | None]:
        return dict(self.labels)

    def stage(self) -> MemoryMessage:
        return MemoryMessage()

    def _store(self, data: bytes, folder: str) -> str:
        name = f"m{next(self._serial)}"
        self.cur[folder][name] = data
        return name

    def place(self, staged: Sequence[Staged], folder: str) -> Placed:
        return Placed(folder, [self._store(bytes(one.view()), folder) for one in staged])

    def commit(self, placed: Sequence[Placed]) -> None:
        """Memory is as durable as it gets."""

    def withdraw(self, placed: Placed) -> None:
        for name in placed.names:
            self.remove(placed.folder, name)

    def _get(self, folder: str, name: str) -> bytes:
        try:
            return self.cur[folder][name]
        except KeyError as missing:
            raise FileNotFoundError(name) from missing

    def link(self, folder: str, name: str, target: str) -> str:
        return self._store(self._get(folder, name), target)

    def link_from(self, source: AccountFiles, folder: str, name: str, target: str) -> str:
        assert isinstance(source, MemoryFiles)
        return self._store(source._get(folder, name), target)  # noqa: SLF001 - of the same class

    def settle(self, folder: str, messages: Sequence[str]) -> None:
        """Memory is as durable as it gets."""

    def unsettled(self) -> Iterator[Unsettled]:
        return iter(())

    def mend(self, folder: str, name: str, content: bytes) -> bool:
        changed = self.cur[folder].get(name) != content
        self.cur[folder][name] = content
        return changed

    def mend_shelved(self, name: str, content: bytes) -> bool:
        changed = self.shelf.get(name) != content
        self.shelf[name] = content
        return changed

    def torn(self, folder: str, name: str) -> bool:
        del folder, name
        return False

    def sync(self, folder: str) -> None:
        """Memory is as durable as it gets."""

    def remove(self, folder: str, name: str) -> None:
        self.cur.get(folder, {}).pop(name, None)

    def shelve(self, folder: str, name: str) -> None:
        data = self.cur.get(folder, {}).pop(name, None)
        if data is not None:
            self.shelf[name] = data

    def unshelve(self, name: str, folder: str) -> str:
        if name not in self.shelf:
            raise FileNotFoundError(name)
        return self._store(self.shelf[name], folder)

    def open_shelved(self, name: str) -> MemoryMessage:
        if name not in self.shelf:
            raise FileNotFoundError(name)
        return MemoryMessage(self.shelf[name])

    def remove_shelved(self, name: str) -> None:
        self.shelf.pop(name, None)

    def shelved(self) -> Iterator[str]:
        return iter(list(self.shelf))

    def open(self, folder: str, name: str) -> MemoryMessage:
        return MemoryMessage(self._get(folder, name))

    def names(self, folder: str) -> Iterator[str]:
        return iter(list(self.cur.get(folder, {})))

    def modified(self, folder: str, name: str) -> float:
        self._get(folder, name)
        return 0.0

    def writer(self, name: str) -> int | None:
        return 0 if name.startswith("m") else None

    def arrivals(self, folder: str) -> Iterator[str]:
        return iter(sorted(self.new.get(folder, {})))

    def arrivals_stamp(self, folder: str) -> int:
        return len(self.new.get(folder, {}))

    def read_arrival(self, folder: str, name: str) -> tuple[bytes, float]:
        return self.new[folder][name], 0.0

    def remove_arrival(self, folder: str, name: str) -> None:
        self.new[folder].pop(name, None)

    def destroy(self) -> None:
        self.labels, self.cur, self.new, self.shelf = {}, {}, {}, {}
