"""The values of GETMETADATA and SETMETADATA (RFC 5464).

Entries are ASCII in lower case and well-formed (``imap.wire.grammar.metadata``); None as mailbox is the server.
"""

from dataclasses import dataclass, field

from optimails.model.mailbox_name import MailboxName

INFINITY = 2**31
"""``DEPTH infinity``: deeper than any entry is."""


@dataclass(frozen=True, slots=True)
class GetMetadata:
    mailbox: MailboxName | None
    entries: tuple[str, ...]  # each once, in the order sent
    depth: int = 0  # how many levels below an entry belong to it: 0, 1 or ``INFINITY``
    max_size: int | None = None  # bytes: larger values are left out


@dataclass(frozen=True, slots=True)
class SetMetadata:
    """``values``: None removes the entry."""

    mailbox: MailboxName | None
    values: tuple[tuple[str, bytes | None], ...] = field(repr=False)
