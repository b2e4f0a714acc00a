"""Members whose mail comes back: counted, in the end suspended, and the owners are told."""

import asyncio
import logging
from typing import Protocol

from prometheus_client import Counter

from optimails.delivery.lists.letterbox import Letterbox
from optimails.directory.admin import BounceInfo, MemberInfo
from optimails.directory.api import Directory
from optimails.lists import letters
from optimails.lists.api import Post
from optimails.lists.reports import failures
from optimails.model.address import EmailAddress
from optimails.model.errors import Refused
from optimails.model.mailing_list import MailingList

log = logging.getLogger(__name__)
_BOUNCES = Counter("optimails_list_bounces_total", "Mail to members of lists that came back, by result.", ["result"])


class Members(Protocol):
    """``optimails.directory.admin.Admin``, as far as lists change it. Calls block."""

    def member_bounced(self, member: int, status: str) -> BounceInfo | None: ...
    def member_remove(self, where: str, members: list[str]) -> list[MemberInfo]: ...
    def member_list(self, where: str) -> list[MemberInfo]: ...


class Bounces:
    def __init__(self, members: Members, directory: Directory, letterbox: Letterbox) -> None:
        self._members = members
        self._directory = directory
        self._letterbox = letterbox

    async def count(self, member: int, status: str) -> None:
        """Mail to this member came back; 0 is nobody whom we could suspend. Raises ``Unavailable``."""
        found = await asyncio.to_thread(self._members.member_bounced, member, status) if member else None
        if found is None:
            _BOUNCES.labels("unknown").inc()
            return
        _BOUNCES.labels("suspended" if found.suspended else "counted").inc()
        of = found.mailing_list
        fields = {"list": of.key, "member": found.member, "days": found.days, "status": status[:300]}
        log.info("list_bounce", extra={"fields": fields})
        if found.suspended:
            log.warning("list_member_suspended", extra={"fields": fields})
            await self._letterbox.send(
                of.owners or of.deciders,
                lambda to: letters.suspended(of, found.member, found.days, found.status, to),
            )

    async def read(self, of: MailingList, member: int, post: Post, content: bytes) -> None:
        """A mail came to the address for bounces of this member, or of several (0)."""
        found = failures(content)
        if found is None:
            log.info("list_bounce_unread", extra={"fields": {"list": of.key, "sender": post.sender}})
            return
        if member:
            if found:
                await self.count(member, found[0].status)
            return
        named = {one.recipient.key: one.status for one in found if one.recipient is not None}
        for number, status in (await self._numbers(of, named)).items():
            await self.count(number, status)

    async def _numbers(self, of: MailingList, named: dict[str, str]) -> dict[int, str]:
        """Which members these addresses are."""
        try:
            expansion = await self._directory.expand(of.key)
        except Refused:
            return {}
        return {one.member: named[one.address.key] for one in expansion.recipients if one.address.key in named}

    async def number(self, of: MailingList, who: EmailAddress) -> int:
        """The member of the list itself with this address, 0 for others. Raises ``Refused``, ``Unavailable``."""
        members = await asyncio.to_thread(self._members.member_list, of.key)
        return next((one.id for one in members if one.address == who.key), 0)

    async def direct(self, of: MailingList) -> dict[int, str]:
        """The members of the list itself, by number. Raises ``Refused``, ``Unavailable``."""
        return {one.id: one.address for one in await asyncio.to_thread(self._members.member_list, of.key)}

    async def leave(self, of: MailingList, number: int) -> str | None:
        """Who has this number is a member no longer; gives the address. Raises ``Refused``, ``Unavailable``."""
        members = await asyncio.to_thread(self._members.member_list, of.key)
        address = next((one.address for one in members if one.id == number), None)
        if address is not None:
            await asyncio.to_thread(self._members.member_remove, of.key, [address])
        return address
