"""Lists at work, in the jobs worker: posts go to their members, held ones to their moderators, bounces are counted.

Every mail is safe in the ``ListStore``; what cannot be done now is done later, and the runner that is killed leaves the
rest to the next one.
"""

import asyncio
import logging
from typing import Protocol

from optimails.audit import AuditLog
from optimails.delivery.lists.bounces import Bounces
from optimails.delivery.lists.letterbox import Letterbox
from optimails.directory.api import Directory
from optimails.lists import letters
from optimails.lists.addresses import Addresses, Bounced, Decided, Errand, Leaves
from optimails.lists.api import Post, State
from optimails.lists.policy import is_automatic
from optimails.lists.store import ListStore
from optimails.model.address import EmailAddress
from optimails.model.errors import MailError, Refused
from optimails.model.mailing_list import MailingList
from optimails.queue.schedule import Schedule

log = logging.getLogger(__name__)

LOOK_AROUND = 30.0  # seconds between two looks when nothing happens
AT_A_TIME = 4  # mails worked on at a time
MAX_REPORT = 262_144  # bytes of a report that are read


class Sends(Protocol):
    """``optimails.delivery.lists.posting.Posting``."""

    async def send(self, post: Post, of: MailingList) -> None: ...


class ListRunner:
    """Use ``run``; tests call ``step``."""

    def __init__(  # noqa: PLR0913 - all that lists are made of
        self,
        store: ListStore,
        directory: Directory,
        posting: Sends,
        *,
        addresses: Addresses,
        bounces: Bounces,
        letterbox: Letterbox,
        audit: AuditLog,
        schedule: Schedule,
    ) -> None:
        self._store = store
        self._directory = directory
        self._posting = posting
        self._addresses = addresses
        self._bounces = bounces
        self._letterbox = letterbox
        self._audit = audit
        self._schedule = schedule
        self._awake = asyncio.Event()

    def wake(self) -> None:
        """There may be something to do."""
        self._awake.set()

    async def run(self) -> None:
        """For ever."""
        await self._quietly_clean()
        while True:
            self._awake.clear()
            pause = LOOK_AROUND
            try:
                if await self.step():
                    continue
                due = await self._store.next_due()
                if due is not None:
                    pause = min(pause, max(0.2, due - self._store.clock()))
            except MailError as wrong:
                log.warning("lists_wait", extra={"fields": {"why": str(wrong)}})
            try:
                async with asyncio.timeout(pause):
                    await self._awake.wait()
            except TimeoutError:
                continue

    async def step(self) -> int:
        """Work on some of what is due; gives on how many. Raises ``Unavailable``."""
        await self._store.recover()
        posts = await self._store.lease(AT_A_TIME)
        await asyncio.gather(*(self._work(post) for post in posts))
        return len(posts)

    async def _quietly_clean(self) -> None:
        try:
            await self._store.clean()
        except MailError as wrong:
            log.warning("lists_wait", extra={"fields": {"why": str(wrong)}})

    async def _work(self, post: Post) -> None:
        try:
            await self._one(post)
        except MailError as wrong:
            log.warning("list_post_waits", extra={"fields": {"post": post.id, "list": post.mailing_list,
                                                             "why": str(wrong)}})  # fmt: skip
            await self._again(post)
        except Exception:
            log.exception("list_post_failed", extra={"fields": {"post": post.id, "list": post.mailing_list}})
            await self._again(post)

    async def _again(self, post: Post) -> None:
        now = self._store.clock()
        await self._store.later(post.id, self._schedule.next_attempt(now, post.attempts + 1))

    async def _one(self, post: Post) -> None:
        of = await self._directory.mailing_list(EmailAddress(*post.mailing_list.rpartition("@")[::2]))
        if of is None:
            log.warning("list_post_given_up", extra={"fields": {"post": post.id, "list": post.mailing_list,
                                                                "why": "the list is gone"}})  # fmt: skip
            await self._store.forget(post.id)
        elif post.tag:
            await self._errand(post, of)
        elif post.state is State.HELD:
            await self._held(post, of)
        elif post.state is State.REJECTED:
            await self._letterbox.poster(post.account, lambda to: letters.rejected(of, post, to, post.reason))
            await self._store.forget(post.id)
        elif post.state is State.WAITING and self._store.clock() > post.arrived + self._schedule.lifetime() * 2:
            log.error("list_post_given_up", extra={"fields": {"post": post.id, "list": of.key,
                                                              "why": "it could not be sent on"}})  # fmt: skip
            await self._letterbox.poster(post.account, lambda to: letters.expired(of, post, to))
            await self._store.forget(post.id)
        else:
            await self._posting.send(post, of)

    # -- moderation

    async def _held(self, post: Post, of: MailingList) -> None:
        if post.told and (post.expires or 0) <= self._store.clock():
            log.info("list_post_expired", extra={"fields": {"post": post.id, "list": of.key}})
            await self._letterbox.send(of.deciders, lambda to: letters.expired(of, post, to))
            await self._letterbox.poster(post.account, lambda to: letters.expired(of, post, to))
            await self._store.forget(post.id)
            return
        content = await asyncio.to_thread(self._shown, post)

        def letter(to: EmailAddress) -> bytes:
            approve = self._addresses.decision(of, post.id, to.key, approve=True)
            reject = self._addresses.decision(of, post.id, to.key, approve=False)
            return letters.held(of, post, content, to, letters.Choice(approve, reject))

        await self._letterbox.send(of.deciders, letter)
        await self._letterbox.poster(post.account, lambda to: letters.waits(of, post, to))
        await self._store.announced(post.id)

    def _shown(self, post: Post) -> bytes:
        """As much of the post as its moderators are shown."""
        contents = self._store.contents
        return contents.whole(post.id, letters.MAX_ATTACHED) or contents.header(post.id)

    # -- errands

    async def _errand(self, post: Post, of: MailingList) -> None:
        content = await asyncio.to_thread(self._store.contents.whole, post.id, MAX_REPORT * 2) or b""
        try:
            errand: Errand | None = self._addresses.read(of, post.tag)
        except ValueError:  # the moderator is none any more
            errand = None
        header = content.partition(b"\r\n\r\n")[0] + b"\r\n"
        if isinstance(errand, Bounced):
            await self._bounces.read(of, errand.member, post, content[:MAX_REPORT])
        elif not post.sender or is_automatic(header):
            pass  # no machine decides for a person
        elif isinstance(errand, Decided):
            await self._decide(of, errand)
        elif isinstance(errand, Leaves):
            await self._leaves(post, of, errand)
        await self._store.forget(post.id)

    async def _decide(self, of: MailingList, errand: Decided) -> None:
        held = await self._store.get(errand.post)
        if held is None or held.state is not State.HELD or held.mailing_list != of.key:
            return  # somebody was faster
        act = "list approve" if errand.approve else "list reject"
        await asyncio.to_thread(self._audit.record, errand.moderator, "mail", act, of.key, {"post": errand.post})
        decide = self._store.approve if errand.approve else self._store.reject
        if await decide(errand.post):
            fields = {"post": errand.post, "list": of.key, "moderator": errand.moderator, "approved": errand.approve}
            log.info("list_post_decided", extra={"fields": fields})

    async def _leaves(self, post: Post, of: MailingList, errand: Leaves) -> None:
        """Who wants to leave: at once when the account, or the signed address, proves who it is, else after asking."""
        if not of.leave:
            return
        try:
            number = errand.member
            if not number:
                account = await self._letterbox.account(post.account)
                who = account.address if account is not None else EmailAddress(*post.sender.rpartition("@")[::2])
                number = await self._bounces.number(of, who)
                if number and account is None:
                    confirm = self._addresses.confirm(of, number)
                    await self._letterbox.send((who.key,), lambda to: letters.leaving(of, to, confirm))
                    return
            address = await self._bounces.leave(of, number) if number else None
        except Refused:
            return
        if address is not None:
            log.info("list_member_left", extra={"fields": {"list": of.key, "member": address}})
            await self._letterbox.send((address,), lambda to: letters.left(of, to))
