"""Commands about the messages of the selected mailbox, except SEARCH and the items of FETCH."""

from imap.wire import commands as c
from imap.wire.scanner import Scanner, chosen_flags
from optimails.model.errors import BadSyntax

_ACTIONS = {
    "FLAGS": (c.StoreAction.REPLACE, False),
    "FLAGS.SILENT": (c.StoreAction.REPLACE, True),
    "+FLAGS": (c.StoreAction.ADD, False),
    "+FLAGS.SILENT": (c.StoreAction.ADD, True),
    "-FLAGS": (c.StoreAction.REMOVE, False),
    "-FLAGS.SILENT": (c.StoreAction.REMOVE, True),
}


def uid_expunge(scan: Scanner) -> c.Expunge:
    """RFC 4315 §2.1."""
    scan.space()
    return c.Expunge(scan.message_set())


def store(scan: Scanner, *, by_uid: bool) -> c.Store:
    """RFC 9051 §6.4.6, UNCHANGEDSINCE of RFC 7162 §3.1.3."""
    scan.space()
    messages = scan.message_set()
    scan.space()
    unchanged_since = None
    if scan.skip(b"("):
        if scan.word() != "UNCHANGEDSINCE":
            raise BadSyntax("Unknown store modifier")
        scan.space()
        unchanged_since = scan.number64()
        scan.expect(b")")
        scan.space()
    chosen = _ACTIONS.get(scan.word())
    if chosen is None:
        raise BadSyntax("Expected FLAGS, +FLAGS or -FLAGS")
    scan.space()
    if scan.at(b"("):
        flags = scan.flag_list()
    else:
        names = [scan.flag()]
        while not scan.at_end():
            scan.space()
            names.append(scan.flag())
        flags = chosen_flags(names)
    action, silent = chosen
    return c.Store(messages, by_uid, action, flags, silent, unchanged_since)


def copy(scan: Scanner, *, by_uid: bool) -> c.Copy:
    scan.space()
    messages = scan.message_set()
    scan.space()
    return c.Copy(messages, by_uid, scan.mailbox())


def move(scan: Scanner, *, by_uid: bool) -> c.Move:
    """RFC 6851 §3.1."""
    scan.space()
    messages = scan.message_set()
    scan.space()
    return c.Move(messages, by_uid, scan.mailbox())
