"""Settings of the sections [traffic] and [greylist], and of the [[domain_limit]] tables: how much mail may come in."""

from ipaddress import IPv4Network, IPv6Network

from pydantic import Field, field_validator

from optimails.config.base import Section


class TrafficSettings(Section):
    """How much one network, one account and one domain may send and receive. What is too much is put off (4xx).

    A network is an IPv4 /24 or an IPv6 /64. This machine itself (loopback) and LMTP are not counted. 0 is unlimited.
    """

    allow: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="Networks that are neither counted, nor slowed down, nor greylisted: your own servers."
    )
    connections_per_minute: int = Field(
        300, ge=0, description="Connections that one network may open to SMTP and submission in a minute."
    )
    messages_per_minute: int = Field(300, ge=0, description="Messages from one network in a minute, by SMTP.")
    messages_per_hour: int = Field(5_000, ge=0, description="Messages from one network in an hour, by SMTP.")
    recipients_per_hour: int = Field(
        20_000, ge=0, description="Recipients that one network may write to in an hour, by SMTP."
    )
    account_messages_per_hour: int = Field(
        1_000,
        ge=0,
        description="Messages that one account may send in an hour, recipients here included; [queue] has "
        "further limits for those elsewhere.",
    )
    account_recipients_per_hour: int = Field(
        5_000, ge=0, description="Recipients that one account may write to in an hour, those here included."
    )
    domain_sends_per_hour: int = Field(
        0, ge=0, description="Recipients that all accounts of one domain together may write to in an hour."
    )
    domain_receives_per_hour: int = Field(
        0, ge=0, description="Recipients of one domain that mail from outside may have in an hour."
    )
    tarpit_after: int = Field(
        3, ge=0, description="Recipients refused on one connection after which each further refusal is slow."
    )
    tarpit_seconds: float = Field(
        2.0, ge=0, le=60, description="How slow: seconds before the refusal is said. 0 switches the tarpit off."
    )


class GreylistSettings(Section):
    """Strangers are asked to come again: programs that send spam often do not. Off by default.

    It is asked at RCPT on the smtp listeners, for what is from outside, once everything else says yes.
    """

    enabled: bool = Field(False, description="Whether mail for all domains is greylisted; [[domain_limit]] may differ.")
    delay_seconds: int = Field(
        300, ge=1, description="Seconds before a sender that comes again is let in (network, sender, recipient)."
    )
    retry_hours: float = Field(24.0, gt=0, description="Hours within which it must come again.")
    keep_days: float = Field(35.0, gt=0, description="Days since its last mail for which it is let in at once.")
    allow_after: int = Field(
        5, ge=0, description="Senders and recipients that passed, after which the whole network is let in; 0 never."
    )
    allow: tuple[IPv4Network | IPv6Network, ...] = Field((), description="Networks that are never put off.")


class DomainLimit(Section):
    """What differs for one domain of ours. The table may be repeated."""

    domain: str = Field(min_length=1, max_length=253, description="The domain, a local one or a relay domain.")
    max_message_size: int = Field(
        0, ge=0, description="Bytes of a message for it; 0 and what exceeds [smtp] max_message_size: as there."
    )
    sends_per_hour: int | None = Field(
        None, ge=0, description="Instead of [traffic] domain_sends_per_hour; 0 is unlimited."
    )
    receives_per_hour: int | None = Field(
        None, ge=0, description="Instead of [traffic] domain_receives_per_hour; 0 is unlimited."
    )
    greylist: bool | None = Field(None, description="Whether its mail is greylisted; by default as [greylist] says.")

    @field_validator("domain")
    @classmethod
    def _lower(cls, value: str) -> str:
        return value.strip().rstrip(".").lower()
