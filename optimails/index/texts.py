"""The texts of an account's messages, folded, for substring search: one file of its own, which may be lost at any time.

A search for three letters or more asks an FTS5 table of trigrams which texts may contain the needle, then looks into
just those; so the answer is an exact substring, as IMAP demands (RFC 9051 §6.4.4), and never a matter of words.
``detail=none`` keeps only which texts have a trigram: a third of the size. Shorter needles read every text.

Copies of a message share one text (by EMAILID). ``place`` says where they are; ``progress`` up to which UID a mailbox
is indexed: messages beyond are read from their files. Rows of expunged messages do no harm; they go now and then.
"""

import logging
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from optimails.index.database import Damaged, Database, Schema, storage_errors

log = logging.getLogger(__name__)

PARTS = "\x01"  # between the text of the header and that of the body; FTS5 would end a text at NUL
MAX_GRAMS = 16  # of a needle: more would not narrow the answer
_BATCH = 200

_STATEMENTS = (
    "CREATE TABLE text (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, folded BLOB NOT NULL)",
    """CREATE TABLE place (
        mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, text INTEGER NOT NULL, PRIMARY KEY (mailbox, uid)
    ) WITHOUT ROWID""",
    "CREATE INDEX place_text ON place (text)",
    "CREATE TABLE progress (mailbox INTEGER PRIMARY KEY, uid INTEGER NOT NULL)",
    """CREATE VIRTUAL TABLE grams USING fts5 (
        folded, content = '', detail = none, tokenize = 'trigram case_sensitive 1'
    )""",
)
_SCHEMA = Schema(1, lambda: list(_STATEMENTS))


class TextIndex:
    """Open it only when it is wanted; until then ``wanted`` is False and nothing is on disk."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._database: Database | None = None
        self._lock = threading.RLock()

    @property
    def wanted(self) -> bool:
        """Whether somebody has searched texts in this account."""
        return self._database is not None or (self._path is not None and os.path.exists(self._path))  # noqa: PTH110 - half the cost, and asked at each message

    def open(self) -> Database:
        with self._lock:
            if self._database is None:
                try:
                    self._database = storage_errors(Database)(self._path, _SCHEMA)
                except Damaged:
                    self._remove()
                    self._database = Database(self._path, _SCHEMA)
            return self._database

    def discard(self) -> None:
        """Throw away a damaged file; it is made anew, empty, when next wanted. Others who have it open follow later."""
        with self._lock:
            self.close()
            self._remove()

    def _remove(self) -> None:
        if self._path is not None:
            log.warning("texts_damaged", extra={"fields": {"path": str(self._path)}})
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def want(self, mailbox: int) -> None:
        """Have the mailbox indexed from now on."""
        with self.open().write() as connection:
            connection.execute("INSERT OR IGNORE INTO progress (mailbox, uid) VALUES (?, 0)", (mailbox,))

    def wanted_mailboxes(self) -> set[int]:
        with self.open().read() as connection:
            return {mailbox for (mailbox,) in connection.execute("SELECT mailbox FROM progress")}

    def progress(self, mailbox: int) -> int:
        """The last UID of the mailbox that is indexed; 0 when none is."""
        with self.open().read() as connection:
            row = connection.execute("SELECT uid FROM progress WHERE mailbox = ?", (mailbox,)).fetchone()
        return row[0] if row else 0

    def add(self, mailbox: int, messages: Sequence[tuple[int, str, str | None]], upto: int) -> None:
        """Place (UID, EMAILID, folded text) and note the progress; text None: one with that EMAILID is known."""
        with self.open().write() as connection:
            for uid, email, folded in messages:
                if folded is not None:
                    _insert(connection, email, folded)
                connection.execute(
                    "INSERT OR REPLACE INTO place (mailbox, uid, text) SELECT ?, ?, id FROM text WHERE email = ?",
                    (mailbox, uid, email),
                )
            connection.execute("INSERT OR REPLACE INTO progress (mailbox, uid) VALUES (?, ?)", (mailbox, upto))

    def known(self, emails: Sequence[str]) -> set[str]:
        """Those EMAILIDs whose text is there."""
        marks = ",".join("?" * len(emails))
        with self.open().read() as connection:
            rows = connection.execute(f"SELECT email FROM text WHERE email IN ({marks})", emails)  # noqa: S608 - marks
            return {email for (email,) in rows}

    def candidates(self, mailbox: int, needle: str) -> Iterator[tuple[int, str]]:
        """(UID, folded text) of the indexed messages that may contain the needle."""
        grams = trigrams(needle)
        with self.open().read() as connection:
            if grams:
                wanted = " AND ".join('"' + gram.replace('"', '""') + '"' for gram in grams)
                texts = [row for (row,) in connection.execute("SELECT rowid FROM grams WHERE grams MATCH ?", (wanted,))]
                yield from _texts(connection, mailbox, texts)
            else:
                rows = connection.execute(
                    "SELECT p.uid, t.folded FROM place p JOIN text t ON t.id = p.text WHERE p.mailbox = ?", (mailbox,)
                )
                for uid, folded in rows:
                    yield uid, _unpacked(folded)

    def prune(self, alive: Iterable[tuple[int, set[int]]]) -> int:
        """Forget what is in no mailbox any more, given every (mailbox, its UIDs); how many texts went."""
        removed = 0
        with self.open().write() as connection:
            boxes = dict(alive)
            for mailbox, uid in connection.execute("SELECT mailbox, uid FROM place").fetchall():
                if uid not in boxes.get(mailbox, ()):
                    connection.execute("DELETE FROM place WHERE mailbox = ? AND uid = ?", (mailbox, uid))
            rows = connection.execute(
                "SELECT id, folded FROM text WHERE NOT EXISTS (SELECT 1 FROM place WHERE place.text = text.id)"
            ).fetchall()
            for identity, folded in rows:
                # A table without content is told what it is to forget.
                connection.execute(
                    "INSERT INTO grams (grams, rowid, folded) VALUES ('delete', ?, ?)", (identity, _unpacked(folded))
                )
                connection.execute("DELETE FROM text WHERE id = ?", (identity,))
                removed += 1
        return removed


def _insert(connection: sqlite3.Connection, email: str, folded: str) -> None:
    packed = zlib.compress(folded.encode("utf-8", "replace"), 3)
    done = connection.execute("INSERT OR IGNORE INTO text (email, folded) VALUES (?, ?)", (email, packed))
    if done.rowcount:
        connection.execute("INSERT INTO grams (rowid, folded) VALUES (?, ?)", (done.lastrowid, folded))


def _texts(connection: sqlite3.Connection, mailbox: int, texts: Sequence[int]) -> Iterator[tuple[int, str]]:
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        marks = ",".join("?" * len(batch))
        rows = connection.execute(
            "SELECT p.uid, t.folded FROM place p JOIN text t ON t.id = p.text "  # noqa: S608 - marks
            f"WHERE p.mailbox = ? AND p.text IN ({marks})",
            (mailbox, *batch),
        ).fetchall()
        for uid, folded in rows:
            yield uid, _unpacked(folded)


def _unpacked(folded: bytes) -> str:
    return zlib.decompress(folded).decode("utf-8", "replace")


def trigrams(needle: str) -> list[str]:
    """Trigrams that together cover the needle, at most ``MAX_GRAMS``; none for one that is too short."""
    starts = [*range(0, len(needle) - 2, 3), len(needle) - 3] if len(needle) >= 3 else []
    found = list(dict.fromkeys(needle[start : start + 3] for start in starts))
    return found[:MAX_GRAMS]
