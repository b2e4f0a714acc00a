"""What dead processes left in their journals is settled, and restored first when the machine went down."""

import shutil

from optimails.index import accounts
from optimails.mailbox.api import NewMessage
from optimails.mailbox.service import JOURNAL, LocalMailService, account_directory, open_journal, places
from optimails.model.errors import Unavailable
from optimails.model.mailbox_name import INBOX
from optimails.supervisor.journal import JournalJobs
from tests.support.disk import MemoryBus
from tests.support.in_loop import in_loop
from tests.support.memory import account

ANN, BEN = account("ann"), account("ben")
MAIL = b"Subject: one\r\n\r\ntext\r\n"


async def left_behind(data):
    """Two accounts with a message each, and the journal of a process that is no more."""
    journal = open_journal(data)
    mail = LocalMailService(places(data, journal), MemoryBus())
    for who in (ANN, BEN):
        async with await mail.open(who) as opened:
            await opened.append(INBOX, (NewMessage(MAIL),))
    await mail.close()
    kept = data.parent / "kept"
    shutil.copytree(data / JOURNAL, kept)
    journal.close()
    for path in kept.iterdir():
        shutil.copy(path, data / JOURNAL)
    return data


def tear(data, who):
    for path in (account_directory(data, who.id) / "Maildir" / "cur").iterdir():
        path.write_bytes(b"")


@in_loop
async def test_after_a_power_cut_every_account_is_restored_before_its_journal_goes(tmp_path, monkeypatch):
    data = await left_behind(tmp_path / "data")
    tear(data, ANN)
    tear(data, BEN)
    monkeypatch.setattr(accounts, "boot_id", lambda: "the next boot")
    mail = LocalMailService(places(data), MemoryBus())
    jobs = JournalJobs(data, mail)
    with monkeypatch.context() as away:

        async def recover(_):
            raise Unavailable("no room")

        away.setattr(mail, "recover", recover)
        assert await jobs.look() == 0
    assert list((data / JOURNAL).iterdir())
    shutil.rmtree(account_directory(data, BEN.id))  # an account that was removed holds up nothing
    assert await jobs.look() == 1
    assert not list((data / JOURNAL).iterdir())
    (file,) = (account_directory(data, ANN.id) / "Maildir" / "cur").iterdir()
    assert file.read_bytes() == MAIL
    assert not account_directory(data, BEN.id).exists()
    await mail.close()


@in_loop
async def test_a_killed_process_left_nothing_to_restore(tmp_path):
    data = await left_behind(tmp_path / "data")
    mail = LocalMailService(places(data), MemoryBus())
    assert await JournalJobs(data, mail).look() == 1
    assert not list((data / JOURNAL).iterdir())
    await mail.close()
