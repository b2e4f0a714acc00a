"""Who did what to whose data: one JSON line an act, in ``DATA/audit.jsonl``, written and synced before the act.

Every administrative act and every access to somebody else's mail leaves a line. Lines are only ever added; a line that
cannot be written stops the act.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from optimails.model.address import EmailAddress
from optimails.model.errors import Unavailable

FILE = "audit.jsonl"
_BLOCK = 65_536  # bytes read at once, from the end


@dataclass(frozen=True, slots=True)
class Entry:
    """One act. ``subject`` is whom or what it concerns (an address, a domain), ``details`` the rest of its wording."""

    time: str  # ISO 8601, UTC
    actor: str  # who: a user of the system, later an administrator or a delegate
    via: str  # through what: cli
    act: str  # what: "account password", "export"
    subject: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


class AuditLog:
    """The file, shared by all processes."""

    def __init__(self, data: Path) -> None:
        self.path = data / FILE

    def record(
        self, actor: str, via: str, act: str, subject: str = "", details: Mapping[str, str] | None = None
    ) -> None:
        """Add a line. Raises ``Unavailable`` when it cannot be written."""
        entry = Entry(datetime.now(UTC).isoformat(timespec="milliseconds"), actor, via, act, subject, details or {})
        line = json.dumps(asdict(entry), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)  # lines of two processes never mix
                os.write(descriptor, line)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as wrong:
            raise Unavailable(f"The audit log {self.path} cannot be written: {wrong.strerror}") from wrong

    def entries(self, subject: str | None = None) -> Iterator[Entry]:
        """All entries, oldest first, or those about one subject; a damaged line is passed over."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return
        yield from _read(lines, subject)

    def newest(self, subject: str | None = None) -> Iterator[Entry]:
        """The same, newest first; reads no more of the file than is taken."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            left, rest = file.seek(0, os.SEEK_END), b""
            while left:
                size = min(left, _BLOCK)
                left -= size
                file.seek(left)
                lines = (file.read(size) + rest).split(b"\n")
                rest = lines.pop(0) if left else b""
                yield from _read(reversed(lines), subject)


def of_owner(log: AuditLog, owner: EmailAddress, *, limit: int, skip: int = 0) -> list[Entry]:
    """What others did with an account, for its owner to read: newest first, at most ``limit`` entries.

    What he did himself with his own is not in it. ``skip``: so many were shown before.
    """
    found = (one for one in log.newest(str(owner)) if one.actor.casefold() != str(owner).casefold())
    return list(islice(found, skip, skip + limit))


def _read(lines: Iterable[bytes], subject: str | None) -> Iterator[Entry]:
    for line in lines:
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError):
            continue
        if subject is None or entry.subject.casefold() == subject.casefold():
            yield entry
