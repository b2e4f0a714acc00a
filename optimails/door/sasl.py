"""SASL mechanisms, the server's side (RFC 4422): step objects that know neither sockets nor the door's protocol.

A door makes one with ``mechanism(...)``, and calls ``step`` with each decoded response until it gives ``Done``::

    exchange = mechanism(name, login, Service.IMAP, peer)
    outcome = await exchange.step(decode(initial, initial=True) if initial is not None else None)
    while isinstance(outcome, Challenge):
        send(encode(outcome.data))
        outcome = await exchange.step(decode(await line()))
    account = outcome.account

``step(None)`` starts an exchange whose client sent no initial response; the mechanism gives the right first challenge.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from optimails.door.login import Login
from optimails.door.scram import ScramExchange, ScramFailed
from optimails.model.account import Account, Service
from optimails.model.errors import BadSyntax, Reason, Refused

MAX_RESPONSE = 4096
"""Octets of one decoded response; a door may cut lines at ``MAX_LINE`` characters."""

MAX_LINE = (MAX_RESPONSE + 2) // 3 * 4


@dataclass(frozen=True, slots=True)
class Challenge:
    """Send this to the client (base64 where the protocol wants it) and pass its answer to ``step``."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """The client is who it says. ``final_data`` is only ever set with ``success_data=True``."""

    account: Account
    final_data: bytes | None = None


class Mechanism(Protocol):
    @property
    def name(self) -> str: ...
    async def step(self, response: bytes | None) -> Challenge | Done:
        """The next move; ``None`` only as the first response, where the client sent none.

        Raises:
            BadSyntax: the response does not follow the mechanism.
            Refused: AUTHENTICATION_FAILED, AUTHORIZATION_FAILED (acting for somebody else), LIMIT (locked).
            Unavailable: the directory is away.
        """


def offered(*, plain: bool = True, channel_binding: bool = False, scram: bool = True) -> tuple[str, ...]:
    """Names of the mechanisms to announce, best first; ``plain=False``, before TLS, leaves out those that
    show passwords; ``scram`` is ``Login.scram``: False where not every account has keys."""
    scrams = (*(("SCRAM-SHA-256-PLUS",) if channel_binding else ()), "SCRAM-SHA-256") if scram else ()
    return (*scrams, "PLAIN", "LOGIN") if plain else scrams


def shows_password(name: str) -> bool:
    """Whether the mechanism sends the password itself, and so needs TLS."""
    return name.upper() in ("PLAIN", "LOGIN")


def decode(line: bytes, *, initial: bool = False) -> bytes:
    """The octets of a response line: strict base64 (RFC 4648 §3.3), no white space, at most ``MAX_RESPONSE`` octets.

    ``*`` is the client's wish to stop (RFC 9051 §6.2.2, RFC 4954 §4); ``=`` as an initial response is the empty one.

    Raises:
        BadSyntax: for anything else.
    """
    if line == b"*":
        raise BadSyntax("Authentication cancelled")
    if initial and line == b"=":
        return b""
    if len(line) > MAX_LINE:
        raise BadSyntax("Authentication response is too long")
    try:
        return base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise BadSyntax("Authentication response is not base64") from wrong


def encode(data: bytes) -> bytes:
    """Base64 of a challenge."""
    return base64.b64encode(data)


def mechanism(  # noqa: PLR0913  (each is a plain fact about the exchange)
    name: str,
    login: Login,
    service: Service,
    peer: str,
    channel_binding: Mapping[str, bytes] | None = None,
    *,
    success_data: bool = False,
    session: str = "",
) -> Mechanism:
    """A new exchange of that mechanism.

    Args:
        name: as the client sent it, any case.
        login: who decides.
        service: what the client wants to use.
        peer: the client's IP address.
        channel_binding: data of the TLS channel by type (RFC 9266 ``tls-exporter``, RFC 5929 ``tls-server-end-point``);
            given, SCRAM-SHA-256-PLUS is on offer.
        success_data: whether the protocol can carry data with its success answer (ManageSieve can; IMAP, POP3 and SMTP
            cannot, there the mechanism sends it as a last challenge, RFC 4422 §3.1).
        session: the session's id, for the log.

    Raises:
        Refused: CANNOT, when we do not know the mechanism.
    """
    door = _Door(login, service, peer, session)
    match name.upper():
        case "PLAIN":
            return _Plain(door)
        case "LOGIN":
            return _Login(door)
        case "SCRAM-SHA-256":
            return _Scram("SCRAM-SHA-256", door, channel_binding, success_data=success_data)
        case "SCRAM-SHA-256-PLUS" if channel_binding:
            return _Scram("SCRAM-SHA-256-PLUS", door, channel_binding, success_data=success_data)
        case _:
            raise Refused(Reason.CANNOT, "Unknown authentication mechanism")


@dataclass(frozen=True, slots=True)
class _Door:
    """Where the exchange happens."""

    login: Login
    service: Service
    peer: str
    session: str

    async def password(self, login: str, password: str) -> Done:
        return Done(await self.login.password(login, password, self.service, self.peer, session=self.session))


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise BadSyntax("Login and password must be UTF-8") from wrong


class _Plain:
    """RFC 4616."""

    name = "PLAIN"
    __slots__ = ("_door",)

    def __init__(self, door: _Door) -> None:
        self._door = door

    async def step(self, response: bytes | None) -> Challenge | Done:
        if response is None:
            return Challenge(b"")
        parts = response.split(b"\0")
        if len(parts) != 3 or len(response) > MAX_RESPONSE:
            raise BadSyntax("PLAIN wants authorization identity, login and password")
        authorization, login, password = (_text(part) for part in parts)
        if not login or not password:
            raise BadSyntax("PLAIN wants a login and a password")
        if authorization and authorization.casefold() != login.casefold():
            # Acting for somebody else is delegation, which is granted on mailboxes, never at login.
            raise Refused(Reason.AUTHORIZATION_FAILED, "Logging in for another account is not possible")
        return await self._door.password(login, password)


class _Login:
    """draft-murchison-sasl-login: what old Outlook and Windows programs speak."""

    name = "LOGIN"
    __slots__ = ("_door", "_user")

    def __init__(self, door: _Door) -> None:
        self._door = door
        self._user: str | None = None

    async def step(self, response: bytes | None) -> Challenge | Done:
        # Some clients open with an empty response where they mean none.
        if response is None or (self._user is None and not response):
            return Challenge(b"Username:")
        text = _text(response.removesuffix(b"\0"))
        if len(response) > MAX_RESPONSE or not text or "\0" in text:
            raise BadSyntax("LOGIN wants a login and a password")
        if self._user is None:
            self._user = text
            return Challenge(b"Password:")
        return await self._door.password(self._user, text)


class _Scram:
    """SCRAM-SHA-256 (RFC 5802, RFC 7677); the arithmetic is in ``optimails.door.scram``."""

    __slots__ = ("_binding", "_done", "_door", "_exchange", "_success_data", "_user", "name")

    def __init__(self, name: str, door: _Door, binding: Mapping[str, bytes] | None, *, success_data: bool) -> None:
        self.name = name
        self._door = door
        self._binding = binding
        self._success_data = success_data
        self._exchange: ScramExchange | None = None
        self._user = ""
        self._done: Done | None = None

    async def step(self, response: bytes | None) -> Challenge | Done:
        if response is None:
            return Challenge(b"")
        if len(response) > MAX_RESPONSE:
            raise BadSyntax("Authentication response is too long")
        if self._done is not None:
            if response:
                raise BadSyntax("The last SCRAM response must be empty")
            return self._done
        door = self._door
        if self._exchange is None:
            exchange = ScramExchange(response, self._binding, plus=self.name.endswith("-PLUS"))
            self._user = exchange.login
            keys = await door.login.scram_keys(exchange.login, door.service, door.peer, session=door.session)
            self._exchange = exchange
            return Challenge(exchange.first(keys))
        try:
            final = self._exchange.final(response)
        except ScramFailed:
            final = None
        account = await door.login.scram_finish(
            self._user, door.service, door.peer, proven=final is not None, session=door.session
        )
        if self._success_data:
            return Done(account, final)
        self._done = Done(account)
        return Challenge(final or b"")
