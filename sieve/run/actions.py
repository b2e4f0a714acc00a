"""What a script wants to be done."""

from dataclasses import dataclass

Flags = tuple[str, ...]
Header = bytes | None
"""The header block as edited (RFC 5293) up to the moment of the action; None: as it came."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Into the INBOX."""

    flags: Flags = ()
    header: Header = None
    implicit: bool = False  # nothing cancelled it (RFC 5228 §2.10.2)


@dataclass(frozen=True, slots=True)
class FileInto:
    mailbox: str
    flags: Flags = ()
    copy: bool = False
    create: bool = False  # RFC 5490 §3.2
    special_use: str = ""  # RFC 8579 §4: this one where it is, else ``mailbox``
    mailbox_id: str = ""  # RFC 9042 §3, in the same way
    header: Header = None


@dataclass(frozen=True, slots=True)
class Redirect:
    address: str
    copy: bool = False
    header: Header = None


@dataclass(frozen=True, slots=True)
class Discard:
    """Nothing is kept that nobody asked to keep."""


@dataclass(frozen=True, slots=True)
class Reject:
    """``at_smtp``: ereject (RFC 5429 §2.1), refused by the server rather than by a mail."""

    reason: str
    at_smtp: bool = False


@dataclass(frozen=True, slots=True)
class Vacation:
    """RFC 5230."""

    reason: str
    seconds: int  # between two answers to one sender; 0: every time
    handle: str  # what answers are counted by: of the script, or made from its arguments
    subject: str | None = None
    sender: str | None = None  # ``:from``
    addresses: tuple[str, ...] = ()
    mime: bool = False  # the reason is a MIME entity with its header
    fcc: FileInto | None = None  # RFC 8580


@dataclass(frozen=True, slots=True)
class Notify:
    """RFC 5435; ``method`` is a ``mailto:`` URI (RFC 5436)."""

    method: str
    message: str | None = None
    importance: int = 2
    sender: str | None = None
    options: tuple[str, ...] = ()
    fcc: FileInto | None = None


@dataclass(frozen=True, slots=True)
class Remember:
    """The test ``duplicate`` saw this (RFC 7352): to be remembered once everything else is done."""

    key: bytes
    seconds: int


Action = Keep | FileInto | Redirect | Discard | Reject | Vacation | Notify | Remember


@dataclass(frozen=True, slots=True)
class Outcome:
    """``actions`` in the order of the script; the implicit keep, where nothing cancelled it, is among them."""

    actions: tuple[Action, ...]
    stopped: bool = False  # by ``stop``
