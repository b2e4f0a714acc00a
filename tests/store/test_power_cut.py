"""Power cuts, played: what was never synced is lost, torn or undone by dice, and the account is opened again.

The account works on a real disk. Whatever it syncs is noted; at the cut everything else meets its fate: a file may be
missing, empty, cut short, or whole; a rename or removal may never have happened; the index may have lost its commits
since the last settling. What the journal has acknowledged must be there all the same, whole and once.
"""

import os
import random
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from optimails.index import accounts
from optimails.mailbox import flagging, recovery, removing, storing
from optimails.mailbox.api import NewMessage, StoreMode
from optimails.mailbox.service import account_directory, open_engine, open_journal, places
from optimails.model.flags import DELETED
from optimails.store import journal as journal_module
from optimails.store import maildir
from tests.support.disk import NoBus
from tests.support.memory import account

ANN = account()
SEEDS = range(int(os.environ.get("OPTIMAILS_POWER_CUTS", "60")))


class Disk:
    """What of the account's files has reached the disk."""

    def __init__(self, data, monkeypatch):
        self.directory = account_directory(data, ANN.id)
        self.entries: dict[Path, dict[str, int]] = {}  # of a folder when it was last synced: names and inodes
        self.clean: set[int] = set()  # inodes whose content was synced
        self.contents: dict[int, bytes] = {}
        self.held: list[int] = []  # descriptors, so that no inode is used again
        self.index: dict[str, bytes] = {}
        real_file, real_folder = maildir._sync_file, maildir._sync

        def sync_file(path):
            self.clean.add(Path(path).stat().st_ino)
            real_file(path)

        def sync_folder(path):
            self.note_folder(Path(path))
            real_folder(path)

        monkeypatch.setattr(maildir, "_sync_file", sync_file)
        monkeypatch.setattr(maildir, "_sync", sync_folder)
        for module in (maildir, journal_module):
            monkeypatch.setattr(module, "sync_file_system", lambda _: self.note_all())

    def folders(self):
        candidates = [*self.directory.glob("Maildir/**/cur"), self.directory / ".expunged"]
        return [folder for folder in candidates if folder.exists()]

    def look(self):
        """Remember every content, also of files that go before the cut."""
        for folder in self.folders():
            for path in folder.iterdir():
                inode = path.stat().st_ino
                if inode not in self.contents:
                    self.contents[inode] = path.read_bytes()
                    self.held.append(os.open(path, os.O_RDONLY))
                    if ",S=" not in path.name:
                        self.clean.add(inode)  # it was synced before it had this name

    def note_folder(self, folder):
        self.look()
        self.entries[folder] = {path.name: path.stat().st_ino for path in folder.iterdir() if path.is_file()}

    def note_all(self):
        for folder in self.folders():
            self.note_folder(folder)
            self.clean.update(self.entries[folder].values())
        self.index = {path.name: path.read_bytes() for path in self.directory.glob("index.sqlite*")}

    def cut(self, dice, target):
        """The data folder as it may be found when the power is back."""
        self.look()
        shutil.copytree(self.directory.parents[2], target)
        lost_index = bool(self.index) and dice.random() < 0.5
        directory = account_directory(target, ANN.id)
        if lost_index:
            for path in directory.glob("index.sqlite*"):
                path.unlink()
            for name, content in self.index.items():
                (directory / name).write_bytes(content)
        (directory / "index.sqlite-shm").unlink(missing_ok=True)
        for inode in self.contents.keys() - self.clean:
            if dice.random() < 0.6:
                whole = self.contents[inode]
                torn = dice.choice([b"", whole[: len(whole) // 2], bytes(len(whole) // 3)])
                self.contents[inode] = torn
        for folder in self.folders():
            now = {path.name: path.stat().st_ino for path in folder.iterdir()}
            there = directory / folder.relative_to(self.directory)
            synced = self.entries.get(folder, {})
            for name in now.keys() | synced.keys():
                sure = name in now and name in synced
                (there / name).unlink(missing_ok=True)
                if sure or dice.random() < 0.5:
                    (there / name).write_bytes(self.contents[now.get(name) or synced[name]])
        for descriptor in self.held:
            os.close(descriptor)
        return lost_index


def messages(engine, name):
    """The contents of a mailbox, by its rows."""
    box = engine.mailbox(name)
    found = []
    with engine.database.read() as connection:
        rows = connection.execute(
            "SELECT name FROM content WHERE id BETWEEN ? AND ?", (box.id << 32, (box.id + 1 << 32) - 1)
        ).fetchall()
    for (file,) in rows:
        message = engine.files.open(box.folder, file)
        found.append(bytes(message.view()))
        message.close()
    return found


class Account:
    """What was done with the account, and must be found again."""

    def __init__(self, data, dice):
        self.dice = dice
        self.journal = open_journal(data)
        self.engine = open_engine(ANN.id, places(data, self.journal), NoBus())
        self.engine.limits = ANN.limits
        self.inbox, self.archive, self.gone = set(), set(), set()

    def step(self, number):
        what = self.dice.choice(["append"] * 4 + ["expunge", "copy", "move", "settle"])
        if what == "append":
            new = [
                b"Subject: %d.%d\r\n\r\n" % (number, part) + b"x" * self.dice.randrange(9000)
                for part in range(self.dice.choice([1, 1, 3]))
            ]
            storing.append(self.engine, "INBOX", [NewMessage(content) for content in new])
            self.inbox.update(new)
        elif what == "settle":
            self.journal.settle()
        elif self.inbox:
            self.change(what, self.dice.choice(sorted(self.inbox)))

    def change(self, what, chosen):
        box = self.engine.mailbox("INBOX")
        with self.engine.database.read() as connection:
            rows = connection.execute("SELECT uid FROM message WHERE mailbox = ? ORDER BY uid", (box.id,)).fetchall()
        (uid,) = rows[messages(self.engine, "INBOX").index(chosen)]
        if what == "expunge":
            flagging.store(self.engine, box.id, [(uid, uid)], StoreMode.ADD, frozenset({DELETED}))
            removing.expunge(self.engine, box.id, [(uid, uid)])
            self.gone.add(chosen)
        else:
            storing.copy(self.engine, box, [(uid, uid)], "Archive", move=what == "move")
            self.archive.add(chosen)
        if what != "copy":
            self.inbox.discard(chosen)

    def close(self):
        self.journal.close()
        with suppress(OSError):
            self.engine.close()


def next_boot(monkeypatch, data):
    monkeypatch.undo()
    monkeypatch.setattr(accounts, "boot_id", lambda: "the next boot")
    return places(data)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_acknowledged_is_lost_torn_or_doubled(tmp_path, monkeypatch, seed):
    dice = random.Random(seed)
    monkeypatch.setattr(journal_module, "SEGMENT", 64 * 1024)
    disk = Disk(tmp_path / "data", monkeypatch)
    ann = Account(tmp_path / "data", dice)
    disk.note_all()
    for number in range(dice.randrange(4, 25)):
        ann.step(number)
        disk.look()
    cuts, write, half_done = [], ann.journal.write, b"Subject: half done\r\n\r\n" + b"y" * dice.randrange(9000)

    def cut_in_the_middle(records):
        """The power goes while a message is on its way: its file was made, the journal has it or has not."""
        if dice.random() < 0.5:
            write(records)
        disk.look()
        cuts.append(disk.cut(dice, tmp_path / "after"))

    if dice.random() < 0.5:
        monkeypatch.setattr(ann.journal, "write", cut_in_the_middle)
        storing.append(ann.engine, "INBOX", [NewMessage(half_done)])
    (lost_index,) = cuts or [disk.cut(dice, tmp_path / "after")]

    again = open_engine(ANN.id, next_boot(monkeypatch, tmp_path / "after"), NoBus())
    got, kept = messages(again, "INBOX"), messages(again, "Archive")
    assert ann.inbox <= set(got)
    assert ann.archive <= set(kept)
    assert len(got) == len(set(got))
    assert set(got) | set(kept) <= ann.inbox | ann.archive | ann.gone | {half_done}  # so none is torn
    if not lost_index:
        assert set(got) - {half_done} == ann.inbox
    again.close()
    ann.close()


def test_who_dies_while_restoring_leaves_it_to_the_next(tmp_path, monkeypatch):
    dice = random.Random(1)
    disk = Disk(tmp_path / "data", monkeypatch)
    ann = Account(tmp_path / "data", dice)
    disk.note_all()
    for number in range(12):
        ann.step(number)
    disk.cut(dice, tmp_path / "after")
    where = next_boot(monkeypatch, tmp_path / "after")
    with monkeypatch.context() as dying:
        dying.setattr(recovery, "recover", lambda *_, **__: (_ for _ in ()).throw(MemoryError))
        with pytest.raises(MemoryError):
            open_engine(ANN.id, where, NoBus())
    again = open_engine(ANN.id, where, NoBus())
    assert ann.inbox <= set(messages(again, "INBOX"))
    again.close()
    ann.close()
