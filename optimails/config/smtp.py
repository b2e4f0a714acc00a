"""Settings of the section [smtp]: the doors for SMTP, submission and LMTP."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

from pydantic import Field

from optimails.config.base import Section


class SmtpSettings(Section):
    """SMTP, submission and LMTP."""

    greeting: str = Field("Optimails", max_length=100, pattern=r"^[\x20-\x7e]*$", description="Name in the greeting.")
    postmaster: str = Field(
        "", description="Address that <Postmaster> without a domain stands for; by default postmaster@hostname."
    )
    max_message_size: int = Field(
        52_428_800, ge=65_536, description="Bytes of one message; announced as SIZE, larger ones are refused."
    )
    max_recipients: int = Field(
        1_000, ge=100, description="Recipients of one message (RFC 5321 asks for 100 at least); announced as LIMITS."
    )
    max_messages_per_connection: int = Field(
        10_000,
        ge=1,
        description="Messages of one connection, before the client must open another; announced as LIMITS.",
    )
    max_hold_days: float = Field(
        30.0,
        ge=0,
        le=366,
        description="Days for which a sender may have a message held before it is delivered (RFC 4865), on submission; "
        "0 does not offer it.",
    )
    max_line: int = Field(
        12_288, ge=2_048, le=1_000_000, description="Bytes of one command line (RFC 4954 asks for 12,288 with AUTH)."
    )
    max_bad_commands: int = Field(20, ge=1, description="Commands refused before the connection is closed.")
    max_unknown_recipients: int = Field(
        50, ge=1, description="Recipients refused before the connection is closed; it ends guessing of addresses."
    )
    max_pipelined: int = Field(
        262_144, ge=4_096, description="Bytes a client may send ahead of its answers before we stop reading from it."
    )
    max_hops: int = Field(100, ge=10, description="Received lines at which a message is taken for one in a loop.")
    command_timeout: float = Field(
        300.0, ge=1, description="Seconds a client may take for its next command (RFC 5321 §4.5.3.2.7: 5 minutes)."
    )
    data_timeout: float = Field(
        180.0, ge=1, description="Seconds between two pieces of a message (RFC 5321 §4.5.3.2.5: 3 minutes)."
    )
    early_talker_delay: float = Field(
        0.5,
        ge=0,
        le=30,
        description="Seconds the greeting on port 25 waits; who speaks before it is turned away. Loopback never waits.",
    )
    helo_required: bool = Field(True, description="Whether a client must say hello before it sends mail.")
    allow_plaintext: bool = Field(
        False, description="Whether passwords may be sent without TLS from other machines; loopback always may."
    )
    lmtp_networks: tuple[IPv4Network | IPv6Network, ...] = Field(
        (ip_network("127.0.0.0/8"), ip_network("::1/128")),
        description="Networks that may deliver by LMTP, which knows no password; others are turned away.",
    )
    xclient_networks: tuple[IPv4Network | IPv6Network, ...] = Field(
        (),
        description="Networks of servers in front of this one that may say by XCLIENT whose session they pass on: its "
        "address counts for limits, filters and logs, and on submission its LOGIN is logged in without a password.",
    )
    xforward_networks: tuple[IPv4Network | IPv6Network, ...] = Field(
        (),
        description="Networks of servers in front of this one that may say by XFORWARD where the next message came "
        "from, for filters and checks of its origin.",
    )
    refuse_bare_line_ends: tuple[Literal["smtp", "submission", "lmtp"], ...] = Field(
        (),
        description="Protocols that refuse a message with a bare CR or LF; the others make it a line end. "
        "Either way only CRLF.CRLF ends a message.",
    )
    submission_from: Literal["refuse", "allow"] = Field(
        "refuse",
        description="Whether submitted mail is refused when its From or Sender is malformed, or an address that the "
        "account may not send with, and when it has no From.",
    )
    show_client_address: bool = Field(
        False, description="Whether the Received line of submitted mail names the sender's own network address."
    )
