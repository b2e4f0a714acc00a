"""Commands about mailboxes."""

from imap.wire import commands as c
from imap.wire.grammar.metadata import entries
from imap.wire.scanner import Scanner
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.special_use import SpecialUse

_USES = {use.value.lower(): use for use in SpecialUse}
_SELECTING = {c.ListSelection.SUBSCRIBED, c.ListSelection.SPECIAL_USE}
MAX_PATTERNS = 100


def _select(scan: Scanner, *, read_only: bool) -> c.Select:
    scan.space()
    mailbox = scan.mailbox()
    condstore, qresync = False, None
    if scan.skip(b" ("):  # RFC 4466 §2.1
        while True:
            match scan.word():
                case "CONDSTORE":  # RFC 7162 §3.1.8
                    condstore = True
                case "QRESYNC":
                    scan.space()
                    qresync = _qresync(scan)
                case _:
                    raise BadSyntax("Unknown select parameter")
            if scan.skip(b")"):
                break
            scan.space()
    return c.Select(mailbox, read_only, condstore, qresync)


def _qresync(scan: Scanner) -> c.QResync:
    """RFC 7162 §3.2.5."""
    scan.expect(b"(")
    validity = scan.number(least=1)
    scan.space()
    modseq = scan.number64(least=1)
    known, pairs = None, None
    if scan.skip(b" ") and not scan.at(b"("):
        known = scan.known_set()
        if scan.skip(b" ") and not scan.at(b"("):
            raise BadSyntax("Expected '('")
    if scan.skip(b"("):
        numbers = scan.known_set()
        scan.space()
        pairs = (numbers, scan.known_set())
        scan.expect(b")")
    scan.expect(b")")
    return c.QResync(validity, modseq, known, pairs)


def select(scan: Scanner) -> c.Select:
    return _select(scan, read_only=False)


def examine(scan: Scanner) -> c.Select:
    return _select(scan, read_only=True)


def create(scan: Scanner) -> c.Create:
    """With USE of RFC 6154 §3."""
    scan.space()
    mailbox = scan.mailbox()
    uses: list[SpecialUse] = []
    if scan.skip(b" ("):
        if scan.word() != "USE":
            raise BadSyntax("Unknown create parameter")
        scan.space()
        for attribute in scan.list_of(scan.flag, empty=True):
            use = _USES.get(attribute.lower())
            if use is None:
                raise Refused(Reason.USE_ATTR, "This special use is not supported")
            if use not in uses:
                uses.append(use)
        scan.expect(b")")
    return c.Create(mailbox, tuple(uses))


def delete(scan: Scanner) -> c.Delete:
    scan.space()
    return c.Delete(scan.mailbox())


def rename(scan: Scanner) -> c.Rename:
    scan.space()
    old = scan.mailbox()
    scan.space()
    return c.Rename(old, scan.mailbox())


def subscribe(scan: Scanner) -> c.Subscribe:
    scan.space()
    return c.Subscribe(scan.mailbox())


def unsubscribe(scan: Scanner) -> c.Unsubscribe:
    scan.space()
    return c.Unsubscribe(scan.mailbox())


def _status_items(scan: Scanner) -> tuple[c.StatusItem, ...]:
    def item() -> c.StatusItem:
        try:
            return c.StatusItem(scan.word())
        except ValueError as wrong:
            raise BadSyntax("Unknown status item") from wrong

    return tuple(dict.fromkeys(scan.list_of(item)))


def status(scan: Scanner) -> c.Status:
    scan.space()
    mailbox = scan.mailbox()
    scan.space()
    return c.Status(mailbox, _status_items(scan))


def list_(scan: Scanner) -> c.List:
    """RFC 9051 §6.3.9 (RFC 5258, RFC 5819, RFC 6154)."""
    scan.space()
    selection: frozenset[c.ListSelection] = frozenset()
    extended = scan.at(b"(")
    if extended:
        selection = _selection(scan)
        scan.space()
    reference = scan.reference()
    scan.space()
    if scan.at(b"("):
        extended = True
        patterns = tuple(scan.list_of(scan.pattern))
        if len(patterns) > MAX_PATTERNS:
            raise BadSyntax("Too many patterns")
    else:
        patterns = (scan.pattern(),)
    returns: frozenset[c.ListReturn] = frozenset()
    items: tuple[c.StatusItem, ...] = ()
    metadata: tuple[str, ...] = ()
    if scan.skip(b" ") and not scan.at_end():
        extended = True
        if scan.word() != "RETURN":
            raise BadSyntax("Expected RETURN")
        scan.space()
        returns, items, metadata = _returns(scan)
    return c.List(reference, patterns, selection, returns, items, extended, metadata)


def _selection(scan: Scanner) -> frozenset[c.ListSelection]:
    def option() -> c.ListSelection:
        try:
            return c.ListSelection(scan.word())
        except ValueError as wrong:
            raise BadSyntax("Unknown selection option") from wrong

    selection = frozenset(scan.list_of(option, empty=True))
    if c.ListSelection.RECURSIVE_MATCH in selection and not selection & _SELECTING:  # RFC 5258 §3.1
        raise BadSyntax("RECURSIVEMATCH needs another selection option")
    return selection


def _returns(scan: Scanner) -> tuple[frozenset[c.ListReturn], tuple[c.StatusItem, ...], tuple[str, ...]]:
    items: tuple[c.StatusItem, ...] = ()
    metadata: tuple[str, ...] = ()

    def option() -> c.ListReturn:
        nonlocal items, metadata
        try:
            wanted = c.ListReturn(scan.word())
        except ValueError as wrong:
            raise BadSyntax("Unknown return option") from wrong
        if wanted is c.ListReturn.STATUS:  # RFC 5819 §2
            scan.space()
            items = _status_items(scan)
        elif wanted is c.ListReturn.METADATA:  # RFC 9590 §4
            scan.space()
            metadata = entries(scan)
        return wanted

    return frozenset(scan.list_of(option, empty=True)), items, metadata


def lsub(scan: Scanner) -> c.Lsub:
    scan.space()
    reference = scan.reference()
    scan.space()
    return c.Lsub(reference, scan.pattern())


def get_quota(scan: Scanner) -> c.GetQuota:
    """RFC 9208 §4.1."""
    scan.space()
    return c.GetQuota(scan.text_astring("Quota root"))


def get_quota_root(scan: Scanner) -> c.GetQuotaRoot:
    scan.space()
    return c.GetQuotaRoot(scan.mailbox())


def set_quota(scan: Scanner) -> c.SetQuota:
    scan.space()
    root = scan.text_astring("Quota root")
    scan.space()

    def limit() -> tuple[str, int]:
        name = scan.atom().upper()
        scan.space()
        return name, scan.number64()

    return c.SetQuota(root, tuple(scan.list_of(limit, empty=True)))
