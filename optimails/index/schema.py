"""The tables of an account's index, defined once for SQLite and PostgreSQL.

A message is three rows, by how often they are touched: ``message`` is narrow, because flags change often and a listing
of flags reads all of it; ``content`` has what never changes and is small; ``prepared`` has the IMAP answers made at
delivery, which are large. ``content`` and ``prepared`` are keyed by ``mailbox << 32 | uid``, so that a range of UIDs is
a range of keys.

An expunged message leaves a row in ``expunged``: the tombstone that tells other sessions (its modseq), and what is
needed to bring it back while its file is kept (``kept``).
"""

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from optimails.model.flags import DELETED_BIT, FLAGGED_BIT, SEEN_BIT

VERSION = 3
"""``PRAGMA user_version`` of an index file with this schema; see ``UPGRADES`` at the end."""

metadata = sa.MetaData()
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

account = sa.Table(
    "account",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("modseq", _BIG, nullable=False),  # the last one given
    sa.Column("modseq_reserved", _BIG, nullable=False),  # safe on disk: none above was ever given
    sa.Column("uid_validity", _BIG, nullable=False),  # the last one given
    sa.Column("storage", _BIG, nullable=False),
    sa.Column("messages", _BIG, nullable=False),
    sa.Column("boot", sa.Text, nullable=False),  # the boot of the machine that wrote last
)

opener = sa.Table(
    "opener",  # processes that have the account open: a dead one left work to recover
    metadata,
    sa.Column("pid", sa.Integer, primary_key=True),
    sa.Column("started", _BIG, primary_key=True),  # clock ticks since boot, tells apart a reused pid
)

keyword = sa.Table(
    "keyword",
    metadata,
    sa.Column("bit", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
)

mailbox = sa.Table(
    "mailbox",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("folder", sa.Text, nullable=False),  # its directory in the store
    sa.Column("object_id", sa.Text, nullable=False),
    sa.Column("selectable", sa.Boolean, nullable=False),
    sa.Column("special_use", sa.Text),
    sa.Column("uid_validity", _BIG, nullable=False),
    sa.Column("uid_next", _BIG, nullable=False),
    sa.Column("uid_reserved", _BIG, nullable=False),
    sa.Column("recent_from", _BIG, nullable=False),  # UIDs from here on were not yet seen by a session
    sa.Column("modseq", _BIG, nullable=False),
    sa.Column("messages", _BIG, nullable=False),
    sa.Column("unseen", _BIG, nullable=False),
    sa.Column("deleted", _BIG, nullable=False),
    sa.Column("size", _BIG, nullable=False),
    sa.UniqueConstraint("account", "name"),
    sqlite_autoincrement=True,  # an id is never given twice: tombstones and MAILBOXID refer to it
)

subscription = sa.Table("subscription", metadata, sa.Column("name", sa.Text, primary_key=True))

message = sa.Table(
    "message",
    metadata,
    sa.Column("mailbox", sa.Integer, primary_key=True),
    sa.Column("uid", _BIG, primary_key=True),
    sa.Column("flags", _BIG, nullable=False),
    sa.Column("modseq", _BIG, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index("message_modseq", message.c.mailbox, message.c.modseq)


def _rare(name: str, condition: str) -> None:
    sa.Index(
        name, message.c.mailbox, message.c.uid, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition)
    )


_rare("message_unseen", f"flags & {SEEN_BIT} = 0")
_rare("message_flagged", f"flags & {FLAGGED_BIT} = {FLAGGED_BIT}")
_rare("message_deleted", f"flags & {DELETED_BIT} = {DELETED_BIT}")

content = sa.Table(
    "content",
    metadata,
    sa.Column("id", _BIG, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),  # of the file
    sa.Column("size", _BIG, nullable=False),
    sa.Column("internal_date", _BIG, nullable=False),  # Unix seconds
    sa.Column("saved", _BIG, nullable=False),  # Unix seconds
    sa.Column("sent_day", sa.Integer),  # proleptic ordinal of the Date header's day
    sa.Column("email", sa.Text, nullable=False),  # EMAILID (RFC 8474): same bytes, same id
)

prepared = sa.Table(
    "prepared",
    metadata,
    sa.Column("id", _BIG, primary_key=True, autoincrement=False),
    sa.Column("envelope", sa.LargeBinary, nullable=False),
    sa.Column("structure", sa.LargeBinary, nullable=False),
    sa.Column("headers", sa.LargeBinary),  # NULL: too long to keep
)

expunged = sa.Table(
    "expunged",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("mailbox", sa.Integer, nullable=False),
    sa.Column("uid", _BIG, nullable=False),
    sa.Column("modseq", _BIG, nullable=False),
    sa.Column("mailbox_name", sa.Text, nullable=False),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("size", _BIG, nullable=False),
    sa.Column("flags", _BIG, nullable=False),
    sa.Column("internal_date", _BIG, nullable=False),
    sa.Column("saved", _BIG, nullable=False),
    sa.Column("expunged_at", _BIG, nullable=False),  # Unix seconds
    sa.Column("kept", sa.Boolean, nullable=False),  # False: moved elsewhere, or purged since
)
sa.Index("expunged_modseq", expunged.c.mailbox, expunged.c.modseq)
sa.Index("expunged_time", expunged.c.expunged_at)

annotation = sa.Table(
    "annotation",  # METADATA (RFC 5464)
    metadata,
    sa.Column("mailbox", sa.Integer, primary_key=True),  # 0: the server, that is the account as a whole
    sa.Column("owner", sa.Text, primary_key=True),  # the account that a /private entry belongs to; empty: /shared
    sa.Column("entry", sa.Text, primary_key=True),  # in lower case
    sa.Column("value", sa.LargeBinary),  # NULL: removed, kept for a while so that other sessions hear of it
    sa.Column("modseq", _BIG, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index("annotation_modseq", annotation.c.modseq)


seen_by = sa.Table(
    "seen_by",  # what visitors of a mailbox have read, where each keeps that for himself
    metadata,
    sa.Column("viewer", sa.Text, primary_key=True),
    sa.Column("mailbox", sa.Integer, primary_key=True),
    sa.Column("uid", _BIG, primary_key=True),
    sa.Column("seen", sa.Boolean, nullable=False),
    sa.Column("modseq", _BIG, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index("seen_by_modseq", seen_by.c.viewer, seen_by.c.mailbox, seen_by.c.modseq)


def sqlite_statements(*tables: sa.Table) -> list[str]:
    """What creates an empty index in SQLite, or only these tables of it."""
    dialect = sqlite.dialect()
    wanted = [table for table in metadata.sorted_tables if not tables or table in tables]
    creations = [str(CreateTable(table).compile(dialect=dialect)) for table in wanted]
    return creations + [
        str(CreateIndex(index).compile(dialect=dialect))
        for table in wanted
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]


UPGRADES: dict[int, Callable[[], list[str]]] = {
    2: lambda: sqlite_statements(annotation),
    3: lambda: sqlite_statements(seen_by),
}
"""What turns a file of the version before into one of this version; carried out when an account is opened."""
