"""Domains whose mail we take in and hand to their own servers: which recipients exist there, and where they are.

We relay for these domains and for nobody else. An address that asks the next server to send the mail on once more
(``user%elsewhere@domain``, ``elsewhere!user@domain``, ``"user@elsewhere"@domain``) is refused unless a list or a
directory names it: the next server trusts us, and would make an open relay of us both. It is never asked about one.

Who exists is said by a file, by LDAP, and by the domain's server itself, asked in this order as far as each is
configured. The first that knows the recipient decides; what cannot be asked decides by its own policy.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from optimails.config.relay import RelayLdap, RelaySettings
from optimails.delivery import failures
from optimails.delivery.api import Failed
from optimails.delivery.callouts import Callouts
from optimails.directory.ldap.recipients import LdapRecipients
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, Unavailable

_ROUTED = re.compile(r"[%!@:]")


class Relays:
    """Files are read again when they change."""

    def __init__(self, relays: Iterable[RelaySettings], callouts: Callouts | None = None) -> None:
        self._relays: Mapping[str, RelaySettings] = {relay.domain: relay for relay in relays}
        self._callouts = callouts
        self._lists: dict[str, tuple[tuple[int, int], frozenset[str]]] = {}
        self._reading = {domain: asyncio.Lock() for domain in self._relays}
        self._ldap = {relay.domain: LdapRecipients(relay.ldap) for relay in self._relays.values() if relay.ldap}

    async def check(self, recipient: EmailAddress) -> Failed | None:
        """Why mail for it is not taken; None when it is."""
        relay = self._relays.get(recipient.domain)
        if relay is None:
            return failures.NOT_LOCAL
        routed = failures.NOT_LOCAL if _ROUTED.search(recipient.local) else None
        if not relay.selective:
            return routed
        if relay.recipients is not None:
            try:
                known = await self._known(recipient.domain, relay.recipients)
            except (OSError, UnicodeDecodeError):
                return failures.DIRECTORY_AWAY
            if recipient.key in known or recipient.base.key in known:
                return None
            if f"@{recipient.domain}" in known:
                return routed
        if relay.ldap is not None:
            found = await self._by_ldap(recipient, relay.ldap)
            if found is None or not found.permanent:
                return found
        if relay.callout is not None and routed is None:
            # Without anybody to ask, it is as when the target is away: checked again when the mail gets there.
            return await self._callouts.check(recipient, relay.callout) if self._callouts is not None else None
        return routed or failures.UNKNOWN

    async def _by_ldap(self, recipient: EmailAddress, settings: RelayLdap) -> Failed | None:
        people = self._ldap[recipient.domain]
        try:
            for address in dict.fromkeys((recipient, recipient.base)):
                if await people.knows(address):
                    return None
        except Unavailable:
            if settings.when_away == "accept" and not _ROUTED.search(recipient.local):
                return None
            return failures.DIRECTORY_AWAY
        return failures.UNKNOWN

    def close(self) -> None:
        for people in self._ldap.values():
            people.close()

    async def _known(self, domain: str, path: Path) -> frozenset[str]:
        """Raises ``OSError``, ``UnicodeDecodeError``."""
        async with self._reading[domain]:  # one reads, who else asks meanwhile waits for the same
            mark = _mark(path)
            read = self._lists.get(domain)
            if read is None or read[0] != mark:
                # In a thread: a hundred thousand addresses take seconds, in which nobody else would be served.
                read = self._lists[domain] = (mark, await asyncio.to_thread(_read, path))
            return read[1]


def _mark(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _read(path: Path) -> frozenset[str]:
    return frozenset(_keys(path.read_text("utf-8")))


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
