"""Where calendar users are: whose calendar is here, who gets mail, whom nobody knows."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, Reason, Refused, Unavailable
from optimails.model.resource import EVERYBODY
from optimails.model.rights import Identifier

if TYPE_CHECKING:
    from optimails.directory.api import Directory

PATIENCE = 20.0  # seconds that a thread waits for the directory


@dataclass(frozen=True, slots=True)
class User:
    """``account`` when its calendar is here. Lists and aliases of several accounts get mail, as people elsewhere do."""

    account: Account | None = None
    known: bool = True

    @property
    def status(self) -> str:
        """SCHEDULE-STATUS of a message to him that is written down (RFC 6638 §7.3, RFC 5546 §3.6)."""
        if not self.known:
            return "3.7"  # invalid calendar user
        return "1.1" if self.account is None else "1.2"  # sent; delivered


NOBODY = User(known=False)
ELSEWHERE = User()


class People(Protocol):
    """The directory, asked from a thread."""

    def users(self, addresses: Iterable[str]) -> Mapping[str, User]:
        """Who each is; addresses as ``people.user_of`` gives them. Raises ``Unavailable``."""


class DirectoryPeople:
    """Asks the directory, which lives in an event loop, from threads."""

    def __init__(self, directory: "Directory", loop: asyncio.AbstractEventLoop) -> None:
        self._directory = directory
        self._loop = loop

    def users(self, addresses: Iterable[str]) -> dict[str, User]:
        question = find_users(self._directory, addresses)
        try:
            return asyncio.run_coroutine_threadsafe(question, self._loop).result(PATIENCE)
        except TimeoutError as late:
            raise Unavailable("The directory does not answer") from late

    def may_book(self, sender: str, resource: Account) -> bool:
        """See ``resources.Bookers``."""
        try:
            return asyncio.run_coroutine_threadsafe(may_book(self._directory, sender, resource), self._loop).result(
                PATIENCE
            )
        except TimeoutError as late:
            raise Unavailable("The directory does not answer") from late


async def may_book(directory: "Directory", sender: str, resource: Account) -> bool:
    """Whether who sends from this address is among those who may book the resource. Raises ``Unavailable``."""
    bookers = resource.resource.bookers if resource.resource is not None else ()
    if EVERYBODY in bookers:
        return True
    account = (await _find(directory, sender)).account
    if account is None:
        return False
    if not bookers:
        return account.address.domain == resource.address.domain
    return await directory.rights.is_named(account.id, map(Identifier.parse, bookers))


async def find_users(directory: "Directory", addresses: Iterable[str]) -> dict[str, User]:
    """Raises ``Unavailable``."""
    return {address: await _find(directory, address) for address in set(addresses)}


async def _find(directory: "Directory", address: str) -> User:
    try:
        found = await directory.resolve(EmailAddress.parse(address))
    except BadSyntax:
        return NOBODY
    except Refused as refused:
        return NOBODY if refused.reason is Reason.NON_EXISTENT else ELSEWHERE
    if len(found.accounts) == 1 and not found.remote and not found.lists:
        return User(found.accounts[0])
    return ELSEWHERE
