"""One value per command, as ``smtp.wire.parse`` makes them (RFC 5321 §4.1.1)."""

from dataclasses import dataclass
from enum import StrEnum

from optimails.model.address import EmailAddress


class Greeting(StrEnum):
    """The three ways to say hello; which are understood depends on the listener."""

    HELO = "HELO"
    EHLO = "EHLO"
    LHLO = "LHLO"  # RFC 2033


class Body(StrEnum):
    """BODY= of MAIL (RFC 6152)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT = "8BITMIME"


@dataclass(frozen=True, slots=True)
class Hello:
    greeting: Greeting
    name: str  # domain or address literal, as the client gave it


@dataclass(frozen=True, slots=True)
class StartTls:
    """RFC 3207."""


@dataclass(frozen=True, slots=True)
class Auth:
    """RFC 4954 §4."""

    mechanism: str  # upper case
    initial: bytes | None  # base64 as received; ``=`` is an empty initial response


@dataclass(frozen=True, slots=True)
class Mail:
    sender: EmailAddress | None  # None is the null sender
    size: int | None = None  # RFC 1870, bytes
    body: Body | None = None
    smtputf8: bool = False


@dataclass(frozen=True, slots=True)
class Rcpt:
    recipient: EmailAddress | None  # None is ``<Postmaster>`` without a domain (RFC 5321 §4.5.1)


@dataclass(frozen=True, slots=True)
class Data:
    """RFC 5321 §4.1.1.4."""


@dataclass(frozen=True, slots=True)
class Bdat:
    """RFC 3030 §2: ``size`` bytes follow at once."""

    size: int
    last: bool


@dataclass(frozen=True, slots=True)
class Rset:
    """Forget the transaction."""


@dataclass(frozen=True, slots=True)
class Noop:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Vrfy:
    """Never answered with more than "try it"; the argument is not kept."""


@dataclass(frozen=True, slots=True)
class Expn:
    """Lists are not shown."""


@dataclass(frozen=True, slots=True)
class Help:
    """Where to read more."""


@dataclass(frozen=True, slots=True)
class Quit:
    """The client leaves."""


Command = Hello | StartTls | Auth | Mail | Rcpt | Data | Bdat | Rset | Noop | Vrfy | Expn | Help | Quit
