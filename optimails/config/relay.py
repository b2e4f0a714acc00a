"""Settings of the [[relay]] tables: domains whose mail is taken in and handed to their own servers."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from optimails.config.base import Section
from optimails.config.directory import LdapConnection
from optimails.config.listener import host_and_port

WhenAway = Literal["accept", "defer"]


class RelayLdap(LdapConnection):
    """Where the recipients of a relay domain are looked up."""

    base: str = Field(min_length=1, description="Where the search starts, such as `dc=example,dc=com`.")
    filter: str = Field("(objectClass=*)", description="Which entries receive mail at all.")
    attributes: tuple[str, ...] = Field(
        ("mail", "mailAlternateAddress", "proxyAddresses"),
        min_length=1,
        description="Attributes that hold addresses; the values of `proxyAddresses` begin with `smtp:`.",
    )
    positive_seconds: int = Field(600, ge=0, description="For how long an address that was found is remembered.")
    negative_seconds: int = Field(60, ge=0, description="For how long it is remembered that there is no such address.")
    when_away: WhenAway = Field(
        "defer",
        description="What becomes of a recipient that cannot be looked up: accept it, or defer it (4xx).",
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.servers:
            raise ValueError("servers must not be empty")
        return self


class RelayCallout(Section):
    """Whether the target itself is asked: MAIL with the null sender and RCPT, no message."""

    positive_seconds: int = Field(
        604_800, ge=0, description="For how long it is remembered that the target takes an address."
    )
    negative_seconds: int = Field(
        3_600, ge=0, description="For how long it is remembered that the target refuses an address."
    )
    timeout: float = Field(15.0, gt=0, le=120, description="Seconds to wait for the target's answer.")
    per_minute: int = Field(
        120, ge=1, description="Unknown addresses that one process asks the target about in a minute; further ones are "
        "deferred (4xx)."
    )  # fmt: skip
    when_away: WhenAway = Field(
        "accept",
        description="What becomes of a recipient while the target does not answer, or answers neither yes nor no: "
        "accept it and keep the mail for the target, or defer it (4xx).",
    )


class RelaySettings(Section):
    """A domain whose mail is taken in and handed to its own server. The table may be repeated.

    Which recipients exist there may be said by a file, by LDAP (`[relay.ldap]` behind the table) and by the target
    itself (`[relay.callout]`): who is known to one of them, asked in this order, is taken. Without any, all are.
    """

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
        description="File with addresses that exist there, one a line (# starts a comment, @domain is every address).",
    )
    ldap: RelayLdap | None = Field(None, description="LDAP server with addresses that exist there.")
    callout: RelayCallout | None = Field(
        None, description="Ask the target itself; an empty table `callout = {}` is enough."
    )
    keep_days: float = Field(
        5.0, gt=0, le=30, description="Days for which mail is kept while the target is away; up to 30."
    )
    etrn_networks: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="Networks of the customer that may ask for its waiting mail by ETRN (RFC 1985), on port 25."
    )
    reports: Literal["all", "failures", "none"] = Field(
        "all",
        description="What senders hear of mail that waits for the target: all (that it is late, and that it failed), "
        "failures, or none, which loses mail without a word when the days are over.",
    )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the target."""
        return host_and_port(self.target)

    @property
    def selective(self) -> bool:
        """Whether somebody knows which recipients exist."""
        return self.recipients is not None or self.ldap is not None or self.callout is not None

    @field_validator("domain")
    @classmethod
    def _lower(cls, value: str) -> str:
        return value.strip().rstrip(".").lower()

    @model_validator(mode="after")
    def _target(self) -> Self:
        if self.target and not host_and_port(self.target)[0]:
            raise ValueError("the target names no host")
        return self
