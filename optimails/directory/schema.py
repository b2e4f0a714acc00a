"""Tables of the directory, once for SQLite and PostgreSQL.

Addresses have a table of their own, ``address``: one key (``EmailAddress.key``), one owner, whether that is an account,
an alias or a list; so two can never claim the same. A removed account keeps its row in ``address`` until it is
released.

Times are Unix seconds. A limit is NULL where nothing is said (a plan: unlimited; an account: as its plan), and
``UNLIMITED`` where an account is unlimited whatever its plan says.

``directory`` has one row. Every transaction that changes what services see adds one to its ``version``; caches hold
what they know for one version only.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    true,
)

from optimails.model.contact import FIELDS

UNLIMITED = -1
SOURCE_LOCAL = "local"
SOURCE_LDAP = "ldap"
SOURCE_DOMAIN = "domain"  # an account that holds its domain's shared folders, and is nobody's
OPEN = "active"
CLOSED = "closed"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

directory = Table(
    "directory",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("secret", LargeBinary, nullable=False),  # makes the SCRAM salts of unknown logins
)

domain = Table(
    "domain",
    metadata,
    Column("name", String(255), primary_key=True),  # U-labels
    Column("state", String(16), nullable=False),
    Column("postmaster", Text),  # address key; NULL: the domain's first account
    Column("catch_all", Text),  # address key; NULL: unknown addresses are refused
    Column("free_busy", Boolean, nullable=False, server_default=true()),  # colleagues see when its accounts are busy
    Column("created", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
)

plan = Table(
    "plan",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("storage", BigInteger),  # bytes
    Column("storage_min", BigInteger),  # bounds for accounts that differ from the plan
    Column("storage_max", BigInteger),
    Column("messages", BigInteger),
    Column("retention", Integer, nullable=False),  # days
    Column("features", Text, nullable=False, server_default=""),  # separated by spaces
    Column("family", String(32), nullable=False, server_default=""),
)

account = Table(
    "account",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("local", Text, nullable=False),  # as first written; the key stands in ``address``
    Column("domain", ForeignKey("domain.name"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("language", String(2), nullable=False),
    Column("plan", ForeignKey("plan.id"), nullable=False),
    Column("storage", BigInteger),
    Column("messages", BigInteger),
    Column("retention", Integer),
    Column("state", String(16), nullable=False, index=True),
    Column("over_quota", String(16), nullable=False),
    Column("source", String(16), nullable=False),
    Column("password", Text),  # bcrypt; NULL: no login by password
    Column("scram_salt", LargeBinary),
    Column("scram_iterations", Integer),
    Column("scram_stored", LargeBinary),
    Column("scram_server", LargeBinary),
    # Grows with every change that must end what a cache believes of this account's credentials.
    Column("stamp", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("closed_from", String(16)),  # the state to restore
    Column("closed_with_domain", Boolean, nullable=False),
    Column("forward", Text),  # addresses where its mail is sent on, a line each; NULL: nowhere
    Column("forward_copy", Boolean, nullable=False, server_default=true()),  # whether a copy stays here then
    Column("free_busy", Boolean),  # colleagues see when it is busy; NULL: as its domain says
)

address = Table(
    "address",
    metadata,
    Column("key", Text, primary_key=True),
    Column("domain", ForeignKey("domain.name"), nullable=False, index=True),
    Column("account", ForeignKey("account.id"), unique=True),  # NULL: an alias or a list
    Column("list", Boolean, nullable=False, server_default=false()),
    Column("hidden", Boolean, nullable=False, server_default=false()),  # no address book shows it
    Column("created", BigInteger, nullable=False),
)

alias_target = Table(
    "alias_target",
    metadata,
    Column("alias", ForeignKey("address.key", ondelete="CASCADE"), primary_key=True),
    Column("target", Text, primary_key=True),  # key of any address, here or elsewhere
    Column("position", Integer, nullable=False),
    Index("ix_alias_target_target", "target"),
)

contact = Table(  # values of ``optimails.model.contact``; there where something is known
    "contact",
    metadata,
    Column("account", ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    *(Column(name, Text, nullable=False) for name in FIELDS),
)

photo = Table(
    "photo",
    metadata,
    Column("account", ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("digest", String(32), nullable=False),
    Column("data", LargeBinary, nullable=False),
)

app_password = Table(
    "app_password",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("label", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False, unique=True),  # see optimails.directory.passwords
    Column("services", Text, nullable=False),  # separated by spaces
    Column("created", BigInteger, nullable=False),
    Column("last_used", BigInteger),  # to the day
)

# -- who may do what with whose things: values of ``optimails.model.rights`` -------------------------------------------

acl_entry = Table(
    "acl_entry",
    metadata,
    Column("owner", ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("object", String(64), primary_key=True),
    Column("identifier", Text, primary_key=True),
    Column("negative", Boolean, primary_key=True),
    Column("rights", String(32), nullable=False),
    Index("ix_acl_entry_identifier", "identifier"),  # "what is shared with me" is one query
)

common_seen = Table(
    "common_seen",  # mailboxes whose \\Seen is the same for everybody
    metadata,
    Column("owner", ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("object", String(64), primary_key=True),
)

share_answer = Table(
    "share_answer",
    metadata,
    Column("viewer", ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("owner", ForeignKey("account.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("kind", String(16), primary_key=True),  # empty: the whole account, by a delegation
    Column("object", String(64), primary_key=True),
    Column("answer", String(16), nullable=False),
)

delegation = Table(
    "delegation",
    metadata,
    Column("owner", ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("delegate", ForeignKey("account.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("bundle", String(16), nullable=False),
    Column("send", String(16), nullable=False),
    Column("hide_private", Boolean, nullable=False),
    Column("starts", BigInteger),
    Column("ends", BigInteger),
    Column("scope", String(16), nullable=False, server_default="all"),
    Column("invitations", Boolean, nullable=False, server_default=false()),
)

secret_address = Table(
    "secret_address",  # what is published under ``optimails.model.published``
    metadata,
    Column("name", String(16), primary_key=True),
    Column("account", ForeignKey("account.id", ondelete="CASCADE"), nullable=False),
    Column("object", String(64), nullable=False),  # a calendar's id; empty: when the account is busy
    Column("details", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    UniqueConstraint("account", "object"),
)

resource = Table(
    "resource",  # accounts that are rooms or equipment: ``optimails.model.resource``
    metadata,
    Column("account", ForeignKey("account.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("capacity", Integer),
    Column("description", Text, nullable=False),
    Column("booking", String(16), nullable=False),
    Column("max_duration", Integer),  # minutes
    Column("horizon", Integer),  # days
    Column("recurring", Boolean, nullable=False),
    Column("conflicts", Integer, nullable=False),  # percent
    Column("bookers", Text, nullable=False),  # identifiers, separated by spaces
)

# -- distribution lists: values of ``optimails.model.mailing_list`` ----------------------------------------------------

mailing_list = Table(
    "mailing_list",
    metadata,
    Column("address", ForeignKey("address.key", ondelete="CASCADE"), primary_key=True),
    Column("local", Text, nullable=False),  # as first written
    Column("domain", ForeignKey("domain.name"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("language", String(2), nullable=False),
    Column("posting", String(16), nullable=False),
    Column("others", String(16), nullable=False),
    Column("reply_to", String(16), nullable=False),
    Column("subject_tag", Text, nullable=False),
    Column("max_size", BigInteger),  # bytes
    Column("from_rewrite", String(16), nullable=False),
    Column("everyone", Boolean, nullable=False),
    Column("leave", Boolean, nullable=False),
    Column("hold_days", Integer, nullable=False),
    Column("bounces", Integer, nullable=False),
    Column("bounce_days", Integer, nullable=False),
    Column("created", BigInteger, nullable=False),
)

list_member = Table(
    "list_member",
    metadata,
    Column("id", Integer, primary_key=True),  # never given again: addresses of bounces name it
    Column("list", ForeignKey("mailing_list.address", ondelete="CASCADE"), nullable=False),
    Column("address", Text, nullable=False, index=True),  # key of any address, here or elsewhere
    Column("suspended", Text),  # why it gets no mail; NULL: it does
    Column("suspended_at", BigInteger),
    Column("created", BigInteger, nullable=False),
    UniqueConstraint("list", "address"),
    sqlite_autoincrement=True,
)

list_role = Table(
    "list_role",
    metadata,
    Column("list", ForeignKey("mailing_list.address", ondelete="CASCADE"), primary_key=True),
    Column("role", String(16), primary_key=True),
    Column("address", Text, primary_key=True),  # key
    Column("position", Integer, nullable=False),
)

list_bounce = Table(
    "list_bounce",
    metadata,
    Column("member", ForeignKey("list_member.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),  # days since 1970
    Column("status", Text, nullable=False),  # enhanced status code, and what the other server said
)
