"""The client's side of SMTP and LMTP as pure dialogues.

Each function is a generator. It yields what is to be done next (``Send``, ``Read``, ``StartTls``, ``SendContent``) and
is sent what came of it: for ``Read`` the server's reply. ``smtp.outbound.link`` plays them on a socket, tests play them
on tables. When the connection is lost, or the server talks nonsense, the player throws ``Lost`` into the generator at
that place, and the generator decides what this means for the message. The rule is simple: **only a positive reply to
the whole content delivers**; everything else is failure (5yz, or our own knowledge) or another attempt later.
"""

import base64
from collections.abc import Generator
from dataclasses import dataclass, field
from enum import StrEnum

from smtp.outbound.replies import Reply


class Phase(StrEnum):
    """What we wait for; each has its own patience (RFC 5321 §4.5.3.2)."""

    GREETING = "greeting"
    HELLO = "hello"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END = "end"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Send:
    data: bytes


@dataclass(frozen=True, slots=True)
class Read:
    phase: Phase


@dataclass(frozen=True, slots=True)
class StartTls:
    """Begin the handshake; what the server said in plaintext beyond its reply ends the connection."""


@dataclass(frozen=True, slots=True)
class SendContent:
    """The whole message; ``dots``: with dots stuffed and the final dot, else as it is (BDAT)."""

    dots: bool


Action = Send | Read | StartTls | SendContent
Dialogue = Generator[Action, Reply, "Capabilities"]


class Lost(Exception):
    """The connection is of no more use: closed, timed out, or the server does not speak SMTP."""

    def __init__(self, why: str, phase: Phase | None = None) -> None:
        super().__init__(why)
        self.phase = phase


class NotUsable(Exception):
    """This server does not take our session; another host may. ``reply`` is what it said, if it said something."""

    def __init__(self, status: str, text: str, reply: Reply | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.reply = reply


class NoTls(NotUsable):
    """It does not offer the TLS that we must have."""


@dataclass(frozen=True, slots=True)
class Login:
    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What EHLO announced: keyword in upper case → parameters as they stand."""

    name: str  # the server's name for itself
    extensions: dict[str, str]

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.extensions

    @property
    def size(self) -> int:
        """Largest message, in bytes; 0 when it names none (RFC 1870 §4)."""
        text = self.extensions.get("SIZE", "").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0

    @property
    def max_recipients(self) -> int | None:
        """RCPTMAX of LIMITS (RFC 9422)."""
        for word in self.extensions.get("LIMITS", "").split():
            name, _, value = word.partition("=")
            if name.upper() == "RCPTMAX" and value.isascii() and value.isdigit() and int(value[:9]) > 0:
                return int(value[:9])
        return None


@dataclass(frozen=True, slots=True)
class Opening:
    """How a session begins."""

    helo: str
    lmtp: bool = False
    starttls: bool = True  # when it is offered
    must_tls: bool = False  # not without
    implicit: bool = False  # TLS is there before the greeting
    login: Login | None = None
    never_ourselves: bool = True  # a server that has our own name is a loop


def open_session(opening: Opening) -> Dialogue:
    """From the greeting to the point where mail can be sent. Gives what the server can do; raises ``NotUsable``."""
    greeting = yield Read(Phase.GREETING)
    if greeting.code != 220:
        raise NotUsable("4.3.2" if not greeting.permanent else "4.3.0", str(greeting), greeting)
    capabilities = yield from _hello(opening)
    if opening.never_ourselves and capabilities.name.lower() == opening.helo.lower():
        raise NotUsable("4.4.6", "The server is ourselves: the mail would loop")  # RFC 5321 §5.1
    secure = opening.implicit
    if not secure and "STARTTLS" in capabilities and (opening.starttls or opening.must_tls):
        yield Send(b"STARTTLS\r\n")
        answer = yield Read(Phase.STARTTLS)
        if answer.code == 220:
            yield StartTls()
            secure = True
            capabilities = yield from _hello(opening)  # RFC 3207 §4.2: what was said before is forgotten
        elif opening.must_tls:
            raise NoTls("4.7.5", f"TLS is not available: {answer}", answer)
    if not secure and opening.must_tls:
        raise NoTls("4.7.5", "The server does not offer TLS")
    if opening.login is not None:
        yield from _authenticate(opening.login, capabilities)
    return capabilities


def _hello(opening: Opening) -> Dialogue:
    verb = "LHLO" if opening.lmtp else "EHLO"
    yield Send(f"{verb} {opening.helo}\r\n".encode("ascii"))
    reply = yield Read(Phase.HELLO)
    if reply.permanent and not opening.lmtp:  # RFC 5321 §3.2: an old server
        yield Send(f"HELO {opening.helo}\r\n".encode("ascii"))
        reply = yield Read(Phase.HELLO)
        if reply.code == 250:
            return Capabilities(_first_word(reply), {})
    if reply.code != 250:
        raise NotUsable("4.3.0", str(reply), reply)
    extensions: dict[str, str] = {}
    for line in reply.lines[1:]:
        keyword, _, parameters = line.replace("AUTH=", "AUTH ", 1).partition(" ")
        extensions.setdefault(keyword.upper(), parameters)
    return Capabilities(_first_word(reply), extensions)


def _first_word(reply: Reply) -> str:
    return (reply.lines[0].split() or [""])[0]


def _authenticate(login: Login, capabilities: Capabilities) -> Generator[Action, Reply, None]:
    """RFC 4954: PLAIN (RFC 4616), or LOGIN where nothing else is known. Settings see to TLS."""
    offered = capabilities.extensions.get("AUTH", "").upper().split()
    name, password = login.name.encode(), login.password.encode()
    if "PLAIN" in offered:
        steps = [b"AUTH PLAIN " + base64.b64encode(b"\0" + name + b"\0" + password)]
    elif "LOGIN" in offered:
        steps = [b"AUTH LOGIN", base64.b64encode(name), base64.b64encode(password)]
    else:
        raise NotUsable("4.7.0", "The server offers no log-in that we know")
    for number, step in enumerate(steps, 1):
        yield Send(step + b"\r\n")
        reply = yield Read(Phase.AUTH)
        if reply.code != (235 if number == len(steps) else 334):
            raise NotUsable("4.7.8", f"The server refuses our log-in: {reply}", reply)


def reset() -> Generator[Action, Reply, bool]:
    """Whether a connection that was kept can be used again."""
    yield Send(b"RSET\r\n")
    reply = yield Read(Phase.RESET)
    return reply.positive
