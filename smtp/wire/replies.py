"""Replies as bytes (RFC 5321 §4.2, RFC 2034, RFC 3463). Their text is English protocol text, printable ASCII only."""

import re

from optimails.model.errors import BadSyntax

_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]+")
MAX_TEXT = 400  # a reply line may have 512 octets (RFC 5321 §4.5.3.1.5)


class BadCommand(BadSyntax):
    """The client's line is not understood; ``reply`` is what it hears."""

    def __init__(self, code: int, status: str, text: str) -> None:
        super().__init__(text)
        self.reply = reply(code, status, text)


def reply(code: int, status: str, text: str, *, more: bool = False) -> bytes:
    """One line with its enhanced status code (RFC 2034 §3). ``text`` is made printable ASCII and cut if need be.

    ``more``: another line of the same reply follows.
    """
    return f"{code}{'-' if more else ' '}{status} {_NOT_PRINTABLE.sub('?', text)[:MAX_TEXT]}\r\n".encode("ascii")


def plain(code: int, *lines: str) -> bytes:
    """A reply without enhanced status code: greeting, EHLO and its relatives, 3yz (RFC 2034 §4)."""
    shown = [_NOT_PRINTABLE.sub("?", line)[:MAX_TEXT] for line in lines]
    head = "".join(f"{code}-{line}\r\n" for line in shown[:-1])
    return f"{head}{code} {shown[-1]}\r\n".encode("ascii")


# RFC 3463 says which status says what; RFC 5321 §4.2.2 and RFC 4954 which basic code goes with it.
_BASIC_CODES = {
    "4.2.2": 452,
    "4.3.1": 452,
    "4.5.3": 452,
    "5.2.2": 552,
    "5.2.3": 552,
    "5.3.4": 552,
    "5.4.6": 554,
    "5.1.3": 553,
    "5.6.7": 553,
}


def basic_code(status: str) -> int:
    """The basic reply code that goes with an enhanced status code."""
    return _BASIC_CODES.get(status, 451 if status.startswith("4") else 550)


OK = reply(250, "2.0.0", "Ok")
BYE = reply(221, "2.0.0", "Bye")
SEND_DATA = plain(354, "End data with <CR><LF>.<CR><LF>")
READY_FOR_TLS = reply(220, "2.0.0", "Ready to start TLS")
SENDER_OK = reply(250, "2.1.0", "Sender ok")
RECIPIENT_OK = reply(250, "2.1.5", "Recipient ok")
CANNOT_VERIFY = reply(252, "2.5.0", "Cannot verify, but send some mail and it will be tried")
NO_EXPANSION = reply(502, "5.5.1", "Lists are not shown")
NOT_A_NEIGHBOUR = reply(550, "5.7.0", "Your address may not speak for others")
NOT_FOR_YOU = plain(459, "You are not allowed to ask for the mail of this domain")
NOTHING_WAITS = plain(251, "No messages are waiting")
HELP = reply(214, "2.0.0", "See RFC 5321, RFC 2033 and RFC 6409")
BAD_SEQUENCE = reply(503, "5.5.1", "Bad sequence of commands")
HELLO_FIRST = reply(503, "5.5.1", "Say hello first")
LINE_TOO_LONG = reply(500, "5.5.6", "Line too long")
BARE_LINE_END = reply(500, "5.5.2", "A line ends with CR LF, and neither stands alone")
TOO_MANY_ERRORS = reply(421, "4.7.0", "Too many errors, closing connection")
TOO_MANY_MESSAGES = reply(421, "4.7.0", "Enough messages for one connection, open another one")
TOO_MANY_CONNECTIONS = plain(421, "Too many connections from your address, try again later")
TOO_FAST = plain(421, "Too many connections from your network in a short time, try again later")
NOT_TRUSTED = plain(554, "This service is not open to your address")
EARLY_TALKER = plain(554, "You spoke before the greeting")
TIMED_OUT = reply(421, "4.4.2", "Timed out, closing connection")
SHUTTING_DOWN = reply(421, "4.3.2", "Service is restarting, try again at once")
