"""The one API for mail that services call.

``MailService.open`` gives an ``AccountMail`` (mailboxes, append, quota); ``AccountMail.select`` gives a
``SelectedMailbox``, which is what one session sees of one mailbox. All of it is called from the event loop; blocking
work goes to threads inside. Errors are those of ``optimails.model.errors``; anything else is a bug.

**The session's view.** Sequence numbers belong to a ``SelectedMailbox``: it keeps the list of UIDs as last announced
to its client, and only ``sync`` moves it. A message expunged by somebody else stays in the view until
``sync(expunges=True)``; until then fetching it raises ``Refused(EXPUNGE_ISSUED)`` or leaves it out of a bulk answer.

**Flags** travel as integer masks; ``Keywords`` turns masks into names and prepared bytes. ``\\Recent`` is not part of
a mask: ``SelectedMailbox.is_recent`` tells.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from enum import Flag as BitFlag
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from optimails.model.account import Account
from optimails.model.flags import Flag
from optimails.model.ids import MailboxId, ModSeq, SeqNum, Uid, UidValidity
from optimails.model.mailbox_name import MailboxName
from optimails.model.number_set import NumberSet
from optimails.model.query import Query
from optimails.model.rights import STANDARD, Right
from optimails.model.special_use import SpecialUse
from quota.usage import Usage

# -- values ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MailboxInfo:
    """One line of LIST."""

    name: MailboxName
    id: MailboxId
    selectable: bool  # False: only the parent of others (\\Noselect)
    subscribed: bool
    special_use: SpecialUse | None
    exists: bool = True  # False: a level above mailboxes that others share (\\NonExistent)
    rights: Right = STANDARD  # what the user may do there


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """The counters of one mailbox."""

    name: MailboxName
    object_id: str  # MAILBOXID (RFC 8474)
    uid_validity: UidValidity
    uid_next: Uid
    highest_modseq: ModSeq
    messages: int
    unseen: int
    deleted: int
    recent: int
    size: int  # bytes


class Incoming(Protocol):
    """A message being received; small ones stay in memory, large ones go to disk as they come."""

    @property
    def size(self) -> int: ...
    def write(self, data: bytes) -> None:
        """Append bytes. Raises ``Unavailable`` when the disk is full."""

    def discard(self) -> None:
        """Forget it; does nothing once the message was appended."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    content: bytes | Incoming
    flags: frozenset[Flag] = frozenset()
    internal_date: datetime | None = None  # aware; None is now


@dataclass(frozen=True, slots=True)
class Appended:
    uid_validity: UidValidity
    uids: list[Uid]
    usage: Usage | None = None  # of the account, by the same transaction, where it is at hand


@dataclass(frozen=True, slots=True)
class Copied:
    """COPYUID: ``sources[i]`` became ``targets[i]``; both ascend."""

    uid_validity: UidValidity
    sources: list[Uid]
    targets: list[Uid]


@dataclass(frozen=True, slots=True)
class MessageSet:
    """Messages as a client names them: by UID or by sequence number of the session's view."""

    numbers: NumberSet  # may hold ``*``
    by_uid: bool


class Want(BitFlag):
    """Columns of a ``Row``; what is not asked for is None there."""

    FLAGS = auto()
    MODSEQ = auto()
    INTERNAL_DATE = auto()
    SIZE = auto()
    ENVELOPE = auto()
    STRUCTURE = auto()
    HEADERS = auto()
    SAVED = auto()
    OBJECT_ID = auto()


class Row(NamedTuple):
    """One message of a bulk answer. ``flags`` is a mask; dates are Unix seconds."""

    seq: int
    uid: int
    flags: int | None = None
    modseq: int | None = None
    internal_date: int | None = None
    size: int | None = None
    envelope: bytes | None = None  # prepared, with its parentheses
    structure: bytes | None = None  # prepared BODYSTRUCTURE (with extension data)
    headers: bytes | None = None  # the lines of the fields in optimails.mime.PREPARED_FIELDS, as in the message
    saved: int | None = None
    object_id: str | None = None  # EMAILID


class Change(NamedTuple):
    """A message whose flags changed, as STORE and ``sync`` report it."""

    seq: int
    uid: int
    flags: int
    modseq: int


class StoreMode(Enum):
    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Stored:
    """``changed`` has every message named that is still there, with its flags as they are now; ``modified`` the UIDs
    left alone because of UNCHANGEDSINCE (RFC 7162 §3.1.3)."""

    changed: list[Change]
    modified: list[Uid]
    differences: Mapping[int, int] = field(default_factory=dict)  # by UID: the mask of flags that were set or removed


@dataclass(frozen=True, slots=True)
class Sync:
    """What became of the mailbox since the last sync, in the order a server should tell it."""

    expunged: list[SeqNum] = field(default_factory=list)  # each valid at its place in the list: ready to send
    expunged_uids: list[Uid] = field(default_factory=list)
    exists: int | None = None  # set when messages arrived
    recent: int | None = None
    changes: list[Change] = field(default_factory=list)
    gone: bool = False  # the mailbox was deleted: the session must end
    revoked: bool = False  # its owner no longer lets the session look at it: likewise

    def __bool__(self) -> bool:
        return bool(self.expunged or self.exists is not None or self.changes or self.gone or self.revoked)


@dataclass(frozen=True, slots=True)
class AnnotationLimits:
    entries: int  # of one mailbox
    total: int  # bytes of names and values, of the whole account


@dataclass(frozen=True, slots=True)
class AnnotationNews:
    """``changed`` has the entries that were set or removed, by mailbox; None is the account as a whole."""

    modseq: ModSeq  # ask from here on the next time
    changed: dict[MailboxName | None, list[tuple[str, ModSeq]]]


# -- interfaces --------------------------------------------------------------------------------------------------------


class Keywords(Protocol):
    """Masks into names and back, for one account."""

    def render(self, mask: int) -> bytes:
        """The flags as IMAP prints them, separated by spaces, without parentheses. Memoised."""

    def names(self, mask: int) -> list[Flag]: ...
    def known(self) -> list[Flag]:
        """Every keyword in use, for the FLAGS response."""


class Annotations(Protocol):
    """What METADATA keeps (RFC 5464), as one user sees it. Entries are in lower case; None as mailbox is the server,
    which here means the account as a whole."""

    async def get(self, mailbox: MailboxName | None) -> dict[str, bytes]:
        """All values of a mailbox, by entry. Raises ``Refused(NON_EXISTENT)``."""

    async def everywhere(self, entries: Collection[str] | None = None) -> dict[MailboxName | None, dict[str, bytes]]:
        """The values of all mailboxes that have any; only of these entries, unless None."""

    async def set(
        self, mailbox: MailboxName | None, values: Mapping[str, bytes | None], limits: AnnotationLimits
    ) -> ModSeq:
        """Set values, or remove them (None), all or none; what the change is known by.

        Raises:
            Refused: NON_EXISTENT, LIMIT.
        """

    async def news(self, since: ModSeq) -> AnnotationNews:
        """What was set or removed after ``since``."""

    async def now(self) -> ModSeq:
        """Where to ask for news from."""

    def watch(self, callback: Callable[[], None] | None) -> None:
        """``callback`` runs in the event loop after there may be news; None ends it."""


class MessageFile(Protocol):
    """The bytes of one message; closing is idempotent."""

    @property
    def size(self) -> int: ...
    def view(self) -> bytes:
        """The whole message as a bytes-like object (a memory map above some size: slices cost what they hold)."""

    def read(self, offset: int, length: int) -> bytes: ...
    def close(self) -> None: ...


class SelectedMailbox(Protocol):
    """One session's view of one mailbox."""

    id: MailboxId
    status: MailboxStatus  # as of select
    first_unseen: SeqNum | None  # when it is cheap to tell (RFC 3501 §7.1 UNSEEN)
    keywords: Keywords

    @property
    def name(self) -> MailboxName: ...
    @property
    def read_only(self) -> bool: ...
    @property
    def exists(self) -> int:
        """How many messages the view has."""

    @property
    def highest_modseq(self) -> ModSeq:
        """Everything up to here has been announced."""

    def is_recent(self, uid: int) -> bool: ...

    def keywords_left(self) -> bool:
        """Whether new keywords can still be created (``\\*`` in PERMANENTFLAGS)."""

    def may(self, right: Right) -> bool:
        """Whether the user has that right, as last asked; on his own mailboxes, always."""

    async def uids(self, messages: MessageSet) -> Sequence[int]:
        """The UIDs named, ascending, that are in the view.

        Raises:
            BadSyntax: for a sequence number beyond the view.
        """

    async def sequence_numbers(self, uids: Sequence[int]) -> list[int]:
        """The sequence numbers of UIDs that are in the view, in the same order."""

    async def flags(self, messages: MessageSet) -> Iterable[tuple[int, int, int]]:
        """(sequence number, UID, mask) of each, from memory: the fast path of FETCH FLAGS. To be read once, at once."""

    def fetch(
        self, messages: MessageSet, want: Want, changed_since: ModSeq | None = None
    ) -> AsyncIterator[Sequence[Row]]:
        """Rows in ascending order, in batches of some hundreds. Expunged messages are left out."""

    async def open_message(self, uid: int) -> MessageFile:
        """Raises ``Refused(EXPUNGE_ISSUED)`` when it is gone."""

    async def store(
        self, messages: MessageSet, mode: StoreMode, flags: frozenset[Flag], unchanged_since: ModSeq | None = None
    ) -> Stored:
        """Change flags. The changes made here are not reported again by ``sync``.

        Raises:
            Refused: ``LIMIT`` when the account has no room for another keyword, ``NO_PERMISSION`` when read-only.
        """

    async def expunge(self, uids: NumberSet | None = None) -> None:
        """Remove the messages with ``\\Deleted`` (among ``uids``, when given); ``sync`` then reports them."""

    async def copy(self, messages: MessageSet, to: MailboxName) -> Copied:
        """All or nothing. Raises ``Refused``: ``NON_EXISTENT`` (the door says TRYCREATE), ``OVER_QUOTA``."""

    async def move(self, messages: MessageSet, to: MailboxName) -> Copied:
        """As ``copy``, then the originals are gone; ``sync`` reports them. Needs no quota."""

    async def search(self, query: Query) -> list[Uid]:
        """The UIDs in the view that match, ascending."""

    async def modseq_of(self, uids: Sequence[int]) -> ModSeq:
        """The highest MODSEQ among these messages (SEARCH with MODSEQ)."""

    async def vanished_since(self, modseq: ModSeq) -> NumberSet:
        """UIDs expunged since then (QRESYNC)."""

    async def sync(self, *, expunges: bool) -> Sync:
        """Bring the view up to date; without ``expunges`` removed messages stay for now (RFC 9051 §5.2, §7.5.1)."""

    def watch(self, callback: Callable[[], None] | None) -> None:
        """``callback`` runs in the event loop after something may have changed; None ends it."""

    def when_revoked(self, callback: Callable[[], None]) -> None:
        """``callback`` runs in the event loop when the user's right to read ends while nobody ``watch``es."""

    async def close(self) -> None:
        """End the view; expunges nothing."""


class AccountMail(Protocol):
    """The mail of one account. Use it as an asynchronous context manager, or call ``close``."""

    account: Account
    keywords: Keywords
    annotations: Annotations

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    async def mailboxes(self) -> list[MailboxInfo]:
        """All mailboxes, sorted by name, INBOX first."""

    async def subscriptions(self) -> list[MailboxName]:
        """Subscribed names, also of mailboxes that do not exist."""

    async def status(self, name: MailboxName) -> MailboxStatus:
        """Raises ``Refused(NON_EXISTENT)``."""

    async def statuses(self) -> dict[MailboxName, MailboxStatus]:
        """Of all selectable mailboxes, by one query."""

    async def create(self, name: str, special_use: SpecialUse | None = None) -> MailboxStatus:
        """Missing parents are created. Raises ``Refused``: ALREADY_EXISTS, CANNOT, LIMIT, USE_ATTR."""

    async def delete(self, name: MailboxName) -> None:
        """Its messages are expunged (and can be undeleted). Raises ``Refused``: NON_EXISTENT, CANNOT (INBOX)."""

    async def rename(self, old: MailboxName, new: str) -> None:
        """With all inferiors; of INBOX: its messages move (RFC 9051 §6.3.6)."""

    async def subscribe(self, name: MailboxName, *, subscribed: bool) -> None: ...
    async def select(self, name: MailboxName, *, read_only: bool = False, quiet: bool = False) -> SelectedMailbox:
        """``quiet``: for the service itself; messages stay recent for the user's next session."""

    def incoming(self) -> Incoming:
        """A new message to be written piece by piece, then given to ``append``."""

    async def append(self, name: MailboxName, messages: Sequence[NewMessage], *, exempt: bool = False) -> Appended:
        """Store messages, all or none; when it returns they are safe on disk.

        ``exempt`` asks no quota: for the service's own few words, such as "your mailbox is full".

        Raises:
            Refused: NON_EXISTENT, OVER_QUOTA, TOO_BIG, LIMIT.
            Unavailable: the disk is full, or the index is locked.
        """

    async def usage(self, mailbox: MailboxName | None = None) -> Usage:
        """Of the account, or of the one that a mailbox counts for. Raises ``Refused`` for one that may not be read."""

    async def close(self) -> None: ...


class AclLine(NamedTuple):
    """One line of an access list, as people write it."""

    identifier: str
    rights: Right
    negative: bool


class SharedMail(AccountMail, Protocol):
    """A user's own mailboxes, and those of others that he has rights on, under one roof.

    Names below ``Other Users/`` and ``Shared Folders/`` are other people's; where the user may see nothing, nothing
    exists. Every act asks for its right: ``Refused(NO_PERMISSION)``.
    """

    async def namespaces(self) -> tuple[list[MailboxName], list[MailboxName]]:
        """Of other users, and shared: the prefixes without separator, where the user's plan allows to look there."""

    async def my_rights(self, name: MailboxName) -> Right: ...
    async def acl(self, name: MailboxName) -> list[AclLine]:
        """Needs the right to administer, as the next two."""

    async def change_acl(
        self, name: MailboxName, identifier: str, *, negative: bool, mode: StoreMode, rights: Right
    ) -> None:
        """Good at once in every session. Raises ``Refused``: NON_EXISTENT (nobody is called so), LIMIT, CANNOT."""

    async def always_rights(self, name: MailboxName, identifier: str) -> Right:
        """The rights that the identifier has whatever the list says (LISTRIGHTS)."""

    async def expect_append(self, name: MailboxName) -> None:
        """Raises ``Refused`` where ``append`` would, before the message travels: NON_EXISTENT, NO_PERMISSION."""

    async def quota_of(self, name: MailboxName) -> tuple[str, Usage]:
        """What the mailbox counts for: a root, which is empty for the user's own, and what is used of it."""

    async def owner_of(self, name: MailboxName) -> tuple[Account, MailboxName]:
        """Whose mailbox that is, and what it is called in his account. Raises ``Refused(NON_EXISTENT)``."""

    async def usage_of_root(self, root: str) -> Usage:
        """Raises ``Refused(NON_EXISTENT)``, also where the user may not know."""


class MailService(Protocol):
    """The mail of all accounts on this machine."""

    async def open(self, account: Account, *, again: bool = False) -> AccountMail:
        """Creates store and standard mailboxes at first use. Raises ``Unavailable``.

        ``again``: ``account`` is what a session has known since its log-in; limits that changed meanwhile stay.
        """

    async def enter(self, account: Account, via: str, session: str) -> SharedMail:
        """The account for a session of its user: what others share is there, too. ``via`` is the door's name."""

    def changed(self, account: Account) -> None:
        """The directory has other limits for it: they are good at once, also for who has it open."""
