"""Mailbox names: Unicode, hierarchy by ``/``, INBOX in any case (RFC 9051 §5.1)."""

import unicodedata
from typing import NewType

from optimails.model.errors import Reason, Refused

MailboxName = NewType("MailboxName", str)

SEPARATOR = "/"
INBOX = MailboxName("INBOX")
MAX_LENGTH = 1000  # characters of the whole name
MAX_COMPONENT = 240  # bytes of one component in UTF-8
MAX_DEPTH = 30


def canonical(name: str) -> MailboxName:
    """The name in NFC, with INBOX (alone or as first component) in upper case; nothing is checked.

    Names are kept in NFC, and clients that compose them otherwise (as macOS does) must find what they created.
    """
    if not name.isascii():
        name = unicodedata.normalize("NFC", name)
    head, separator, rest = name.partition(SEPARATOR)
    return MailboxName(INBOX + separator + rest if head.upper() == INBOX else name)


def mailbox_name(text: str) -> MailboxName:
    """A name that a new mailbox may have, NFC-normalised.

    Raises:
        Refused: with ``CANNOT``, for an empty component, control characters, or a name too long or too deep.
    """
    name = canonical(text)
    components = name.split(SEPARATOR)
    if len(name) > MAX_LENGTH or len(components) > MAX_DEPTH:
        raise Refused(Reason.CANNOT, "Mailbox name is too long")
    for component in components:
        if not component:
            raise Refused(Reason.CANNOT, "Mailbox name has an empty component")
        if len(component.encode("utf-8", "surrogatepass")) > MAX_COMPONENT:
            raise Refused(Reason.CANNOT, "Mailbox name is too long")
    # Controls, surrogates and line separators; RFC 9051 §5.1 and RFC 5198 §2 forbid them.
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        raise Refused(Reason.CANNOT, "Mailbox name has a character that is not allowed")
    return name


def parents(name: MailboxName) -> list[MailboxName]:
    """All superior names, outermost first: ``a/b/c`` gives ``a``, ``a/b``."""
    components = name.split(SEPARATOR)
    return [MailboxName(SEPARATOR.join(components[:depth])) for depth in range(1, len(components))]


def is_inferior(name: str, parent: str) -> bool:
    """Whether ``name`` lies below ``parent``."""
    return name.startswith(parent + SEPARATOR)
