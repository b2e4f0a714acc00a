"""What METADATA keeps: limits, and how long it tells of what was removed."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from optimails.events.memory import MemoryBus
from optimails.index.annotations import KEPT_REMOVALS
from optimails.mailbox.api import AnnotationLimits, MessageSet, NewMessage
from optimails.mailbox.service import INDEX, LocalMailService, account_directory, places
from optimails.model.errors import Reason, Refused, Unavailable
from optimails.model.flags import FLAGGED
from optimails.model.ids import AccountId
from optimails.model.number_set import NumberSet
from tests.support.memory import account, memory_mail
from tests.support.old_index import make_old
from tests.support.run import run

LIMITS = AnnotationLimits(entries=3, total=200)


@run
async def test_a_mailbox_has_so_many_values_and_the_account_so_many_bytes():
    mail = await memory_mail().open(account())
    notes = mail.annotations
    await notes.set("INBOX", {f"/shared/{n}": b"x" for n in range(3)}, LIMITS)
    for mailbox, values in (("INBOX", {"/shared/3": b"x", "/shared/0": b"y"}), ("Sent", {"/shared/0": b"x" * 200})):
        with pytest.raises(Refused) as refused:
            await notes.set(mailbox, values, LIMITS)
        assert refused.value.reason is Reason.LIMIT
    assert await notes.get("INBOX") == {f"/shared/{n}": b"x" for n in range(3)}  # all or none
    assert await notes.get("Sent") == {}
    await notes.set("INBOX", {"/shared/0": None, "/shared/3": b"x"}, LIMITS)
    assert sorted(await notes.get("INBOX")) == ["/shared/1", "/shared/2", "/shared/3"]
    await notes.set("INBOX", {"/shared/1": None}, AnnotationLimits(1, 1))  # to remove is always possible


@run
async def test_a_private_entry_is_its_users_and_a_shared_one_everybodys():
    service = memory_mail()
    ann = account()
    mail = await service.open(ann)
    await mail.annotations.set("INBOX", {"/private/a": b"mine", "/shared/a": b"ours"}, LIMITS)
    other = type(mail)(mail.engine, replace(ann, id=AccountId("bb")), lambda _: None)
    assert await other.annotations.get("INBOX") == {"/shared/a": b"ours"}
    assert (await other.annotations.news(0)).changed["INBOX"][0][0] == "/shared/a"
    assert await other.annotations.everywhere(("/private/a",)) == {}
    # What a visitor keeps for himself takes no room from the owner.
    await other.annotations.set("INBOX", {"/private/1": b"x" * 50, "/private/2": b"x" * 50}, LIMITS)
    await mail.annotations.set("INBOX", {"/private/b": b"x" * 100}, LIMITS)
    with pytest.raises(Refused):
        await other.annotations.set("INBOX", {"/private/3": b"x"}, LIMITS)


@run
async def test_removals_are_told_for_a_while_and_do_not_pile_up():
    mail = await memory_mail().open(account())
    notes = mail.annotations
    start = await notes.now()
    for n in range(KEPT_REMOVALS + 50):
        await notes.set(None, {f"/shared/{n}": b"x"}, LIMITS)
        await notes.set(None, {f"/shared/{n}": None}, LIMITS)
    news = await notes.news(start)
    assert KEPT_REMOVALS <= len(news.changed[None]) <= KEPT_REMOVALS + 1
    assert (await notes.news(news.modseq)).changed == {}


@run
async def test_what_a_deleted_mailbox_had_is_gone_also_when_its_name_stays():
    mail = await memory_mail().open(account())
    await mail.create("a/b")
    await mail.annotations.set("a", {"/shared/x": b"1"}, LIMITS)
    await mail.delete("a")  # its inferior keeps the name
    await mail.create("a")
    assert await mail.annotations.get("a") == {}


@run
async def test_an_account_of_an_earlier_version_keeps_its_mail_and_flags(tmp_path):
    ann = account()
    index = account_directory(tmp_path, ann.id) / INDEX

    async def opened(work):
        service = LocalMailService(places(tmp_path), MemoryBus())
        try:
            async with await service.open(ann) as mail:
                return await work(mail)
        finally:
            await service.close()

    async def flags(mail):
        box = await mail.select("INBOX")
        try:
            return [(uid, mask) for _, uid, mask in await box.flags(MessageSet(NumberSet.of([1]), by_uid=True))]
        finally:
            await box.close()

    async def fill(mail):
        await mail.append("INBOX", [NewMessage(b"Subject: x\r\n\r\n", frozenset({FLAGGED}))])
        return await flags(mail)

    async def note(mail):
        await mail.annotations.set("INBOX", {"/shared/a": b"1"}, LIMITS)
        return await flags(mail), await mail.annotations.get("INBOX")

    before = await opened(fill)
    with closing(sqlite3.connect(index)) as database, database:
        make_old(database)
    assert await opened(note) == (before, {"/shared/a": b"1"})
    with closing(sqlite3.connect(index)) as database, database:  # by a later version of the program
        (version,) = database.execute("PRAGMA user_version").fetchone()
        database.execute(f"PRAGMA user_version = {version + 1}")
    with pytest.raises(Unavailable):
        await opened(flags)
    with closing(sqlite3.connect(index)) as database, database:
        database.execute(f"PRAGMA user_version = {version}")
    assert await opened(flags) == before
