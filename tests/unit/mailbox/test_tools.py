"""Import, export, undelete, purge, doctor: what the command line does with an account."""

import mailbox as mailbox_files
import time
from datetime import UTC, datetime

import pytest

from optimails.mailbox import doctor, removing, transfer, undelete
from optimails.mailbox.api import MessageSet, NewMessage, StoreMode
from optimails.model.errors import Reason, Refused
from optimails.model.flags import DELETED, FLAGGED, SEEN, Flag
from optimails.model.number_set import STAR, NumberSet
from tests.support.disk import disk_mail
from tests.support.memory import account, memory_mail
from tests.support.run import run

ALL = MessageSet(NumberSet(((1, STAR),)), by_uid=True)
MAIL = b"From: Zo\xc3\xa9 <zoe@demo.test>\r\nSubject: =?utf-8?q?=C3=A9t=C3=A9?=\r\n\r\nFrom the start\r\n"
WHEN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def nothing():
    pass


async def contents(mail, name):
    box = await mail.select(name, read_only=True)
    found = []
    for _, uid, mask in await box.flags(ALL):
        file = await box.open_message(uid)
        found.append((bytes(file.view()[:]), mail.keywords.names(mask)))
    return found


@run
async def test_what_is_exported_comes_back_by_import(tmp_path):
    mail = await memory_mail().open(account())
    await mail.create("Été/a.b")
    await mail.append("Été/a.b", [NewMessage(MAIL, frozenset({SEEN, FLAGGED, Flag("$Work")}), WHEN)])
    await mail.append("INBOX", [NewMessage(MAIL)])
    steps = []
    done = await transfer.export_mail(mail, "maildir", tmp_path / "out", None, lambda: steps.append(1))
    assert (done.messages, len(steps)) == (2, 2)
    copy = await memory_mail().open(account("bob"))
    assert transfer.count("maildir", tmp_path / "out") == 2
    done = await transfer.import_mail(copy, "maildir", tmp_path / "out", None, nothing)
    assert (done.messages, done.mailboxes, done.skipped) == (2, 2, [])
    assert await contents(copy, "INBOX") == [(MAIL, [])]
    assert await contents(copy, "Été/a.b") == [(MAIL, [FLAGGED, SEEN, "$Work"])]


@run
async def test_a_maildir_of_other_programs_is_understood(tmp_path):
    for folder in (tmp_path, tmp_path / ".Archiv&AOk-.2024"):
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True)
    (tmp_path / "cur" / "1.a:2,FSb").write_bytes(MAIL.replace(b"\r\n", b"\n"))
    (tmp_path / "dovecot-keywords").write_text("0 $One\n1 $Two\n")
    (tmp_path / ".Archiv&AOk-.2024" / "new" / "2.b").write_bytes(MAIL)
    mail = await memory_mail().open(account())
    done = await transfer.import_mail(mail, "maildir", tmp_path, None, nothing)
    assert done.messages == 2
    assert await contents(mail, "INBOX") == [(MAIL, [FLAGGED, SEEN, "$Two"])]
    assert await contents(mail, "Archivé/2024") == [(MAIL, [])]


@run
async def test_mbox_goes_out_and_in(tmp_path):
    mail = await memory_mail().open(account())
    await mail.append("INBOX", [NewMessage(MAIL, frozenset({SEEN}), WHEN), NewMessage(MAIL)])
    await transfer.export_mail(mail, "mbox", tmp_path / "out", "INBOX", nothing)
    path = next((tmp_path / "out").iterdir())
    assert len(mailbox_files.mbox(path)) == 2
    await transfer.import_mail(mail, "mbox", path, "Archive", nothing)
    found = await contents(mail, "Archive")
    assert [flags for _, flags in found] == [[SEEN], []]
    assert all(b"From the start" in data for data, _ in found)


@run
@pytest.mark.parametrize("form", ["maildir", "mbox"])
async def test_what_was_exported_comes_back_under_its_names(tmp_path, form):
    content = b"Subject: x\r\n\r\nStatus: of the body\r\n"
    names = ["INBOX", "Comptabilité/Factures", "Dupont & Fils", "v1.2 /été", "日本", "x" * 230 + "é"]
    mail = await memory_mail().open(account())
    for name in names:
        if name != "INBOX":
            await mail.create(name)
        await mail.append(name, [NewMessage(content, frozenset({SEEN, FLAGGED}), WHEN)])
    await transfer.export_mail(mail, form, tmp_path / "out", None, nothing)
    other = await memory_mail().open(account())
    done = await transfer.import_mail(other, form, tmp_path / "out", None, nothing)
    assert (done.messages, done.skipped) == (len(names), [])
    for name in names[:-1]:  # the last is too long for a file's name; its mail came under a shorter one
        assert await contents(other, name) == [(content, [FLAGGED, SEEN])]


@run
async def test_a_folder_without_mbox_files_is_refused(tmp_path):
    mail = await memory_mail().open(account())
    with pytest.raises(Refused):
        await transfer.import_mail(mail, "mbox", tmp_path, None, nothing)


@run
async def test_an_import_stops_when_the_account_is_full_and_keeps_what_fitted(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.eml").write_bytes(MAIL)
    mail = await memory_mail().open(account(storage=2 * len(MAIL)))
    with pytest.raises(Refused) as refused:
        await transfer.import_mail(mail, "eml", tmp_path, None, nothing)
    assert refused.value.reason is Reason.OVER_QUOTA
    assert (await mail.usage()).messages == 2


@run
async def test_an_export_never_writes_over_something(tmp_path):
    (tmp_path / "there").touch()
    mail = await memory_mail().open(account())
    with pytest.raises(Refused):
        await transfer.export_mail(mail, "maildir", tmp_path, None, nothing)


@run
async def test_what_was_expunged_can_be_brought_back_with_its_folder():
    mail = await memory_mail().open(account())
    await mail.create("Projects")
    await mail.append("Projects", [NewMessage(MAIL, frozenset({SEEN}), WHEN)] * 2)
    await mail.append("INBOX", [NewMessage(MAIL)])
    await mail.delete("Projects")
    found = await undelete.expunged(mail, None, None)
    assert [(one.mailbox, one.subject, one.size) for one in found] == [("Projects", "été", len(MAIL))] * 2
    assert (await mail.usage()).messages == 1
    done = await undelete.restore_expunged(mail, "Projects", None, nothing)
    assert (done.messages, done.mailboxes) == (2, ["Projects"])
    assert await contents(mail, "Projects") == [(MAIL, [SEEN])] * 2
    assert (await mail.usage()).storage == 3 * len(MAIL)
    assert await undelete.expunged(mail, None, None) == []


@run
async def test_undelete_as_of_a_moment_takes_only_what_was_there_then():
    mail = await memory_mail().open(account())
    await mail.append("INBOX", [NewMessage(MAIL)] * 2)
    box = await mail.select("INBOX")
    await box.store(ALL, StoreMode.ADD, frozenset({DELETED}))
    await box.expunge()
    with mail.engine.database.write() as connection:
        connection.execute("UPDATE expunged SET saved = 1000, expunged_at = 2000 WHERE uid = 1")
        connection.execute("UPDATE expunged SET saved = 1000, expunged_at = 3000 WHERE uid = 2")

    async def there(moment):
        return len(await undelete.expunged(mail, "INBOX", datetime.fromtimestamp(moment, UTC)))

    assert [await there(moment) for moment in (999, 1500, 2500, 3500)] == [0, 2, 1, 0]


@run
async def test_restoring_needs_room():
    mail = await memory_mail().open(account(messages=1))
    await mail.append("INBOX", [NewMessage(MAIL, frozenset({DELETED}))])
    box = await mail.select("INBOX")
    await box.expunge()
    await mail.append("INBOX", [NewMessage(MAIL)])
    with pytest.raises(Refused) as refused:
        await undelete.restore_expunged(mail, None, None, nothing)
    assert refused.value.reason is Reason.OVER_QUOTA
    assert len(await undelete.expunged(mail, None, None)) == 1


@run
async def test_after_the_retention_nothing_is_kept():
    service = memory_mail()
    mail = await service.open(account())
    await mail.append("INBOX", [NewMessage(MAIL, frozenset({DELETED}))])
    box = await mail.select("INBOX")
    await box.expunge()
    assert removing.purge(mail.engine, time.time() + 29 * 86400) == 0
    assert removing.purge(mail.engine, time.time() + 31 * 86400) == 1
    assert await undelete.expunged(mail, None, None) == []
    assert service.files[account().id].shelf == {}


@run
async def test_the_doctor_finds_a_healthy_account_healthy_and_mends_a_sick_one(tmp_path):
    service = disk_mail(tmp_path)
    ann = account()
    async with await service.open(ann) as mail:
        await mail.append("INBOX", [NewMessage(MAIL)] * 2)
        assert await doctor.examine(service, ann, repair=False) == []
        next(path for path in tmp_path.rglob("cur/*") if path.is_file()).unlink()
        assert [(one.kind, one.repaired) for one in await doctor.examine(service, ann, repair=False)] == [
            ("file_missing", False)
        ]
        assert (await mail.usage()).messages == 2
        assert [one.repaired for one in await doctor.examine(service, ann, repair=True)] == [True]
        assert (await mail.usage()).messages == 1
        assert await doctor.examine(service, ann, repair=False) == []
    await service.close()


@run
async def test_mail_left_in_new_by_another_program_is_taken_in(tmp_path):
    service = disk_mail(tmp_path)
    async with await service.open(account()) as mail:
        box = await mail.select("INBOX")
        new = next(path for path in tmp_path.rglob("Maildir/new"))
        (new / "1.foreign").write_bytes(b"Subject: x\n\nline\n")
        assert (await box.sync(expunges=True)).exists == 1
        assert await contents(mail, "INBOX") == [(b"Subject: x\r\n\r\nline\r\n", [])]
        assert list(new.iterdir()) == []
        assert not await box.sync(expunges=True)
        await box.close()
    await service.close()
