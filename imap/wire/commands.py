"""One value per command of RFC 3501 and RFC 9051 and their extensions, as ``imap.wire.parser`` gives them.

The tag is kept apart (``parser.Received``). Mailbox names are decoded Unicode with INBOX in upper case
(``optimails.model.mailbox_name.canonical``), otherwise unchecked: a trailing separator of CREATE is still there.
Message sets are as sent: they may hold ``*`` (``number_set.STAR``) and are resolved by the mailbox; where the client
sent ``$`` they *are* ``SAVED_RESULT`` (RFC 9051 §6.4.4.1), which the session replaces by what it saved.

Flags in ``Store`` and ``AppendStart`` never hold ``\\Recent`` (ignored when sent) and are canonical in case.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum

from imap.wire.acl import DeleteAcl, GetAcl, ListRights, MyRights, SetAcl
from imap.wire.metadata import GetMetadata, SetMetadata
from optimails.model.flags import Flag
from optimails.model.mailbox_name import MailboxName
from optimails.model.number_set import NumberSet
from optimails.model.query import And, InSet, Not, Or, Query
from optimails.model.special_use import SpecialUse

SAVED_RESULT = NumberSet(((-1, -1),))
"""Stands for ``$``; compare with ``==``. The saved numbers are UIDs, whatever the command's ``by_uid`` says."""


def with_saved_result(query: Query, uids: NumberSet) -> Query:
    """The query with each ``$`` replaced by these UIDs."""
    match query:
        case InSet(numbers, _) if numbers == SAVED_RESULT:
            return InSet(uids, by_uid=True)
        case And(terms):
            return And(tuple(with_saved_result(term, uids) for term in terms))
        case Or(terms):
            return Or(tuple(with_saved_result(term, uids) for term in terms))
        case Not(term):
            return Not(with_saved_result(term, uids))
    return query


# -- any state ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Capability:
    pass


@dataclass(frozen=True, slots=True)
class Noop:
    pass


@dataclass(frozen=True, slots=True)
class Logout:
    pass


@dataclass(frozen=True, slots=True)
class Id:
    """RFC 2971. ``fields`` is None for ``ID NIL``."""

    fields: tuple[tuple[str, str | None], ...] | None


# -- not authenticated -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartTls:
    """The server must drop what is buffered: ``Parser.discard()``."""


@dataclass(frozen=True, slots=True)
class Authenticate:
    """``initial`` is the decoded initial response (RFC 4959; ``=`` gives ``b""``), None when there is none.

    For each challenge the session sends, it calls ``Parser.expect_line()`` and gets a ``Line``.
    """

    mechanism: str  # upper case
    initial: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Login:
    user: str
    password: str = field(repr=False)


# -- authenticated -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Enable:
    capabilities: tuple[str, ...]  # upper case, as sent


@dataclass(frozen=True, slots=True)
class QResync:
    """RFC 7162 §3.2.5."""

    uid_validity: int
    modseq: int
    known_uids: NumberSet | None = None
    known_pairs: tuple[NumberSet, NumberSet] | None = None  # sequence numbers, and their UIDs


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT, or EXAMINE when ``read_only``."""

    mailbox: MailboxName
    read_only: bool = False
    condstore: bool = False
    qresync: QResync | None = None


@dataclass(frozen=True, slots=True)
class Create:
    """``special_uses`` as asked for (RFC 6154 §3); an attribute nobody knows is refused by the parser (USEATTR)."""

    mailbox: MailboxName  # may end with the separator (RFC 9051 §6.3.4): the session strips it
    special_uses: tuple[SpecialUse, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    mailbox: MailboxName


@dataclass(frozen=True, slots=True)
class Rename:
    old: MailboxName
    new: MailboxName


@dataclass(frozen=True, slots=True)
class Subscribe:
    mailbox: MailboxName


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    mailbox: MailboxName


class ListSelection(StrEnum):
    """RFC 5258 §3.1, RFC 6154 §2."""

    SUBSCRIBED = "SUBSCRIBED"
    REMOTE = "REMOTE"
    RECURSIVE_MATCH = "RECURSIVEMATCH"
    SPECIAL_USE = "SPECIAL-USE"


class ListReturn(StrEnum):
    """RFC 5258 §3.2, RFC 6154 §2, RFC 5819."""

    SUBSCRIBED = "SUBSCRIBED"
    CHILDREN = "CHILDREN"
    SPECIAL_USE = "SPECIAL-USE"
    STATUS = "STATUS"
    METADATA = "METADATA"  # RFC 9590
    MY_RIGHTS = "MYRIGHTS"  # RFC 8440


class StatusItem(StrEnum):
    MESSAGES = "MESSAGES"
    RECENT = "RECENT"  # RFC 3501 only
    UID_NEXT = "UIDNEXT"
    UID_VALIDITY = "UIDVALIDITY"
    UNSEEN = "UNSEEN"
    DELETED = "DELETED"  # RFC 9051
    SIZE = "SIZE"  # RFC 8438
    HIGHEST_MODSEQ = "HIGHESTMODSEQ"  # RFC 7162
    APPEND_LIMIT = "APPENDLIMIT"  # RFC 7889
    MAILBOX_ID = "MAILBOXID"  # RFC 8474
    DELETED_STORAGE = "DELETED-STORAGE"  # RFC 9208


@dataclass(frozen=True, slots=True)
class List:
    """LIST, basic or extended (``extended``: any option or a list of patterns was sent, RFC 5258 §3).

    ``RECURSIVEMATCH`` never comes without another selection option. ``status`` are the items of RETURN (STATUS (…)).
    A basic LIST with one empty pattern asks for the separator (RFC 9051 §6.3.9).
    """

    reference: str
    patterns: tuple[str, ...]  # with the wildcards % and *
    selection: frozenset[ListSelection] = frozenset()
    returns: frozenset[ListReturn] = frozenset()
    status: tuple[StatusItem, ...] = ()
    extended: bool = False
    metadata: tuple[str, ...] = ()  # the entries of RETURN (METADATA …)


@dataclass(frozen=True, slots=True)
class Lsub:
    """RFC 3501 §6.3.9."""

    reference: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Namespace:
    pass


@dataclass(frozen=True, slots=True)
class Status:
    mailbox: MailboxName
    items: tuple[StatusItem, ...]  # each once, in the order sent


@dataclass(frozen=True, slots=True)
class AppendStart:
    """A message of APPEND is coming. Then ``AppendData`` … follow, in all ``size`` bytes; then another ``AppendStart``
    of the same tag (MULTIAPPEND, RFC 3502; ``number`` counts from 0) or ``AppendEnd``.

    For a synchronizing literal (``synchronizing``) ``NeedContinuation`` follows at once. To refuse before a byte was
    sent (no such mailbox, over quota), call ``Parser.refuse()`` and answer NO; the parser then gives nothing more of
    this command. If the rest turns out wrong, ``Invalid`` with the tag comes instead of ``AppendEnd``.
    """

    mailbox: MailboxName
    flags: frozenset[Flag]
    date: datetime | None  # aware
    size: int
    synchronizing: bool
    number: int = 0
    utf8: bool = False  # UTF8 (~{…}), RFC 6855 §4
    binary: bool = False  # literal8


@dataclass(frozen=True, slots=True)
class AppendData:
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AppendEnd:
    """All messages are complete: store them, all or none. A cancelled APPEND (a size of 0 in MULTIAPPEND) is
    ``Invalid``."""


@dataclass(frozen=True, slots=True)
class Idle:
    """Answer ``+ idling``, call ``Parser.expect_line()``; the ``Line`` should be DONE in any case."""


@dataclass(frozen=True, slots=True)
class GetQuota:
    root: str


@dataclass(frozen=True, slots=True)
class GetQuotaRoot:
    mailbox: MailboxName


@dataclass(frozen=True, slots=True)
class SetQuota:
    root: str
    limits: tuple[tuple[str, int], ...]  # resource name in upper case, limit


@dataclass(frozen=True, slots=True)
class Compress:
    algorithm: str  # upper case; after the OK, what is buffered is compressed: ``Parser.take_rest()``


# -- selected ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Check:
    """RFC 3501 §6.4.1."""


@dataclass(frozen=True, slots=True)
class Close:
    pass


@dataclass(frozen=True, slots=True)
class Unselect:
    pass


@dataclass(frozen=True, slots=True)
class Expunge:
    uids: NumberSet | None = None  # UID EXPUNGE (RFC 4315)


class SearchReturn(StrEnum):
    """RFC 4731, RFC 5182."""

    MIN = "MIN"
    MAX = "MAX"
    ALL = "ALL"
    COUNT = "COUNT"
    SAVE = "SAVE"


@dataclass(frozen=True, slots=True)
class Search:
    """``returns`` is None without RETURN: answer SEARCH in rev1, ESEARCH with ALL in rev2. ``RETURN ()`` is {ALL}.

    Texts in the query are decoded. ``with_saved_result`` replaces ``$`` (present when ``uses_saved``).
    """

    query: Query
    by_uid: bool
    returns: frozenset[SearchReturn] | None = None
    uses_modseq: bool = False  # the answer carries MODSEQ (RFC 7162 §3.1.5)
    uses_saved: bool = False


class Attribute(StrEnum):
    """Fetch items without arguments. The macros ALL, FAST, FULL arrive expanded; RFC822.* as ``BodySection``."""

    FLAGS = "FLAGS"
    UID = "UID"
    INTERNAL_DATE = "INTERNALDATE"
    SIZE = "RFC822.SIZE"
    ENVELOPE = "ENVELOPE"
    BODY = "BODY"  # the structure without extension data
    BODY_STRUCTURE = "BODYSTRUCTURE"
    MODSEQ = "MODSEQ"  # RFC 7162
    SAVE_DATE = "SAVEDATE"  # RFC 8514
    EMAIL_ID = "EMAILID"  # RFC 8474
    THREAD_ID = "THREADID"


class SectionKind(StrEnum):
    ALL = ""  # the whole message or part
    HEADER = "HEADER"
    HEADER_FIELDS = "HEADER.FIELDS"
    HEADER_FIELDS_NOT = "HEADER.FIELDS.NOT"
    TEXT = "TEXT"
    MIME = "MIME"  # never without a path


@dataclass(frozen=True, slots=True)
class Partial:
    """``<offset.length>``; the answer carries ``<offset>``."""

    offset: int
    length: int  # at least 1


@dataclass(frozen=True, slots=True)
class BodySection:
    """``BODY[…]``, or RFC822, RFC822.HEADER, RFC822.TEXT of RFC 3501, which differ in the name of the answer only.

    Without ``peek`` the message becomes ``\\Seen``. ``responses.section_label`` gives the name for the answer.
    """

    path: tuple[int, ...] = ()
    kind: SectionKind = SectionKind.ALL
    fields: tuple[str, ...] = ()  # as sent, for HEADER.FIELDS and HEADER.FIELDS.NOT
    peek: bool = False
    partial: Partial | None = None
    obsolete: str = ""  # "RFC822", "RFC822.HEADER", "RFC822.TEXT"


@dataclass(frozen=True, slots=True)
class Binary:
    """``BINARY[…]`` (RFC 3516): the part with its transfer encoding undone."""

    path: tuple[int, ...] = ()
    peek: bool = False
    partial: Partial | None = None


@dataclass(frozen=True, slots=True)
class BinarySize:
    path: tuple[int, ...] = ()


FetchItem = Attribute | BodySection | Binary | BinarySize


@dataclass(frozen=True, slots=True)
class Fetch:
    """``items`` as sent, each once. UID FETCH answers with UID also when it is not among them."""

    messages: NumberSet
    by_uid: bool
    items: tuple[FetchItem, ...]
    changed_since: int | None = None  # RFC 7162 §3.1.4.1; the answer carries MODSEQ
    vanished: bool = False  # RFC 7162 §3.2.6


class StoreAction(Enum):
    """Values as in ``optimails.mailbox.api.StoreMode``."""

    REPLACE = "replace"
    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Store:
    messages: NumberSet
    by_uid: bool
    action: StoreAction
    flags: frozenset[Flag]
    silent: bool = False
    unchanged_since: int | None = None  # RFC 7162 §3.1.3


@dataclass(frozen=True, slots=True)
class Copy:
    messages: NumberSet
    by_uid: bool
    mailbox: MailboxName


@dataclass(frozen=True, slots=True)
class Move:
    messages: NumberSet
    by_uid: bool
    mailbox: MailboxName


Command = (
    Capability
    | Noop
    | Logout
    | Id
    | StartTls
    | Authenticate
    | Login
    | Enable
    | Select
    | Create
    | Delete
    | Rename
    | Subscribe
    | Unsubscribe
    | List
    | Lsub
    | Namespace
    | Status
    | AppendStart
    | AppendData
    | AppendEnd
    | Idle
    | GetQuota
    | GetQuotaRoot
    | SetQuota
    | GetAcl
    | SetAcl
    | DeleteAcl
    | ListRights
    | MyRights
    | GetMetadata
    | SetMetadata
    | Compress
    | Check
    | Close
    | Unselect
    | Expunge
    | Search
    | Fetch
    | Store
    | Copy
    | Move
)
