"""From a list to those who get its mail: members, aliases and lists among them, level by level.

**Once.** Who is reached on several ways gets one copy, by the way found first; a list or alias is followed once, which
ends circles. What a member leads to carries the number of the member's row, so that a bounce finds its way back to it;
members of an inner list carry their own.

**Who gets none.** A suspended member of an inner list is not followed. What the suspended members of the list itself
lead to is left out on whatever way it is reached: that is how an account is kept out of "everybody".

**Bounds.** ``list_members`` bounds what one list may reach, ``alias_depth`` how deep; beyond them the list as a whole
is refused, for mail to some and not to others would be lost in silence.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from sqlalchemy import Connection

from optimails.config.directory import DirectorySettings
from optimails.directory import lists, lookup
from optimails.directory.lookup import Hit
from optimails.directory.resolver import Resolver, Search, parse
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import Reason, Refused
from optimails.model.ids import AccountId
from optimails.model.mailing_list import Expansion, ListRecipient, MailingList

log = logging.getLogger(__name__)
BATCH = 1_000  # addresses looked up at a time
Level = dict[str, tuple[EmailAddress, int]]  # by key: addresses to look at, each with the member that leads there


class Read(Protocol):
    async def __call__(self, question: Any) -> Any:
        """The answer to a function of a connection, from a thread."""


@dataclass(slots=True)
class _Walk:
    """From some members to their ends."""

    ends: dict[str, ListRecipient] = field(default_factory=dict)  # by what must not get two copies
    dead: dict[str, ListRecipient] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def end(self, address: EmailAddress, member: int, hit: Hit) -> None:
        """An address that leads no further."""
        if hit.account is not None:
            self.ends.setdefault(hit.account.id, ListRecipient(hit.account.address, member, hit.account))
        elif not hit.local:
            self.ends.setdefault(address.key, ListRecipient(address, member))
        else:
            self.dead.setdefault(address.key, ListRecipient(address, member))


class Expander:
    """One per process."""

    def __init__(self, read: Read, settings: DirectorySettings, resolver: Resolver) -> None:
        self._read = read
        self._settings = settings
        self._resolver = resolver

    async def expand(self, of: MailingList) -> Expansion:
        """Raises ``Refused`` LIMIT, ``Unavailable``."""
        rows = (await self._members([of.key])).get(of.key, [])
        silent, active = _Walk(), _Walk()
        await self._follow(silent, _level(row for row in rows if row.suspended), of)
        if of.everyone:
            await self._everybody(active, of)
        await self._follow(active, _level(row for row in rows if not row.suspended), of)
        recipients = tuple(end for key, end in active.ends.items() if key not in silent.ends)
        return Expansion(recipients, tuple(silent.ends.values()), tuple(active.dead.values()))

    async def _follow(self, walk: _Walk, level: Level, of: MailingList) -> None:
        for _ in range(self._settings.alias_depth + 1):
            if not level:
                return
            walk.seen.update(level)
            level = await self._step(walk, level)
            if len(walk.seen) + len(level) > self._settings.list_members * 2:
                self._refuse(of)
            if len(walk.ends) > self._settings.list_members:
                self._refuse(of)
        if level:
            self._refuse(of)

    async def _step(self, walk: _Walk, level: Level) -> Level:
        """Take the ends of one level, give the next."""
        following: Level = {}
        inner: list[EmailAddress] = []
        entries = list(level.items())
        for start in range(0, len(entries), BATCH):
            batch = dict(entries[start : start + BATCH])
            hits = await self._resolver.look([address for address, _ in batch.values()], Search())
            for key, (address, member) in batch.items():
                hit = hits[key]
                if hit.mailing_list:
                    inner.append(address.base)
                elif hit.targets:
                    following |= {one: (parse(one), member) for one in hit.targets}
                else:
                    walk.end(address, member, hit)
        if inner:
            walk.seen.update(one.key for one in inner)
            following |= await self._inside(walk, [one.key for one in inner])
        return {key: entry for key, entry in following.items() if key not in walk.seen}

    async def _inside(self, walk: _Walk, keys: list[str]) -> Level:
        """The members of lists that were met on the way."""
        found: list[MailingList] = await self._read(lambda connection: lists.lists(connection, keys))
        for one in found:
            if one.everyone:
                await self._everybody(walk, one)
        members = await self._members(keys)
        return _level(row for rows in members.values() for row in rows if not row.suspended)

    async def _everybody(self, walk: _Walk, of: MailingList) -> None:
        limit = self._settings.list_members

        def question(connection: Connection) -> dict[AccountId, Account]:
            return lookup.open_accounts(connection, set(lists.everybody(connection, of.address.domain, limit + 1)))

        found: dict[AccountId, Account] = await self._read(question)
        if len(found) > limit:
            self._refuse(of)
        for account in found.values():
            walk.ends.setdefault(account.id, ListRecipient(account.address, 0, account))

    async def _members(self, keys: list[str]) -> dict[str, list[lists.Member]]:
        found: dict[str, list[lists.Member]] = await self._read(lambda connection: lists.members(connection, keys))
        return found

    def _refuse(self, of: MailingList) -> NoReturn:
        log.error("list_too_large", extra={"fields": {"list": of.key, "limit": self._settings.list_members}})
        raise Refused(Reason.LIMIT, "The list leads to too many addresses")


def _level(rows: Iterable[lists.Member]) -> Level:
    return {row.address: (parse(row.address), row.id) for row in rows}
