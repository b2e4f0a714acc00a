"""What sessions see of a mailbox, alone and side by side."""

import pytest

from optimails.mailbox.api import MessageSet, NewMessage, StoreMode, Want
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.flags import DELETED, FLAGGED, SEEN, Flag
from optimails.model.number_set import STAR, NumberSet
from optimails.model.query import InSet
from tests.support.memory import account, memory_mail
from tests.support.run import run

MAIL = b"From: Ann <ann@demo.test>\r\nSubject: %s\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\n\r\nText.\r\n"
ALL = MessageSet(NumberSet(((1, STAR),)), by_uid=True)


def seqs(*numbers):
    return MessageSet(NumberSet.of(numbers), by_uid=False)


def uids(*numbers):
    return MessageSet(NumberSet.of(numbers), by_uid=True)


async def filled(count=5, **limits):
    mail = await memory_mail().open(account(**limits))
    if count:
        await mail.append("INBOX", [NewMessage(MAIL % str(n).encode()) for n in range(1, count + 1)])
    return mail


@run
async def test_a_new_account_has_its_standard_mailboxes():
    mail = await filled(0)
    found = {info.name: (info.special_use, info.subscribed) for info in await mail.mailboxes()}
    assert found["INBOX"] == (None, True)
    assert {name: str(use) for name, (use, _) in found.items() if use} == {
        "Archive": "\\Archive", "Drafts": "\\Drafts", "Junk": "\\Junk", "Sent": "\\Sent", "Trash": "\\Trash"
    }  # fmt: skip


@run
async def test_flags_set_in_one_session_are_news_in_the_other_only():
    mail = await filled()
    one, other = await mail.select("INBOX"), await mail.select("INBOX")
    stored = await one.store(seqs(2, 3), StoreMode.ADD, frozenset({SEEN, Flag("$Work")}))
    assert [(change.seq, change.uid, mail.keywords.render(change.flags)) for change in stored.changed] == [
        (2, 2, b"\\Seen $Work"), (3, 3, b"\\Seen $Work")
    ]  # fmt: skip
    assert not await one.sync(expunges=True)
    assert [change.uid for change in (await other.sync(expunges=True)).changes] == [2, 3]
    assert not await other.sync(expunges=True)
    assert (await mail.status("INBOX")).unseen == 3


@run
async def test_replace_and_remove():
    mail = await filled(2)
    box = await mail.select("INBOX")
    await box.store(ALL, StoreMode.ADD, frozenset({SEEN, FLAGGED}))
    await box.store(uids(1), StoreMode.REPLACE, frozenset({FLAGGED}))
    await box.store(uids(2), StoreMode.REMOVE, frozenset({FLAGGED, Flag("never-seen")}))
    assert [mail.keywords.render(mask) for _, _, mask in await box.flags(ALL)] == [b"\\Flagged", b"\\Seen"]
    assert mail.keywords.known() == []


@run
async def test_store_unchanged_since_leaves_what_changed_alone():
    mail = await filled(3)
    one, other = await mail.select("INBOX"), await mail.select("INBOX")
    known = one.highest_modseq
    await other.store(uids(2), StoreMode.ADD, frozenset({SEEN}))
    stored = await one.store(ALL, StoreMode.ADD, frozenset({FLAGGED}), unchanged_since=known)
    assert stored.modified == [2]
    assert [change.uid for change in stored.changed] == [1, 3]


@run
async def test_an_expunged_message_keeps_its_number_until_it_may_be_told():
    mail = await filled(5)
    one, other = await mail.select("INBOX"), await mail.select("INBOX")
    await one.store(seqs(2, 4), StoreMode.ADD, frozenset({DELETED}))
    await one.expunge()
    await mail.append("INBOX", [NewMessage(MAIL % b"6")])
    sync = await other.sync(expunges=False)
    assert (sync.expunged, sync.exists, other.exists) == ([], 6, 6)
    assert [(seq, uid) for seq, uid, _ in await other.flags(seqs(1, 2, 3, 6))] == [(1, 1), (3, 3), (6, 6)]
    with pytest.raises(Refused) as refused:
        await other.open_message(2)
    assert refused.value.reason is Reason.EXPUNGE_ISSUED
    sync = await other.sync(expunges=True)
    assert (sync.expunged, sync.expunged_uids, other.exists) == ([4, 2], [4, 2], 4)
    assert [(seq, uid) for seq, uid, _ in await other.flags(ALL)] == [(1, 1), (2, 3), (3, 5), (4, 6)]


@run
async def test_a_view_that_was_never_listed_still_tells_the_right_numbers():
    mail = await filled(5)
    idle, other = await mail.select("INBOX"), await mail.select("INBOX")
    await other.store(uids(1, 5), StoreMode.ADD, frozenset({DELETED}))
    await other.expunge()
    await mail.append("INBOX", [NewMessage(MAIL % b"6")])
    sync = await idle.sync(expunges=True)
    assert (sync.expunged, sync.exists, idle.exists) == ([5, 1], 4, 4)


@run
async def test_uid_expunge_takes_only_what_it_names():
    mail = await filled(3)
    box = await mail.select("INBOX")
    await box.store(ALL, StoreMode.ADD, frozenset({DELETED}))
    await box.expunge(NumberSet(((2, STAR),)))
    assert (await box.sync(expunges=True)).expunged_uids == [3, 2]
    assert [uid for _, uid, _ in await box.flags(ALL)] == [1]


@run
async def test_copy_and_move_tell_where_things_went_and_count_right():
    mail = await filled(4)
    box = await mail.select("INBOX")
    await box.store(uids(2), StoreMode.ADD, frozenset({SEEN}))
    copied = await box.copy(uids(1, 2), "Archive")
    assert (copied.sources, copied.targets) == ([1, 2], [1, 2])
    moved = await box.move(uids(3, 4), "Archive")
    assert (moved.sources, moved.targets) == ([3, 4], [3, 4])
    assert (await box.sync(expunges=True)).expunged_uids == [4, 3]
    status = await mail.status("Archive")
    assert (status.messages, status.unseen) == (4, 3)
    assert (await mail.usage()).messages == 6
    archive = await mail.select("Archive")
    file = await archive.open_message(3)
    assert bytes(file.view()) == MAIL % b"3"


@run
async def test_moving_onto_itself_gives_new_uids():
    mail = await filled(2)
    box = await mail.select("INBOX")
    moved = await box.move(ALL, "INBOX")
    assert (moved.sources, moved.targets) == ([1, 2], [3, 4])
    sync = await box.sync(expunges=True)
    assert (sync.expunged_uids, sync.exists) == ([2, 1], 2)
    assert (await mail.status("INBOX")).messages == 2


@run
async def test_quota_is_exact_and_a_refused_copy_leaves_nothing():
    size = len(MAIL % b"1")
    mail = await filled(2, storage=3 * size)
    box = await mail.select("INBOX")
    with pytest.raises(Refused) as refused:
        await box.copy(ALL, "Archive")
    assert refused.value.reason is Reason.OVER_QUOTA
    assert (await mail.status("Archive")).messages == 0
    await box.copy(uids(1), "Archive")
    assert (await mail.usage()).storage == 3 * size
    with pytest.raises(Refused):
        await mail.append("INBOX", [NewMessage(b"x")])
    await mail.append("INBOX", [NewMessage(b"x")], exempt=True)
    await box.move(uids(2), "Trash")  # moving needs no room
    await box.store(uids(1), StoreMode.ADD, frozenset({DELETED}))
    await box.expunge()
    assert (await mail.usage()).storage == 2 * size + 1


@run
async def test_an_append_of_several_is_all_or_nothing():
    mail = await filled(0, messages=2)
    with pytest.raises(Refused):
        await mail.append("INBOX", [NewMessage(MAIL % b"1")] * 3)
    assert (await mail.status("INBOX")).messages == 0
    assert (await mail.usage()).messages == 0


@run
async def test_read_only_changes_nothing():
    mail = await filled(1)
    box = await mail.select("INBOX", read_only=True)
    for attempt in (box.store(ALL, StoreMode.ADD, frozenset({SEEN})), box.expunge(), box.move(ALL, "Trash")):
        with pytest.raises(Refused) as refused:
            await attempt
        assert refused.value.reason is Reason.NO_PERMISSION


@run
async def test_recent_belongs_to_the_first_session():
    mail = await filled(2)
    peek = await mail.select("INBOX", read_only=True)
    assert (await mail.status("INBOX")).recent == 2
    first = await mail.select("INBOX")
    second = await mail.select("INBOX")
    assert [box.is_recent(1) for box in (peek, first, second)] == [True, True, False]
    await mail.append("INBOX", [NewMessage(MAIL % b"3")])
    await first.sync(expunges=True)
    await first.close()
    assert not (await mail.select("INBOX")).is_recent(3)


@run
async def test_arrivals_are_recent_to_the_session_that_hears_of_them():
    mail = await filled(2)
    listed, unlisted = await mail.select("INBOX"), await mail.select("INBOX")
    await listed.flags(ALL)
    await mail.append("INBOX", [NewMessage(MAIL % b"3")])
    assert [(await box.sync(expunges=True)).recent for box in (listed, unlisted)] == [3, 1]


@run
async def test_a_view_follows_when_another_session_renames_its_mailbox():
    mail = await filled(0)
    await mail.create("Old")
    box = await mail.select("Old")
    await mail.rename("Old", "New")
    await mail.append("New", [NewMessage(MAIL % b"1")])
    assert (await box.sync(expunges=True)).exists == 1
    assert box.name == "New"


@run
async def test_rows_have_what_was_asked_and_know_their_numbers():
    mail = await filled(3)
    box = await mail.select("INBOX")
    rows = [row async for batch in box.fetch(seqs(1, 3), Want.SIZE | Want.ENVELOPE) for row in batch]
    assert [(row.seq, row.uid, row.size, row.flags) for row in rows] == [
        (1, 1, len(MAIL % b"1"), None), (3, 3, len(MAIL % b"1"), None)
    ]  # fmt: skip
    assert rows[1].envelope.startswith(b'("Mon, 1 Jan 2024 10:00:00 +0000" "3" (("Ann" NIL "ann" "demo.test"))')


@run
async def test_changed_since_gives_only_changes_among_the_named():
    mail = await filled(6)
    box = await mail.select("INBOX")
    before = box.highest_modseq
    await box.store(uids(2, 4, 6), StoreMode.ADD, frozenset({SEEN}))
    rows = [row async for batch in box.fetch(uids(1, 2, 3, 6), Want.FLAGS | Want.MODSEQ, before) for row in batch]
    assert [(row.seq, row.uid) for row in rows] == [(2, 2), (6, 6)]
    assert all(row.modseq > before for row in rows)


@run
async def test_a_deleted_mailbox_ends_its_sessions():
    mail = await filled(0)
    await mail.create("Old")
    box = await mail.select("Old")
    await mail.delete("Old")
    assert (await box.sync(expunges=True)).gone


@run
async def test_a_sequence_number_beyond_the_view_is_bad():
    mail = await filled(1)
    box = await mail.select("INBOX")
    await mail.append("INBOX", [NewMessage(MAIL % b"2")])
    with pytest.raises(BadSyntax):
        await box.flags(seqs(2))
    await box.sync(expunges=False)
    assert [uid for _, uid, _ in await box.flags(seqs(2))] == [2]


@run
async def test_watching_wakes_up():
    import asyncio

    mail = await filled(0)
    box = await mail.select("INBOX")
    woken = asyncio.Event()
    box.watch(woken.set)
    await mail.append("INBOX", [NewMessage(MAIL % b"1")])
    await asyncio.wait_for(woken.wait(), 5)
    assert (await box.sync(expunges=True)).exists == 1
    box.watch(None)


@run
async def test_an_expunge_told_to_another_session_while_a_view_is_made_keeps_its_number():
    mail = await filled(3)
    late, other = await mail.select("INBOX"), await mail.select("INBOX")
    await other.store(uids(1), StoreMode.ADD, frozenset({DELETED}))
    look = late._run

    async def slow(function, *arguments):
        result = await look(function, *arguments)
        if function == late._gone_since:  # the thread has looked, the loop goes on with somebody else first
            await other.expunge()
            await other.sync(expunges=True)
        return result

    late._run = slow
    assert list(await late.uids(seqs(3))) == [3]
    assert (await late.sync(expunges=True)).expunged == [1]
    assert list(await late.uids(seqs(2))) == [3]


@run
async def test_thousands_of_single_messages_come_in_a_few_batches():
    mail = await filled(0)
    await mail.append("INBOX", [NewMessage(b"Subject: x\r\n\r\n")] * 1300)
    box = await mail.select("INBOX")
    await box.store(ALL, StoreMode.ADD, frozenset({SEEN}))
    odd = seqs(*range(1, 1300, 2))
    for since in (None, 1):
        batches = [batch async for batch in box.fetch(odd, Want.FLAGS | Want.SIZE, since)]
        assert [row.seq for batch in batches for row in batch] == list(range(1, 1300, 2))
        assert [len(batch) for batch in batches] == [500, 150]


@run
async def test_expunging_and_searching_among_many_ranges():
    mail = await filled(0)
    await mail.append("INBOX", [NewMessage(b"Subject: x\r\n\r\n")] * 300)
    box = await mail.select("INBOX")
    await box.store(ALL, StoreMode.ADD, frozenset({DELETED}))
    assert await box.search(InSet(NumberSet.of(range(2, 400, 2)), by_uid=True)) == list(range(2, 301, 2))
    await box.expunge(NumberSet.of(range(2, 400, 2)))
    await box.sync(expunges=True)
    assert list(await box.uids(ALL)) == list(range(1, 301, 2))
    assert await box.sequence_numbers(list(range(3, 301, 2))) == list(range(2, 151))


@run
async def test_a_silent_store_does_not_hide_what_somebody_else_changed_before():
    mail = await filled(3)
    one, other = await mail.select("INBOX"), await mail.select("INBOX")
    await other.store(uids(1), StoreMode.ADD, frozenset({FLAGGED}))
    await one.store(uids(1, 2), StoreMode.ADD, frozenset({SEEN}))
    changes = (await one.sync(expunges=True)).changes
    assert [(change.uid, mail.keywords.render(change.flags)) for change in changes] == [(1, b"\\Flagged \\Seen")]
    assert not await one.sync(expunges=True)
