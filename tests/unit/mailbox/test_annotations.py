"""What METADATA keeps: limits, and how long it tells of what was removed."""

from dataclasses import replace

import pytest

from optimails.index.annotations import KEPT_REMOVALS
from optimails.mailbox.api import AnnotationLimits
from optimails.model.errors import Reason, Refused
from optimails.model.ids import AccountId
from tests.support.memory import account, memory_mail
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
