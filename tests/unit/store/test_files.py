"""The store on disk and its in-memory twin keep the same promises."""

import os

import pytest

from optimails.model.errors import Unavailable
from optimails.model.ids import UidValidity
from optimails.store.api import FolderLabel
from optimails.store.maildir import MaildirFiles
from optimails.store.memory import MemoryFiles
from optimails.store.names import folder_name, new_name, writer

LABEL = FolderLabel("Été/2024", UidValidity(7), "\\Sent")


@pytest.fixture(params=["disk", "memory"])
def files(request, tmp_path):
    made = MaildirFiles(tmp_path / "account") if request.param == "disk" else MemoryFiles()
    made.create_folder("", FolderLabel("INBOX", UidValidity(1)))
    made.create_folder(".Sent", LABEL)
    return made


def stored(files, folder="", data=b"text\r\n"):
    staged = files.stage()
    staged.write(data)
    placed = files.place([staged], folder)
    files.commit([placed])
    return placed.names[0]


@pytest.mark.parametrize("size", [0, 10, 300_000])
def test_what_was_written_in_pieces_is_read_back(files, size):
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    staged = files.stage()
    for start in range(0, size, 70_000):
        staged.write(data[start : start + 70_000])
    assert staged.size == size
    assert bytes(staged.view()[:]) == data
    message = files.open("", *files.place([staged], "").names)
    assert (message.size, bytes(message.view()[:]), message.read(5, 7)) == (size, data, data[5:12])
    message.close()
    message.close()


def test_folders_say_what_they_are(files):
    assert files.folders() == {"": FolderLabel("INBOX", UidValidity(1)), ".Sent": LABEL}
    files.create_folder(".Sent", FolderLabel("Renamed", UidValidity(8)))
    assert files.folders()[".Sent"] == FolderLabel("Renamed", UidValidity(8))
    files.remove_folder(".Sent")
    assert list(files.folders()) == [""]


def test_a_link_is_a_message_of_its_own(files):
    name = stored(files)
    linked = files.link("", name, ".Sent")
    files.remove("", name)
    files.remove("", name)
    assert list(files.names("")) == []
    assert bytes(files.open(".Sent", linked).view()) == b"text\r\n"
    with pytest.raises(FileNotFoundError):
        files.link("", name, ".Sent")
    with pytest.raises(FileNotFoundError):
        files.open("", name)


def test_an_expunged_message_can_be_placed_again(files):
    name = stored(files)
    files.shelve("", name)
    files.shelve("", name)
    assert (list(files.names("")), list(files.shelved())) == ([], [name])
    again = files.unshelve(name, ".Sent")
    files.remove_shelved(name)
    assert bytes(files.open(".Sent", again).view()) == b"text\r\n"
    with pytest.raises(FileNotFoundError):
        files.unshelve(name, ".Sent")


def test_a_discarded_message_leaves_nothing(tmp_path):
    files = MaildirFiles(tmp_path / "account")
    staged = files.stage()
    staged.write(b"x" * 300_000)
    staged.discard()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_names_are_unique_and_tell_their_writer():
    import os

    names = {new_name() for _ in range(1000)}
    assert len(names) == 1000
    assert {writer(name) for name in names} == {os.getpid()}
    assert writer("1234.foreign:2,S") is None


@pytest.mark.parametrize("name", ["Été/2024.1", "a" * 240, "/".join(["é" * 50] * 10), "..", "%/*", "\U0001f4ec", "x y"])
def test_any_mailbox_has_a_folder_name_that_any_file_system_takes(tmp_path, name):
    folder = folder_name(name, frozenset())
    assert "/" not in folder
    assert len(folder.encode()) <= 200
    files = MaildirFiles(tmp_path / "account")
    files.create_folder(folder, FolderLabel(name, UidValidity(1)))
    assert files.folders()[folder] == FolderLabel(name, UidValidity(1))


def test_folder_names_never_clash():
    first = folder_name("Work", frozenset())
    assert folder_name("Work", frozenset({first.lower()})) != first
    assert folder_name("a.b", frozenset()) != folder_name("a/b", frozenset())


def test_a_message_given_up_while_it_is_stored_is_not_stored(tmp_path, monkeypatch):
    files = MaildirFiles(tmp_path)
    staged = files.stage()
    staged.write(b"x" * 1000)
    sync = os.fsync

    def cut(descriptor):  # the client goes away while the disk works
        staged.discard()
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", cut)
    with pytest.raises(Unavailable):
        staged.settle()
    with pytest.raises(Unavailable):
        staged.write(b"more")
    with pytest.raises(Unavailable):
        files.place([staged], "")
    assert [list(files.names("")), os.listdir(tmp_path / "Maildir" / "tmp")] == [[], []]
