"""What a domain's people have reported as spam or good mail: one file a domain, and every report can be taken back.

A report keeps the hashed features of its message (a few kB, of which nobody can read the message), not the message.
Taking it back takes exactly these away again. The same message reported again the other way changes sides.
"""

import sqlite3
import zlib
from array import array
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from optimails.model.dns_name import ascii_name
from securemail.antispam.tokens import blocks
from securemail.examined import Examined

_CHUNK = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS report (
    id INTEGER PRIMARY KEY, digest BLOB UNIQUE NOT NULL, spam INTEGER NOT NULL, at REAL NOT NULL, who TEXT NOT NULL,
    subject TEXT NOT NULL, features BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS feature (id INTEGER PRIMARY KEY, spam INTEGER NOT NULL, good INTEGER NOT NULL) WITHOUT ROWID;
"""


def memory_path(data: Path, domain: str) -> Path:
    """Where a domain's memory lies; ``domain`` as the directory has it."""
    return data / "securemail" / "learnt" / f"{ascii_name(domain)}.sqlite"


@dataclass(frozen=True, slots=True)
class Report:
    """Somebody's word that a message is spam, or is not."""

    id: int
    spam: bool
    at: float  # Unix seconds
    who: str
    subject: str


class Memory:
    """One domain's. A file that is not there is an empty memory, and is made by the first report."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    def messages(self) -> tuple[int, int]:
        """How many reports of spam and of good mail."""
        if not self._path.exists():
            return 0, 0
        with closing(self._open()) as rows:
            spam, every = rows.execute("SELECT coalesce(sum(spam), 0), count(*) FROM report").fetchone()
        return spam, every - spam

    def features(self, wanted: Iterable[int]) -> Mapping[int, tuple[int, int]]:
        """In how many messages of each kind the features were."""
        found: dict[int, tuple[int, int]] = {}
        every = list(wanted)
        if not self._path.exists():
            return found
        with closing(self._open()) as rows:
            for at in range(0, len(every), _CHUNK):
                some = every[at : at + _CHUNK]
                marks = ",".join("?" * len(some))
                chosen = rows.execute(f"SELECT id, spam, good FROM feature WHERE id IN ({marks})", some)  # noqa: S608
                found.update((feature, (spam, good)) for feature, spam, good in chosen)
        return found

    def report(self, examined: Examined, *, spam: bool, at: float, who: str) -> Report:
        """Learn a message; one that was reported before is what it is called now."""
        digest, subject = sha256(examined.raw).digest(), examined.subject[:200]
        packed = zlib.compress(array("I", sorted(blocks(examined)[0])).tobytes())
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with closing(self._open()) as rows:
            rows.executescript(_SCHEMA)
            rows.execute("BEGIN IMMEDIATE")
            before = rows.execute("SELECT id FROM report WHERE digest = ?", (digest,)).fetchone()
            if before:
                _take_back(rows, before[0])
            values = (digest, spam, at, who[:200], subject, packed)
            found = rows.execute(
                "INSERT INTO report (digest, spam, at, who, subject, features) VALUES (?, ?, ?, ?, ?, ?)", values
            )
            _count(rows, packed, spam=spam, change=1)
            rows.execute("COMMIT")
        return Report(found.lastrowid or 0, spam, at, who[:200], subject)

    def take_back(self, number: int) -> bool:
        """Forget a report; False when there is none of that number."""
        if not self._path.exists():
            return False
        with closing(self._open()) as rows:
            rows.execute("BEGIN IMMEDIATE")
            done = _take_back(rows, number)
            rows.execute("COMMIT")
        return done

    def reports(self, most: int = 100) -> list[Report]:
        """The newest first."""
        if not self._path.exists():
            return []
        with closing(self._open()) as rows:
            found = rows.execute("SELECT id, spam, at, who, subject FROM report ORDER BY id DESC LIMIT ?", (most,))
            return [Report(number, bool(spam), at, who, subject) for number, spam, at, who, subject in found]

    def _open(self) -> sqlite3.Connection:
        rows = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        rows.execute("PRAGMA journal_mode = WAL")
        return rows


def _take_back(rows: sqlite3.Connection, number: int) -> bool:
    found = rows.execute("DELETE FROM report WHERE id = ? RETURNING spam, features", (number,)).fetchall()
    for spam, packed in found:
        _count(rows, packed, spam=bool(spam), change=-1)
    return bool(found)


def _count(rows: sqlite3.Connection, packed: bytes, *, spam: bool, change: int) -> None:
    features = array("I", zlib.decompress(packed))
    changes = (change, 0) if spam else (0, change)
    rows.executemany(
        "INSERT INTO feature VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET spam = spam + excluded.spam, "
        "good = good + excluded.good",
        [(feature, *changes) for feature in features],
    )
    if change < 0:
        rows.execute("DELETE FROM feature WHERE spam <= 0 AND good <= 0")
