"""Which scripts run after an event, in their order: the service's before, the user's own, the service's after.

The user's script is named by an annotation of the mailbox, or else of the server (RFC 6785 §2.2). The service's come
from ``[[imapsieve]]`` tables of the configuration; an administrator who wants to learn from what users move to their
junk mailbox, for instance, hangs it up there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from optimails.config.imapsieve import ImapSieveRule
from optimails.delivery.filters import Filters
from optimails.delivery.scripts import FOLDER, SUFFIX
from optimails.delivery.stored.api import Happened
from optimails.mailbox.api import AccountMail
from optimails.model.account import Account
from optimails.model.mailbox_name import MailboxName, canonical
from optimails.store.places import account_directory
from sieve.language import Script, SieveError
from sieve.language.values import is_script_name

ENTRY = "/shared/imapsieve/script"


@dataclass(slots=True)
class Found:
    """Scripts with what the log calls them; ``problems`` are those that cannot be run."""

    scripts: list[tuple[str, Script]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Rules:
    def __init__(self, filters: Filters, rules: Sequence[ImapSieveRule], data: Path) -> None:
        self._filters = filters
        self._rules = rules
        self._data = data
        self._uses = any(pattern.startswith("\\") for rule in rules for pattern in (rule.mailbox, rule.from_mailbox))

    async def of(self, mail: AccountMail, event: Happened) -> Found:
        """Raises what the mailbox layer does."""
        found = Found()
        account = mail.account
        wanted = await self._wanted(mail, event)
        for rule in wanted:
            if rule.before is not None:
                self._add(found, account, f"before {rule.mailbox}", rule.before)
        name = await self.name_of(mail, event.mailbox)
        if name is not None:
            self.add_own(found, account, name)
        for rule in wanted:
            if rule.after is not None:
                self._add(found, account, f"after {rule.mailbox}", rule.after)
        return found

    @staticmethod
    async def name_of(mail: AccountMail, mailbox: MailboxName) -> str | None:
        """The user's script for a mailbox; an empty name is none at all (RFC 6785 §2.2)."""
        value = (await mail.annotations.get(mailbox)).get(ENTRY)
        if value is None:
            value = (await mail.annotations.get(None)).get(ENTRY)
        return value.decode("utf-8", "replace") if value else None

    def add_own(self, found: Found, account: Account, name: str) -> None:
        """A script that the account stores."""
        if is_script_name(name):
            self._add(found, account, name, account_directory(self._data, account.id) / FOLDER / (name + SUFFIX))
        else:
            found.problems.append(self._filters.complain(account, name[:60], "this cannot be the name of a script"))

    def _add(self, found: Found, account: Account, label: str, path: Path) -> None:
        try:
            script = self._filters.compiled.get(str(path))
        except OSError as wrong:
            found.problems.append(self._filters.complain(account, label, f"cannot be read: {wrong.strerror}"))
            return
        if isinstance(script, Script):
            found.scripts.append((label, script))
        else:
            why = str(script) if isinstance(script, SieveError) else "there is no such script"
            found.problems.append(self._filters.complain(account, label, why))

    async def _wanted(self, mail: AccountMail, event: Happened) -> list[ImapSieveRule]:
        rules = [rule for rule in self._rules if event.cause.value in rule.causes]
        if not rules:
            return []
        uses: dict[str, str] = {}
        if self._uses:
            uses = {str(box.name): box.special_use.lower() for box in await mail.mailboxes() if box.special_use}
        return [
            rule
            for rule in rules
            if _is(rule.mailbox, event.mailbox, uses)
            and (rule.from_mailbox == "*" or (event.source and _is(rule.from_mailbox, event.source, uses)))
        ]


def _is(pattern: str, name: MailboxName, uses: dict[str, str]) -> bool:
    if pattern.startswith("\\"):
        return uses.get(str(canonical(name))) == pattern.lower()
    return _pattern(pattern).fullmatch(canonical(name)) is not None


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    """As LIST has it: ``*`` is anything, ``%`` anything within one level."""
    parts = (".*" if part == "*" else "[^/]*" if part == "%" else re.escape(part) for part in re.split(r"([*%])", text))
    return re.compile("".join(parts), re.DOTALL)
