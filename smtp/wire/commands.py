"""One value per command, as ``smtp.wire.parse`` makes them (RFC 5321 §4.1.1)."""

from dataclasses import dataclass
from enum import StrEnum

from optimails.model.address import EmailAddress
from optimails.queue.api import Body as Body  # noqa: PLC0414  # a name of ours, too
from optimails.queue.api import Notify, Ret
from smtp.wire.neighbours import XClient as XClient  # noqa: PLC0414  # commands, too
from smtp.wire.neighbours import XForward as XForward  # noqa: PLC0414  # likewise


class Greeting(StrEnum):
    """The three ways to say hello; which are understood depends on the listener."""

    HELO = "HELO"
    EHLO = "EHLO"
    LHLO = "LHLO"  # RFC 2033


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
    ret: Ret | None = None  # RFC 3461 §4.3
    envid: str = ""  # RFC 3461 §4.4, xtext as it came
    require_tls: bool = False  # RFC 8689
    priority: int | None = None  # RFC 6710
    by: "By | None" = None  # RFC 2852
    hold_for: int | None = None  # RFC 4865, seconds
    hold_until: float | None = None  # RFC 4865, Unix seconds


@dataclass(frozen=True, slots=True)
class By:
    """BY= of MAIL: of use only for so many seconds."""

    seconds: int
    returned: bool  # give it back then (R); otherwise tell the sender and go on (N)


@dataclass(frozen=True, slots=True)
class Rcpt:
    recipient: EmailAddress | None  # None is ``<Postmaster>`` without a domain (RFC 5321 §4.5.1)
    notify: frozenset[Notify] | None = None  # RFC 3461 §4.1
    orcpt: str = ""  # RFC 3461 §4.2, type and xtext as they came


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
class Etrn:
    """RFC 1985: send now what waits for this domain, to where it always goes."""

    domain: str  # lower case


@dataclass(frozen=True, slots=True)
class Help:
    """Where to read more."""


@dataclass(frozen=True, slots=True)
class Quit:
    """The client leaves."""


Command = (
    Hello
    | StartTls
    | Auth
    | Mail
    | Rcpt
    | Data
    | Bdat
    | Rset
    | Noop
    | Vrfy
    | Expn
    | Etrn
    | Help
    | Quit
    | XClient
    | XForward
)
