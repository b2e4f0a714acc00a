"""Two sessions doing anything at all to one mailbox always see what a simple model says."""

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from optimails.mailbox.api import MessageSet, NewMessage, StoreMode
from optimails.model.flags import DELETED, FLAGGED, SEEN, Flag
from optimails.model.number_set import STAR, NumberSet
from tests.support.memory import account, memory_mail

FLAGS = st.frozensets(st.sampled_from([SEEN, FLAGGED, DELETED, Flag("$A"), Flag("$B")]), max_size=3)
WHO = st.integers(0, 1)
ALL = MessageSet(NumberSet(((1, STAR),)), by_uid=True)
MAIL = b"Subject: x\r\n\r\ntext\r\n"


class TwoSessions(RuleBasedStateMachine):
    """``self.messages`` is the truth (UID to flags), ``self.views`` what each client has been told."""

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.mail = self.do(memory_mail().open(account()))
        self.boxes = [self.do(self.mail.select("INBOX")) for _ in range(2)]
        self.messages = {}
        self.views = [[], []]
        self.next = 1
        self.archived = 0

    def do(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def teardown(self):
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def pick(self, who, data):
        view = self.views[who]
        numbers = data.draw(st.sets(st.integers(1, len(view)), min_size=1)) if view else set()
        return MessageSet(NumberSet.of(numbers), by_uid=False), [view[number - 1] for number in sorted(numbers)]

    @rule(count=st.integers(1, 3), flags=FLAGS)
    def append(self, count, flags):
        appended = self.do(self.mail.append("INBOX", [NewMessage(MAIL, flags)] * count))
        assert appended.uids == list(range(self.next, self.next + count))
        for uid in appended.uids:
            self.messages[uid] = set(flags)
        self.next += count

    @rule(who=WHO, data=st.data(), flags=FLAGS, mode=st.sampled_from(StoreMode))
    def store(self, who, data, flags, mode):
        named, uids = self.pick(who, data)
        if not uids:
            return
        stored = self.do(self.boxes[who].store(named, mode, flags))
        alive = [uid for uid in uids if uid in self.messages]
        assert [change.uid for change in stored.changed] == alive
        for uid in alive:
            old = self.messages[uid]
            changes = {StoreMode.ADD: old | flags, StoreMode.REMOVE: old - flags, StoreMode.REPLACE: set(flags)}
            self.messages[uid] = changes[mode]

    @rule(who=WHO)
    def expunge(self, who):
        self.do(self.boxes[who].expunge())
        self.messages = {uid: flags for uid, flags in self.messages.items() if DELETED not in flags}

    @rule(who=WHO, data=st.data(), move=st.booleans())
    def copy(self, who, data, move):
        named, uids = self.pick(who, data)
        if not uids:
            return
        box = self.boxes[who]
        copied = self.do(box.move(named, "Archive") if move else box.copy(named, "Archive"))
        alive = [uid for uid in uids if uid in self.messages]
        assert copied.sources == alive
        self.archived += len(alive)
        if move:
            for uid in alive:
                del self.messages[uid]

    @rule(who=WHO, expunges=st.booleans())
    def sync(self, who, expunges):
        news = self.do(self.boxes[who].sync(expunges=expunges))
        view = self.views[who]
        assert expunges or not news.expunged
        for number, uid in zip(news.expunged, news.expunged_uids, strict=True):
            assert view.pop(number - 1) == uid
        if news.exists is not None:
            arrived = sorted(uid for uid in self.messages if not view or uid > view[-1])
            view.extend(arrived)
            assert news.exists == len(view)
        for change in news.changes:
            assert view[change.seq - 1] == change.uid
            assert set(self.mail.keywords.names(change.flags)) == self.messages[change.uid]
        if expunges:
            assert view == sorted(self.messages)

    @invariant()
    def every_listing_agrees(self):
        for box, view in zip(self.boxes, self.views, strict=True):
            assert box.exists == len(view)
            listed = list(self.do(box.flags(ALL)))
            expected = [(at, uid, self.messages[uid]) for at, uid in enumerate(view, 1) if uid in self.messages]
            assert [(at, uid, set(self.mail.keywords.names(mask))) for at, uid, mask in listed] == expected

    @invariant()
    def counters_agree(self):
        status = self.do(self.mail.status("INBOX"))
        seen = sum(SEEN in flags for flags in self.messages.values())
        deleted = sum(DELETED in flags for flags in self.messages.values())
        assert (status.messages, status.unseen, status.deleted) == (
            len(self.messages),
            len(self.messages) - seen,
            deleted,
        )
        usage = self.do(self.mail.usage())
        assert usage.messages == len(self.messages) + self.archived
        assert usage.storage == usage.messages * len(MAIL)


TwoSessions.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestTwoSessions = TwoSessions.TestCase
