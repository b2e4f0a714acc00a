"""Settings of the section [pop3]."""

from pydantic import Field

from optimails.config.base import Section


class Pop3Settings(Section):
    """POP3."""

    greeting: str = Field(
        "Optimails", max_length=100, pattern=r"^[\x20-\x7e]*$", description="Name shown in the greeting and by CAPA."
    )
    allow_plaintext: bool = Field(
        False, description="Whether passwords may be sent without TLS from other machines; loopback always may."
    )
    mark_seen: bool = Field(
        True, description="Whether messages that were downloaded count as read for IMAP and webmail, after QUIT."
    )
    expire_days: int | None = Field(
        None,
        ge=0,
        description="Days for which downloaded messages may stay, announced as EXPIRE; not set: for ever (NEVER).",
    )
    max_line: int = Field(
        8_192, ge=512, le=1_000_000, description="Bytes of one command or SASL response; longer ones are refused."
    )
    max_pipelined: int = Field(
        65_536, ge=4_096, description="Bytes a client may send ahead of its answers before we stop reading from it."
    )
    login_timeout: float = Field(60.0, ge=1, description="Seconds a client may stay silent without logging in.")
    idle_timeout: float = Field(
        600.0, ge=600, description="Seconds without a command before a session ends (RFC 1939 §3: 10 minutes)."
    )
    send_timeout: float = Field(
        300.0, ge=1, description="Seconds a client may refuse to take what it asked for before the connection is cut."
    )
    max_bad_commands: int = Field(
        10, ge=1, description="Commands not understood, or failed logins, before the connection is closed."
    )
