"""Rights on mailboxes, calendars, address books and task lists: letters, identifiers, entries, delegations.

Values only. Who may do what follows from them in one place, ``optimails.acl``; the directory keeps them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, Flag, StrEnum, auto

from optimails.model.errors import BadSyntax
from optimails.model.ids import AccountId


class Right(Flag):
    """RFC 4314 §2.1, and two of our own, as digits (RFC 4314 §2: those are left to servers)."""

    LOOKUP = auto()  # the object is seen in lists
    READ = auto()
    SEEN = auto()  # keep \\Seen
    WRITE = auto()  # other flags; change items
    INSERT = auto()  # append, copy into; new items
    POST = auto()
    CREATE = auto()  # mailboxes below it
    DELETE = auto()  # the mailbox itself
    REMOVE = auto()  # \\Deleted; delete items
    EXPUNGE = auto()
    ADMINISTER = auto()  # change who has rights
    FREE_BUSY = auto()  # when somebody is busy, not with what
    HIDE_PRIVATE = auto()  # not a right: what is marked private stays hidden from who has only this entry


NOTHING = Right(0)
_LETTERS = dict(zip("lrswipkxtea90", Right, strict=True))
EVERYTHING = ~NOTHING & ~Right.HIDE_PRIVATE
STANDARD = EVERYTHING & ~Right.FREE_BUSY
"""What a mailbox's rights are made of."""

# RFC 4314 §2.1.1: the letters of RFC 2086 that were split.
_OBSOLETE = {"c": Right.CREATE | Right.DELETE, "d": Right.REMOVE | Right.EXPUNGE}


def parse_rights(text: str) -> Right:
    """From letters, in any order.

    Raises:
        BadSyntax: for a letter that is none.
    """
    rights = NOTHING
    for letter in text:
        right = _LETTERS.get(letter) or _OBSOLETE.get(letter)
        if right is None:
            raise BadSyntax(f"There is no right {letter!r}")
        rights |= right
    return rights


def letters(rights: Right) -> str:
    """In the order of RFC 4314."""
    return "".join(letter for letter, right in _LETTERS.items() if right in rights)


def obsolete_letters(rights: Right) -> str:
    """The ``c`` and ``d`` that a client of RFC 2086 looks for: there when any right of theirs is (RFC 4314 §2.1.1)."""
    return "".join(letter for letter, group in _OBSOLETE.items() if rights & group)


# -- whom a right is for -----------------------------------------------------------------------------------------------


class Who(StrEnum):
    USER = "user"  # named by the account's id
    GROUP = "group"  # an alias or list: everybody it leads to
    DOMAIN = "domain"  # every account of it
    ANYONE = "anyone"  # every account of the owner's domain, which is named
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Identifier:
    """``name`` is an account's id, an address key or a domain, as ``who`` says."""

    who: Who
    name: str = ""

    def __str__(self) -> str:
        """As it is stored; ``Identifier.parse`` reads it."""
        return f"{self.who}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> "Identifier":
        who, _, name = text.partition(":")
        return cls(Who(who), name)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an ACL. A negative one takes its rights away from who has them by others (RFC 4314 §2)."""

    identifier: Identifier
    rights: Right
    negative: bool = False


# -- what it is on -----------------------------------------------------------------------------------------------------


class Kind(StrEnum):
    MAILBOX = "mailbox"
    CALENDAR = "calendar"
    ADDRESS_BOOK = "address-book"
    TASKS = "tasks"


@dataclass(frozen=True, slots=True)
class Object:
    """Something of an account that can be shared; ``id`` stays when it is renamed (a mailbox: its MAILBOXID)."""

    kind: Kind
    id: str


# -- delegation --------------------------------------------------------------------------------------------------------


class Bundle(StrEnum):
    """What a delegate may do in the whole account; ``optimails.acl.bundles`` says it in rights."""

    READER = "reader"
    EDITOR = "editor"
    ASSISTANT = "assistant"
    FULL = "full"


class Scope(StrEnum):
    """Of what in the account a delegation is."""

    ALL = "all"
    CALENDARS = "calendars"  # and task lists: what programs call a calendar proxy

    def covers(self, kind: "Kind | None") -> bool:
        """None: the account itself, in whose name one sends."""
        return self is Scope.ALL or kind in (Kind.CALENDAR, Kind.TASKS)


class SendRight(Enum):
    """In whose name an account may send, from nothing to its own."""

    NO = "no"
    ON_BEHALF = "on-behalf"  # From: the owner, Sender: the delegate
    SEND_AS = "send-as"  # nobody sees that it was the delegate
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Delegation:
    owner: AccountId
    delegate: AccountId
    bundle: Bundle
    send: SendRight
    hide_private: bool = True
    starts: int | None = None  # Unix seconds; None: from the beginning
    ends: int | None = None  # not good any more from then on; None: for ever
    scope: Scope = Scope.ALL
    invitations: bool = False  # the delegate gets copies of those that come for the owner

    def active(self, now: float) -> bool:
        return (self.starts is None or self.starts <= now) and (self.ends is None or now < self.ends)


# -- all of one account ------------------------------------------------------------------------------------------------


class Answer(StrEnum):
    """What a user said to something that is shared with him; without an answer it is offered, and shown."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Sharing:
    """Whom an account lets at its things."""

    entries: Mapping[Object, tuple[Entry, ...]] = field(default_factory=dict)
    delegations: tuple[Delegation, ...] = ()
    common_seen: frozenset[Object] = frozenset()  # mailboxes whose \\Seen is the same for everybody


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that somebody's entry or delegation may let a viewer at; what he may do is decided with it."""

    owner: AccountId
    object: Object | None  # None: the whole account, by a delegation
    answer: Answer | None = None
    of_domain: bool = False  # the owner holds what is a domain's: nobody has to accept it
    reads: bool = True  # some entry gives more than when somebody is busy


def answer_to(on: Object, offers: Iterable[Offer]) -> Answer | None:
    """What the viewer said to it, or, where nothing but a delegation offers it, to that; all of one owner."""
    answers = {offer.object: offer.answer for offer in offers}
    return answers[on] if on in answers else answers.get(None)
