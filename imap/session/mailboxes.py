"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, NAMESPACE, STATUS (RFC 9051 §6.3.4 to §6.3.11)."""

from collections.abc import Sequence

from imap.session.session import Session
from imap.session.state import Done
from imap.wire import codes, responses
from imap.wire.commands import Create, Delete, Rename, Status, StatusItem, Subscribe, Unsubscribe
from optimails.mailbox.api import MailboxStatus, MessageSet, Want
from optimails.model.errors import Reason, Refused
from optimails.model.flags import DELETED
from optimails.model.mailbox_name import SEPARATOR
from optimails.model.number_set import NumberSet
from optimails.model.query import HasFlag
from optimails.model.special_use import CREATABLE


async def create(session: Session, command: Create) -> Done:
    if len(command.special_uses) > 1:
        raise Refused(Reason.USE_ATTR, "A mailbox has one special use at most")
    use = command.special_uses[0] if command.special_uses else None
    if use is not None and use not in CREATABLE:
        raise Refused(Reason.USE_ATTR, "This special use cannot be given to a mailbox")
    # RFC 9051 §6.3.4: a final separator says that inferiors are to come; here every mailbox may have them.
    status = await session.mail.create(command.mailbox.removesuffix(SEPARATOR), use)
    return Done("CREATE completed", codes.mailbox_id(status.object_id))  # RFC 8474 §4.1


async def delete(session: Session, command: Delete) -> Done:
    selected = session.selected
    await session.mail.delete(command.mailbox)
    if selected is not None and selected.name == command.mailbox:
        await session.unselect()
        session.ok("The selected mailbox is deleted", codes.CLOSED)
    return Done("DELETE completed")


async def rename(session: Session, command: Rename) -> Done:
    await session.mail.rename(command.old, command.new.removesuffix(SEPARATOR))
    return Done("RENAME completed")


async def subscribe(session: Session, command: Subscribe) -> Done:
    await session.mail.subscribe(command.mailbox, subscribed=True)
    return Done("SUBSCRIBE completed")


async def unsubscribe(session: Session, command: Unsubscribe) -> Done:
    await session.mail.subscribe(command.mailbox, subscribed=False)
    return Done("UNSUBSCRIBE completed")


async def namespace(session: Session, _command: object) -> Done:
    """RFC 2342. Those of others are told where the plan lets the user look there, also when nothing is there yet."""
    others, shared = await session.mail.namespaces()
    rooms = [[(f"{prefix}{SEPARATOR}", SEPARATOR) for prefix in prefixes] for prefixes in (others, shared)]
    session.write(responses.namespace([("", SEPARATOR)], *rooms))
    return Done("NAMESPACE completed")


async def status(session: Session, command: Status) -> Done:
    if StatusItem.HIGHEST_MODSEQ in command.items:
        session.condstore = True  # RFC 7162 §3.1: a CONDSTORE enabling command
    values = await status_values(session, await session.mail.status(command.mailbox), command.items)
    session.write(responses.status(command.mailbox, values, utf8=session.utf8))
    return Done("STATUS completed")


async def status_values(
    session: Session, found: MailboxStatus, items: Sequence[StatusItem]
) -> dict[StatusItem, int | str | None]:
    """The items asked for, in their order."""
    values: dict[StatusItem, int | str | None] = {
        StatusItem.MESSAGES: found.messages,
        StatusItem.RECENT: found.recent,
        StatusItem.UID_NEXT: found.uid_next,
        StatusItem.UID_VALIDITY: found.uid_validity,
        StatusItem.UNSEEN: found.unseen,
        StatusItem.DELETED: found.deleted,
        StatusItem.SIZE: found.size,
        StatusItem.HIGHEST_MODSEQ: found.highest_modseq,
        StatusItem.APPEND_LIMIT: session.settings.max_append,
        StatusItem.MAILBOX_ID: found.object_id,
    }
    if StatusItem.DELETED_STORAGE in items:
        values[StatusItem.DELETED_STORAGE] = await _deleted_storage(session, found)
    return {item: values[item] for item in items}


async def _deleted_storage(session: Session, found: MailboxStatus) -> int:
    """Bytes that EXPUNGE would free (RFC 9208 §4.1.4, in octets); counted, because hardly anybody asks."""
    if not found.deleted:
        return 0
    view = await session.mail.select(found.name, read_only=True)
    try:
        uids = await view.search(HasFlag(DELETED))
        total = 0
        async for rows in view.fetch(MessageSet(NumberSet.of(uids), by_uid=True), Want.SIZE):
            total += sum(row.size or 0 for row in rows)
        return total
    finally:
        await view.close()
