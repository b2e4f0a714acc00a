"""Settings of mail that leaves: the section [outbound], and [[outbound_route]] for what is special."""

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from optimails.config.base import Section

TlsWish = Literal["", "none", "opportunistic", "required", "verified", "implicit"]


class OutboundSettings(Section):
    """Mail to other servers."""

    helo: str = Field(
        "",
        max_length=253,
        pattern=r"^[^\s\x00-\x1f]*$",
        description="Name we introduce ourselves with; by default hostname.",
    )
    own_names: tuple[str, ...] = Field(
        (),
        description="Further names of this server: an MX host of that name is ourselves, and mail must not go there.",
    )
    port: int = Field(25, ge=1, le=65535, description="Port of other servers; only tests change it.")
    families: tuple[Literal["ipv6", "ipv4"], ...] = Field(
        ("ipv6", "ipv4"), min_length=1, description="Families of addresses that are tried, the preferred one first."
    )
    source_ipv4: IPv4Address | None = Field(None, description="Our address for IPv4; by default the system chooses.")
    source_ipv6: IPv6Address | None = Field(None, description="The same for IPv6.")
    interface: str = Field(
        "", max_length=15, description="Network interface that mail leaves by, such as eth1; by default any."
    )
    address_delay: float = Field(
        1.0,
        ge=0.05,
        le=30,
        description="Seconds after which a host's next address is tried beside the first (RFC 8305).",
    )
    max_hosts: int = Field(10, ge=1, le=100, description="MX hosts of a domain that one attempt tries.")
    max_addresses: int = Field(6, ge=1, le=50, description="Addresses of each host that one attempt tries.")
    connections: int = Field(8, ge=1, le=1_000, description="Connections to one destination at a time.")
    messages_per_connection: int = Field(100, ge=1, description="Messages after which a connection is closed.")
    idle_seconds: float = Field(
        4.0, ge=0, le=300, description="Seconds a connection is kept for the next message; 0 closes it at once."
    )
    idle_connections: int = Field(200, ge=0, description="Connections kept that way, all destinations told.")
    max_recipients: int = Field(
        100, ge=1, description="Recipients of one transaction (RFC 5321 §4.5.3.1.8: every server takes 100)."
    )
    connect_timeout: float = Field(30.0, gt=0, description="Seconds to reach one address.")
    greeting_timeout: float = Field(
        300.0, gt=0, description="Seconds to the greeting (RFC 5321 §4.5.3.2.1: 5 minutes)."
    )
    command_timeout: float = Field(
        300.0, gt=0, description="Seconds to other answers (RFC 5321 §4.5.3.2.2, .3: 5 minutes)."
    )
    data_timeout: float = Field(
        120.0, gt=0, description="Seconds to the answer to DATA (RFC 5321 §4.5.3.2.4: 2 minutes)."
    )
    block_timeout: float = Field(
        180.0, gt=0, description="Seconds for a piece of content (RFC 5321 §4.5.3.2.5: 3 minutes)."
    )
    end_timeout: float = Field(600.0, gt=0, description="Seconds to the last answer (RFC 5321 §4.5.3.2.6: 10 minutes).")
    tls_timeout: float = Field(60.0, gt=0, description="Seconds for the TLS handshake.")
    tls: Literal["opportunistic", "required", "verified"] = Field(
        "opportunistic", description="TLS asked of servers that publish no policy and have no route of ours."
    )
    ca_file: Path | None = Field(None, description="Authorities to trust, as PEM; by default the system's.")
    dane: bool = Field(True, description="Whether DANE is kept (RFC 7672); it needs a validating resolver, see [dns].")
    mta_sts: bool = Field(True, description="Whether MTA-STS is kept (RFC 8461).")
    mta_sts_timeout: float = Field(60.0, gt=0, description="Seconds to fetch a policy (RFC 8461 §3.3: one minute).")
    mta_sts_retry: float = Field(
        300.0, ge=1, description="Seconds before a policy that could not be had is tried again."
    )
    mta_sts_port: int = Field(443, ge=1, le=65535, description="Port policies are fetched from; only tests change it.")
    tls_reports: bool = Field(True, description="Whether results of TLS are counted for reports (RFC 8460).")


class OutboundRoute(Section):
    """A rule for some of the mail that leaves. The table may be repeated; the first that fits is taken."""

    destinations: tuple[str, ...] = Field(
        ("*",), description="Domains of recipients: `example.org`, `.example.org` for those below it, `*` for all."
    )
    senders: tuple[str, ...] = Field(
        ("*",), description="Domains of senders, written likewise; `<>` is the null sender."
    )
    host: str = Field("", description="Server that takes this mail (a smart host); empty: the destination's MX hosts.")
    port: int = Field(0, ge=0, le=65535, description="Its port; by default 25, 465 with tls = implicit, 24 with LMTP.")
    protocol: Literal["smtp", "lmtp"] = Field("smtp", description="What it speaks.")
    tls: TlsWish = Field(
        "",
        description="TLS asked of it: none, opportunistic, required (any certificate), verified, implicit (verified). "
        "By default as [outbound] says; verified where a password is sent.",
    )
    login: str = Field("", description="Login name there.")
    password_file: Path | None = Field(None, description="File with its password.")
    connections: int = Field(
        0, ge=0, le=1_000, description="Connections to one destination at a time, for this mail; 0: as [outbound] says."
    )
    source_ipv4: IPv4Address | None = Field(None, description="Our address for this mail.")
    source_ipv6: IPv6Address | None = Field(None, description="The same for IPv6.")
    helo: str = Field("", max_length=253, pattern=r"^[^\s\x00-\x1f]*$", description="Name we introduce ourselves with.")

    @model_validator(mode="after")
    def _together(self) -> Self:
        if bool(self.login) != bool(self.password_file):
            raise ValueError("login and password_file go together")
        if self.login and not self.host:
            raise ValueError("a login needs a host")
        if self.login and self.tls in {"none", "opportunistic"}:
            raise ValueError("a password is not sent without TLS: tls must be required, verified or implicit")
        if self.protocol == "lmtp" and not self.host:
            raise ValueError("LMTP needs a host")
        return self
