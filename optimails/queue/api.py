"""What others see of the queue: what a courier is given and gives back, and what may be handed in."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from optimails.model.address import EmailAddress


class Body(StrEnum):
    """What the content's bytes are, as its sender said (RFC 6152, RFC 3030)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT = "8BITMIME"
    BINARY = "BINARYMIME"


class Ret(StrEnum):
    """How much of the message a report of failure brings back (RFC 3461 §4.3)."""

    FULL = "FULL"
    HEADERS = "HDRS"


class Notify(StrEnum):
    """What the sender wants to hear of (RFC 3461 §4.1)."""

    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


class RouteTls(StrEnum):
    """How much TLS a route of our own asks for."""

    NONE = "none"
    OPPORTUNISTIC = "opportunistic"  # when it is offered, whatever its certificate
    REQUIRED = "required"  # whatever its certificate
    VERIFIED = "verified"  # with a certificate that names the host
    IMPLICIT = "implicit"  # from the first byte, verified


@dataclass(frozen=True, slots=True)
class Route:
    """Where a domain's mail goes instead of its MX hosts: a customer's own server."""

    host: str  # name or IP address; empty: the domain's MX hosts after all, with this ``tls``
    port: int = 25
    tls: RouteTls = RouteTls.OPPORTUNISTIC


@dataclass(frozen=True, slots=True)
class QueuedRecipient:
    """One recipient, with what its sender wants to hear about it."""

    address: EmailAddress
    notify: frozenset[Notify] | None = None  # None: nothing was said, which means failure and delay
    orcpt: str = ""  # the original recipient as it came, "rfc822;user@example.org" in xtext (RFC 3461 §4.2)
    junk: bool = False  # for a mailbox here: into ``Junk``


@dataclass(frozen=True, slots=True)
class Job:
    """One message for some recipients of one destination: what a courier carries in one go."""

    message_id: str  # the queue's name for it
    sender: EmailAddress | None  # None is the null sender
    recipients: tuple[QueuedRecipient, ...]  # each address once, all of ``destination``
    destination: str  # domain as ``EmailAddress.domain`` has it, or an address literal
    content: Path  # the message as it is to be sent, lines end with CR LF, not dot-stuffed; read-only
    size: int  # bytes
    smtputf8: bool = False
    body: Body = Body.SEVEN_BIT
    ret: Ret | None = None
    envid: str = ""  # xtext, as it came (RFC 3461 §4.4)
    priority: int = 0  # -9 to 9 (RFC 6710)
    require_tls: bool = False  # RFC 8689
    account: str = ""  # of ``Outbound``
    route: Route | None = None
    probe: bool = False  # only ask whether the recipients would be taken: no content


class State(StrEnum):
    """What one attempt led to."""

    DELIVERED = "delivered"  # the next server has taken responsibility
    FAILED = "failed"  # it never will
    DEFERRED = "deferred"  # another attempt may succeed


@dataclass(frozen=True, slots=True)
class RecipientResult:
    """What became of one recipient."""

    recipient: EmailAddress
    state: State
    status: str  # enhanced status code, "2.1.5" (RFC 3463)
    reply: str  # the remote server's last word, or ours when there was none; one line, printable
    remote: str = ""  # name of the host that said so
    dsn: bool = False  # the next server announced DSN, and reports success itself (RFC 3461 §5.2)
    unreachable: bool = False  # deferred before any server heard of the message: the whole destination rests


class Courier(Protocol):
    """Carries mail to other servers."""

    async def deliver(self, job: Job) -> list[RecipientResult]:
        """One attempt. Gives one result for each recipient, as soon as the last is known (QUIT can wait).

        A recipient without a result counts as deferred. An exception counts as an attempt that failed for all of them.
        When cancelled it gives up at once: who has not been answered 250 is tried again.
        """


class Origin(StrEnum):
    """Where a message came from."""

    SUBMISSION = "submission"  # one of our accounts sent it
    RELAY = "relay"  # from the world, for a domain we hand on
    FORWARD = "forward"  # an alias or a rule sends it on
    NOTICE = "notice"  # the service wrote it
    CALENDAR = "calendar"  # an invitation, an answer, a reminder: written by the service for one of our accounts


@dataclass(frozen=True, slots=True)
class Outbound:
    """A message to be queued, apart from its content."""

    sender: EmailAddress | None
    recipients: tuple[QueuedRecipient, ...]
    origin: Origin
    account: str = ""  # of the account that sends, for its limits
    smtputf8: bool = False
    body: Body = Body.SEVEN_BIT
    ret: Ret | None = None
    envid: str = ""
    priority: int = 0
    require_tls: bool = False
    not_before: float | None = None  # Unix seconds: hold it until then (RFC 4865)
    hold: str = ""  # why it is held until somebody releases it; empty: it is not
    deliver_by: float | None = None  # Unix seconds: of no use afterwards (RFC 2852, by-mode R)
    tell_at: float | None = None  # Unix seconds: when a delay is told, by default after a time of ours (by-mode N)
    key: str = ""  # what is handed in again under the same one is there already; empty: nothing is


@dataclass(frozen=True, slots=True)
class Reported:
    """What a report says of one recipient."""

    address: EmailAddress
    orcpt: str
    action: str  # failed, delayed, relayed, delivered, expanded (RFC 3464 §2.3.3)
    status: str
    reply: str
    remote: str
    attempted: float  # Unix seconds
    expires: float  # until when it is tried, for a delay


@dataclass(frozen=True, slots=True)
class Report:
    """One notification to the sender of a message (RFC 3464)."""

    message_id: str
    sender: EmailAddress
    envid: str
    ret: Ret | None
    arrived: float
    smtputf8: bool
    recipients: tuple[Reported, ...]
    key: str = ""  # of ``Outbound``
