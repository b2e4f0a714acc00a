"""Settings of the section [queue] and of the [[relay]] tables: mail that leaves this server."""

from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from optimails.config.base import Section
from optimails.config.listener import host_and_port


class QueueSettings(Section):
    """The outbound queue."""

    expire_days: float = Field(
        5.0, gt=0, le=60, description="Days after which a message that cannot be delivered goes back to its sender."
    )
    delay_notice_hours: float = Field(
        4.0, ge=0, description="Hours after which the sender is told once that the message is late; 0 never tells."
    )
    retry_first: float = Field(300.0, ge=1, description="Seconds between the first attempt and the second.")
    retry_factor: float = Field(2.0, ge=1, le=10, description="By how much each further interval is longer.")
    retry_max: float = Field(14_400.0, ge=1, description="Longest interval between two attempts, in seconds.")
    rest_first: float = Field(
        60.0, ge=1, description="Seconds for which a destination that cannot be reached is left alone at first."
    )
    rest_max: float = Field(
        3_600.0, ge=1, description="Longest time a destination is left alone before one message is tried, in seconds."
    )
    concurrency: int = Field(100, ge=2, le=2_000, description="Deliveries at a time, to all destinations together.")
    destination_concurrency: int = Field(
        10, ge=1, le=200, description="Deliveries at a time to one destination; reached step by step as they succeed."
    )
    recipients_per_delivery: int = Field(
        100, ge=1, le=1_000, description="Recipients of one message handed to a destination in one go."
    )
    attempt_timeout: float = Field(
        3_600.0, ge=10, description="Seconds after which a single delivery attempt is given up, whatever it is doing."
    )
    poison_after: int = Field(
        3, ge=2, le=20, description="Crashes of the queue runner during its delivery that make a message be held."
    )
    history_days: int = Field(
        30, ge=0, le=3_650, description="Days for which it is kept what became of each recipient, for message tracking."
    )
    messages_per_hour: int = Field(
        500, ge=0, description="Messages an account may send in an hour; 0 is unlimited. More are refused for now."
    )
    messages_per_day: int = Field(3_000, ge=0, description="Messages an account may send in 24 hours; 0 is unlimited.")
    recipients_per_hour: int = Field(
        2_000, ge=0, description="Recipients an account may write to in an hour; 0 is unlimited."
    )
    recipients_per_day: int = Field(
        10_000, ge=0, description="Recipients an account may write to in 24 hours; 0 is unlimited."
    )


class RelaySettings(Section):
    """A domain whose mail is taken in and handed to its own server. The table may be repeated."""

    domain: str = Field(
        min_length=1, max_length=253, description="The domain; its subdomains are domains of their own."
    )
    target: str = Field(
        "",
        description='Where its mail goes, as "host:port" ("mail.example.org:25"); empty: to the MX hosts of the domain '
        "(which must not name this server).",
    )
    tls: str = Field(
        "opportunistic",
        pattern="^(none|opportunistic|required|verified|implicit)$",
        description="TLS towards the target: none, opportunistic (when offered), required (any certificate), verified "
        "(a certificate that names the host), implicit (verified, from the first byte).",
    )
    recipients: Path | None = Field(
        None,
        description="File with the addresses that exist there, one a line (# starts a comment, @domain is every "
        "address); others are refused. By default every address is taken.",
    )
    keep_days: float = Field(
        5.0, gt=0, le=30, description="Days for which mail is kept while the target is away; up to 30."
    )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the target."""
        return host_and_port(self.target)

    @field_validator("domain")
    @classmethod
    def _lower(cls, value: str) -> str:
        return value.strip().rstrip(".").lower()

    @model_validator(mode="after")
    def _target(self) -> Self:
        if self.target and not host_and_port(self.target)[0]:
            raise ValueError("the target names no host")
        return self
