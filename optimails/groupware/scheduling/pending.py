"""Which accounts have messages that wait: a file each, so that nobody has to open all accounts to find out.

The mark is set before the transaction that writes a message, and taken away some time after nothing waits any more. So
a process that dies in between leaves a mark too many at worst, and never a message that is forgotten.
"""

import time
from pathlib import Path

from optimails.model.ids import AccountId

FOLDER = "scheduling"
SETTLED = 60.0  # seconds without a new message; longer than any transaction waits for its turn


class Pending:
    """Below the data folder; without one, nothing is marked (for tests)."""

    def __init__(self, data: Path | None) -> None:
        self._folder = data / FOLDER if data is not None else None

    def mark(self, account: AccountId) -> None:
        """Raises ``OSError``."""
        if self._folder is not None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            (self._folder / account).touch()

    def marked(self) -> list[AccountId]:
        if self._folder is None or not self._folder.is_dir():
            return []
        return sorted(AccountId(one.name) for one in self._folder.iterdir())

    def settle(self, account: AccountId) -> None:
        """Nothing waits: take the mark away if it is old."""
        if self._folder is None:
            return
        place = self._folder / account
        try:
            if place.stat().st_mtime < time.time() - SETTLED:
                place.unlink()
        except FileNotFoundError:
            return
