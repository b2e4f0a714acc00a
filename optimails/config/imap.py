"""Settings of the section [imap]."""

from enum import StrEnum

from pydantic import Field

from optimails.config.base import Section


class IdAnswer(StrEnum):
    NEVER = "never"
    LOGIN = "login"
    ALWAYS = "always"


class ImapSettings(Section):
    """IMAP."""

    greeting: str = Field(
        "Optimails", max_length=100, pattern=r"^[\x20-\x7e]*$", description="Name shown in the greeting and to ID."
    )
    id_version: IdAnswer = Field(
        IdAnswer.LOGIN, description="When ID tells the server's version: never, after login, always."
    )
    allow_plaintext: bool = Field(
        False, description="Whether passwords may be sent without TLS from other machines; loopback always may."
    )
    compress: bool = Field(True, description="Whether COMPRESS=DEFLATE is offered.")
    max_line: int = Field(
        65_536,
        ge=1_000,
        le=10_000_000,
        description="Bytes of one command, without its literals; longer ones end in BYE.",
    )
    max_literal: int = Field(
        65_536, ge=1_000, le=10_000_000, description="Bytes of one literal that is not a message (names, search texts)."
    )
    max_append: int = Field(
        67_108_864, ge=10_000, description="Bytes of one message given to APPEND; announced as APPENDLIMIT."
    )
    metadata_size: int = Field(
        16_384, ge=1_024, le=1_000_000, description="Bytes of one value that SETMETADATA may set."
    )
    metadata_entries: int = Field(100, ge=10, le=10_000, description="Values that METADATA keeps for one mailbox.")
    metadata_total: int = Field(
        4_194_304, ge=65_536, description="Bytes of all names and values that METADATA keeps for one account."
    )
    admin: str = Field(
        "", max_length=1_000,
        description="How to reach who runs this server, as a URI such as mailto:help@example.org; told by METADATA as "
        "/shared/admin.",
    )  # fmt: skip
    comment: str = Field(
        "", max_length=1_000, description="A sentence about this server; told by METADATA as /shared/comment."
    )
    max_pipelined: int = Field(
        131_072, ge=4_096, description="Bytes a client may send ahead of its answers before we stop reading from it."
    )
    login_timeout: float = Field(60.0, ge=1, description="Seconds a client may stay without logging in.")
    idle_timeout: float = Field(
        1_800.0, ge=1_800, description="Seconds without a command before a session ends (RFC 9051 §5.4: 30 minutes)."
    )
    idle_command_timeout: float = Field(
        1_860.0, ge=1_740, description="Seconds one IDLE may last; clients renew it every 29 minutes at the latest."
    )
    send_timeout: float = Field(
        300.0, ge=1, description="Seconds a client may refuse to take what it asked for before the connection is cut."
    )
    max_bad_commands: int = Field(10, ge=1, description="Commands not understood before the connection is closed.")

    @property
    def server_annotations(self) -> dict[str, bytes]:
        """What METADATA tells of the server itself (RFC 5464 §6.2.1)."""
        told = {"/shared/admin": self.admin, "/shared/comment": self.comment}
        return {entry: value.encode() for entry, value in told.items() if value}
