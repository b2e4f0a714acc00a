"""GETMETADATA, SETMETADATA, and news of annotations (RFC 5464).

The server, named by the empty mailbox, is the account as a whole: what a user sets there, nobody else sees. Two of its
entries come from the configuration and belong to who runs the server (§6.2.1).
"""

from collections.abc import Iterable, Mapping

from imap.session.session import Session
from imap.session.state import Done
from imap.wire import codes, responses
from imap.wire.metadata import GetMetadata, SetMetadata
from imap.wire.responses import Condition
from optimails.mailbox.api import AnnotationLimits
from optimails.model.errors import Reason, Refused
from optimails.model.mailbox_name import MailboxName

_OF_THE_SERVER = ("/shared/admin", "/shared/comment")


async def get_metadata(session: Session, command: GetMetadata) -> Done:
    known: Mapping[str, bytes] = await session.mail.annotations.get(command.mailbox)
    if command.mailbox is None:
        known = {**known, **session.settings.server_annotations}
    found: dict[str, bytes | None] = {}
    for entry in command.entries:
        if command.depth == 0:
            found[entry] = known.get(entry)
        else:
            found.update((name, known[name]) for name in sorted(known) if _within(name, entry, command.depth))
    longest = max((len(value) for value in found.values() if value is not None), default=0)
    most = command.max_size
    if most is not None:
        found = {name: value for name, value in found.items() if value is None or len(value) <= most}
    if found:
        session.write(responses.metadata(command.mailbox or "", found.items(), utf8=session.utf8))
    if most is not None and longest > most:  # §4.2.1
        return Done("GETMETADATA completed", codes.metadata_long_entries(longest))
    return Done("GETMETADATA completed")


def _within(name: str, entry: str, depth: int) -> bool:
    """Whether the entry is this one, or at most so many levels below it (§4.2.2)."""
    return name == entry or (name.startswith(entry + "/") and name[len(entry) :].count("/") <= depth)


async def set_metadata(session: Session, command: SetMetadata) -> Done:
    if command.mailbox is None and any(entry in _OF_THE_SERVER for entry, _ in command.values):
        raise Refused(Reason.NO_PERMISSION, "This belongs to who runs the server")
    settings = session.settings
    if any(value is not None and len(value) > settings.metadata_size for _, value in command.values):
        return Done("The value is too large", codes.metadata_max_size(settings.metadata_size), Condition.NO)
    limits = AnnotationLimits(settings.metadata_entries, settings.metadata_total)
    try:
        modseq = await session.mail.annotations.set(command.mailbox, dict(command.values), limits)
    except Refused as refused:
        if refused.reason is not Reason.LIMIT:
            raise
        return Done(str(refused), codes.METADATA_TOO_MANY, Condition.NO)
    session.own_annotations.add(modseq)
    return Done("SETMETADATA completed")


async def tell_metadata(session: Session) -> None:
    """What other sessions set since the last time, for a client that enabled it (§4.4)."""
    if session.annotations_told is None:
        return
    news = await session.mail.annotations.news(session.annotations_told)
    for mailbox, changed in news.changed.items():
        entries = [entry for entry, modseq in changed if modseq not in session.own_annotations]
        if entries:
            session.write(responses.metadata_news(mailbox or "", entries, utf8=session.utf8))
    session.annotations_told = news.modseq
    session.own_annotations = {modseq for modseq in session.own_annotations if modseq > news.modseq}


async def enable_metadata(session: Session) -> bool:
    """Whether it was not on before."""
    if session.annotations_told is not None:
        return False
    session.annotations_told = await session.mail.annotations.now()
    return True


Asked = Mapping[MailboxName | None, Mapping[str, bytes]]


async def asked_for(session: Session, entries: Iterable[str]) -> Asked:
    """The values that LIST shows (RFC 9590), of all mailboxes."""
    return await session.mail.annotations.everywhere(tuple(entries)) if entries else {}


def tell_listed(session: Session, name: MailboxName, entries: Iterable[str], asked: Asked) -> None:
    """Behind the line of a mailbox; what is not set is NIL."""
    values = asked.get(name, {})
    session.write(responses.metadata(name, ((entry, values.get(entry)) for entry in entries), utf8=session.utf8))
