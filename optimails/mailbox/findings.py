"""What examining an account finds wrong."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    UNFINISHED_EXPUNGE = "unfinished_expunge"
    UNACKNOWLEDGED = "unacknowledged"
    ADOPTED = "adopted"
    RESTORED = "restored"
    FILE_MISSING = "file_missing"
    COUNTERS = "counters"
    FOLDER = "folder"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was wrong: where, which file or what, and whether it was put right."""

    kind: Kind
    mailbox: str
    detail: str
    repaired: bool
