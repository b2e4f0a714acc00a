"""Whatever file operation fails, a command has happened or it has not, and nothing is left behind.

Each scenario runs with the first operation on the store failing, then the second, and so on until it succeeds.
"""

import errno
import itertools

import pytest

from optimails.mailbox import flagging, folders, recovery, removing, storing
from optimails.mailbox.api import NewMessage, StoreMode
from optimails.model.errors import Unavailable
from optimails.model.flags import DELETED
from optimails.store.names import INBOX_FOLDER
from tests.support.disk import disk_engine
from tests.support.memory import account

MAIL = b"Subject: one\r\n\r\ntext\r\n"
EVERY = [(1, 2**32 - 1)]
ANN = account()


class Failing:
    """A store whose n-th changing operation raises ENOSPC before it does anything."""

    CHANGING = (
        "create_folder",
        "relabel",
        "place",
        "commit",
        "link",
        "settle",
        "sync",
        "remove",
        "withdraw",
        "shelve",
        "stage",
    )

    def __init__(self, store):
        self.store = store
        self.left = -1  # operations that still work; negative: all

    def __getattr__(self, name):
        method = getattr(self.store, name)
        if name not in self.CHANGING:
            return method

        def step(*arguments):
            if self.left == 0:
                self.left = -1  # what cleans up afterwards works again
                raise OSError(errno.ENOSPC, "No space left on device")
            self.left -= self.left > 0
            return method(*arguments)

        return step


def append(engine):
    storing.append(engine, "INBOX", [NewMessage(MAIL), NewMessage(MAIL)])


def copy(engine):
    storing.copy(engine, engine.mailbox("INBOX"), EVERY, "Archive", move=False)


def move(engine):
    storing.copy(engine, engine.mailbox("INBOX"), EVERY, "Archive", move=True)


def create(engine):
    folders.create(engine, "New/Inner")


def expunge(engine):
    flagging.store(engine, engine.mailbox("INBOX").id, EVERY, StoreMode.ADD, frozenset({DELETED}))
    removing.expunge(engine, engine.mailbox("INBOX").id, None)


def delete(engine):
    folders.delete(engine, "Full")


def content(engine):
    """Every mailbox with its messages, and the account's counters."""
    with engine.database.read() as connection:
        rows = connection.execute(
            "SELECT b.name, count(m.uid) FROM mailbox b LEFT JOIN message m ON m.mailbox = b.id GROUP BY b.id"
        ).fetchall()
    usage = engine.usage()
    return sorted(rows), usage.messages, usage.storage


@pytest.mark.parametrize("command", [append, copy, move, create, expunge, delete])
def test_nothing_is_half_done(tmp_path, command):
    wrappers = []

    def wrap(store):
        wrappers.append(Failing(store))
        return wrappers[-1]

    for number in itertools.count():
        engine = disk_engine(tmp_path / str(number), ANN, wrap)
        storing.append(engine, "INBOX", [NewMessage(MAIL), NewMessage(MAIL)])
        folders.create(engine, "Full")
        storing.append(engine, "Full", [NewMessage(MAIL)])
        before = content(engine)
        failing = wrappers[-1]
        failing.left = number
        try:
            command(engine)
        except Unavailable:
            failed = True
        else:
            failed = False
        used_up = failing.left == -1
        failing.left = -1
        # What an unfinished expunge or delete left in its folder is the business of recovery, and the only finding.
        findings = recovery.recover(engine, frozenset(), adopt=True)
        assert {finding.kind for finding in findings} <= {recovery.Kind.UNFINISHED_EXPUNGE}
        assert recovery.recover(engine, frozenset(), adopt=True) == []
        if failed and command in (append, copy, move):
            assert content(engine) == before
        engine.close()
        if not used_up:
            break
    assert number > 0


def test_a_file_left_by_a_process_that_died_is_not_mail(tmp_path):
    engine = disk_engine(tmp_path, ANN)
    staged = engine.files.stage()
    staged.write(MAIL)
    engine.files.place([staged], INBOX_FOLDER)
    assert [finding.kind for finding in recovery.recover(engine, frozenset(), adopt=False)] == [
        recovery.Kind.UNACKNOWLEDGED
    ]
    assert list(engine.files.names(INBOX_FOLDER)) == []
    engine.close()


def test_a_file_without_a_row_is_adopted_after_the_machine_went_down(tmp_path):
    engine = disk_engine(tmp_path, ANN)
    first = storing.append(engine, "INBOX", [NewMessage(MAIL)])
    staged = engine.files.stage()
    staged.write(MAIL)
    engine.files.place([staged], INBOX_FOLDER)
    with engine.database.write() as connection:
        connection.execute("UPDATE account SET boot = 'another boot'")
    engine.close()
    engine = disk_engine(tmp_path, ANN)
    assert engine.mailbox("INBOX").messages == 2
    again = storing.append(engine, "INBOX", [NewMessage(MAIL)])
    assert again.uids[0] > first.uids[0] + 900  # the reserved block is skipped: its UIDs may have been shown
    engine.close()


def test_a_row_without_a_file_is_expunged_and_told(tmp_path):
    engine = disk_engine(tmp_path, ANN)
    storing.append(engine, "INBOX", [NewMessage(MAIL)] * 3)
    name = min(engine.files.names(INBOX_FOLDER))
    engine.files.remove(INBOX_FOLDER, name)
    assert [finding.detail for finding in recovery.recover(engine, frozenset(), adopt=False, repair=False)] == [name]
    assert engine.mailbox("INBOX").messages == 3
    recovery.recover(engine, frozenset(), adopt=False)
    assert engine.mailbox("INBOX").messages == 2
    assert engine.usage().messages == 2
    engine.close()


@pytest.mark.parametrize("harm", ["lost", "overwritten"])
def test_a_lost_or_damaged_index_is_rebuilt_from_the_files(tmp_path, harm):
    engine = disk_engine(tmp_path, ANN)
    storing.append(engine, "INBOX", [NewMessage(MAIL)] * 2)
    folders.create(engine, "Été/2024.1")
    storing.append(engine, "Été/2024.1", [NewMessage(MAIL)])
    old = engine.mailbox("INBOX")
    engine.close()
    index = next(tmp_path.rglob("index.sqlite"))
    if harm == "lost":
        index.unlink()
    else:
        index.write_bytes(b"rubbish" * 5000)
    engine = disk_engine(tmp_path, ANN)
    assert engine.mailbox("INBOX").messages == 2
    assert engine.mailbox("Été/2024.1").messages == 1
    assert engine.mailbox("INBOX").uid_validity != old.uid_validity
    assert engine.mailbox("Trash").special_use == "\\Trash"
    assert engine.usage().messages == 3
    engine.close()


def test_wrong_counters_are_found_and_mended(tmp_path):
    engine = disk_engine(tmp_path, ANN)
    storing.append(engine, "INBOX", [NewMessage(MAIL)])
    with engine.database.write() as connection:
        connection.execute("UPDATE mailbox SET unseen = 7, size = 1 WHERE name = 'INBOX'")
        connection.execute("UPDATE account SET storage = 0")
    assert [finding.mailbox for finding in recovery.recover(engine, frozenset(), adopt=False)] == ["INBOX", ""]
    assert engine.usage().storage == len(MAIL)
    assert engine.mailbox("INBOX").unseen == 1
    engine.close()


def test_an_expunge_of_which_only_the_commit_was_lost_can_still_be_undone(tmp_path):
    engine = disk_engine(tmp_path, ANN)
    storing.append(engine, "INBOX", [NewMessage(MAIL)] * 2)
    name = min(engine.files.names(INBOX_FOLDER))
    engine.files.shelve(INBOX_FOLDER, name)
    recovery.recover(engine, frozenset(), adopt=True)
    assert engine.mailbox("INBOX").messages == 1
    with engine.database.read() as connection:
        assert connection.execute("SELECT name FROM expunged WHERE kept").fetchall() == [(name,)]
    engine.close()


def test_a_deletion_that_was_interrupted_is_finished(tmp_path, monkeypatch):
    engine = disk_engine(tmp_path, ANN)
    folder = folders.create(engine, "Old").folder
    storing.append(engine, "Old", [NewMessage(MAIL)])
    (name,) = engine.files.names(folder)
    with monkeypatch.context() as patched:
        patched.setattr(removing, "shelve", lambda *_: (_ for _ in ()).throw(InterruptedError()))
        with pytest.raises(InterruptedError):
            folders.delete(engine, "Old")
    found = recovery.recover(engine, frozenset(), adopt=False)
    assert [(finding.kind, finding.mailbox) for finding in found] == [(recovery.Kind.UNFINISHED_EXPUNGE, "Old")]
    assert list(engine.files.shelved()) == [name]
    assert not engine.files.has_folder(folder)
    assert recovery.recover(engine, frozenset(), adopt=False) == []
    engine.close()


def test_numbers_of_changes_are_reserved_long_before_they_run_out(tmp_path):
    engine = disk_engine(tmp_path, ANN)
    storing.append(engine, "INBOX", [NewMessage(MAIL)])
    with engine.database.write() as connection:
        connection.execute("UPDATE account SET modseq = modseq_reserved - 100")
    flagging.store(engine, engine.mailbox("INBOX").id, EVERY, StoreMode.ADD, frozenset({DELETED}))
    with engine.database.read() as connection:
        assert connection.execute("SELECT modseq_reserved - modseq > 5000 FROM account").fetchone() == (1,)
    engine.close()
