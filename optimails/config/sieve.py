"""Settings of the section [sieve]."""

from pathlib import Path

from pydantic import Field

from optimails.config.base import Section


class SieveSettings(Section):
    """Sieve scripts and ManageSieve."""

    max_scripts: int = Field(32, ge=1, le=1_000, description="Scripts an account may keep.")
    max_script_size: int = Field(1_048_576, ge=1_024, le=16_777_216, description="Bytes of one script.")
    max_actions: int = Field(32, ge=1, le=1_000, description="Actions one message may lead to.")
    max_redirects: int = Field(4, ge=0, le=100, description="Addresses a script may redirect one message to.")
    max_steps: int = Field(
        100_000, ge=1_000, description="Commands and tests carried out for one message before the script is stopped."
    )
    vacation_least: int = Field(
        600, ge=60, description="Seconds that must pass between two automatic answers to one sender, at least."
    )
    vacation_most: int = Field(
        31_536_000, ge=86_400, description="Seconds for which an automatic answer is remembered, at most."
    )
    duplicate_most: int = Field(
        2_592_000, ge=60, description="Seconds for which the test duplicate remembers a message, at most."
    )
    domains: Path | None = Field(
        None,
        description="Folder with a folder for each domain, in which before.sieve and after.sieve run around the users' "
        "own scripts, and other scripts may be included with :global. Not set: sieve below the data folder.",
    )
    imap_events: bool = Field(
        True, description="Whether scripts run after APPEND, COPY, MOVE and STORE of IMAP (IMAPSIEVE, RFC 6785)."
    )
    imap_patience: float = Field(
        2.0, ge=0, le=60, description="Seconds for which an IMAP command waits for its scripts; they go on without it."
    )
    imap_expunge: bool = Field(
        False, description="Whether messages that such a script discards or files elsewhere are expunged at once; else "
        "they are marked deleted.",
    )  # fmt: skip
    url: str = Field(
        "", max_length=300, pattern=r"^(sieve://[!-~]+)?$",
        description="Where users reach ManageSieve, as IMAP tells them (sieve://host:port). Not set: made from "
        "`hostname` and the first listener of ManageSieve.",
    )  # fmt: skip
    greeting: str = Field(
        "Optimails", max_length=100, pattern=r"^[\x20-\x7e]*$", description="Name that ManageSieve gives of itself."
    )
    allow_plaintext: bool = Field(
        False, description="Whether passwords may be sent without TLS from other machines; loopback always may."
    )
    max_line: int = Field(8_192, ge=1_024, le=1_000_000, description="Bytes of one command, scripts left aside.")
    max_pipelined: int = Field(
        65_536, ge=4_096, description="Bytes a client may send ahead of its answers before we stop reading from it."
    )
    login_timeout: float = Field(60.0, ge=1, description="Seconds a client may stay silent without logging in.")
    idle_timeout: float = Field(
        1_800.0, ge=1_800, description="Seconds without a command before a session ends (RFC 5804 §1.2: 30 minutes)."
    )
    send_timeout: float = Field(
        300.0, ge=1, description="Seconds a client may refuse to take its answers before the connection is cut."
    )
    max_bad_commands: int = Field(
        10, ge=1, description="Commands not understood, or failed logins, before the connection is closed."
    )
