"""A post on its way to the members of its list.

**Once each.** Who is to get it is written down first (``ListStore.begin``), then served in small groups, and after
each group struck out. Members here are delivered to, others go into the queue. Who cannot be reached for now is tried
again with growing intervals, as in the queue; the content and the envelope of each are the same at every attempt, so
that what an earlier one has done in part (an account that forwards) is recognised.

**Senders.** Each member's copy has an envelope sender of its own (``Addresses.bounces``), so that a bounce names the
member, whatever the report looks like. A large post for members elsewhere goes into the queue in one piece for many:
then the report itself has to say who is meant.

**From.** Where the author's domain forbids others to write in its name (DMARC), the list's own address stands in From,
and answers go to the author. What leaves is signed for the list's domain.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import Counter

from optimails.delivery.api import Delivered, Outcome, Outgoing
from optimails.delivery.lists.bounces import Bounces
from optimails.delivery.spool import Spool
from optimails.directory.api import Directory
from optimails.dkim import Signer
from optimails.lists.addresses import SHARED, Addresses
from optimails.lists.api import Post, State, Target
from optimails.lists.header import author, rewritten, unsubscribe
from optimails.lists.store import ListStore
from optimails.model.address import EmailAddress
from optimails.model.errors import Unavailable
from optimails.model.mailing_list import FromRewrite, MailingList
from optimails.queue.schedule import Schedule

log = logging.getLogger(__name__)

LARGE = 65_536  # bytes: beyond them members elsewhere share one message in the queue
AT_A_TIME = 8  # members served at a time: as many may get a post twice after kill -9
TOGETHER = 100  # recipients of one shared message
MAX_HEADER = 524_288  # bytes; the intake has seen to it that the header ends before
_COPIES = Counter("optimails_list_copies_total", "Copies of posts to members of lists, by result.", ["result"])

Forbids = Callable[[str], Awaitable[bool]]
"""Whether a domain forbids others to write in its name."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """What every member gets."""

    post: Post
    of: MailingList
    header: bytes
    content: Spool
    top: bytes  # what stands above it, where a member has nothing of his own there
    links: dict[tuple[int, str], str]  # where members leave by one click, by their number and address
    expires: float


class Posting:
    """One per process, the jobs worker."""

    def __init__(  # noqa: PLR0913 - all that a post meets on its way
        self,
        store: ListStore,
        directory: Directory,
        outgoing: Outgoing,
        *,
        addresses: Addresses,
        bounces: Bounces,
        signer: Signer,
        forbids: Forbids,
        schedule: Schedule,
        web: str = "",
    ) -> None:
        """``web`` is where the pages of this service are, "https://host"; empty: nowhere."""
        self._store = store
        self._directory = directory
        self._outgoing = outgoing
        self._addresses = addresses
        self._bounces = bounces
        self._signer = signer
        self._forbids = forbids
        self._schedule = schedule
        self._web = web

    async def send(self, post: Post, of: MailingList) -> None:
        """Serve all whose turn it is. Raises ``Refused`` (the list leads to too many), ``Unavailable``."""
        expires = post.expires or 0.0
        if post.state is State.WAITING:
            found = await self._directory.expand(of.key)
            expires = self._store.clock() + self._schedule.lifetime()
            for one in found.dead:
                await self._bounces.count(one.member, "5.1.1 No such user here")
            await self._store.begin(post.id, [(one.address, one.member) for one in found.recipients], expires)
        header, spool, top = await self._content(post, of)
        try:
            copy = _Copy(post, of, header, spool, top, await self._links(post, of), expires)
            while targets := await self._store.targets(post.id, TOGETHER):
                for group, sender in await self._groups(post, of, targets):
                    await self._serve(copy, group, sender)
        finally:
            spool.close()
        if await self._store.rest(post.id):
            log.info("list_post_sent", extra={"fields": {"list": of.key, "post": post.id}})

    async def _groups(
        self, post: Post, of: MailingList, targets: Sequence[Target]
    ) -> list[tuple[list[Target], EmailAddress | None]]:
        """Who is served together; with the sender that they share, or None: each has its own."""
        shared: list[Target] = []
        single: list[Target] = []
        for one in targets:
            large = post.size > LARGE and not await self._directory.is_local(one.address.domain)
            (shared if large else single).append(one)
        groups: list[tuple[list[Target], EmailAddress | None]] = [
            (single[start : start + AT_A_TIME], None) for start in range(0, len(single), AT_A_TIME)
        ]
        if shared:
            groups.append((shared, self._addresses.bounces(of, SHARED)))
        return groups

    async def _serve(self, copy: _Copy, group: list[Target], sender: EmailAddress | None) -> None:
        via = copy.of.address.domain
        outcomes: dict[EmailAddress, Outcome] = {}
        broken: list[BaseException] = []
        if sender is not None:
            addresses = [one.address for one in group]
            outcomes |= await self._outgoing.submit(sender, addresses, copy.content, copy.top, via=via)
        else:
            tops = await asyncio.to_thread(lambda: [self._top_of(copy, one) for one in group])
            sent = await asyncio.gather(
                *(
                    self._outgoing.submit(
                        self._addresses.bounces(copy.of, one.member), (one.address,), copy.content, top, via=via
                    )
                    for one, top in zip(group, tops, strict=True)
                ),
                return_exceptions=True,
            )  # fmt: skip
            broken = [one for one in sent if isinstance(one, BaseException)]
            for some in sent:
                if not isinstance(some, BaseException):
                    outcomes |= some
        now = self._store.clock()
        done: list[Target] = []
        later: list[tuple[Target, float]] = []
        for target in group:
            outcome = outcomes.get(target.address)
            if outcome is None:
                continue
            if isinstance(outcome, Delivered):
                _COPIES.labels("sent").inc()
                done.append(target)
            elif not outcome.permanent and now < copy.expires:
                _COPIES.labels("deferred").inc()
                later.append((target, self._schedule.next_attempt(now, target.attempts + 1)))
            else:
                _COPIES.labels("failed").inc()
                await self._bounces.count(target.member, f"{outcome.status} {outcome.text}")
                done.append(target)
        await self._store.settle(copy.post.id, done, later)
        if broken:
            raise broken[0]  # once it is noted who has it

    async def _links(self, post: Post, of: MailingList) -> dict[tuple[int, str], str]:
        """Of those who are members by their own address. A large post is signed once for all, and nobody has one."""
        if not (of.leave and self._web) or post.size > LARGE:
            return {}
        direct = await self._bounces.direct(of)
        return {one: self._web + self._addresses.page(of, one[0]) for one in direct.items()}

    def _top_of(self, copy: _Copy, target: Target) -> bytes:
        """What stands above this member's copy: how to leave, signed with the rest (RFC 8058 §4)."""
        link = copy.links.get((target.member, target.address.key))
        if link is None:
            return copy.top
        leaving = unsubscribe(copy.of, link)
        return self._signature(copy.post, copy.of, leaving + copy.header) + leaving

    async def _content(self, post: Post, of: MailingList) -> tuple[bytes, Spool, bytes]:
        """The header and the whole of the post as it is sent on, and what stands on top. Raises ``Unavailable``."""
        header = await asyncio.to_thread(self._store.contents.header, post.id, MAX_HEADER)
        replace_from = await self._replaces_from(of, header)
        return await asyncio.to_thread(self._compose, post, of, header, replace_from=replace_from)

    async def _replaces_from(self, of: MailingList, header: bytes) -> bool:
        if of.from_rewrite is not FromRewrite.POLICY:
            return of.from_rewrite is FromRewrite.ALWAYS
        who = author(header)
        # The list's own domain signs for its authors, too.
        return who is not None and who.domain != of.address.domain and await self._forbids(who.domain)

    def _compose(self, post: Post, of: MailingList, header: bytes, *, replace_from: bool) -> tuple[bytes, Spool, bytes]:
        new = rewritten(header, of, replace_from=replace_from)
        spool = Spool(memory=max(LARGE * 4, MAX_HEADER))
        try:
            spool.write(new)
            for piece in self._body(post, len(header)):
                spool.write(piece)
            leaving = unsubscribe(of)
            return new, spool, self._signature(post, of, leaving + new) + leaving
        except OSError as wrong:
            spool.close()
            raise Unavailable("The post cannot be read now") from wrong

    def _body(self, post: Post, start: int) -> Iterator[bytes]:
        """What follows the header, the empty line first."""
        with self._store.contents.path(post.id).open("rb") as file:
            file.seek(start)
            while piece := file.read(LARGE * 4):
                yield piece

    def _signature(self, post: Post, of: MailingList, header: bytes) -> bytes:
        domain = of.address.domain
        try:
            if not self._signer.signs_for(domain):
                return b""
            length = len(self._store.contents.header(post.id, MAX_HEADER))
            return self._signer.sign(header, self._body(post, length + 2), domain)
        except OSError as wrong:  # mail without a signature is better than no mail
            log.warning("dkim_not_signed", extra={"fields": {"domain": domain, "why": str(wrong)}})
            return b""
