"""What one account must hold, as far as its user has been told: the judge of the kill scenario.

Each message carries a token. An operation is announced before it is sent and settled by its answer; when the answer
never came, both outcomes are allowed, and the next audit fixes which one it was. The ledger also remembers every
(mailbox, UIDVALIDITY, UID) that it has seen, and for which token: a UID that comes back for another message is a
reused UID, whatever else happened.
"""

from collections import defaultdict
from dataclasses import dataclass, field

GONE = ""


@dataclass(slots=True)
class Entry:
    """Where a message may be (one of these, ``GONE`` included), and the flags it must and may have."""

    places: set[str]
    flags: set[str] = field(default_factory=set)  # acknowledged
    perhaps: set[str] = field(default_factory=set)  # asked for, never answered


@dataclass(frozen=True, slots=True)
class Observed:
    mailbox: str
    uid_validity: int
    uid: int
    token: str
    flags: frozenset[str]
    size: int


class Ledger:
    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self._uids: dict[tuple[str, int, int], str] = {}
        self._highest: dict[tuple[str, int], int] = defaultdict(int)
        self.acknowledged = 0

    # -- operations

    def arriving(self, token: str, mailbox: str) -> None:
        self.entries[token] = Entry({GONE, mailbox})

    def arrived(self, token: str, mailbox: str) -> None:
        self.entries[token].places = {mailbox}
        self.acknowledged += 1

    def refused(self, token: str) -> None:
        self.entries[token].places = {GONE}

    def moving(self, token: str, target: str) -> None:
        self.entries[token].places.add(target)

    def moved(self, token: str, target: str) -> None:
        self.entries[token].places = {target}
        self.acknowledged += 1

    def storing(self, token: str, flag: str) -> None:
        self.entries[token].perhaps.add(flag)

    def stored(self, token: str, flag: str) -> None:
        self.entries[token].flags.add(flag)
        self.acknowledged += 1

    # -- observation

    def saw_uid(self, mailbox: str, uid_validity: int, uid: int, token: str) -> None:
        """A server told us that this UID is this message."""
        known = self._uids.setdefault((mailbox, uid_validity, uid), token)
        assert known == token, f"UID {uid} of {mailbox} was {known} and is now {token}"
        self._highest[mailbox, uid_validity] = max(self._highest[mailbox, uid_validity], uid)

    def audit(self, observed: list[Observed], uid_next: dict[str, tuple[int, int]]) -> None:
        """Compare with all that is there now, and settle what was open.

        Args:
            observed: every message of every mailbox.
            uid_next: UIDVALIDITY and UIDNEXT of each mailbox.
        """
        found: dict[str, list[Observed]] = defaultdict(list)
        for message in observed:
            self.saw_uid(message.mailbox, message.uid_validity, message.uid, message.token)
            found[message.token].append(message)
        unknown = set(found) - set(self.entries)
        assert not unknown, f"messages that nobody sent: {unknown}"
        for token, entry in self.entries.items():
            copies = found.get(token, [])
            assert len(copies) <= 1, f"{token} is there {len(copies)} times: {copies}"
            place = copies[0].mailbox if copies else GONE
            assert place in entry.places, f"{token} is in {place or 'no mailbox'}, expected in {entry.places}"
            entry.places = {place}
            if copies:
                flags = set(copies[0].flags)
                assert entry.flags <= flags, f"{token} lost flags: {entry.flags - flags}"
                assert flags <= entry.flags | entry.perhaps, f"{token} has flags nobody set: {flags}"
                entry.flags = flags
            entry.perhaps = set()
        for mailbox, (uid_validity, following) in uid_next.items():
            highest = self._highest[mailbox, uid_validity]
            assert following > highest, f"UIDNEXT of {mailbox} is {following}, but {highest} has been used"
