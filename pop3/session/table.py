"""Which command is possible in which state, and who carries it out."""

from collections.abc import Awaitable, Callable
from typing import Any

from prometheus_client import Counter

from pop3.session import authorization, transaction
from pop3.session.session import Session, State
from pop3.wire import commands as c

_COMMANDS = Counter("optimails_pop3_commands_total", "POP3 commands.", ["command"])

Handler = Callable[[Session, Any], Awaitable[None]]  # the command's type is the table's key

_BOTH: dict[type, Handler] = {
    c.Capa: authorization.capa,
    c.Lang: authorization.lang,
}

HANDLERS: dict[State, dict[type, Handler]] = {
    State.AUTHORIZATION: _BOTH
    | {
        c.Auth: authorization.auth,
        c.Pass: authorization.pass_,
        c.Quit: authorization.quit_,
        c.Stls: authorization.stls,
        c.User: authorization.user,
        c.Utf8: authorization.utf8,
    },
    State.TRANSACTION: _BOTH
    | {
        c.Dele: transaction.dele,
        c.List: transaction.list_,
        c.Noop: transaction.noop,
        c.Quit: transaction.quit_,
        c.Retr: transaction.retr,
        c.Rset: transaction.rset,
        c.Stat: transaction.stat,
        c.Top: transaction.top,
        c.Uidl: transaction.uidl,
    },
}


async def handle(session: Session, command: c.Command) -> None:
    """Carry a command out; what it raises is for ``errors.answer``."""
    handler = HANDLERS[session.state].get(type(command))
    if handler is None:
        session.bad_commands += 1
        session.error("wrong_state")
        return
    _COMMANDS.labels(type(command).__name__.upper()).inc()
    await handler(session, command)
