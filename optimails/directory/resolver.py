"""From an address to the accounts and remote addresses behind it: aliases of aliases, level by level.

Every address is looked at once, so that loops end; ``alias_depth`` and ``alias_targets`` bound the rest, and beyond
them the whole address is refused: delivering to some and not to others would lose mail in silence. Each level costs a
fixed number of statements, however wide it is.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection

from optimails.config.directory import DirectorySettings
from optimails.directory import lookup
from optimails.directory.api import Resolution
from optimails.directory.lookup import Hit
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.ids import AccountId

log = logging.getLogger(__name__)

FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Found:
    """Where an address leads."""

    local: bool  # its domain is ours
    resolution: Resolution | None  # None: nowhere
    by_default: bool = False  # it exists only for a postmaster's or catch-all rule
    seconds: float = FOREVER  # for which this may be remembered


@dataclass(frozen=True, slots=True)
class Outside:
    """What another source (LDAP) says of an address: an account that is ours now, or a group."""

    account: AccountId | None
    targets: tuple[str, ...]
    seconds: float


class OtherSource(Protocol):
    def knows(self, domain: str) -> bool: ...
    async def find(self, address: EmailAddress) -> Outside | None:
        """Raises ``Unavailable`` when the source cannot tell."""


@dataclass(slots=True)
class Search:
    """One walk from an address to its ends."""

    accounts: dict[AccountId, Account] = field(default_factory=dict)
    remote: dict[str, EmailAddress] = field(default_factory=dict)
    lists: dict[str, EmailAddress] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    seconds: float = FOREVER
    by_default: bool = False


class Resolver:
    def __init__(
        self,
        read: "Callable[[Callable[[Connection], dict[str, Hit]]], Awaitable[dict[str, Hit]]]",
        settings: DirectorySettings,
        other: OtherSource | None,
    ) -> None:
        """``read`` runs a question on a connection, in a thread."""
        self._read = read
        self._settings = settings
        self._other = other

    async def find(self, address: EmailAddress) -> Found:
        """Where mail for the address goes. Raises ``Unavailable``, and ``Refused`` LIMIT for an alias beyond bounds."""
        search = Search()
        level = [address]
        local = False
        for depth in range(self._settings.alias_depth + 1):
            hits = await self.look(level, search)
            if depth == 0:
                local = hits[address.key].local
                if not local:
                    return Found(local=False, resolution=None)
            level = self._next(level, hits, search, first=depth == 0)
            if not level:
                break
        else:
            log.error("alias_too_deep", extra={"fields": {"alias": address.key}})
            raise Refused(Reason.LIMIT, "The address leads through too many others")
        if not search.accounts and not search.remote and not search.lists:
            return Found(local=local, resolution=None)
        resolution = Resolution(
            tuple(search.accounts.values()), tuple(search.remote.values()), tuple(search.lists.values())
        )
        return Found(local, resolution, search.by_default, search.seconds)

    async def login(self, address: EmailAddress) -> AccountId | None:
        """The one account that an address stands for when somebody logs in with it, in our own tables."""
        seen: set[str] = set()
        for _ in range(self._settings.alias_depth + 1):
            if address.key in seen:
                return None
            seen.add(address.key)
            hit = (await self._hits([address]))[address.key]
            if hit.account is not None:
                exact = hit.account.address.key == address.key
                return hit.account.id if exact else None
            if len(hit.targets) != 1:
                return None
            address = parse(hit.targets[0])
        return None

    async def _hits(self, level: list[EmailAddress]) -> dict[str, Hit]:
        return await self._read(lambda connection: lookup.hits(connection, level))

    async def look(self, level: list[EmailAddress], search: Search) -> dict[str, Hit]:
        """What the addresses of one level are, with the other source asked for those that we do not know."""
        hits = await self._hits(level)
        if self._other is None:
            return hits
        ids: dict[str, AccountId] = {}
        for address in level:
            hit = hits[address.key]
            if not hit.local or hit.taken or not self._other.knows(address.domain):
                continue
            outside = await self._other.find(address)
            if outside is None:
                continue
            search.seconds = min(search.seconds, outside.seconds)
            if outside.account is not None:
                ids[address.key] = outside.account
            else:
                hits[address.key] = Hit(local=True, targets=outside.targets, taken=True)
        if ids:
            for key, holder in (await self._people(ids)).items():
                hits[key] = Hit(local=True, account=holder, taken=True)
        return hits

    async def _people(self, ids: dict[str, AccountId]) -> dict[str, Account | None]:
        def question(connection: Connection) -> dict[str, Hit]:
            people = lookup.open_accounts(connection, set(ids.values()))
            return {key: Hit(local=True, account=people.get(account_id)) for key, account_id in ids.items()}

        return {key: hit.account for key, hit in (await self._read(question)).items()}

    def _next(
        self, level: Iterable[EmailAddress], hits: dict[str, Hit], search: Search, *, first: bool
    ) -> list[EmailAddress]:
        """Put the ends that this level has into the search; give the addresses of the next."""
        following: dict[str, EmailAddress] = {}
        for address in level:
            hit = hits[address.key]
            search.seen.add(address.key)
            if hit.account is not None:
                search.accounts[hit.account.id] = hit.account
            elif not hit.local:
                search.remote[address.key] = address
            elif hit.mailing_list:
                search.lists[address.key] = address
            targets = hit.targets
            if not hit.taken and hit.fallback and first:
                # Only for what was asked for: a dead target of an alias must not fall to the catch-all.
                search.by_default = True
                targets = hit.fallback
            for target in targets:
                if len(search.seen) + len(following) > self._settings.alias_targets:
                    log.error("alias_too_wide", extra={"fields": {"alias": address.key}})
                    raise Refused(Reason.LIMIT, "The address leads to too many others")
                if target not in search.seen:
                    following[target] = parse(target)
        return [address for key, address in following.items() if key not in search.seen]


def parse(key: str) -> EmailAddress:
    try:
        return EmailAddress.parse(key)
    except BadSyntax:
        # Cannot happen with what the administration wrote; another program's rows must not stop delivery.
        return EmailAddress(*key.rpartition("@")[::2])
