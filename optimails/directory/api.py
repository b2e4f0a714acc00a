"""What services ask of the directory. All calls are made from the event loop; blocking work goes to threads inside."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from optimails.acl.decision import Effective
from optimails.model.account import Account, Service
from optimails.model.address import EmailAddress
from optimails.model.company import CompanyEntry
from optimails.model.ids import AccountId
from optimails.model.mailing_list import Expansion, MailingList
from optimails.model.photo import Photo
from optimails.model.published import Published
from optimails.model.rights import Answer, Delegation, Entry, Identifier, Kind, Object, Offer, Right, SendRight, Sharing


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """What SCRAM-SHA-256 needs (RFC 5802 §3); for an unknown login they are invented, and stable."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes
    real: bool  # False: whatever the client proves, it fails


@dataclass(frozen=True, slots=True)
class Resolution:
    """Where mail for an address goes."""

    accounts: tuple[Account, ...]  # local, each once; suspended ones still receive
    remote: tuple[EmailAddress, ...] = ()  # alias targets on other servers
    lists: tuple[EmailAddress, ...] = ()  # distribution lists, as they were written to: perhaps with a sub-address


class Rights(Protocol):
    """Who may do what with whose mailboxes, calendars, address books and task lists.

    Accounts are named by id, and looked at as they are now: a plan, a group, an entry that was changed counts at the
    very next question, in every process. Who changes something also publishes ``Kind.RIGHTS`` for the owner, so that
    sessions that wait ask again.
    """

    async def effective(self, viewer: AccountId, owner: AccountId, on: Object) -> Effective:
        """What the viewer may do with the object. Raises ``Unavailable``, as all of these."""

    async def effective_on(
        self, viewer: AccountId, owner: AccountId, objects: Iterable[Object]
    ) -> dict[Object, Effective]:
        """The same for many objects of one owner, at the price of one."""

    async def busy_seen(self, viewer: AccountId, owner: AccountId, calendars: Iterable[Object]) -> frozenset[Object]:
        """Those of the owner's calendars of which the viewer may know when they are busy."""

    async def is_named(self, viewer: AccountId, identifiers: Iterable[Identifier]) -> bool:
        """Whether one of these means the account: by itself, a group that it is in, its domain."""

    async def sharing(self, owner: AccountId) -> Sharing:
        """Everything that the account shares; objects that no longer exist may be among it."""

    async def offers(self, viewer: AccountId, *kinds: Kind) -> list[Offer]:
        """Everything of these kinds in which the viewer is named, by himself, a group, or his domain, and the accounts
        that he is a delegate in: one query, then remembered.

        Whether his rights on it are any, ``effective`` says.
        """

    async def answers(self, owner: AccountId) -> dict[tuple[AccountId, Object | None], Answer]:
        """What viewers said to what the account offers; None for all of it, a delegation."""

    async def send_right(self, viewer: AccountId, owner: AccountId) -> SendRight: ...
    async def owners_with_copies(self) -> list[AccountId]:
        """Whose delegates may get copies of the owner's invitations."""

    async def identify(self, text: str, owner: Account) -> Identifier:
        """Whom an identifier as people write it means. Raises ``Refused(NON_EXISTENT)``."""

    async def shown(self, names: Iterable[Identifier]) -> dict[Identifier, str]:
        """Identifiers as people write them."""

    async def put_entry(self, owner: AccountId, on: Object, entry: Entry) -> None:
        """Set what one identifier may; no rights: the entry goes. Raises ``Refused(LIMIT)``."""

    async def put_entries(self, owner: AccountId, on: Object, entries: Iterable[Entry]) -> None:
        """The same for many, all or nothing."""

    async def change_entry(  # noqa: PLR0913 - the parts of SETACL
        self, owner: AccountId, on: Object, identifier: Identifier, *, negative: bool, add: Right, remove: Right
    ) -> None: ...
    async def copy_entries(self, owner: AccountId, source: Object, target: Object) -> None:
        """A new object begins with the entries of another."""

    async def forget_object(self, owner: AccountId, on: Object) -> None:
        """It was deleted."""

    async def answer(self, viewer: AccountId, owner: AccountId, on: Object | None, answer: Answer | None) -> None:
        """What the viewer says to an offer; ``on`` None: to a delegation."""

    async def delegate(self, given: Delegation) -> None: ...
    async def set_delegations(self, given: Iterable[Delegation], gone: Iterable[Delegation]) -> None:
        """Take some away, give others: all or nothing."""


class Directory(Protocol):
    @property
    def rights(self) -> Rights: ...
    async def authenticate(self, login: str, password: str, service: Service) -> Account:
        """The account, by primary address, alias of a single account, or configured login form.

        Takes the same time for unknown logins. Does not count failures: ``optimails.door.login`` does.

        Raises:
            Refused: AUTHENTICATION_FAILED, for every reason alike (unknown, wrong, suspended, not for this service).
            Unavailable: the database or LDAP server is away.
        """

    async def scram_keys(self, login: str, service: Service) -> ScramKeys: ...
    async def scram_account(self, login: str, service: Service) -> Account:
        """The account after a SCRAM proof was verified; errors as ``authenticate``."""

    async def account(self, account_id: AccountId) -> Account | None:
        """The account as it is now, closed ones included; None for an unknown id. Raises ``Unavailable``."""

    async def resolve(self, recipient: EmailAddress) -> Resolution:
        """Raises ``Refused(NON_EXISTENT)`` (no such user in a local domain), ``Refused(CANNOT)`` (not a local domain:
        relaying), ``Refused(LIMIT)`` (an alias that leads to too many others), ``Unavailable``."""

    async def is_local(self, domain: str) -> bool: ...
    async def company(self, domain: str, known: int) -> tuple[int, tuple[CompanyEntry, ...] | None]:
        """The directory's version, and whom the domain's address book shows; None when the version is ``known``.

        Raises ``Unavailable``.
        """

    async def photos(self, ids: Sequence[str]) -> dict[str, Photo]:
        """The pictures of these entries of an address book, of those that have one. Raises ``Unavailable``."""

    async def resources(self, domain: str) -> list[Account]:
        """The rooms and equipment of a domain, by address. Raises ``Unavailable``."""

    async def published(self, name: str) -> Published | None:
        """What a secret address of that name stands for; None for none. Raises ``Unavailable``."""

    async def addresses(self, account: Account) -> list[EmailAddress]:
        """Its own first, then the aliases that lead to it alone. Raises ``Unavailable``."""

    async def may_send_as(self, account: Account, sender: EmailAddress) -> bool:
        """Whether it may put the address into the envelope: its own, or one that ``send_right`` lets it use."""

    async def send_right(self, account: Account, address: EmailAddress) -> tuple[SendRight, Account | None]:
        """In whose name the account writes with this address in From, and whose address it is, when not its own."""

    async def mailing_list(self, address: EmailAddress) -> MailingList | None:
        """The distribution list with this address, whatever its sub-address. Raises ``Unavailable``."""

    async def expand(self, key: str) -> Expansion:
        """Who gets the mail of the list with this key, lists and aliases inside it followed.

        Raises ``Refused`` (NON_EXISTENT; LIMIT: it leads to too many), ``Unavailable``.
        """
