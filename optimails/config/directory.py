"""Settings of the directory: where accounts and passwords are kept, and how they are checked."""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from optimails.config.base import Section


class DirectorySettings(Section):
    """Domains, accounts, aliases, plans and passwords."""

    url: str = Field(
        "",
        description=(
            "Database, as `postgresql://user@host/name`; empty is SQLite in `directory.sqlite` of the data folder."
        ),
    )
    password_file: Path | None = Field(None, description="File with the password of the PostgreSQL user.")
    pool_size: int = Field(4, ge=1, le=64, description="Database connections that one process keeps at most.")
    connect_seconds: int = Field(5, ge=1, description="Seconds to wait for a connection to PostgreSQL.")
    default_domain: str = Field("", description="Domain that is added to a login without `@`; empty: none.")
    keep_removed_days: int = Field(
        30,
        ge=0,
        description="Days that a removed account or domain, its mail and its addresses are kept for restoring.",
    )
    min_password_length: int = Field(8, ge=1, le=72, description="Fewest characters of a new password.")
    bcrypt_cost: int = Field(
        12, ge=4, le=16, description="Cost of bcrypt for new passwords; one more doubles the time."
    )
    bcrypt_threads: int = Field(2, ge=1, le=32, description="Passwords that one process checks at the same time.")
    scram: bool = Field(
        True,
        description="Keep SCRAM-SHA-256 keys beside each new password, so that clients may log in without sending it.",
    )
    scram_iterations: int = Field(
        65_536, ge=4096, description="Iterations of new SCRAM keys; the client computes them."
    )
    credential_cache_size: int = Field(
        20_000, ge=0, description="Verified logins that one process remembers, so that bcrypt is not run each time."
    )
    credential_cache_seconds: int = Field(
        3600,
        ge=0,
        description="For how long; password changes and suspensions take effect at once all the same.",
    )
    lookup_cache_size: int = Field(50_000, ge=100, description="Addresses and accounts that one process remembers.")
    alias_depth: int = Field(
        10, ge=1, le=100, description="Aliases of aliases that are followed; mail for deeper ones is refused."
    )
    alias_targets: int = Field(
        10_000, ge=1, description="Addresses that one alias may lead to in all; mail for larger ones is refused."
    )
    list_members: int = Field(
        10_000, ge=1, le=1_000_000, description="Members of one distribution list, and people that its mail may reach."
    )
    forward_targets: int = Field(20, ge=1, le=1_000, description="Addresses that an account may forward its mail to.")
    max_photo: int = Field(
        102_400, ge=1_024, le=1_048_576, description="Bytes of the photo of an account, a JPEG or PNG."
    )


class LdapTls(StrEnum):
    LDAPS = "ldaps"
    STARTTLS = "starttls"
    NONE = "none"


class LdapConnection(Section):
    """How an LDAP server is reached."""

    servers: tuple[str, ...] = Field((), description="Servers as `host` or `host:port`, tried in this order.")
    tls: LdapTls = Field(LdapTls.LDAPS, description="How the connection is protected.")
    ca_file: Path | None = Field(
        None, description="PEM file of the authority that signed the server's certificate; by default the system's."
    )
    bind_dn: str = Field("", description="Who we are when we search; empty: anonymous.")
    bind_password_file: Path | None = Field(None, description="File with the password of `bind_dn`.")
    connect_seconds: float = Field(4.0, gt=0, description="Seconds to wait for a connection.")
    answer_seconds: int = Field(8, ge=1, description="Seconds to wait for an answer.")
    connections: int = Field(4, ge=1, le=64, description="Requests that one process has under way at a time.")
    retry_seconds: int = Field(
        10, ge=0, description="After the server could not be reached, requests fail at once for this many seconds."
    )


class LdapSettings(LdapConnection):
    """An LDAP or Active Directory server that knows the people of some domains. The table may be repeated.

    Accounts appear here when their address is first seen, and keep the plan and quota given here unless the server
    says otherwise. The server's answer about a password is remembered for `cache_seconds`.
    """

    domains: tuple[str, ...] = Field((), description="Mail domains (added with `optimails domain add`) it knows.")
    base: str = Field("", description="Where the search for people starts, such as `ou=people,dc=example,dc=com`.")
    user_filter: str = Field(
        "(&(objectClass=person)(mail=*))", description="Which entries are people who have an account."
    )
    login_attributes: tuple[str, ...] = Field(
        ("mail",),
        description=(
            "Attributes that may hold the login as typed, such as `mail`, `userPrincipalName`; those without `@` in "
            "their values, such as `uid` or `sAMAccountName`, are compared with what stands before the `@`."
        ),
    )
    address_attribute: str = Field("mail", description="Attribute with the primary address.")
    alias_attributes: tuple[str, ...] = Field(
        ("mailAlternateAddress", "proxyAddresses"),
        description="Attributes with further addresses; a leading `smtp:` is dropped, other schemes are passed over.",
    )
    name_attribute: str = Field("displayName", description="Attribute with the name to show; `cn` where it is missing.")
    contacts: bool = Field(
        True,
        description="Whether telephone numbers, title, department, company, office, city and photo of people are what "
        "the server says of them (the attributes of inetOrgPerson and Active Directory).",
    )
    plan_attribute: str = Field("", description="Attribute with the id of the plan; empty: `default_plan`.")
    quota_attribute: str = Field(
        "", description="Attribute with the storage limit in bytes, or with a unit (`500M`, `2G`); empty: the plan's."
    )
    default_plan: str = Field("basic", description="Plan of people for whom the server names none.")
    group_base: str = Field("", description="Where the search for groups starts; empty: groups are not looked up.")
    group_filter: str = Field("(mail=*)", description="Which entries are groups that receive mail for their members.")
    group_address_attribute: str = Field("mail", description="Attribute with the address of a group.")
    group_member_attribute: str = Field("member", description="Attribute with the DNs of a group's members.")
    group_members: int = Field(2000, ge=1, description="Most members of a group; mail for larger ones is refused.")
    cache_seconds: int = Field(
        300, ge=0, description="For how long an entry that was found, or a password that was right, is remembered."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for field in ("domains", "servers", "base"):
            if not getattr(self, field):
                raise ValueError(f"{field} must not be empty")
        return self
