"""The demo company: its domain, accounts and aliases, and their mail; made once, kept from then on."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from optimails.cli.app import App
from optimails.cli.demo.messages import Copy, copies
from optimails.cli.mail import account_of, service
from optimails.cli.output import Progress
from optimails.cli.values import new_password
from optimails.mailbox.api import AccountMail, NewMessage
from optimails.model.errors import Reason, Refused
from optimails.model.mailbox_name import canonical

if TYPE_CHECKING:
    from optimails.directory.admin import AccountInfo, Admin

DOMAIN = "demo.test"
PASSWORDS = "demo-passwords.json"


@dataclass(frozen=True, slots=True)
class Person:
    short: str  # as messages.toml names it
    address: str
    name: str
    plan: str
    language: str
    title: str
    phone: str


PEOPLE = (
    Person("claire", f"claire.martin@{DOMAIN}", "Claire Martin", "premium", "fr", "Directrice", "+33 4 65 71 00 10"),
    Person("james", f"james.walker@{DOMAIN}", "James Walker", "basic", "en", "Sales engineer", "+33 4 65 71 00 11"),
    Person("sophie", f"sophie.bernard@{DOMAIN}", "Sophie Bernard", "shex", "fr", "Comptable", "+33 4 65 71 00 12"),
)
ALIASES = (
    (f"contact@{DOMAIN}", [f"claire.martin@{DOMAIN}", f"sophie.bernard@{DOMAIN}"]),
    (f"equipe@{DOMAIN}", [person.address for person in PEOPLE]),
)


def passwords(folder: Path) -> dict[str, str]:
    """The demo's passwords by address: made up at the first start, and kept in a file for the owner's eyes."""
    file = folder / PASSWORDS
    known: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    missing = {person.address: new_password() for person in PEOPLE if person.address not in known}
    if missing:
        known |= missing
        temporary = file.with_suffix(".new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            json.dump(known, stream, indent=1)
        temporary.replace(file)
    return known


def found(admin: "Admin", secrets: dict[str, str]) -> list["AccountInfo"]:
    """Make domain, accounts and aliases, as far as they are missing; gives the accounts that are there."""
    from optimails.directory.admin import Shown  # noqa: PLC0415 - when needed

    _unless_there(lambda: admin.domain_add(DOMAIN))
    there = {info.address for info in admin.account_list(DOMAIN, closed=True)}
    for person in PEOPLE:
        if person.address not in there:
            admin.account_add(
                person.address,
                plan=person.plan,
                password=secrets[person.address],
                name=person.name,
                language=person.language,
                shown=Shown({"title": person.title, "phone": person.phone}),
            )
    known = {alias.alias for alias in admin.alias_list(DOMAIN)}
    for alias, targets in ALIASES:
        if alias not in known:
            _unless_there(partial(admin.alias_add, alias, targets))
    return [info for info in admin.account_list(DOMAIN) if info.address in secrets]


def _unless_there(make: Callable[[], object]) -> None:
    try:
        make()
    except Refused as refused:
        if refused.reason is not Reason.ALREADY_EXISTS:
            raise


def shortly(accounts: Sequence["AccountInfo"]) -> list[tuple[str, "AccountInfo"]]:
    """The accounts with the short names of their people."""
    short = {person.address: person.short for person in PEOPLE}
    return [(short[info.address], info) for info in accounts if info.address in short]


async def fill(app: App, accounts: Sequence["AccountInfo"], step: Progress) -> None:
    """Put the mail into mailboxes that are still empty; each mailbox at once, so that a broken start can go on."""
    everything = list(copies(datetime.now().astimezone()))
    async with service(app) as mail:
        for short, info in shortly(accounts):
            own = [copy for copy in everything if copy.account == short]
            async with await mail.open(account_of(info)) as opened:
                for mailbox, messages in groupby(sorted(own, key=lambda copy: copy.mailbox), lambda copy: copy.mailbox):
                    await _fill_mailbox(opened, mailbox, sorted(messages, key=lambda copy: copy.date))
                    step()


async def _fill_mailbox(mail: AccountMail, mailbox: str, messages: list[Copy]) -> None:
    names = {info.name for info in await mail.mailboxes()}
    name = canonical(mailbox)
    if name not in names:
        status = await mail.create(mailbox)
        await mail.subscribe(status.name, subscribed=True)
    elif (await mail.status(name)).messages:
        return
    await mail.append(name, [NewMessage(copy.content, copy.flags, copy.date) for copy in messages])
