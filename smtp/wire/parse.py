"""One command line into one value (RFC 5321 §4.1.2). Liberal where nothing hangs on it, strict where mail does."""

import re
from collections.abc import Callable
from functools import lru_cache

from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax
from smtp.wire import commands as c
from smtp.wire.replies import BadCommand

# A domain or an address literal; underscores and single labels are said by many real machines, so they pass.
_HELLO_NAME = re.compile(r"(?:\[[0-9A-Za-z:.\-]{1,80}\]|[^\x00-\x20\x7f()<>@,;:\\\"\[\]]{1,255})")
# Reverse-path or forward-path, then parameters. The source route is read and forgotten (RFC 5321 §4.1.1.3).
_PATH = re.compile(
    r"""[ ]*<(?:@[^\s<>:"]*:)?
    (?P<address> | (?:"(?:[^"\\]|\\.)*" | [^\s<>"]+) (?:@(?:\[[^\]\s<>]*\] | [^\s<>@"]+))? )
    >(?:[ ]+(?P<parameters>.*))?""",
    re.VERBOSE,
)
_BARE_PATH = re.compile(
    r"[ ]*(?P<address>[^\s<>\"]+@[^\s<>@\"]+)(?:[ ]+(?P<parameters>.*))?"
)  # no brackets: old devices
_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_NUMBER = re.compile(r"[0-9]{1,19}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_MECHANISM = re.compile(rb"[A-Za-z0-9_-]{1,20}")
MAX_PARAMETERS = 20
MAX_NUMBER = 2**63 - 1


def parse(line: bytes) -> c.Command:
    """The command in ``line``, which comes without its CR LF.

    Raises:
        BadCommand: with the reply the client should hear.
    """
    if b"\n" in line or b"\r" in line:
        # RFC 5321 §2.3.8: neither stands alone. What follows one is never a command of its own.
        raise BadCommand(500, "5.5.2", "A line ends with CR LF, and neither stands alone")
    verb, _, rest = line.partition(b" ")
    parser = _PARSERS.get(verb.upper())
    if parser is None:
        raise BadCommand(500, "5.5.1", "Command not recognised")
    return parser(rest)


@lru_cache(maxsize=4096)
def address(text: str) -> EmailAddress:
    """``EmailAddress.parse``, remembered: the same few addresses come again and again."""
    return EmailAddress.parse(text)


def _text(rest: bytes) -> str:
    try:
        return rest.decode("utf-8").rstrip(" \t")
    except UnicodeDecodeError:
        raise BadCommand(501, "5.5.4", "That is neither ASCII nor UTF-8") from None


def _hello(greeting: c.Greeting) -> Callable[[bytes], c.Command]:
    def parser(rest: bytes) -> c.Command:
        name = _text(rest).strip()
        if not _HELLO_NAME.fullmatch(name):
            raise BadCommand(501, "5.5.4", f"Say {greeting} and your host name")
        return c.Hello(greeting, name)

    return parser


def _path(rest: bytes, keyword: str) -> tuple[str, dict[str, str | None]]:
    """The address and the parameters of MAIL or RCPT."""
    text = _text(rest)
    if text[: len(keyword)].upper() != keyword:
        raise BadCommand(501, "5.5.4", f"Expected {keyword}<address>")
    match = _PATH.fullmatch(text, len(keyword)) or _BARE_PATH.fullmatch(text, len(keyword))
    if match is None:
        raise BadCommand(501, "5.1.7" if keyword == "FROM:" else "5.1.3", "Expected an address in angle brackets")
    parameters: dict[str, str | None] = {}
    words = (match["parameters"] or "").split()
    if len(words) > MAX_PARAMETERS:
        raise BadCommand(501, "5.5.4", "Too many parameters")
    for word in words:
        name, equals, value = word.partition("=")
        name = name.upper()
        if not _KEYWORD.fullmatch(name) or name in parameters or (equals and not value):
            raise BadCommand(501, "5.5.4", "Bad parameter")
        parameters[name] = value if equals else None
    return match["address"], parameters


def _mail(rest: bytes) -> c.Command:
    text, parameters = _path(rest, "FROM:")
    size: int | None = None
    body: c.Body | None = None
    smtputf8 = False
    for name, value in parameters.items():
        match name, value:
            case "SIZE", str() if _NUMBER.fullmatch(value):
                size = int(value)
            case "BODY", str() if value.upper() in ("7BIT", "8BITMIME"):
                body = c.Body(value.upper())
            case "SMTPUTF8", None:
                smtputf8 = True
            case "AUTH", str():
                pass  # RFC 4954 §5: who may say so is not known here, so it counts as AUTH=<>
            case "SIZE" | "BODY" | "SMTPUTF8" | "AUTH", _:
                raise BadCommand(501, "5.5.4", f"Bad value of {name}")
            case _:
                raise BadCommand(555, "5.5.4", "Parameter not supported")
    if not text:
        return c.Mail(None, size, body, smtputf8)
    # RFC 6531 §3.4: an internationalised address needs SMTPUTF8.
    if not smtputf8 and not text.isascii():
        raise BadCommand(553, "5.6.7", "A non-ASCII address needs SMTPUTF8")
    try:
        return c.Mail(address(text), size, body, smtputf8)
    except BadSyntax as wrong:
        raise BadCommand(553, "5.1.7", str(wrong)) from wrong


def _rcpt(rest: bytes) -> c.Command:
    text, parameters = _path(rest, "TO:")
    if parameters:
        raise BadCommand(555, "5.5.4", "Parameter not supported")
    if text.upper() == "POSTMASTER":
        return c.Rcpt(None)
    try:
        return c.Rcpt(address(text))
    except BadSyntax as wrong:
        raise BadCommand(553, "5.1.3", str(wrong)) from wrong


def _auth(rest: bytes) -> c.Command:
    words = rest.split()
    if not 1 <= len(words) <= 2 or not _MECHANISM.fullmatch(words[0]):
        raise BadCommand(501, "5.5.4", "Expected AUTH and a mechanism")
    initial = words[1] if len(words) == 2 else None
    if initial is not None and not _BASE64.fullmatch(initial):
        raise BadCommand(501, "5.5.2", "That is not base64")
    return c.Auth(words[0].decode("ascii").upper(), initial)


def _bdat(rest: bytes) -> c.Command:
    words = _text(rest).split()
    last = len(words) == 2 and words[1].upper() == "LAST"
    if len(words) not in (1, 2) or (len(words) == 2 and not last) or not _NUMBER.fullmatch(words[0]):
        raise BadCommand(501, "5.5.4", "Expected BDAT, a size and perhaps LAST")
    if (size := int(words[0])) > MAX_NUMBER:
        raise BadCommand(501, "5.5.4", "That size is beyond all measure")
    return c.Bdat(size, last)


def _bare(command: c.Command) -> Callable[[bytes], c.Command]:
    """A command without arguments (RFC 5321 §4.1.1: more is an error)."""

    def parser(rest: bytes) -> c.Command:
        if rest.strip():
            raise BadCommand(501, "5.5.4", "No arguments expected")
        return command

    return parser


def _free(command: c.Command) -> Callable[[bytes], c.Command]:
    """A command whose argument does not matter."""
    return lambda _rest: command


_PARSERS: dict[bytes, Callable[[bytes], c.Command]] = {
    b"HELO": _hello(c.Greeting.HELO),
    b"EHLO": _hello(c.Greeting.EHLO),
    b"LHLO": _hello(c.Greeting.LHLO),
    b"STARTTLS": _bare(c.StartTls()),
    b"AUTH": _auth,
    b"MAIL": _mail,
    b"RCPT": _rcpt,
    b"DATA": _bare(c.Data()),
    b"BDAT": _bdat,
    b"RSET": _bare(c.Rset()),
    b"NOOP": _free(c.Noop()),
    b"VRFY": _free(c.Vrfy()),
    b"EXPN": _free(c.Expn()),
    b"HELP": _free(c.Help()),
    b"QUIT": _bare(c.Quit()),
}
