"""Which command is possible when, and what it does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from prometheus_client import Counter

from optimails.delivery.scripts import ScriptFiles
from optimails.door import sasl
from optimails.model.account import Service
from optimails.model.errors import BadSyntax, Reason, Refused
from sieve.language.specs import ANNOUNCED, NOTIFY_METHODS
from sieve.session.session import Session
from sieve.wire import commands as c
from sieve.wire import responses
from sieve.wire.reader import Broken

_COMMANDS = Counter("optimails_managesieve_commands_total", "ManageSieve commands.", ["command"])
_T = TypeVar("_T")
Handler = Callable[[Session, Any], Awaitable[None]]  # the command's type is the table's key


async def handle(session: Session, command: c.Command) -> None:
    """Carry a command out; what it raises is for ``errors.answer``."""
    handler = _ALWAYS.get(type(command))
    if handler is None:
        handler = (_STRANGERS if session.account is None else _USERS).get(type(command))
    if handler is None:
        session.bad_commands += 1
        session.no("wrong_state")
        return
    _COMMANDS.labels(type(command).__name__.upper()).inc()
    await handler(session, command)


# -- before log-in


def _plaintext_allowed(session: Session) -> bool:
    peer = session.peer
    return peer.encrypted or peer.local or session.settings.allow_plaintext


def _mechanisms(session: Session) -> list[str]:
    offered = sasl.offered(plain=_plaintext_allowed(session), scram=session.surroundings.login.scram)
    return [name for name in offered if name != "LOGIN"]


def _can_start_tls(session: Session) -> bool:
    return session.peer.can_start_tls and not session.peer.encrypted and session.account is None


def capabilities(session: Session) -> None:
    """RFC 5804 §1.7."""
    pairs: list[tuple[str, str | None]] = [
        ("IMPLEMENTATION", session.settings.greeting),
        ("VERSION", "1.0"),
        ("SASL", " ".join(_mechanisms(session)) if session.account is None else ""),
        ("SIEVE", " ".join(ANNOUNCED)),
        ("NOTIFY", " ".join(NOTIFY_METHODS)),
        ("MAXREDIRECTS", str(session.settings.max_redirects)),
    ]
    if _can_start_tls(session):
        pairs.append(("STARTTLS", None))
    if session.account is not None:
        pairs.append(("OWNER", str(session.account.address)))
    for name, value in pairs:
        session.write(responses.capability(name, value))


async def _capability(session: Session, _command: c.Capability) -> None:
    capabilities(session)
    session.ok()


async def _starttls(session: Session, _command: c.StartTls) -> None:
    """RFC 5804 §2.2: the capabilities come again by themselves."""
    if not _can_start_tls(session):
        session.no("no_tls")
        return
    session.ok("begin_tls")
    await session.start_tls()
    capabilities(session)
    session.ok()


async def _authenticate(session: Session, command: c.Authenticate) -> None:
    """RFC 5804 §2.1."""
    if sasl.shows_password(command.mechanism) and not _plaintext_allowed(session):
        raise Refused(Reason.PRIVACY_REQUIRED)
    if command.mechanism not in _mechanisms(session):
        session.no("no_mechanism")
        return
    exchange = sasl.mechanism(
        command.mechanism,
        session.surroundings.login,
        Service.SIEVE,
        session.peer.address,
        success_data=True,
        session=session.id,
    )
    outcome = await exchange.step(None if command.initial is None else sasl.decode(command.initial))
    while isinstance(outcome, sasl.Challenge):
        session.write(responses.challenge(sasl.encode(outcome.data)))
        line = await session.line()
        if line is None or isinstance(line, Broken):
            raise BadSyntax("A response is expected")
        outcome = await exchange.step(sasl.decode(c.response(line)))
    session.entry = await session.surroundings.sessions.enter(outcome.account, session)
    session.enter(outcome.account)
    final = None if outcome.final_data is None else sasl.encode(outcome.final_data)
    session.write(responses.authenticated(final, session.text("logged_in")))


# -- always


async def _logout(session: Session, _command: c.Logout) -> None:
    session.over = True
    session.ok("goodbye")


async def _noop(session: Session, command: c.Noop) -> None:
    if command.tag is None:
        session.ok("done")
    else:
        session.write(responses.tagged(command.tag, session.text("done")))


# -- scripts


async def _run(session: Session, work: Callable[[ScriptFiles], _T]) -> _T:
    """In a thread: scripts are read, compiled and synced."""
    assert session.files is not None
    return await asyncio.get_running_loop().run_in_executor(None, work, session.files)


async def _havespace(session: Session, command: c.HaveSpace) -> None:
    await _run(session, lambda files: files.has_space(command.name, command.size))
    session.ok()


async def _putscript(session: Session, command: c.PutScript) -> None:
    await _run(session, lambda files: files.put(command.name, command.content))
    session.ok("stored")


async def _checkscript(session: Session, command: c.CheckScript) -> None:
    await _run(session, lambda files: files.check(command.content))
    session.ok("valid")


async def _listscripts(session: Session, _command: c.ListScripts) -> None:
    for script in await _run(session, lambda files: files.list()):
        session.write(responses.script(script.name, active=script.active))
    session.ok()


async def _setactive(session: Session, command: c.SetActive) -> None:
    await _run(session, lambda files: files.activate(command.name or None))
    session.ok("activated" if command.name else "deactivated")


async def _getscript(session: Session, command: c.GetScript) -> None:
    session.write(responses.content(await _run(session, lambda files: files.get(command.name))))
    session.ok()


async def _deletescript(session: Session, command: c.DeleteScript) -> None:
    await _run(session, lambda files: files.delete(command.name))
    session.ok("deleted")


async def _renamescript(session: Session, command: c.RenameScript) -> None:
    await _run(session, lambda files: files.rename(command.old, command.new))
    session.ok("renamed")


_ALWAYS: dict[type, Handler] = {c.Capability: _capability, c.Logout: _logout, c.Noop: _noop}
_STRANGERS: dict[type, Handler] = {c.Authenticate: _authenticate, c.StartTls: _starttls}
_USERS: dict[type, Handler] = {
    c.CheckScript: _checkscript,
    c.DeleteScript: _deletescript,
    c.GetScript: _getscript,
    c.HaveSpace: _havespace,
    c.ListScripts: _listscripts,
    c.PutScript: _putscript,
    c.RenameScript: _renamescript,
    c.SetActive: _setactive,
}
