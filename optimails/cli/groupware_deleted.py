"""``optimails calendar deleted`` and ``restore``, and the same of ``contacts``."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

import optimails.cli.reminders  # noqa: F401 - it has commands of the same group
from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.errors import CommandFailed, Exit
from optimails.cli.frame import argument, option, say
from optimails.cli.groupware import calendar, contacts, in_account
from optimails.cli.output import progress, size
from optimails.cli.refusals import translated
from optimails.cli.values import Moment

if TYPE_CHECKING:
    from optimails.groupware.account import AccountGroupware
    from optimails.groupware.undelete import Deleted

_since = option("--since", type=Moment(), metavar="TIME", text_key="deleted_since")


@frame.command(calendar, "deleted")
@argument("address", metavar="ADDRESS")
@_since
@click.pass_obj
def calendar_deleted(app: App, address: str, since: datetime | None) -> int | None:
    return _list(app, address, since, books=False)


@frame.command(contacts, "deleted")
@argument("address", metavar="ADDRESS")
@_since
@click.pass_obj
def contacts_deleted(app: App, address: str, since: datetime | None) -> int | None:
    return _list(app, address, since, books=True)


@frame.command(calendar, "restore")
@argument("address", metavar="ADDRESS")
@argument("numbers", metavar="[ID]...", nargs=-1, type=int, text_key="deleted_ids")
@_since
@click.pass_obj
def calendar_restore(app: App, address: str, numbers: tuple[int, ...], since: datetime | None) -> int | None:
    """Nobody is invited anew. What cannot come back is named, and the exit code is 3."""
    return _restore(app, address, numbers, since, books=False)


@frame.command(contacts, "restore")
@argument("address", metavar="ADDRESS")
@argument("numbers", metavar="[ID]...", nargs=-1, type=int, text_key="deleted_ids")
@_since
@click.pass_obj
def contacts_restore(app: App, address: str, numbers: tuple[int, ...], since: datetime | None) -> int | None:
    """What cannot come back is named, and the exit code is 3."""
    return _restore(app, address, numbers, since, books=True)


def _found(account: "AccountGroupware", since: datetime | None, *, books: bool) -> "list[Deleted]":
    from optimails.groupware.api import Kind  # noqa: PLC0415 - when needed
    from optimails.groupware.undelete import deleted_items  # noqa: PLC0415 - when needed

    found = deleted_items(account, Kind.BOOK if books else Kind.CALENDAR)
    return [one for one in found if since is None or one.gone_at >= since.timestamp()]


def _list(app: App, address: str, since: datetime | None, *, books: bool) -> int | None:
    def work(account: "AccountGroupware") -> None:
        rows = [_row(one) for one in _found(account, since, books=books)]
        app.rows(("id", "deleted", "collection", "title", "size"), rows, {"size": size})

    return in_account(app, address, work)


def _row(one: "Deleted") -> dict[str, Any]:
    when = datetime.fromtimestamp(one.gone_at, UTC).isoformat()
    return {"id": one.id, "deleted": when, "collection": one.collection, "title": one.title, "size": one.size}


def _restore(app: App, address: str, numbers: tuple[int, ...], since: datetime | None, *, books: bool) -> int | None:
    from optimails.groupware.undelete import restore  # noqa: PLC0415 - when needed

    if not numbers and since is None:
        raise CommandFailed("cli.groupware.restore_what")

    def work(account: "AccountGroupware") -> int:
        found = [one for one in _found(account, since, books=books) if not numbers or one.id in numbers]
        with progress(say("cli.groupware.restoring"), len(found)) as step:
            done = restore(account, found, step)
        for one, reason in done.refused:
            if not app.json:
                click.echo(
                    say("cli.groupware.skipped", name=one.title or one.name, reason=translated(reason)), err=True
                )
        answer = {"items": len(done.items), "skipped": [{**_row(one), "reason": why} for one, why in done.refused]}
        app.done("cli.groupware.restored", answer, count=len(done.items), address=address)
        return Exit.FOUND if done.refused or len(found) < len(set(numbers)) else Exit.OK

    return in_account(app, address, work)
