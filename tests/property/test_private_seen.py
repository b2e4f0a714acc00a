r"""A visitor's own ``\Seen`` against a model: whatever owner and visitor do, each sees his own, and both sessions hear
of what concerns them."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from optimails.mailbox.api import MessageSet, NewMessage, StoreMode
from optimails.model import query as q
from optimails.model.flags import DELETED, FLAGGED, SEEN
from optimails.model.number_set import NumberSet
from tests.support.memory import account, memory_mail

MESSAGES = 4
FLAGS = (SEEN, FLAGGED, DELETED)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("owner", "visitor")),
        st.sampled_from(StoreMode),
        st.sets(st.sampled_from(FLAGS)),
        st.integers(1, MESSAGES),
    ),
    max_size=12,
)


def changed(mode, old, flags):
    return {StoreMode.ADD: old | flags, StoreMode.REMOVE: old - flags, StoreMode.REPLACE: set(flags)}[mode]


async def seen_flags(view):
    every = MessageSet(NumberSet(((1, MESSAGES),)), by_uid=True)
    names = view.keywords.names
    return {uid: set(names(mask)) for _, uid, mask in await view.flags(every)}


async def play(steps):
    service = memory_mail()
    async with await service.open(account()) as mail:
        await mail.append("INBOX", [NewMessage(b"x: y\r\n\r\n") for _ in range(MESSAGES)])
        views = {"owner": await mail.select("INBOX"), "visitor": await mail.select("INBOX", guest=True, viewer="bob")}
        watcher = await mail.select("INBOX", guest=True, viewer="bob")
        told = await seen_flags(watcher)
        common = {uid: set() for uid in range(1, MESSAGES + 1)}
        read = {"owner": set(), "visitor": set()}
        for who, mode, flags, uid in steps:
            old = common[uid] | ({SEEN} if uid in read[who] else set())
            new = changed(mode, old, flags)
            common[uid] = new - {SEEN}
            (read[who].add if SEEN in new else read[who].discard)(uid)
            one = MessageSet(NumberSet(((uid, uid),)), by_uid=True)
            stored = await views[who].store(one, mode, frozenset(flags))
            assert set(views[who].keywords.names(stored.changed[0].flags)) == new
        expected = {
            who: {uid: common[uid] | ({SEEN} if uid in read[who] else set()) for uid in common} for who in views
        }
        for who, view in views.items():
            assert await seen_flags(view) == expected[who]
            assert set(await view.search(q.HasFlag(SEEN))) == read[who]
            assert set(await view.search(q.Not(q.HasFlag(SEEN)))) == set(common) - read[who]
        for change in (await watcher.sync(expunges=True)).changes:
            told[change.uid] = set(watcher.keywords.names(change.flags))
        assert told == expected["visitor"]
        assert mail.unseen_by(views["visitor"].id, "bob") == MESSAGES - len(read["visitor"])
        assert (await mail.status("INBOX")).unseen == MESSAGES - len(read["owner"])
        for view in (*views.values(), watcher):
            await view.close()


def test_what_is_about_expunged_messages_goes_with_the_next_round():
    async def check():
        service = memory_mail()
        async with await service.open(account()) as mail:
            await mail.append("INBOX", [NewMessage(b"x: y\r\n\r\n", frozenset({DELETED})) for _ in range(2)])
            view = await mail.select("INBOX", guest=True, viewer="bob")
            mail.mark_seen(view.id, "bob", [1, 2])
            await view.expunge(NumberSet(((1, 1),)))
            await service.maintain(account())
            with mail.engine.database.read() as connection:
                assert connection.execute("SELECT uid FROM seen_by").fetchall() == [(2,)]
            await view.close()

    asyncio.run(check())


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_each_has_his_own(steps):
    asyncio.run(play(steps))
