"""The tables of ``queue.sqlite``.

``due`` is a time exactly when the recipient waits for its next attempt: held, leased and finished ones have none. The
partial indexes hold only such rows, so that their size is the queue's and not its history's.

``release`` is the moment until which the sender wants the message held (RFC 4865). It is, while ``due`` is that moment.

``junk`` says that whoever finds the message in a mailbox here finds it among junk: that was decided when it came.

``key`` names what its sender may hand in twice, after a crash: the second time it is there already.

A destination's ``ready`` is the moment from which it is worth a look: when its first recipient is due, its rest is over
and others had their turn. It is NULL while nobody waits. Whatever changes ``due`` makes ``ready`` anew (``REFRESH``).
"""

VERSION = 5

SCHEMA = """
CREATE TABLE message (
    id TEXT PRIMARY KEY,
    sender TEXT NOT NULL,
    account TEXT NOT NULL,
    origin TEXT NOT NULL,
    size INTEGER NOT NULL,
    recipients INTEGER NOT NULL,
    arrived REAL NOT NULL,
    smtputf8 INTEGER NOT NULL,
    body TEXT NOT NULL,
    ret TEXT,
    envid TEXT NOT NULL,
    priority INTEGER NOT NULL,
    require_tls INTEGER NOT NULL,
    finished REAL,
    key TEXT
) WITHOUT ROWID;
CREATE INDEX message_finished ON message (finished) WHERE finished IS NOT NULL;
CREATE INDEX message_account ON message (account, arrived) WHERE account <> '';
CREATE UNIQUE INDEX message_key ON message (key) WHERE key IS NOT NULL;

CREATE TABLE recipient (
    id INTEGER PRIMARY KEY,
    message TEXT NOT NULL,
    address TEXT NOT NULL,
    destination TEXT NOT NULL,
    notify TEXT,
    orcpt TEXT NOT NULL,
    state TEXT NOT NULL,
    priority INTEGER NOT NULL,
    due REAL,
    expires REAL NOT NULL,
    delay REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    unreachable INTEGER NOT NULL DEFAULT 0,
    lease TEXT,
    report TEXT,
    status TEXT NOT NULL DEFAULT '',
    reply TEXT NOT NULL DEFAULT '',
    remote TEXT NOT NULL DEFAULT '',
    changed REAL NOT NULL,
    release REAL,
    junk INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX recipient_message ON recipient (message);
CREATE INDEX recipient_due ON recipient (destination, due) WHERE due IS NOT NULL;
CREATE INDEX recipient_turn ON recipient (destination, priority, due) WHERE due IS NOT NULL;
CREATE INDEX recipient_expires ON recipient (expires) WHERE due IS NOT NULL;
CREATE INDEX recipient_delay ON recipient (delay) WHERE delay IS NOT NULL;
CREATE INDEX recipient_lease ON recipient (lease) WHERE lease IS NOT NULL;
CREATE INDEX recipient_report ON recipient (message) WHERE report IS NOT NULL;

CREATE TABLE destination (
    name TEXT PRIMARY KEY,
    ready REAL,
    turn REAL NOT NULL DEFAULT 0,
    rest REAL NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX destination_ready ON destination (ready) WHERE ready IS NOT NULL AND failures = 0;
CREATE INDEX destination_probe ON destination (ready) WHERE ready IS NOT NULL AND failures > 0;
"""

UPGRADES = {  # from that version to the next
    1: "ALTER TABLE recipient ADD COLUMN release REAL",
    2: "ALTER TABLE message ADD COLUMN key TEXT",
    3: "CREATE UNIQUE INDEX message_key ON message (key) WHERE key IS NOT NULL",
    4: "ALTER TABLE recipient ADD COLUMN junk INTEGER NOT NULL DEFAULT 0",
}

REFRESH = """
UPDATE destination SET ready = max(rest, turn, (
    SELECT min(due) FROM recipient WHERE destination = destination.name AND due IS NOT NULL
)) WHERE name = ?
"""  # max() of SQLite is NULL when any part is
