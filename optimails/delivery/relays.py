"""Domains whose mail we take in and hand to their own servers: which recipients exist there, and where they are.

We relay for these domains and for nobody else. An address that asks the next server to send the mail on once more
(``user%elsewhere@domain``, ``elsewhere!user@domain``, ``"user@elsewhere"@domain``) is refused unless a list names it:
the next server trusts us, and would make an open relay of us both.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from optimails.config.queue import RelaySettings
from optimails.delivery import failures
from optimails.delivery.api import Failed
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax

_ROUTED = re.compile(r"[%!@:]")


class Relays:
    """Files are read again when they change."""

    def __init__(self, relays: Iterable[RelaySettings]) -> None:
        self._files: Mapping[str, Path | None] = {relay.domain: relay.recipients for relay in relays}
        self._lists: dict[str, tuple[tuple[int, int], frozenset[str]]] = {}

    def check(self, recipient: EmailAddress) -> Failed | None:
        """Why mail for it is not taken; None when it is."""
        if recipient.domain not in self._files:
            return failures.NOT_LOCAL
        path = self._files[recipient.domain]
        if path is not None:
            try:
                known = self._known(recipient.domain, path)
            except (OSError, UnicodeDecodeError):
                return failures.DIRECTORY_AWAY
            if recipient.key in known or recipient.base.key in known:
                return None
            if f"@{recipient.domain}" not in known:
                return failures.UNKNOWN
        return failures.NOT_LOCAL if _ROUTED.search(recipient.local) else None

    def _known(self, domain: str, path: Path) -> frozenset[str]:
        status = path.stat()
        mark = (status.st_mtime_ns, status.st_size)
        read = self._lists.get(domain)
        if read is None or read[0] != mark:
            read = self._lists[domain] = (mark, frozenset(_keys(path.read_text("utf-8"))))
        return read[1]


def _keys(text: str) -> Iterable[str]:
    """The addresses of a list as the directory compares them; lines that are none are passed over."""
    for line in text.splitlines():
        entry = line.partition("#")[0].strip()
        if entry.startswith("@"):
            yield entry.lower()
        elif entry:
            try:
                yield EmailAddress.parse(entry).key
            except BadSyntax:
                continue
