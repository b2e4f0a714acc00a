"""SEARCH (RFC 9051 §6.4.4): keys into the query values of ``optimails.model.query``."""

from collections.abc import Callable
from datetime import date, timedelta

from imap.wire.commands import SAVED_RESULT, Search, SearchReturn
from imap.wire.scanner import Scanner
from optimails.model import query as q
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN

CHARSETS = (
    *("US-ASCII", "UTF-8"),
    *(f"ISO-8859-{part}" for part in range(1, 17) if part != 12),
    *(f"WINDOWS-{page}" for page in range(1250, 1259)),
    *("KOI8-R", "KOI8-U", "MACINTOSH", "TIS-620"),
    *("BIG5", "BIG5-HKSCS", "EUC-JP", "EUC-KR", "GB2312", "GB18030", "GBK"),
    *("ISO-2022-JP", "ISO-2022-KR", "SHIFT_JIS"),
)
"""What texts may come in. A list of its own: the codecs registry remembers every unknown name it was asked for."""
_CODECS = {name: name.lower() for name in CHARSETS} | {"ASCII": "ascii", "UTF8": "utf-8", "LATIN1": "latin-1"}

_SIMPLE: dict[str, q.Query] = {
    "ALL": q.All(),
    "ANSWERED": q.HasFlag(ANSWERED),
    "DELETED": q.HasFlag(DELETED),
    "DRAFT": q.HasFlag(DRAFT),
    "FLAGGED": q.HasFlag(FLAGGED),
    "SEEN": q.HasFlag(SEEN),
    "UNANSWERED": q.Not(q.HasFlag(ANSWERED)),
    "UNDELETED": q.Not(q.HasFlag(DELETED)),
    "UNDRAFT": q.Not(q.HasFlag(DRAFT)),
    "UNFLAGGED": q.Not(q.HasFlag(FLAGGED)),
    "UNSEEN": q.Not(q.HasFlag(SEEN)),
    # RFC 3501 §6.4.4
    "RECENT": q.IsRecent(),
    "OLD": q.Not(q.IsRecent()),
    "NEW": q.And((q.IsRecent(), q.Not(q.HasFlag(SEEN)))),
    # RFC 8514 §4.2: every mailbox here has save dates
    "SAVEDATESUPPORTED": q.All(),
}
_HEADERS = {"BCC", "CC", "FROM", "SUBJECT", "TO"}


def _on(field: q.DateField, day: date) -> q.Query:
    try:
        return q.And((q.DateSince(field, day), q.DateBefore(field, day + timedelta(days=1))))
    except OverflowError:  # the last day there is
        return q.DateSince(field, day)


_DATES: dict[str, Callable[[date], q.Query]] = {}
for _prefix, _field in (
    ("", q.DateField.INTERNAL),
    ("SENT", q.DateField.SENT),
    ("SAVED", q.DateField.SAVED),  # RFC 8514 §4.2
):
    _DATES[_prefix + "BEFORE"] = lambda day, field=_field: q.DateBefore(field, day)  # type: ignore[misc]
    _DATES[_prefix + "ON"] = lambda day, field=_field: _on(field, day)  # type: ignore[misc]
    _DATES[_prefix + "SINCE"] = lambda day, field=_field: q.DateSince(field, day)  # type: ignore[misc]


def search(scan: Scanner, *, by_uid: bool) -> Search:
    """SEARCH behind its name, with RETURN (RFC 4731, RFC 5182) and CHARSET."""
    scan.space()
    returns: frozenset[SearchReturn] | None = None
    start = scan.position
    word = scan.word() if not scan.at(b"(") and not scan.at(b"*") and not scan.at(b"$") else ""
    if word == "RETURN":
        scan.space()
        returns = frozenset(scan.list_of(lambda: _return_option(scan), empty=True)) or frozenset({SearchReturn.ALL})
        scan.space()
        start = scan.position
        word = scan.word() if scan.at(b"C") or scan.at(b"c") else ""
    codec = "utf-8"
    if word == "CHARSET":
        scan.space()
        codec = _codec(scan.text_astring("Charset"))
        scan.space()
    else:
        scan.position = start
    keys = _Keys(scan, codec)
    terms = keys.terms()
    return Search(terms, by_uid, returns, keys.uses_modseq, keys.uses_saved)


def _return_option(scan: Scanner) -> SearchReturn:
    try:
        return SearchReturn(scan.word())
    except ValueError as wrong:
        raise BadSyntax("Unknown return option") from wrong


def _codec(charset: str) -> str:
    codec = _CODECS.get(charset.upper())
    if codec is None:
        raise Refused(Reason.BAD_CHARSET, "This charset is not supported")
    return codec


class _Keys:
    """Reads search keys; counts them, and remembers what the answer depends on."""

    def __init__(self, scan: Scanner, codec: str) -> None:
        self.scan = scan
        self.codec = codec
        self.uses_modseq = False
        self.uses_saved = False
        self._count = 0

    def terms(self) -> q.Query:
        """Keys up to the end of the command."""
        keys = [self.key(0)]
        while not self.scan.at_end():
            self.scan.space()
            keys.append(self.key(0))
        return keys[0] if len(keys) == 1 else q.And(tuple(keys))

    def key(self, depth: int) -> q.Query:
        scan = self.scan
        self._count += 1
        if self._count > scan.limits.terms or depth > scan.limits.depth:
            raise BadSyntax("The search is too complex")
        if scan.at(b"("):
            keys = scan.list_of(lambda: self.key(depth + 1))
            return keys[0] if len(keys) == 1 else q.And(tuple(keys))
        if scan.text[scan.position : scan.position + 1] in _SET_STARTS:
            return self.message_set(by_uid=False)
        word = scan.word()
        simple = _SIMPLE.get(word)
        if simple is not None:
            return simple
        scan.space()
        if word == "NOT":
            term = self.key(depth + 1)
            return term.term if isinstance(term, q.Not) else q.Not(term)
        if word == "OR":
            return self._either(depth)
        if word in _HEADERS:
            return q.HeaderContains(word, self.text())
        if word in _DATES:
            return _DATES[word](scan.date())
        with_argument = _WITH_ARGUMENT.get(word)
        if with_argument is None:
            raise BadSyntax("Unknown search key")
        return with_argument(self, scan)

    def header(self) -> q.HeaderContains:
        name = self.scan.text_astring("Header field")
        self.scan.space()
        return q.HeaderContains(name, self.text())

    def _either(self, depth: int) -> q.Query:
        # Clients chain: OR a OR b OR c d. The result is flat, however long the chain.
        terms: list[q.Query] = []
        for last in (False, True):
            if last:
                self.scan.space()
            term = self.key(depth + 1)
            terms += term.terms if isinstance(term, q.Or) else (term,)
        return q.Or(tuple(terms))

    def message_set(self, *, by_uid: bool) -> q.InSet:
        numbers = self.scan.message_set()
        if numbers == SAVED_RESULT:
            self.uses_saved = True
            by_uid = True
        return q.InSet(numbers, by_uid)

    def changed_since(self) -> q.ChangedSince:
        """RFC 7162 §3.1.5; the entry's name and type are accepted and do not matter: all metadata share a MODSEQ."""
        self.uses_modseq = True
        if self.scan.at(b'"'):
            self.scan.string()
            self.scan.space()
            if self.scan.word() not in {"ALL", "PRIV", "SHARED"}:
                raise BadSyntax("Expected all, priv or shared")
            self.scan.space()
        return q.ChangedSince(self.scan.number64())

    def text(self) -> str:
        raw = self.scan.astring()
        try:
            return raw.decode(self.codec)
        except UnicodeDecodeError as wrong:
            raise BadSyntax("A search text is not in the charset named") from wrong


_SET_STARTS = frozenset(bytes([byte]) for byte in b"0123456789*$")


def _thread_id(_keys: _Keys, scan: Scanner) -> q.Query:
    scan.astring()
    return q.Not(q.All())  # no message has one


_WITH_ARGUMENT: dict[str, Callable[[_Keys, Scanner], q.Query]] = {
    "BODY": lambda keys, _: q.BodyContains(keys.text()),
    "TEXT": lambda keys, _: q.TextContains(keys.text()),
    "HEADER": lambda keys, _: keys.header(),
    "UID": lambda keys, _: keys.message_set(by_uid=True),
    "KEYWORD": lambda _, scan: q.HasFlag(scan.keyword()),
    "UNKEYWORD": lambda _, scan: q.Not(q.HasFlag(scan.keyword())),
    "LARGER": lambda _, scan: q.LargerThan(scan.number64()),
    "SMALLER": lambda _, scan: q.SmallerThan(scan.number64()),
    "YOUNGER": lambda _, scan: q.YoungerThan(scan.number(least=1)),  # RFC 5032 §3
    "OLDER": lambda _, scan: q.Not(q.YoungerThan(scan.number(least=1))),
    "MODSEQ": lambda keys, _: keys.changed_since(),
    "EMAILID": lambda _, scan: q.HasObjectId(scan.text_astring("Object id")),  # RFC 8474 §6
    "THREADID": _thread_id,
}
