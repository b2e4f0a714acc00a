"""Mail carried from one account to another: whatever file operation fails, on either side, no message is lost, none is
doubled by what was refused, and nothing is left behind."""

import errno
import itertools

import pytest

from optimails.index import messages
from optimails.mailbox import recovery, storing
from optimails.mailbox.api import Copied, NewMessage
from optimails.mailbox.sharing import crossing
from optimails.model.account import Limits
from optimails.model.errors import Reason, Refused, Unavailable
from optimails.model.flags import FLAGGED, Flag
from optimails.store.maildir import MaildirFiles
from tests.store.test_every_step_can_fail import EVERY, MAIL, Failing
from tests.support.disk import disk_engine
from tests.support.memory import account

ANN, BEN = account("ann"), account("ben")
KEY = Flag("$Work")


class FailingFiles(Failing):
    """One that passes for the real thing, which links between accounts look into."""

    CHANGING = (*Failing.CHANGING, "link_from")
    __class__ = MaildirFiles


def engines(path, wrappers):
    def wrap(store):
        wrappers.append(FailingFiles(store))
        return wrappers[-1]

    found = [disk_engine(path, who, wrap) for who in (ANN, BEN)]
    storing.append(found[0], "INBOX", [NewMessage(MAIL), NewMessage(MAIL + b"more", frozenset({FLAGGED, KEY}))])
    return found


def carry(source, target, *, move):
    origin = crossing.Origin(source, source.mailbox("INBOX"), "")
    to = (target, target.mailbox("INBOX"))
    return crossing.carry(origin, EVERY, to, lambda flags: (flags, flags), move=move)


def counts(engine):
    box = engine.mailbox("INBOX")
    files = list(engine.files.names(box.folder))
    assert len(files) == box.messages  # every file has a row, every row its file
    return box.messages, engine.usage().storage


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("move", [False, True])
def test_nothing_is_lost_or_half_done(tmp_path, move, side):
    for number in itertools.count():
        wrappers = []
        source, target = engines(tmp_path / str(number), wrappers)
        wrappers[side].left = number
        try:
            carry(source, target, move=move)
        except (OSError, Unavailable):
            assert (counts(source)[0], counts(target)[0]) == (2, 0)
        else:
            assert target.mailbox("INBOX").messages == 2
            assert source.mailbox("INBOX").messages == (0 if move else 2)
        done = wrappers[side].left > 0  # not all of its steps were needed: this one succeeded
        wrappers[side].left = -1
        for engine in (source, target):
            recovery.recover(engine, set(), adopt=False)
            counts(engine)
            engine.close()
        if done:
            break
    assert number > 1


def test_who_moves_what_another_has_just_moved_has_nothing(tmp_path, monkeypatch):
    source, target = engines(tmp_path, [])
    insert = storing.insert_rows

    def both_at_once(*arguments, **options):
        monkeypatch.setattr(storing, "insert_rows", insert)
        assert len(carry(source, target, move=True).copied.targets) == 2
        return insert(*arguments, **options)

    monkeypatch.setattr(storing, "insert_rows", both_at_once)
    assert carry(source, target, move=True) == (Copied(target.mailbox("INBOX").uid_validity, [], []), [])
    assert (counts(source)[0], counts(target)[0]) == (0, 2)


def test_a_copy_whose_original_cannot_be_expunged_does_not_stay(tmp_path, monkeypatch):
    source, target = engines(tmp_path, [])
    remove = messages.remove

    def locked(connection, box, *arguments, **options):
        monkeypatch.setattr(messages, "remove", remove)
        raise Unavailable("The index is locked")

    monkeypatch.setattr(messages, "remove", locked)
    with pytest.raises(Unavailable):
        carry(source, target, move=True)
    assert (counts(source)[0], counts(target)[0]) == (2, 0)


def test_flags_keywords_and_sizes_travel(tmp_path):
    source, target = engines(tmp_path, [])
    carried = carry(source, target, move=False)
    assert carried.flags == [frozenset(), frozenset({FLAGGED, KEY})]
    assert counts(source) == counts(target)
    with target.database.read() as connection:
        rows = connection.execute("SELECT flags FROM message ORDER BY uid").fetchall()
    assert [set(target.keywords.names(flags)) for (flags,) in rows] == [set(), {FLAGGED, KEY}]


def test_the_targets_quota_decides(tmp_path):
    source, target = engines(tmp_path, [])
    target.limits = Limits(10, None, 30)
    for move in (False, True):
        with pytest.raises(Refused) as refused:
            carry(source, target, move=move)
        assert refused.value.reason is Reason.OVER_QUOTA
    assert (counts(source)[0], counts(target)) == (2, (0, 0))


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EMLINK])
def test_what_cannot_be_linked_is_copied(tmp_path, monkeypatch, code):
    source, target = engines(tmp_path, [])

    def no_link(*_arguments):
        raise OSError(code, "no")

    monkeypatch.setattr("optimails.store.maildir.os.link", no_link)
    assert len(carry(source, target, move=True).copied.targets) == 2
    monkeypatch.undo()
    assert (counts(source)[0], counts(target)[0]) == (0, 2)
    with target.database.read() as connection:
        ((folder, name),) = connection.execute(
            "SELECT b.folder, c.name FROM content c JOIN mailbox b ON c.id = b.id << 32 | 2"
        ).fetchall()
    assert target.files.open(folder, name).view() == MAIL + b"more"
