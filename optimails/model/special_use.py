"""Special uses of mailboxes (RFC 6154) and the mailboxes a new account gets."""

from enum import StrEnum


class SpecialUse(StrEnum):
    """The values are the attributes as LIST shows them."""

    ALL = "\\All"
    ARCHIVE = "\\Archive"
    DRAFTS = "\\Drafts"
    FLAGGED = "\\Flagged"
    IMPORTANT = "\\Important"
    JUNK = "\\Junk"
    SENT = "\\Sent"
    TRASH = "\\Trash"


CREATABLE = frozenset({SpecialUse.ARCHIVE, SpecialUse.DRAFTS, SpecialUse.JUNK, SpecialUse.SENT, SpecialUse.TRASH})
"""Uses a mailbox can be created with; All, Flagged and Important would be virtual, which we do not offer."""

NEW_ACCOUNT = (
    ("Drafts", SpecialUse.DRAFTS),
    ("Sent", SpecialUse.SENT),
    ("Junk", SpecialUse.JUNK),
    ("Trash", SpecialUse.TRASH),
    ("Archive", SpecialUse.ARCHIVE),
)
