"""The tables of an account's calendars and address books, defined once for SQLite and PostgreSQL.

``body`` holds the texts as they came: they are the record. ``occurrence`` and ``property`` are made from them and can
be made again. Every write takes the next number of the account's ``change`` counter; items, tombstones and collections
carry the number of their last change; so one number serves the sync-token and ctag of a collection and, as the
account's, whatever state other protocols keep.
"""

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

VERSION = 6
"""``PRAGMA user_version`` of a file with this schema; see ``UPGRADES`` at the end."""

metadata = sa.MetaData()
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

account = sa.Table(
    "account",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("change", _BIG, nullable=False),  # the last number given
    sa.Column("size", _BIG, nullable=False),  # bytes of all items
)

collection = sa.Table(
    "collection",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("object_id", sa.Text, nullable=False),
    sa.Column("components", sa.Text, nullable=False),  # with commas
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("color", sa.Text, nullable=False),
    sa.Column("position", sa.Integer),
    sa.Column("time_zone", sa.Text, nullable=False),
    sa.Column("transparent", sa.Boolean, nullable=False),
    sa.Column("change", _BIG, nullable=False),
    sa.Column("floor", _BIG, nullable=False),  # tombstones up to here are gone
    sa.Column("items", _BIG, nullable=False),
    sa.Column("size", _BIG, nullable=False),
    sa.UniqueConstraint("account", "name"),
    sqlite_autoincrement=True,
)

collection_property = sa.Table(
    "collection_property",  # what clients keep there and we know nothing of
    metadata,
    sa.Column("collection", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),  # {namespace}name
    sa.Column("value", sa.Text, nullable=False),  # XML
    sqlite_with_rowid=False,
)

item = sa.Table(
    "item",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("collection", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("uid", sa.Text, nullable=False),
    sa.Column("component", sa.Text, nullable=False),
    sa.Column("etag", sa.Text, nullable=False),
    sa.Column("change", _BIG, nullable=False),
    sa.Column("size", _BIG, nullable=False),
    sa.Column("created", _BIG, nullable=False),  # Unix seconds
    sa.Column("modified", _BIG, nullable=False),
    sa.Column("parts", sa.Integer, nullable=False),  # components with the UID
    sa.Column("whole", sa.Boolean, nullable=False),  # the tables hold all of its indexed properties
    sa.Column("kept_from", _BIG),  # NULL: all its occurrences are kept; else those between
    sa.Column("kept_to", _BIG),
    sa.Column("schedule_tag", sa.Text),  # NULL: not part of scheduling, or not known to be
    sqlite_autoincrement=True,
)
sa.Index("item_name", item.c.collection, item.c.name, unique=True)
sa.Index("item_uid", item.c.collection, item.c.uid, unique=True)
sa.Index("item_change", item.c.collection, item.c.change, item.c.name, item.c.etag)
sa.Index(
    "item_series",
    item.c.collection,
    item.c.kept_to,
    sqlite_where=sa.text("kept_to IS NOT NULL"),
    postgresql_where=sa.text("kept_to IS NOT NULL"),
)

body = sa.Table(
    "body",
    metadata,
    sa.Column("item", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("text", sa.LargeBinary, nullable=False),
)

occurrence = sa.Table(
    "occurrence",
    metadata,
    sa.Column("collection", sa.Integer, primary_key=True),
    sa.Column("start", _BIG, primary_key=True),  # seconds, see optimails.groupware.moments
    sa.Column("item", sa.Integer, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True),
    sa.Column("end", _BIG, nullable=False),
    sa.Column("floating", sa.Boolean, nullable=False),
    sa.Column("busy", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index("occurrence_item", occurrence.c.item)

property_ = sa.Table(
    "property",
    metadata,
    sa.Column("collection", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("item", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("value", sa.Text),  # NULL: the same as folded
    sa.Column("folded", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index("property_item", property_.c.item)

tombstone = sa.Table(
    "tombstone",
    metadata,
    sa.Column("collection", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("change", _BIG, nullable=False),
    sa.Column("gone_at", _BIG, nullable=False),  # Unix seconds
    sqlite_with_rowid=False,
)
sa.Index("tombstone_change", tombstone.c.collection, tombstone.c.change)

visited = sa.Table(
    "visited",  # how the account calls and paints collections of others
    metadata,
    sa.Column("object_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),  # a column of collection, or {namespace}name
    sa.Column("value", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

message_text = sa.Table(
    "message_text",  # of scheduling messages: one text often goes to many people
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False, unique=True),
    sa.Column("text", sa.LargeBinary, nullable=False),
)

message_out = sa.Table(
    "message_out",  # scheduling messages that are not delivered yet, or could not be
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),  # in this order they are delivered
    sa.Column("id", sa.Text, nullable=False, unique=True),  # as the recipient remembers it
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("sent_by", sa.Text, nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("uid", sa.Text, nullable=False),
    sa.Column("component", sa.Text, nullable=False),
    sa.Column("sequence", sa.Integer, nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("quiet", sa.Boolean, nullable=False),
    sa.Column("created", _BIG, nullable=False),  # Unix seconds
    sa.Column("text", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due", _BIG),  # Unix seconds; NULL: given up
    sa.Column("why", sa.Text, nullable=False),  # what went wrong last
    sqlite_autoincrement=True,
)
sa.Index("message_out_text", message_out.c.text)

message_in = sa.Table(
    "message_in",  # which ones were worked on, so that none counts twice
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("at", _BIG, nullable=False),  # Unix seconds
    sa.Column("result", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

reminder = sa.Table(
    "reminder",  # items with alarms
    metadata,
    sa.Column("item", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Integer, primary_key=True),  # optimails.groupware.alarms.AlarmKind
    sa.Column("collection", sa.Integer, nullable=False),
    sa.Column("at", _BIG, nullable=False),  # Unix seconds: none rings before
    sa.Column("since", _BIG, nullable=False),  # what rang up to then is done with
    sa.Column("wanted", sa.Boolean, nullable=False),  # as the collection's choice says
    sqlite_with_rowid=False,
)
sa.Index("reminder_due", reminder.c.at, sqlite_where=sa.text("wanted"), postgresql_where=sa.text("wanted"))
sa.Index("reminder_collection", reminder.c.collection)

reminder_choice = sa.Table(
    "reminder_choice",  # of what mails remind; without a row, of what asks for mail itself
    metadata,
    sa.Column("collection", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kinds", sa.Integer, nullable=False),  # one bit for each kind
)


deleted = sa.Table(
    "deleted",  # items as they were; the plan says how long
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("object_id", sa.Text, nullable=False),
    sa.Column("collection", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("uid", sa.Text, nullable=False),
    sa.Column("component", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("size", _BIG, nullable=False),
    sa.Column("gone_at", _BIG, nullable=False),  # Unix seconds
    sa.Column("text", sa.LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
sa.Index("deleted_time", deleted.c.gone_at, deleted.c.size)


attachment = sa.Table(
    "attachment",  # managed attachments; their content is in files
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("filename", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("size", _BIG, nullable=False),
    sa.Column("created", _BIG, nullable=False),  # Unix seconds
    sqlite_with_rowid=False,
)


def sqlite_statements(*tables: sa.Table) -> list[str]:
    """What creates an empty file in SQLite, or only these tables of it."""
    dialect = sqlite.dialect()
    wanted = [table for table in metadata.sorted_tables if not tables or table in tables]
    creations = [str(CreateTable(table).compile(dialect=dialect)) for table in wanted]
    return creations + [
        str(CreateIndex(index).compile(dialect=dialect))
        for table in wanted
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]


UPGRADES: dict[int, Callable[[], list[str]]] = {
    2: lambda: [
        *sqlite_statements(message_text, message_out, message_in),
        "ALTER TABLE item ADD COLUMN schedule_tag TEXT",
    ],
    3: lambda: sqlite_statements(visited),
    4: lambda: sqlite_statements(reminder, reminder_choice),
    5: lambda: sqlite_statements(deleted),
    6: lambda: sqlite_statements(attachment),
}
"""What turns a file of the version before into one of this version; carried out when an account is opened."""
