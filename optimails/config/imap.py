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
