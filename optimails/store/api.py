"""What the layers above ask of the files of one account. Folders and names are the store's own, kept in the index."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from optimails.model.ids import UidValidity
from optimails.store.remains import Unsettled
from optimails.store.segment import Record


@dataclass(frozen=True, slots=True)
class FolderLabel:
    """What a folder says of itself, so that the index can be rebuilt from the files alone."""

    name: str
    uid_validity: UidValidity
    special_use: str | None = None


class StoredMessage(Protocol):
    """An open message. Closing is idempotent."""

    @property
    def size(self) -> int: ...
    def view(self) -> bytes:
        """All of it as a bytes-like object; a memory map above some size."""

    def read(self, offset: int, length: int) -> bytes: ...
    def close(self) -> None: ...


class Staged(Protocol):
    """A message being written; in memory while small, then in a temporary file."""

    @property
    def size(self) -> int: ...
    def write(self, data: bytes) -> None: ...
    def view(self) -> bytes:
        """What was written so far, bytes-like."""

    def discard(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Placed:
    """Messages that have their names."""

    folder: str
    names: list[str]
    records: Sequence[Record] = ()  # for the journal; none: they are durable already
    root: str = ""  # the folder's path


class AccountFiles(Protocol):
    """Message files of one account. Blocking; errors are those of the file system (OSError)."""

    def opening(self) -> AbstractContextManager[None]:
        """Only one process, and one thread of it, is in here."""

    def taking(self, folder: str) -> AbstractContextManager[bool]:
        """Whether we are the one to take what was left in ``new/``: False while somebody else does."""

    def create_folder(self, folder: str, label: FolderLabel) -> None:
        """Make the folder, or give an existing one a new label; durable on return."""

    def has_folder(self, folder: str) -> bool: ...
    def relabel(self, folder: str, label: FolderLabel) -> None:
        """Give a folder another label, soon durable: the index knows better as long as it is there."""

    def remove_folder(self, folder: str) -> None:
        """Remove a folder that has no messages left."""

    def folders(self) -> dict[str, FolderLabel | None]:
        """Every folder with its label; None for one that another program made."""

    def stage(self) -> Staged: ...
    def place(self, staged: Sequence[Staged], folder: str) -> Placed:
        """Give the messages their names in the folder, all or none; they are durable after ``commit``."""

    def commit(self, placed: Sequence[Placed]) -> None:
        """Make durable what was placed, here or with other accounts of the same service, with one sync for all."""

    def withdraw(self, placed: Placed) -> None:
        """Take back what was placed just now and is no message after all."""

    def link(self, folder: str, name: str, target: str) -> str:
        """Place the message a second time; durable after ``sync(target)``. FileNotFoundError when it is gone."""

    def link_from(self, source: "AccountFiles", folder: str, name: str, target: str) -> str:
        """Place a message of another account here; as ``link``. Copied where it cannot be linked."""

    def settle(self, folder: str, messages: Sequence[str]) -> None:
        """Make the contents of these messages durable, which may have come just now: before they are linked."""

    def sync(self, folder: str) -> None:
        """Make the names linked into the folder durable."""

    def remove(self, folder: str, name: str) -> None:
        """Remove for good; does nothing when it is gone."""

    def shelve(self, folder: str, name: str) -> None:
        """Move to the expunged messages; does nothing when it is gone."""

    def unshelve(self, name: str, folder: str) -> str:
        """Place an expunged message again, under a new name. FileNotFoundError when it is gone."""

    def open_shelved(self, name: str) -> StoredMessage:
        """FileNotFoundError when it is gone."""

    def remove_shelved(self, name: str) -> None: ...
    def shelved(self) -> Iterator[str]:
        """Names of the expunged messages that are kept."""

    def unsettled(self) -> Iterator[Unsettled]:
        """Messages that were acknowledged before the machine went down, and of which nothing else may be left."""

    def mend(self, folder: str, name: str, content: bytes) -> bool:
        """Give the message this content, durably; whether it had another, or none."""

    def mend_shelved(self, name: str, content: bytes) -> bool:
        """The same for an expunged one."""

    def torn(self, folder: str, name: str) -> bool:
        """Whether the message is known not to be whole."""

    def open(self, folder: str, name: str) -> StoredMessage:
        """FileNotFoundError when it is gone."""

    def names(self, folder: str) -> Iterator[str]:
        """Names of the messages in the folder."""

    def arrivals(self, folder: str) -> Iterator[str]:
        """Names of messages that another program left in ``new/``."""

    def arrivals_stamp(self, folder: str) -> int:
        """Changes whenever something was left in ``new/``."""

    def read_arrival(self, folder: str, name: str) -> tuple[bytes, float]:
        """Content and modification time."""

    def remove_arrival(self, folder: str, name: str) -> None: ...
    def modified(self, folder: str, name: str) -> float:
        """The file's time, Unix seconds."""

    def writer(self, name: str) -> int | None:
        """The process that named this message; None for a name that is not ours."""

    def destroy(self) -> None:
        """Remove the account's files for good."""
