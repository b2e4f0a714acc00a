"""One command line into one value (RFC 5321 §4.1.2). Liberal where nothing hangs on it, strict where mail does."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax
from optimails.queue.api import Body, Notify, Ret
from smtp.wire import commands as c
from smtp.wire import neighbours
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
_XTEXT = r"(?:[\x21-\x2a\x2c-\x3c\x3e-\x7e]|\+[0-9A-F]{2})"  # RFC 3461 §4
_ENVID = re.compile(_XTEXT + "{1,100}")  # RFC 3461 §4.4: at most 100 characters
_ORCPT = re.compile(rf"[A-Za-z0-9-]{{1,40}};(?:{_XTEXT}|[^\x00-\x7f]){{1,500}}")  # UTF-8 too: RFC 6533 §3
_BY = re.compile(r"(?P<seconds>-?[0-9]{1,9});(?P<mode>[RN])(?P<trace>T?)", re.IGNORECASE)
_PRIORITY = re.compile(r"-?[0-9]")
_INTERVAL = re.compile(r"[1-9][0-9]{0,8}")  # RFC 4865 §4
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
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
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        reader = _MAIL_PARAMETERS.get(name)
        if reader is None:
            raise BadCommand(555, "5.5.4", "Parameter not supported")
        read = reader(value)
        if read is None:
            raise BadCommand(501, "5.5.4", f"Bad value of {name}")
        found |= read
    if "hold_for" in found and "hold_until" in found:
        raise BadCommand(501, "5.5.4", "HOLDFOR and HOLDUNTIL exclude each other")  # RFC 4865 §4
    if not text:
        return c.Mail(None, **found)
    # RFC 6531 §3.4: an internationalised address needs SMTPUTF8.
    if not found.get("smtputf8") and not text.isascii():
        raise BadCommand(553, "5.6.7", "A non-ASCII address needs SMTPUTF8")
    try:
        return c.Mail(address(text), **found)
    except BadSyntax as wrong:
        raise BadCommand(553, "5.1.7", str(wrong)) from wrong


_BODIES = frozenset(body.value for body in Body)


def _size(value: str | None) -> dict[str, Any] | None:
    return {"size": int(value)} if value and _NUMBER.fullmatch(value) else None


def _body(value: str | None) -> dict[str, Any] | None:
    return {"body": Body(value.upper())} if value and value.upper() in _BODIES else None


def _flag(name: str) -> Callable[[str | None], dict[str, Any] | None]:
    return lambda value: {name: True} if value is None else None


def _auth_parameter(value: str | None) -> dict[str, Any] | None:
    # RFC 4954 §5: who may say so is not known here, so it counts as AUTH=<>
    return {} if value else None


def _ret(value: str | None) -> dict[str, Any] | None:
    return {"ret": Ret(value.upper())} if value and value.upper() in ("FULL", "HDRS") else None


def _envid(value: str | None) -> dict[str, Any] | None:
    return {"envid": value} if value and _ENVID.fullmatch(value) else None


def _priority(value: str | None) -> dict[str, Any] | None:
    return {"priority": int(value)} if value and _PRIORITY.fullmatch(value) else None


def _by(value: str | None) -> dict[str, Any] | None:
    match = _BY.fullmatch(value or "")
    if match is None:
        return None
    seconds, returned = int(match["seconds"]), match["mode"].upper() == "R"
    # RFC 2852 §4: with R there must be time left.
    return None if returned and seconds <= 0 else {"by": c.By(seconds, returned)}


def _hold_for(value: str | None) -> dict[str, Any] | None:
    return {"hold_for": int(value)} if value and _INTERVAL.fullmatch(value) else None


def _hold_until(value: str | None) -> dict[str, Any] | None:
    """A date-time of RFC 3339 (RFC 4865 §4 with erratum 2040)."""
    if not value or not _DATE_TIME.fullmatch(value.upper()):
        return None
    try:
        return {"hold_until": datetime.fromisoformat(value.upper()).timestamp()}
    except ValueError:
        return None


_MAIL_PARAMETERS: dict[str, Callable[[str | None], dict[str, Any] | None]] = {
    "SIZE": _size,
    "BODY": _body,
    "SMTPUTF8": _flag("smtputf8"),
    "AUTH": _auth_parameter,
    "RET": _ret,
    "ENVID": _envid,
    "REQUIRETLS": _flag("require_tls"),
    "MT-PRIORITY": _priority,
    "BY": _by,
    "HOLDFOR": _hold_for,
    "HOLDUNTIL": _hold_until,
}


def _rcpt(rest: bytes) -> c.Command:
    text, parameters = _path(rest, "TO:")
    notify: frozenset[Notify] | None = None
    orcpt = ""
    for name, value in parameters.items():
        match name:
            case "NOTIFY":
                notify = _notify(value)
            case "ORCPT" if value and _ORCPT.fullmatch(value):
                orcpt = value
            case "ORCPT":
                raise BadCommand(501, "5.5.4", "Bad value of ORCPT")
            case _:
                raise BadCommand(555, "5.5.4", "Parameter not supported")
    if text.upper() == "POSTMASTER":
        return c.Rcpt(None, notify, orcpt)
    try:
        return c.Rcpt(address(text), notify, orcpt)
    except BadSyntax as wrong:
        raise BadCommand(553, "5.1.3", str(wrong)) from wrong


def _notify(value: str | None) -> frozenset[Notify]:
    words = (value or "").upper().split(",")
    # RFC 3461 §4.1: NEVER stands alone.
    if len(set(words)) != len(words) or not set(words) <= set(Notify) or (Notify.NEVER in words and len(words) > 1):
        raise BadCommand(501, "5.5.4", "Bad value of NOTIFY")
    return frozenset(Notify(word) for word in words)


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


def _etrn(rest: bytes) -> c.Command:
    name = _text(rest).strip().rstrip(".").lower()
    if not _HELLO_NAME.fullmatch(name) or name.startswith("["):
        raise BadCommand(501, "5.5.4", "Expected ETRN and a domain")
    return c.Etrn(name)


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
    b"ETRN": _etrn,
    b"HELP": _free(c.Help()),
    b"QUIT": _bare(c.Quit()),
    b"XCLIENT": neighbours.xclient,
    b"XFORWARD": neighbours.xforward,
}
