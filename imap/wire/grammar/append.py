"""The parts of APPEND around its messages (RFC 9051 §6.3.12, RFC 3502, RFC 6855 §4)."""

import re
from dataclasses import dataclass
from datetime import datetime

from imap.wire.scanner import Scanner
from optimails.model.errors import BadSyntax
from optimails.model.flags import Flag
from optimails.model.mailbox_name import MailboxName

APPEND = re.compile(rb"([^\x00-\x20\x7f-\xff(){%*\"\\+]+) APPEND ", re.IGNORECASE)
_MESSAGE = re.compile(rb"(~?)\{([0-9]{1,18})(\+?)\}\r?\n\Z")


@dataclass(frozen=True, slots=True)
class Announced:
    """What stands before a message."""

    flags: frozenset[Flag]
    date: datetime | None
    size: int
    synchronizing: bool
    utf8: bool
    binary: bool


def mailbox(scan: Scanner) -> MailboxName:
    """The mailbox behind ``APPEND ``; raises ``LiteralMissing`` when the literal that ends the text is its name."""
    return scan.mailbox()


def announced(scan: Scanner) -> Announced:
    """From the space behind the mailbox, or behind the message before, up to the literal's header, which ends the
    text."""
    scan.space()
    flags: frozenset[Flag] = frozenset()
    date: datetime | None = None
    if scan.at(b"("):
        flags = scan.flag_list()
        scan.space()
    if scan.at(b'"'):
        date = scan.date_time()
        scan.space()
    utf8 = scan.at(b"U") or scan.at(b"u")
    if utf8:
        if scan.word() != "UTF8":
            raise BadSyntax("Unknown append extension")
        scan.expect(b" (")
    found = _MESSAGE.match(scan.text, scan.position)
    if found is None:
        raise BadSyntax("Expected a literal")
    if utf8 and not found[1]:
        raise BadSyntax("UTF8 needs a literal8")
    return Announced(flags, date, int(found[2]), not found[3], utf8, bool(found[1]))
