"""LIST, basic and extended, and LSUB (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 9590; RFC 3501 §6.3.9)."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from imap.session.mailboxes import status_values
from imap.session.metadata import asked_for, tell_listed
from imap.session.patterns import Matcher, matcher
from imap.session.session import Session
from imap.session.state import Done
from imap.wire import responses
from imap.wire.commands import List, ListReturn, ListSelection, Lsub, StatusItem
from optimails.mailbox.api import MailboxInfo
from optimails.model.mailbox_name import SEPARATOR, MailboxName, canonical, parents


@dataclass(slots=True)
class _Entry:
    """A name that LIST may show: a mailbox, a subscribed name without one, or a level above such a name."""

    name: MailboxName
    info: MailboxInfo | None
    subscribed: bool = False
    special: bool = False
    children: bool = False
    subscribed_below: bool = False  # some inferior that the patterns do not show by themselves
    special_below: bool = False


NAMES_AT_ONCE = 100
"""Other sessions get their turn after so many names: a client may send a hundred long patterns."""


async def list_(session: Session, command: List) -> Done:
    if not command.extended and command.patterns == ("",):
        session.write(responses.list_separator())  # RFC 9051 §6.3.9: only the separator was asked for
        return Done("LIST completed")
    matches = matcher([command.reference + pattern for pattern in command.patterns])
    recursive = ListSelection.RECURSIVE_MATCH in command.selection
    statuses = await session.mail.statuses() if command.status else {}
    annotations = await asked_for(session, command.metadata)
    if StatusItem.HIGHEST_MODSEQ in command.status:
        session.condstore = True  # RFC 7162 §3.1.8: as STATUS itself
    for count, entry in enumerate(await _entries(session, command, matches), 1):
        if count % NAMES_AT_ONCE == 0:
            await asyncio.sleep(0)
        if not matches(entry.name):
            continue
        chosen = _chosen(entry, command.selection)
        child_info = _child_info(entry, command.selection) if recursive else []
        if not chosen and not child_info:
            continue
        session.write(
            responses.list_line(entry.name, _attributes(entry, command), utf8=session.utf8, child_info=child_info)
        )
        # RFC 5819 §2: a STATUS for each selectable mailbox, right behind its line
        if chosen and entry.name in statuses:
            values = await status_values(session, statuses[entry.name], command.status)
            session.write(responses.status(entry.name, values, utf8=session.utf8))
        if chosen and entry.info is not None and entry.info.rights and ListReturn.MY_RIGHTS in command.returns:
            session.write(responses.my_rights(entry.name, entry.info.rights, utf8=session.utf8))  # RFC 8440 §3.1
        if chosen and entry.info is not None and command.metadata:
            tell_listed(session, entry.name, command.metadata, annotations)
        await session.relieve()
    return Done("LIST completed")


async def _entries(session: Session, command: List, matches: Matcher) -> Iterable[_Entry]:
    mailboxes = await session.mail.mailboxes()
    entries = {info.name: _Entry(info.name, info, info.subscribed, info.special_use is not None) for info in mailboxes}
    if ListSelection.SUBSCRIBED in command.selection:
        orphans = [name for name in await session.mail.subscriptions() if name not in entries]
        for name in orphans:
            entries[name] = _Entry(name, None, subscribed=True)
            for parent in parents(name):
                entries.setdefault(parent, _Entry(parent, None))
    recursive = ListSelection.RECURSIVE_MATCH in command.selection
    for count, (name, entry) in enumerate(list(entries.items()), 1):
        if count % NAMES_AT_ONCE == 0:
            await asyncio.sleep(0)
        hidden = recursive and not matches(name)
        for parent in parents(name):
            above = entries.get(parent)
            if above is None:
                continue
            above.children = above.children or entry.info is not None
            above.subscribed_below = above.subscribed_below or (hidden and entry.subscribed)
            above.special_below = above.special_below or (hidden and entry.special)
    ordered = sorted(entries.values(), key=lambda entry: (entry.name != "INBOX", entry.name.split(SEPARATOR)))
    return (entry for entry in ordered if entry.info is not None or entry.subscribed or entry.subscribed_below)


def _chosen(entry: _Entry, selection: frozenset[ListSelection]) -> bool:
    """Whether the selection options ask for it; several options must all hold (RFC 5258 §3.1)."""
    if ListSelection.SUBSCRIBED in selection:
        if not entry.subscribed:
            return False
    elif entry.info is None:
        return False
    return ListSelection.SPECIAL_USE not in selection or entry.special


def _child_info(entry: _Entry, selection: frozenset[ListSelection]) -> list[str]:
    """RFC 5258 §3.5: which option an inferior meets that is not shown by itself."""
    info = []
    if ListSelection.SUBSCRIBED in selection and entry.subscribed_below:
        info.append("SUBSCRIBED")
    if ListSelection.SPECIAL_USE in selection and entry.special_below:
        info.append("SPECIAL-USE")
    return info


def _attributes(entry: _Entry, command: List) -> list[str]:
    attributes = []
    if entry.info is None or not entry.info.exists:
        attributes.append("\\NonExistent")  # RFC 5258 §3: implies \Noselect
        if not command.extended:
            attributes.append("\\Noselect")  # which is all that an old client knows
    elif not entry.info.selectable:
        attributes.append("\\Noselect")
    if entry.info is not None or entry.children:
        attributes.append("\\HasChildren" if entry.children else "\\HasNoChildren")
    asked = ListReturn.SUBSCRIBED in command.returns or ListSelection.SUBSCRIBED in command.selection
    if asked and entry.subscribed:
        attributes.append("\\Subscribed")
    if entry.info is not None and entry.info.special_use is not None:
        attributes.append(entry.info.special_use.value)  # RFC 6154 §2 allows them in a plain LIST too
    return attributes


def selected_line(session: Session, name: MailboxName) -> bytes:
    """The LIST response of SELECT."""
    return responses.list_line(name, (), utf8=session.utf8)


async def lsub(session: Session, command: Lsub) -> Done:
    """RFC 3501 §6.3.9: subscribed names; with ``%`` also the level above one that is not subscribed itself."""
    pattern = command.reference + command.pattern
    if not pattern:
        session.write(responses.list_line("", ("\\Noselect",), utf8=session.utf8, command="LSUB"))
        return Done("LSUB completed")
    matches = matcher([pattern])
    subscribed = {canonical(name) for name in await session.mail.subscriptions()}
    selectable = {info.name for info in await session.mail.mailboxes() if info.selectable}
    shown = {name: () if name in selectable else ("\\Noselect",) for name in subscribed if matches(name)}
    if pattern.endswith("%"):
        for name in subscribed:
            if name not in shown:
                for parent in parents(name):
                    if matches(parent):
                        shown.setdefault(parent, ("\\Noselect",))
    for name in sorted(shown, key=lambda name: (name != "INBOX", name)):
        session.write(responses.list_line(name, shown[name], utf8=session.utf8, command="LSUB"))
    return Done("LSUB completed")
