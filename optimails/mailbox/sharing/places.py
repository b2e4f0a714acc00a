"""How mailboxes of others are called, in every client alike. Pure.

``Other Users/marie@demo.test/INBOX`` is Marie's INBOX, ``Shared Folders/demo.test/Projects`` a folder of the domain.
An address here is one component, so that ``/`` in a local part is written ``%2F``, and ``%`` and ``*``, which LIST
takes for wildcards, ``%25`` and ``%2A``.
"""

import re
from dataclasses import dataclass

from optimails.model.account import Account
from optimails.model.mailbox_name import SEPARATOR, MailboxName, canonical

OTHER_USERS = MailboxName("Other Users")
SHARED_FOLDERS = MailboxName("Shared Folders")
_ESCAPED = {"%": "%25", "/": "%2F", "*": "%2A"}
_ESCAPE = re.compile(r"[%/*]")


@dataclass(frozen=True, slots=True)
class Place:
    """A name in a namespace of others. ``owner`` and ``name`` are empty for the levels above."""

    namespace: MailboxName
    owner: str  # the address, or the domain, as in the name
    name: MailboxName  # in the owner's account


def place_of(name: str) -> Place | None:
    """Where a name of that form lies; None for one of the user's own."""
    namespace, _, rest = name.partition(SEPARATOR)
    if namespace not in (OTHER_USERS, SHARED_FOLDERS):
        return None
    owner, _, inner = rest.partition(SEPARATOR)
    return Place(MailboxName(namespace), owner, canonical(inner))


def root_of(owner: Account) -> MailboxName:
    """The level that all mailboxes of the owner are below, for everybody else."""
    if owner.domain_folders:
        return MailboxName(f"{SHARED_FOLDERS}{SEPARATOR}{owner.address.domain}")
    local = _ESCAPE.sub(lambda found: _ESCAPED[found[0]], owner.address.key)
    return MailboxName(f"{OTHER_USERS}{SEPARATOR}{local}")


def name_for_others(owner: Account, name: MailboxName) -> MailboxName:
    """What everybody else calls the owner's mailbox."""
    return MailboxName(f"{root_of(owner)}{SEPARATOR}{name}")
