"""What scripts may ask at delivery (``sieve.run.environment.Environment``): mailboxes, other scripts, what was seen."""

import logging
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from optimails import __version__
from optimails.delivery.answered import Answered
from optimails.mailbox.api import AccountMail
from optimails.model.account import Account
from optimails.model.mailbox_name import MailboxName, canonical
from sieve.language import Script
from sieve.run.environment import Envelope

log = logging.getLogger(__name__)


_ASK = {"mailbox", "special-use", "mailboxid", "mboxmetadata", "servermetadata", "include"}
"""Extensions whose scripts ask about mailboxes; what a script includes may have any."""


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """The account's mailboxes, as far as its scripts want to know."""

    names: frozenset[str] = frozenset()
    uses: dict[str, str] = field(default_factory=dict)  # special use in lower case: mailbox
    ids: dict[str, str] = field(default_factory=dict)
    annotations: dict[str | None, dict[str, bytes]] = field(default_factory=dict)  # None: of the server

    @classmethod
    async def of(cls, mail: AccountMail, scripts: Iterable[Script], server: Mapping[str, bytes]) -> "Mailboxes":
        """``server``: annotations that the configuration sets."""
        wanted = {name for script in scripts for name in script.extensions}
        if not wanted & _ASK:
            return cls()
        annotations: dict[str | None, dict[str, bytes]] = {}
        if wanted & {"mboxmetadata", "servermetadata", "include"}:
            annotations = dict((await mail.annotations.everywhere()).items())
            annotations[None] = {**annotations.get(None, {}), **server}
        found = [one for one in await mail.mailboxes() if one.selectable]
        ids = {}
        if wanted & {"mailboxid", "include"}:
            ids = {status.object_id: str(name) for name, status in (await mail.statuses()).items()}
        uses = {one.special_use.lower(): str(one.name) for one in found if one.special_use}
        return cls(frozenset(str(one.name) for one in found), uses, ids, annotations)

    def exists(self, name: str) -> bool:
        return str(canonical(name)) in self.names

    def annotation(self, mailbox: str | None, entry: str) -> str | None:
        known = self.annotations.get(None if mailbox is None else str(canonical(mailbox)), {})
        value = known.get(entry.lower())
        return None if value is None else value.decode("utf-8", "replace")

    def place(self, name: str, use: str, identity: str) -> MailboxName:
        """Where mail goes: by identity or use where there is such a mailbox, else by name."""
        return canonical(self.ids.get(identity) or self.uses.get(use.lower()) or name)


class Included(Protocol):
    def included(self, account: Account, name: str, *, everybodys: bool) -> Script | None: ...


class World:
    """For one message of one account."""

    def __init__(  # noqa: PLR0913 - all that scripts may ask of
        self,
        scripts: Included,
        account: Account,
        envelope: Envelope,
        *,
        mailboxes: Mailboxes,
        answered: Answered,
        hostname: str,
        more: Mapping[str, str] | None = None,
    ) -> None:
        """``more``: items of the environment that not every message has, or has otherwise."""
        self.envelope = envelope
        self.user: str = account.id
        self._scripts = scripts
        self._account = account
        self._mailboxes = mailboxes
        self._answered = answered
        self._items = {
            "domain": account.address.domain,
            "host": hostname,
            "location": "MDA",
            "phase": "during",
            "name": "Optimails",
            "version": __version__,
            **(more or {}),
        }
        self._now = datetime.now().astimezone()

    def now(self) -> datetime:
        return self._now

    def item(self, name: str) -> str | None:
        return self._items.get(name)

    def mailbox_exists(self, name: str) -> bool:
        return self._mailboxes.exists(name)

    def mailbox_id_exists(self, identity: str) -> bool:
        return identity in self._mailboxes.ids

    def special_use_exists(self, use: str, mailbox: str | None) -> bool:
        found = self._mailboxes.uses.get(use.lower())
        return found is not None and (mailbox is None or str(canonical(mailbox)) == found)

    def annotation(self, mailbox: str | None, entry: str) -> str | None:
        return self._mailboxes.annotation(mailbox, entry)

    def included(self, name: str, *, everybodys: bool) -> Script | None:
        return self._scripts.included(self._account, name, everybodys=everybodys)

    def seen(self, key: bytes) -> bool:
        try:
            return self._answered.seen(key)
        except (sqlite3.Error, OSError) as wrong:
            log.warning("sieve_not_remembered", extra={"fields": {"account": self.user, "why": str(wrong)[:300]}})
            return False
