"""Settings of the section [ldapd]: the company's address book over LDAP."""

from pydantic import Field

from optimails.config.base import Section


class LdapdSettings(Section):
    """The company's address book over LDAP. Whom it leaves out, `[dav] company_book_hides` says, too."""

    allow_plaintext: bool = Field(
        False, description="Whether passwords may be sent without TLS from other machines; loopback always may."
    )
    max_message: int = Field(65_536, ge=4_096, le=1_048_576, description="Bytes of one request; larger ones end it.")
    max_entries: int = Field(
        1_000,
        ge=10,
        le=100_000,
        description="Entries of one answer, or of one page of it; who wants more asks by pages.",
    )
    max_seconds: float = Field(5.0, gt=0, le=60, description="Seconds for which one search may look through the book.")
    max_pipelined: int = Field(
        131_072, ge=4_096, description="Bytes a client may send ahead of its answers before we stop reading from it."
    )
    login_timeout: float = Field(30.0, ge=1, description="Seconds a client may stay silent without logging in.")
    idle_timeout: float = Field(
        900.0, ge=60, description="Seconds without a request before a session ends; programs connect again unnoticed."
    )
    send_timeout: float = Field(
        60.0, ge=1, description="Seconds a client may refuse to take what it asked for before the connection is cut."
    )
    max_bad_requests: int = Field(
        10, ge=1, description="Requests not understood, or failed logins, before the connection is closed."
    )
