"""GETACL, SETACL, DELETEACL, LISTRIGHTS, MYRIGHTS (RFC 4314)."""

from imap.session.session import Session
from imap.session.state import Done
from imap.wire import responses
from imap.wire.acl import AclAction, DeleteAcl, GetAcl, ListRights, MyRights, SetAcl
from optimails.mailbox.api import StoreMode
from optimails.model.rights import NOTHING, STANDARD

_MODES = {
    AclAction.REPLACE: StoreMode.REPLACE,
    AclAction.ADD: StoreMode.ADD,
    AclAction.REMOVE: StoreMode.REMOVE,
}


async def get_acl(session: Session, command: GetAcl) -> Done:
    lines = await session.mail.acl(command.mailbox)
    named = [(_written(line.identifier, negative=line.negative), line.rights) for line in lines]
    session.write(responses.acl(command.mailbox, named, utf8=session.utf8))
    return Done("GETACL completed")


async def set_acl(session: Session, command: SetAcl) -> Done:
    await session.mail.change_acl(
        command.mailbox,
        command.identifier,
        negative=command.negative,
        mode=_MODES[command.action],
        rights=command.rights,
    )
    return Done("SETACL completed")


async def delete_acl(session: Session, command: DeleteAcl) -> Done:
    await session.mail.change_acl(
        command.mailbox, command.identifier, negative=command.negative, mode=StoreMode.REPLACE, rights=NOTHING
    )
    return Done("DELETEACL completed")


async def list_rights(session: Session, command: ListRights) -> Done:
    always = await session.mail.always_rights(command.mailbox, command.identifier)
    if command.negative:
        always = NOTHING
    identifier = _written(command.identifier, negative=command.negative)
    session.write(responses.list_rights(command.mailbox, identifier, always, STANDARD & ~always, utf8=session.utf8))
    return Done("LISTRIGHTS completed")


async def my_rights(session: Session, command: MyRights) -> Done:
    rights = await session.mail.my_rights(command.mailbox)
    session.write(responses.my_rights(command.mailbox, rights, utf8=session.utf8))
    return Done("MYRIGHTS completed")


def _written(identifier: str, *, negative: bool) -> str:
    return f"-{identifier}" if negative else identifier
