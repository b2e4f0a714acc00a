"""Local delivery: from a recipient's address to a message that is safe in a mailbox."""

from dataclasses import dataclass
from typing import Protocol

from optimails.model.address import EmailAddress


@dataclass(frozen=True, slots=True)
class SmtpEnvelope:
    """What SMTP said of the message, apart from its content."""

    sender: EmailAddress | None  # None is the null sender
    recipients: tuple[EmailAddress, ...]
    smtputf8: bool = False
    eight_bit: bool = False


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


class Delivery(Protocol):
    async def check(self, recipient: EmailAddress, size: int | None) -> Failed | None:
        """At RCPT: None when mail of that size would be taken now."""

    async def deliver(self, envelope: SmtpEnvelope, received: bytes, content: bytes) -> dict[EmailAddress, Outcome]:
        """Deliver to every recipient; ``received`` is the trace header the door made, CRLF included.

        Adds Return-Path and Delivered-To. Never raises for a recipient's trouble: each gets its own outcome.
        """
