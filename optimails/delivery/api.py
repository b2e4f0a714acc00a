"""Local delivery: from a recipient's address to a message that is safe in a mailbox.

A door asks ``check`` for every recipient, writes what it receives into a ``spool()``, calls ``deliver``, decides what
it will answer, tells ``settle`` which recipients the client will try again, and only then answers.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from optimails.authentication import Authentication
from optimails.delivery.spool import Spool
from optimails.directory.api import Resolution
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.queue.api import Body, QueuedRecipient, Ret


@dataclass(frozen=True, slots=True)
class SmtpEnvelope:
    """What SMTP said of the message, apart from its content."""

    sender: EmailAddress | None  # None is the null sender
    recipients: tuple[EmailAddress, ...]
    smtputf8: bool = False
    body: Body = Body.SEVEN_BIT
    account: Account | None = None  # who logged in to send it; may write to other servers, within its limits
    trusted: bool = False  # the service itself sends it, and may write to other servers
    via: str = ""  # the domain of ours that sends it on; empty: that of the recipient that leads elsewhere
    wishes: Mapping[EmailAddress, QueuedRecipient] = field(default_factory=dict)  # DSN, for recipients that have any
    ret: Ret | None = None
    envid: str = ""
    priority: int = 0
    require_tls: bool = False
    deliver_by: float | None = None  # Unix seconds: of no use afterwards
    tell_at: float | None = None  # Unix seconds: then the sender is told, when it is still on its way
    authentication: Authentication | None = None  # what was found of mail from outside; None: it was not checked
    disowned: frozenset[EmailAddress] = frozenset()  # recipients who find it in junk: its author's domain disowns it
    not_before: float | None = None  # Unix seconds: the sender wants it held until then, for local recipients, too
    junk: bool = False  # a filter put it into quarantine: into \Junk past scripts; on hold where it leads elsewhere
    client: str = ""  # the IP address of a stranger who hands it over
    client_name: str = ""  # his host name; empty when nobody knows
    helo: str = ""  # what his machine called itself
    hold: str = ""  # why it waits in the queue until somebody looks at it; empty: it does not
    fingerprint: bytes = b""  # of sender and content as they came, where a filter made something else of them


@dataclass(frozen=True, slots=True)
class Delivered:
    """It is on disk."""


@dataclass(frozen=True, slots=True)
class Failed:
    """``permanent`` decides between 5xx and 4xx; ``status`` is the enhanced status code (RFC 3463), ``text`` public."""

    permanent: bool
    status: str
    text: str


Outcome = Delivered | Failed
DELIVERED = Delivered()


class Outgoing(Protocol):
    """Mail that the service sends by itself: what a rule sends on, answers for a user, notices."""

    async def submit(  # noqa: PLR0913 - all that a message is sent with
        self,
        sender: EmailAddress | None,
        recipients: Sequence[EmailAddress],
        content: Spool,
        received: bytes = b"",
        *,
        via: str = "",
        account: Account | None = None,
    ) -> Mapping[EmailAddress, Outcome]:
        """Deliver here, or queue for other servers; safe on disk where the outcome says ``Delivered``.

        ``content`` is sent as it is, after ``received``. None as sender is the null sender: nobody hears of failures.
        ``via`` is the domain of ours that sends on what others wrote: other servers see a sender in it. With an
        ``account`` it counts as mail that its user sends, within the limits of that.
        """


class Attempt(Protocol):
    """One try to deliver one message."""

    @property
    def outcomes(self) -> Mapping[EmailAddress, Outcome]:
        """One for each recipient of the envelope."""


class Delivery(Protocol):
    def spool(self) -> Spool:
        """A place for a message that is coming in; close it when the message is done with."""

    async def check(
        self,
        recipient: EmailAddress,
        size: int | None,
        sender: Account | None = None,
        *,
        reverse_path: EmailAddress | None = None,
    ) -> Failed | Resolution:
        """At RCPT: where its mail goes, when mail of that size (bytes) would be taken now; None leaves quota aside.

        Only a ``sender``, an account that logged in, may write to other servers, within its limits. By it or, without
        one, by the ``reverse_path`` (what MAIL said) a distribution list decides whether it takes mail from there.
        """

    async def deliver(
        self,
        envelope: SmtpEnvelope,
        received: bytes,
        content: Spool,
        known: Mapping[EmailAddress, Resolution] | None = None,
    ) -> Attempt:
        """Deliver to every recipient here, queue for others; ``received`` is the door's trace header, CRLF included.

        Adds Return-Path and Delivered-To. An account named by several recipients gets one copy. ``known`` spares
        asking the directory again. Never raises for a recipient's trouble: each gets its own outcome.
        """

    async def settle(self, attempt: Attempt, again: Collection[EmailAddress]) -> None:
        """To be called before the answer: ``again`` are the recipients that will be told to come back (4xx).

        What was stored for them is remembered, so that the same message is not stored twice when it comes again.
        """

    def may_ask_for(self, address: str, domain: str | None = None) -> bool:
        """Whether a client may ask for the waiting mail of this relay domain, or of any."""

    async def hurry(self, domain: str) -> int:
        """Try now what waits for a domain; gives the number of recipients. Raises ``Unavailable``."""

    async def bounce(
        self, account: Account, envelope: SmtpEnvelope, failed: Mapping[EmailAddress, Failed], content: Spool
    ) -> None:
        """Tell a local sender, by a delivery status notification (RFC 3464), who did not get the message."""
