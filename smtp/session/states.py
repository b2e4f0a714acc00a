"""The states of a connection, and which command may come in which (RFC 5321 §4.1.4, RFC 3030 §4.2, RFC 4954 §4)."""

from enum import Enum, auto

from smtp.wire import commands as c


class State(Enum):
    START = auto()  # nobody has said hello
    READY = auto()  # between messages
    SENDER = auto()  # MAIL was accepted, no recipient yet
    RECIPIENTS = auto()  # at least one recipient
    CHUNKS = auto()  # a part of the message came by BDAT


_ANY = frozenset(State)

ALLOWED: dict[type[c.Command], frozenset[State]] = {
    c.Hello: _ANY,  # in mid-transaction it is RSET, too (RFC 5321 §4.1.4)
    c.StartTls: frozenset({State.READY}),
    c.Auth: frozenset({State.READY}),
    c.Mail: frozenset({State.READY}),
    c.Rcpt: frozenset({State.SENDER, State.RECIPIENTS}),
    c.Data: frozenset({State.RECIPIENTS}),
    c.Bdat: frozenset({State.RECIPIENTS, State.CHUNKS}),
    c.Rset: _ANY,
    c.Noop: _ANY,
    c.Vrfy: _ANY,
    c.Expn: _ANY,
    c.Etrn: frozenset({State.READY}),  # RFC 1985 §5.1: not in a transaction
    c.Help: _ANY,
    c.Quit: _ANY,
    c.XClient: frozenset({State.START, State.READY}),  # not between MAIL and the end of the message
    c.XForward: frozenset({State.READY}),
}
