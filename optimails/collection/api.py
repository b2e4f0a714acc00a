"""The values of collecting."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from optimails.model.ids import AccountId


class Spoken(StrEnum):
    POP3 = "pop3"
    IMAP = "imap"


class SourceTls(StrEnum):
    """There is no third one: a password never travels in the clear."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"


PORTS = {
    (Spoken.POP3, SourceTls.IMPLICIT): 995,
    (Spoken.POP3, SourceTls.STARTTLS): 110,
    (Spoken.IMAP, SourceTls.IMPLICIT): 993,
    (Spoken.IMAP, SourceTls.STARTTLS): 143,
}


class Trouble(StrEnum):
    """Why a visit failed; the user reads ``collection.trouble.<value>``."""

    CONNECT = "connect"  # no address, nobody there, connection cut
    CERTIFICATE = "certificate"
    LOGIN = "login"
    PROTOCOL = "protocol"  # it answers what we do not understand, or refuses what it must grant
    SILENT = "silent"
    QUOTA = "quota"  # the account here is full
    MAILBOX = "mailbox"  # the mailbox here cannot be used
    ACCOUNT = "account"  # the account here is suspended or removed
    STORAGE = "storage"  # our disk or database
    KEY = "key"  # the kept password cannot be read
    INTERNAL = "internal"


class CollectFailed(Exception):
    """A visit, or a try of a source, failed; ``detail`` is what the server or the system said."""

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        super().__init__(f"{trouble}: {detail}" if detail else trouble.value)
        self.trouble = trouble
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Access:
    """Where a source is, and how to log in there."""

    protocol: Spoken
    host: str
    port: int
    tls: SourceTls
    login: str


@dataclass(frozen=True, slots=True)
class Source:
    """One account with another provider, and how the visits to it went. Moments are Unix seconds."""

    id: int
    account: AccountId
    access: Access
    mailbox: str
    delete_after: float | None  # days after which fetched mail is deleted there; None keeps it
    enabled: bool
    due: float = 0.0
    failures: int = 0  # in a row
    last_visit: float | None = None
    last_success: float | None = None
    trouble: Trouble | None = None  # of the last visit
    detail: str = ""
    fetched: int = 0  # messages, since it was added
    too_big: int = 0  # messages left there by the last visit because of their size


@dataclass(frozen=True, slots=True)
class RemoteMessage:
    id: str  # the same for ever, at this source
    number: int  # how this session names it
    size: int


class Remote(Protocol):
    """A session with the far server, logged in."""

    async def messages(self) -> list[RemoteMessage]:
        """All that are there, the oldest first."""

    async def fetch(self, message: RemoteMessage, write: Callable[[bytes], None]) -> None:
        """Give the message piece by piece; what ``write`` raises ends it, and the session with it."""

    async def delete(self, messages: Sequence[RemoteMessage]) -> None: ...
    async def close(self) -> None:
        """In good order, so that what was deleted is."""

    def abort(self) -> None: ...
