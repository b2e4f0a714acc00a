"""GETMETADATA, SETMETADATA (RFC 5464 §5), and what LIST asks of them (RFC 9590)."""

import re

from imap.wire.metadata import INFINITY, GetMetadata, SetMetadata
from imap.wire.scanner import Scanner
from optimails.model.errors import BadSyntax
from optimails.model.mailbox_name import MailboxName

# RFC 5464 §3.2: no wildcards, no controls, no empty component, ASCII alone.
_ENTRY = re.compile(r"/(?:private|shared)(?:/[^\x00-\x1f\x7f-\U0010ffff/*%]+)*")
_OPTIONS = re.compile(rb"\([A-Za-z]")  # an entry begins with "/", or as a string
MAX_ENTRY = 1_000  # characters
MAX_ENTRIES = 200


def entry_name(scan: Scanner) -> str:
    """RFC 5464 §3.2: without regard to case."""
    name = scan.text_astring("Entry").lower()
    if len(name) > MAX_ENTRY or not _ENTRY.fullmatch(name):
        raise BadSyntax("Entry name is not valid")
    return name


def entries(scan: Scanner) -> tuple[str, ...]:
    """One entry, or several in parentheses."""
    if not scan.at(b"("):
        return (entry_name(scan),)
    names = tuple(dict.fromkeys(scan.list_of(lambda: entry_name(scan))))
    if len(names) > MAX_ENTRIES:  # LIST answers so many for each of ten thousand mailboxes
        raise BadSyntax("Too many entries")
    return names


def _mailbox(scan: Scanner) -> MailboxName | None:
    return scan.mailbox() or None  # the empty name is the server


def get_metadata(scan: Scanner) -> GetMetadata:
    """Options stand before the mailbox (§5); behind it they are understood, too: there §4.2's examples have them."""
    scan.space()
    options: dict[str, int] = {}
    if scan.at(b"("):
        options = _options(scan)
        scan.space()
    mailbox = _mailbox(scan)
    scan.space()
    if not options and scan.follows(_OPTIONS):
        options = _options(scan)
        scan.space()
    return GetMetadata(mailbox, entries(scan), options.get("DEPTH", 0), options.get("MAXSIZE"))


def _options(scan: Scanner) -> dict[str, int]:
    def option() -> tuple[str, int]:
        name = scan.word()
        scan.space()
        match name:
            case "MAXSIZE":
                return name, scan.number()
            case "DEPTH":
                depth = {"0": 0, "1": 1, "INFINITY": INFINITY}.get(scan.word())
                if depth is None:
                    raise BadSyntax("DEPTH is 0, 1 or infinity")
                return name, depth
        raise BadSyntax("Unknown option")

    given = scan.list_of(option)
    if len(dict(given)) != len(given):
        raise BadSyntax("An option is given twice")
    return dict(given)


def set_metadata(scan: Scanner) -> SetMetadata:
    scan.space()
    mailbox = _mailbox(scan)
    scan.space()

    def pair() -> tuple[str, bytes | None]:
        name = entry_name(scan)
        if name.count("/") < 2:
            raise BadSyntax("Entry name is not valid")  # RFC 5464 §3.2: /private and /shared are no entries themselves
        scan.space()
        return name, scan.nstring8()

    values = scan.list_of(pair)
    if len(dict(values)) != len(values):
        raise BadSyntax("An entry is given twice")
    return SetMetadata(mailbox, tuple(values))
