"""Settings of the section [authentication]: whether mail from outside is what it says."""

from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network

from pydantic import Field, field_validator

from optimails.config.base import Section
from optimails.model.dns_name import ascii_name


class DmarcAction(StrEnum):
    """What becomes of mail that its author's domain disowns."""

    MARK = "mark"  # it is delivered, and its header says so
    QUARANTINE = "quarantine"  # it goes to the mailbox for junk
    REJECT = "reject"  # it is refused where the domain wishes that, and goes to junk where it wishes quarantine


class AuthenticationSettings(Section):
    """SPF, DKIM, DMARC and ARC of mail that comes in on port 25, and seals on what is sent on."""

    check: bool = Field(True, description="Whether mail from strangers is checked at all.")
    name: str = Field(
        "", max_length=253, pattern=r"^[A-Za-z0-9._-]*$",
        description="Name of this service in Authentication-Results; by default the hostname. "
        "Servers that share it trust each other's results.",
    )  # fmt: skip
    trusted_networks: tuple[IPv4Network | IPv6Network, ...] = Field(
        (ip_network("127.0.0.0/8"), ip_network("::1/128")),
        description="Networks of relays of your own: mail from there is not checked, and what they wrote stays.",
    )
    timeout: float = Field(
        8.0, gt=0, le=60, description="Seconds that all checks of one message may take; what is late is temperror."
    )
    max_signatures: int = Field(
        8, ge=1, le=50, description="DKIM signatures of one message that are checked; those of its author first."
    )
    dmarc: DmarcAction = Field(
        DmarcAction.MARK,
        description="What becomes of mail that fails DMARC where its domain asks for p=reject or p=quarantine: it is "
        "delivered (mark), filed as junk (quarantine), or refused where the domain asks for that (reject).",
    )
    dmarc_domains: dict[str, DmarcAction] = Field(
        {}, description='The same for some of the domains here, such as { "example.org" = "reject" }.'
    )
    trusted_sealers: tuple[str, ...] = Field(
        (),
        description="Domains of forwarders and mailing lists whose ARC seals excuse a DMARC failure, "
        'such as "lists.example.net".',
    )
    seal: bool = Field(
        True, description="Whether mail that is sent on gets an ARC seal of the domain that sends it, if it has a key."
    )

    @field_validator("trusted_sealers")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(ascii_name(one) for one in value)

    @field_validator("dmarc_domains")
    @classmethod
    def _lower(cls, value: dict[str, DmarcAction]) -> dict[str, DmarcAction]:
        return {domain.rstrip(".").lower(): action for domain, action in value.items()}
