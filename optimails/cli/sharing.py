"""What the commands about rights have in common: owners, their mailboxes, moments ahead."""

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from optimails.cli.app import App
from optimails.cli.errors import CommandFailed
from optimails.cli.frame import say
from optimails.cli.mail import account_of, open_account, with_mail
from optimails.events.api import EVERYBODY
from optimails.model.account import Account
from optimails.model.rights import Object

if TYPE_CHECKING:
    from optimails.mailbox.account import LocalAccountMail


MAILBOX, CALENDAR, CONTACTS = KINDS = ("mailbox", "calendar", "contacts")


def owner_of(app: App, text: str) -> Account:
    """An account by its address, or by a domain the account that holds the domain's shared folders."""
    if "@" in text:
        return open_account(app, text)
    return account_of(app.admin.account_get(app.admin.folders_account(text)))


def objects_of(app: App, owner: Account, kind: str = MAILBOX) -> dict[str, Object]:
    """What the owner has of a kind, by name: mailboxes, calendars and task lists, or address books."""
    if kind != MAILBOX:
        return _collections(app, owner, books=kind == CONTACTS)

    async def work(mail: "LocalAccountMail") -> dict[str, Object]:
        from optimails.mailbox.sharing.neighbours import object_of, rows_of  # noqa: PLC0415 - when needed

        return {row.name: object_of(row) for row in rows_of(mail)}

    return with_mail(app, owner, work)


def _collections(app: App, owner: Account, *, books: bool) -> dict[str, Object]:
    from optimails.cli.groupware import groupware_of  # noqa: PLC0415 - when needed
    from optimails.groupware.api import Kind, as_object  # noqa: PLC0415 - when needed

    groupware = groupware_of(app)
    try:
        with groupware.open(owner) as account:
            collections = account.collections()
            return {one.name: as_object(one) for one in collections if (one.kind is Kind.BOOK) is books}
    finally:
        groupware.close()


def object_named(app: App, owner: Account, name: str, kind: str = MAILBOX) -> Object:
    """One of them; INBOX in any case."""
    from optimails.model.mailbox_name import canonical  # noqa: PLC0415 - when needed

    found = objects_of(app, owner, kind).get(canonical(name) if kind == MAILBOX else name)
    if found is None:
        raise CommandFailed(f"cli.error.no_such_{kind}", mailbox=name, address=owner.address)
    return found


def tell(app: App, owner: Account) -> None:
    """Sessions that look at the owner's mailboxes ask again what they may."""
    app.announce(owner.id, EVERYBODY)


def tell_when_useless(app: App, viewer: str, owner: Account, on: Object) -> bool:
    """Whether the grant has an effect; for people, a line when their plans see to it that it has none."""
    good = bool(app.admin.effective(viewer, owner.id, on).rights)
    if not good and not app.json:
        click.echo(say("cli.acl.not_by_plan", viewer=viewer, owner=owner.address), err=True)
    return good


class Ahead(click.ParamType[datetime]):
    """A moment to come: ``2026-12-24`` (a whole day), ``2026-12-24 18:00``, or ``14d``, ``3h`` from now; local time."""

    name = "time"

    def __init__(self, *, end: bool = False) -> None:
        self._end = end  # a day means its end

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        if ahead := re.fullmatch(r"(\d{1,5})\s*([mhdj])", text.lower()):
            unit = {"m": "minutes", "h": "hours", "d": "days", "j": "days"}[ahead[2]]
            return datetime.now().astimezone() + timedelta(**{unit: int(ahead[1])})
        try:
            moment = datetime.fromisoformat(text)
            if self._end and re.fullmatch(r"[\d-]{8,10}", text):
                moment += timedelta(days=1)
            return moment.astimezone()
        except (ValueError, OverflowError):
            self.fail(say("cli.error.moment_ahead", value=value), param, ctx)
