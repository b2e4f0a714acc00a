"""Every command by its name."""

from collections.abc import Callable
from functools import partial

from imap.wire import commands as c
from imap.wire.grammar import access, acl, fetch, mailboxes, messages, metadata, search
from imap.wire.scanner import Scanner

Grammar = Callable[[Scanner], c.Command]


def _plain(command: c.Command) -> Grammar:
    """A command without arguments: the same value each time."""
    return lambda _scan: command


UID_COMMANDS: dict[bytes, Grammar] = {
    b"COPY": partial(messages.copy, by_uid=True),
    b"EXPUNGE": messages.uid_expunge,
    b"FETCH": partial(fetch.fetch, by_uid=True),
    b"MOVE": partial(messages.move, by_uid=True),
    b"SEARCH": partial(search.search, by_uid=True),
    b"STORE": partial(messages.store, by_uid=True),
}

COMMANDS: dict[bytes, Grammar] = {
    b"AUTHENTICATE": access.authenticate,
    b"CAPABILITY": _plain(c.Capability()),
    b"CHECK": _plain(c.Check()),
    b"CLOSE": _plain(c.Close()),
    b"COMPRESS": access.compress,
    b"COPY": partial(messages.copy, by_uid=False),
    b"CREATE": mailboxes.create,
    b"DELETE": mailboxes.delete,
    b"DELETEACL": acl.delete_acl,
    b"ENABLE": access.enable,
    b"EXAMINE": mailboxes.examine,
    b"EXPUNGE": _plain(c.Expunge()),
    b"FETCH": partial(fetch.fetch, by_uid=False),
    b"GETMETADATA": metadata.get_metadata,
    b"GETACL": acl.get_acl,
    b"GETQUOTA": mailboxes.get_quota,
    b"GETQUOTAROOT": mailboxes.get_quota_root,
    b"ID": access.ident,
    b"IDLE": _plain(c.Idle()),
    b"LIST": mailboxes.list_,
    b"LISTRIGHTS": acl.list_rights,
    b"LOGIN": access.login,
    b"LOGOUT": _plain(c.Logout()),
    b"LSUB": mailboxes.lsub,
    b"MOVE": partial(messages.move, by_uid=False),
    b"MYRIGHTS": acl.my_rights,
    b"NAMESPACE": _plain(c.Namespace()),
    b"NOOP": _plain(c.Noop()),
    b"RENAME": mailboxes.rename,
    b"SEARCH": partial(search.search, by_uid=False),
    b"SELECT": mailboxes.select,
    b"SETMETADATA": metadata.set_metadata,
    b"SETACL": acl.set_acl,
    b"SETQUOTA": mailboxes.set_quota,
    b"STARTTLS": _plain(c.StartTls()),
    b"STATUS": mailboxes.status,
    b"STORE": partial(messages.store, by_uid=False),
    b"SUBSCRIBE": mailboxes.subscribe,
    b"UNSELECT": _plain(c.Unselect()),
    b"UNSUBSCRIBE": mailboxes.unsubscribe,
}
