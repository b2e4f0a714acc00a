"""Rights as the directory keeps them, with what services believe of them (``optimails.directory.api.Rights``).

They live in the directory and not in the owner's index, for three reasons: "what is shared with me" must be one query,
however many accounts a domain has; a right that is taken away must end at the very next question in every process, for
which the directory's version is there; and groups, plans and domains, on which rights depend, are here anyway.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable
from concurrent.futures import Executor
from typing import TypeVar

from sqlalchemy import Connection

from optimails.acl import decision
from optimails.acl.decision import NONE, Effective, Viewer
from optimails.directory import identifiers, rights_rows
from optimails.directory.cache import Cache
from optimails.directory.database import Database
from optimails.directory.identifiers import identifiers_of
from optimails.model.account import Account
from optimails.model.ids import AccountId
from optimails.model.rights import Answer, Delegation, Entry, Identifier, Kind, Object, Offer, Right, SendRight, Sharing

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class LocalRights:
    """One per process, used from its event loop."""

    def __init__(  # noqa: PLR0913 - what it shares with the directory
        self,
        database: Database,
        threads: Executor,
        version: Callable[[], Awaitable[int]],
        account: Callable[[AccountId], Awaitable[Account | None]],
        *,
        depth: int,
        cache_size: int,
    ) -> None:
        self._database = database
        self._threads = threads
        self._now = version
        self._account = account
        self._depth = depth
        self._version = -1
        self._viewers: Cache[AccountId, Viewer] = Cache(cache_size)
        self._sharing: Cache[AccountId, Sharing] = Cache(cache_size)
        self._offers: Cache[tuple[AccountId, tuple[Kind, ...]], list[Offer]] = Cache(cache_size)

    # -- asking --------------------------------------------------------------------------------------------------------

    async def effective(self, viewer: AccountId, owner: AccountId, on: Object) -> Effective:
        return (await self.effective_on(viewer, owner, [on]))[on]

    async def effective_on(
        self, viewer: AccountId, owner: AccountId, objects: Iterable[Object]
    ) -> dict[Object, Effective]:
        if viewer == owner:
            return dict.fromkeys(objects, decision.OWN)
        version = await self._current()
        who, whose = await self._viewer(viewer, version), await self._account(owner)
        if who is None or whose is None:
            return dict.fromkeys(objects, NONE)
        known = await self._of(owner, version)
        now = time.time()
        return {
            on: decision.decide(who, whose, known.entries.get(on, ()), known.delegations, now, kind=on.kind)
            for on in objects
        }

    async def busy_seen(self, viewer: AccountId, owner: AccountId, calendars: Iterable[Object]) -> frozenset[Object]:
        if viewer == owner:
            return frozenset(calendars)
        version = await self._current()
        who, whose = await self._viewer(viewer, version), await self._account(owner)
        if who is None or whose is None:
            return frozenset()
        known, now = await self._of(owner, version), time.time()
        return frozenset(
            on for on in calendars if decision.sees_busy(who, whose, known.entries.get(on, ()), known.delegations, now)
        )

    async def is_named(self, viewer: AccountId, identifiers: Iterable[Identifier]) -> bool:
        who = await self._viewer(viewer, await self._current())
        return who is not None and any(one in who.identifiers for one in identifiers)

    async def sharing(self, owner: AccountId) -> Sharing:
        return await self._of(owner, await self._current())

    async def offers(self, viewer: AccountId, *kinds: Kind) -> list[Offer]:
        version = await self._current()
        found = self._offers.get((viewer, kinds))
        if found is None:
            who = await self._viewer(viewer, version)
            names = who.identifiers if who is not None else frozenset()
            found = await self._read(lambda connection: rights_rows.offers(connection, viewer, names, kinds))
            self._keep(self._offers, (viewer, kinds), found, version)
        return found

    async def answers(self, owner: AccountId) -> dict[tuple[AccountId, Object | None], Answer]:
        return await self._read(lambda connection: rights_rows.answers(connection, owner))

    async def owners_with_copies(self) -> list[AccountId]:
        return await self._read(rights_rows.owners_with_copies)

    async def send_right(self, viewer: AccountId, owner: AccountId) -> SendRight:
        """In whose name the viewer may send mail from an address of the owner."""
        who, whose = await self._account(viewer), await self._account(owner)
        if who is None or whose is None:
            return SendRight.NO
        known = await self.sharing(owner)
        return decision.send_right(who, whose, known.delegations, time.time())

    async def identify(self, text: str, owner: Account) -> Identifier:
        return await self._read(lambda connection: identifiers.identify(connection, text, owner))

    async def shown(self, names: Iterable[Identifier]) -> dict[Identifier, str]:
        wanted = list(names)
        return await self._read(lambda connection: identifiers.shown(connection, wanted))

    # -- changing ------------------------------------------------------------------------------------------------------

    async def put_entry(self, owner: AccountId, on: Object, entry: Entry) -> None:
        await self._write(lambda connection: rights_rows.put_entry(connection, owner, on, entry))

    async def put_entries(self, owner: AccountId, on: Object, entries: Iterable[Entry]) -> None:
        def put(connection: Connection) -> None:
            for entry in entries:
                rights_rows.put_entry(connection, owner, on, entry)

        await self._write(put)

    async def change_entry(  # noqa: PLR0913 - the parts of SETACL
        self, owner: AccountId, on: Object, identifier: Identifier, *, negative: bool, add: Right, remove: Right
    ) -> None:
        await self._write(
            lambda connection: rights_rows.change_entry(
                connection, owner, on, identifier, negative=negative, add=add, remove=remove
            )
        )

    async def copy_entries(self, owner: AccountId, source: Object, target: Object) -> None:
        if (await self.sharing(owner)).entries.get(source):
            await self._write(lambda connection: rights_rows.copy_entries(connection, owner, source, target))

    async def forget_object(self, owner: AccountId, on: Object) -> None:
        if (await self.sharing(owner)).entries.get(on):
            await self._write(lambda connection: rights_rows.forget_object(connection, owner, on))

    async def answer(self, viewer: AccountId, owner: AccountId, on: Object | None, answer: Answer | None) -> None:
        await self._write(lambda connection: rights_rows.put_answer(connection, viewer, owner, on, answer))

    async def delegate(self, given: Delegation) -> None:
        await self.set_delegations([given], [])

    async def set_delegations(self, given: Iterable[Delegation], gone: Iterable[Delegation]) -> None:
        def change(connection: Connection) -> None:
            for one in gone:
                rights_rows.drop_delegation(connection, one.owner, one.delegate)
            for one in given:
                rights_rows.put_delegation(connection, one)

        await self._write(change)

    # -- what is behind ------------------------------------------------------------------------------------------------

    async def _current(self) -> int:
        version = await self._now()
        if version != self._version:
            self._viewers.clear()
            self._sharing.clear()
            self._offers.clear()
            self._version = version
        return version

    def _keep(self, cache: Cache[K, T], key: K, value: T, version: int) -> None:
        if version == self._version:
            cache.put(key, value)

    async def _viewer(self, viewer: AccountId, version: int) -> Viewer | None:
        known = self._viewers.get(viewer)
        if known is None:
            account = await self._account(viewer)
            if account is None:
                return None
            key = account.address.key
            groups = await self._read(lambda connection: rights_rows.groups_of(connection, key, self._depth))
            known = Viewer(account, identifiers_of(account, groups))
            self._keep(self._viewers, viewer, known, version)
        return known

    async def _of(self, owner: AccountId, version: int) -> Sharing:
        known = self._sharing.get(owner)
        if known is None:
            known = await self._read(lambda connection: rights_rows.sharing(connection, owner))
            self._keep(self._sharing, owner, known, version)
        return known

    async def _read(self, question: Callable[[Connection], T]) -> T:
        def ask() -> T:
            with self._database.read() as connection:
                return question(connection)

        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)

    async def _write(self, change: Callable[[Connection], object]) -> None:
        def write() -> None:
            with self._database.write() as connection:
                change(connection)

        await asyncio.get_running_loop().run_in_executor(self._threads, write)
