"""The tables of ``securemail.sqlite``.

A recipient's ``state`` moves forward only, one transaction a step. ``due`` is a time exactly while there is something
to do for the message (its analysis, its delivery); the partial index holds only such rows. ``step`` is the journal:
lines are only added, and counters can be made anew from it. Times are Unix seconds.
"""

VERSION = 1

SCHEMA = """
CREATE TABLE message (
    id TEXT PRIMARY KEY,
    arrived REAL NOT NULL,
    direction TEXT NOT NULL,
    sender TEXT NOT NULL,
    author TEXT NOT NULL,
    client TEXT NOT NULL,
    account TEXT NOT NULL,
    size INTEGER NOT NULL,
    subject TEXT NOT NULL,
    message_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    envelope TEXT NOT NULL,
    kept INTEGER NOT NULL,
    due REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    health TEXT NOT NULL DEFAULT '',
    spam REAL,
    mail_class TEXT NOT NULL DEFAULT '',
    findings TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX message_due ON message (due) WHERE due IS NOT NULL;
CREATE INDEX message_arrived ON message (arrived);
CREATE INDEX message_sender ON message (sender COLLATE NOCASE, arrived);
CREATE INDEX message_named ON message (message_id) WHERE message_id <> '';
CREATE INDEX message_fingerprint ON message (fingerprint, arrived);

CREATE TABLE recipient (
    message TEXT NOT NULL,
    address TEXT NOT NULL,
    domain TEXT NOT NULL,
    state TEXT NOT NULL,
    zone TEXT NOT NULL DEFAULT '',
    decision TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '',
    changed REAL NOT NULL,
    expires REAL,
    PRIMARY KEY (message, address)
) WITHOUT ROWID;
CREATE INDEX recipient_address ON recipient (address, changed);
CREATE INDEX recipient_kept ON recipient (domain, zone, changed) WHERE expires IS NOT NULL;
CREATE INDEX recipient_expires ON recipient (expires) WHERE expires IS NOT NULL;

CREATE TABLE step (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    message TEXT NOT NULL,
    address TEXT NOT NULL,
    what TEXT NOT NULL,
    detail TEXT NOT NULL,
    actor TEXT NOT NULL
);
CREATE INDEX step_message ON step (message);
CREATE INDEX step_at ON step (at);

CREATE TABLE daily (
    day TEXT NOT NULL,
    address TEXT NOT NULL,
    domain TEXT NOT NULL,
    side TEXT NOT NULL,
    messages INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    spam INTEGER NOT NULL,
    infected INTEGER NOT NULL,
    PRIMARY KEY (day, address, side)
) WITHOUT ROWID;
CREATE INDEX daily_domain ON daily (domain, day);

CREATE TABLE deferred (
    fingerprint TEXT PRIMARY KEY,
    first REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX deferred_first ON deferred (first);

CREATE TABLE digest (
    address TEXT PRIMARY KEY,
    upto REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE policy (
    scope TEXT NOT NULL,
    version INTEGER NOT NULL,
    source TEXT NOT NULL,
    author TEXT NOT NULL,
    at REAL NOT NULL,
    comment TEXT NOT NULL,
    PRIMARY KEY (scope, version)
) WITHOUT ROWID
"""
