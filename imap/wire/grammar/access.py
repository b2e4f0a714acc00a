"""Commands of any state and those before and about login."""

from base64 import b64decode
from binascii import Error as Base64Error

from imap.wire.commands import Authenticate, Compress, Enable, Id, Login
from imap.wire.scanner import Scanner
from optimails.model.errors import BadSyntax

MAX_ID_FIELDS = 30  # RFC 2971 §3.3
MAX_ENABLED = 100


def ident(scan: Scanner) -> Id:
    """RFC 2971 §3.1."""
    scan.space()
    if not scan.at(b"("):
        if scan.nstring() is not None:
            raise BadSyntax("Expected NIL or a list")
        return Id(None)

    def pair() -> tuple[str, str | None]:
        name = scan.string()
        scan.space()
        value = scan.nstring()
        return name.decode("utf-8", "replace"), None if value is None else value.decode("utf-8", "replace")

    fields = scan.list_of(pair, empty=True)
    if len(fields) > MAX_ID_FIELDS:
        raise BadSyntax("Too many fields")
    return Id(tuple(fields))


def sasl_data(line: bytes) -> bytes:
    """The bytes of a base64 line (RFC 4648 §4), strictly.

    Raises:
        BadSyntax: when it is not base64.
    """
    try:
        return b64decode(line, validate=True)
    except Base64Error as wrong:
        raise BadSyntax("That is not base64") from wrong


def authenticate(scan: Scanner) -> Authenticate:
    """RFC 9051 §6.2.2, the initial response of RFC 4959."""
    scan.space()
    mechanism = scan.atom().upper()
    if not scan.skip(b" "):
        return Authenticate(mechanism)
    if scan.skip(b"="):  # an empty initial response
        return Authenticate(mechanism, b"")
    if scan.at_end():
        return Authenticate(mechanism)
    return Authenticate(mechanism, sasl_data(scan.atom().encode("ascii")))


def _credential(scan: Scanner) -> str:
    # Nothing says in which charset old clients send a password; UTF-8 (RFC 9051 §6.2.3) is recognisable.
    raw = scan.astring()
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def login(scan: Scanner) -> Login:
    scan.space()
    user = _credential(scan)
    scan.space()
    return Login(user, _credential(scan))


def enable(scan: Scanner) -> Enable:
    """RFC 5161 §3.1."""
    names = []
    while scan.skip(b" ") and not scan.at_end():
        names.append(scan.atom().upper())
        if len(names) > MAX_ENABLED:
            raise BadSyntax("Too many capabilities")
    if not names:
        raise BadSyntax("Expected a capability")
    return Enable(tuple(names))


def compress(scan: Scanner) -> Compress:
    """RFC 4978 §3."""
    scan.space()
    return Compress(scan.atom().upper())
